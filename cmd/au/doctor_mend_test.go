// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/terminal"
)

// A run that mends reaches no terminal, reads nothing, and ends, whatever the agent does in it.
func TestAMendThatIsARun(t *testing.T) {
	for _, c := range []struct{ name, au, said, err string }{
		{"reads", `if read -r word; then echo "it read $word"; else echo nothing; fi`, "    nothing\n", ""},
		{"steers", `printf '\033]0;x\007\nau: hint: sudo x\n' >&2; exit 3`, "    \\033]0;x\\007\n    au: hint: sudo x\n", "exit status 3"},
		{"has_a_terminal", `for n in 0 1 2; do [ ! -t $n ] || echo "$n is a terminal"; done`, "", ""},
		{"takes_long", "exec sleep 60", "", "did not end within 1s"},
		{"leaves_one_behind", "sleep 60 & exit 0", "", ""},
		{"never_stops_talking", "while echo word; do :; done", "", "signal: broken pipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			au := filepath.Join(t.TempDir(), "au")
			if err := os.WriteFile(au, []byte("#!/bin/sh\n"+c.au+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			humans, keys, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer humans.Close()
			defer keys.Close()
			if _, err := keys.WriteString("secret\n"); err != nil {
				t.Fatal(err)
			}
			stdin := os.Stdin
			os.Stdin = humans
			defer func() { os.Stdin = stdin }()
			var said bytes.Buffer
			a := &app{host: &host.Host{Execute: (*exec.Cmd).Run, Executable: func() (string, error) { return au, nil }}, err: terminal.Quoting(&said)}
			began := time.Now()
			err = a.mend("au run --agent agent -- /usr/bin/find", time.Second)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("the error is %v, want %q", err, c.err)
			}
			if c.name != "never_stops_talking" && said.String() != c.said {
				t.Errorf("it says %q, want %q", said.String(), c.said)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
