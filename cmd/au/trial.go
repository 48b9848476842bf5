// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision"
)

// trialTime is how long the trial run may take.
const trialTime = 20 * time.Second

// trial runs `true` as the agent, through the real entrypoint and without shares, so that a fault of this machine shows before a
// run is needed. It returns why that failed. The run of an agent that is paused would wait, and is not tried.
func trial(h *host.Host, f provision.Facts) error {
	if f.Policy == nil || h.CgroupTree().Frozen(f.Policy.Cgroups) {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), trialTime)
	defer stop()
	run := csrc.Run{Agent: f.Name, Command: []string{h.OfMachine("true")}}
	said := bounded.Buffer{Limit: saidMost}
	cmd := programs.CommandContext(ctx, h.EntrypointPath(f.Name))
	cmd.Args, cmd.Env, cmd.Dir, cmd.Stderr, cmd.WaitDelay = run.Argv(), run.Environ(), "/", &said, programs.HeldTime
	if h.UID() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: f.Human.UID, Gid: f.Human.GID}}
	}
	err := programs.Ended(h.Execute(cmd))
	switch text := strings.TrimPrefix(strings.TrimSpace(said.String()), "au: "); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("a run of `true` did not end within %s", trialTime)
	case text != "":
		return errors.New(text)
	default:
		return fmt.Errorf("a run of `true`: %w", err)
	}
}
