// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/step"
)

// survivors returns the processes of the uid that are still there when it has waited for them that long. Where /proc shows users
// nothing of each other it is root who looks.
func survivors(h *host.Host, r *step.Runner, uid uint32, wait time.Duration) ([]host.Survivor, error) {
	pause := 20 * time.Millisecond
	for deadline := time.Now().Add(wait); ; time.Sleep(pause) {
		all, err := survivorsNow(h, r, uid)
		if err != nil || len(all) == 0 || time.Now().After(deadline) {
			return all, err
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

func survivorsNow(h *host.Host, r *step.Runner, uid uint32) ([]host.Survivor, error) {
	if h.UID() == 0 || !h.HidesProcesses() {
		return h.Survivors(uid), nil
	}
	path, err := h.OwnPath()
	if err != nil {
		return nil, err
	}
	c := step.Root(path, "processes", strconv.FormatUint(uint64(uid), 10))
	r.Print(c)
	words := append(slices.Clone(r.Elevate), c.Argv...)
	out, err := h.Output(words[0], words[1:]...)
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
	}
	var all []host.Survivor
	return all, json.Unmarshal(out, &all)
}

// undying says what would not die, and the command that mends the first of them before then is run.
func undying(agent string, all []host.Survivor, then string) error {
	var said []string
	for _, s := range all {
		said = append(said, quote.Name(s.Process)+" "+s.Why)
	}
	return hintError{errors.New("processes of agent \"" + agent + "\" will not die: " + strings.Join(said, ", ")), all[0].Mend + " && " + then}
}
