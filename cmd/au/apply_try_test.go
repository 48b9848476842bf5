// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision/desired"
)

// Root waits for no command that has become the human, and keeps no output without end.
func TestApplyWaitsForNoHuman(t *testing.T) {
	h, script := host.Real(""), ""
	h.UID = func() int { return 0 }
	h.Execute = func(cmd *exec.Cmd) error {
		cmd.Path, cmd.Args, cmd.Err = "/bin/sh", []string{"sh", "-c", script}, nil
		return cmd.Run()
	}
	w := &applying{app: &app{globals: &globals{}, host: h, out: io.Discard, err: io.Discard}, cmd: &applyCmd{}, ctx: t.Context(), file: &desired.File{}, patience: 2 * time.Second}
	a := &act{agent: "agent", human: "alice", words: []string{"mount", "add", "--agent", "agent", "/x"}}
	for _, c := range []struct {
		script, why string
		due         bool
	}{
		{"exit 0", "", false}, {"exit 3", "", true}, {"echo 'au: share \"/x\": no' >&2; exit 1", `share "/x": no`, false},
		{"exec sleep 60", "did not end within 2s", false}, {"sleep 60 & exit 0", "", false}, {"kill -KILL $$", "killed", false},
		{"exec yes", "broken pipe", false}, {"exec yes >&2", "broken pipe", false}, {"yes; exit 3", "", true},
	} {
		began := time.Now()
		script = c.script
		due, text, err := w.tried(a)
		if due != c.due || (err != nil) != (c.why != "") || err != nil && !strings.Contains(err.Error(), c.why) || len(text) > tryMost || time.Since(began) > 20*time.Second {
			t.Errorf("%s: due %v, %d bytes, %v, after %s", c.script, due, len(text), err, time.Since(began))
		}
	}
}
