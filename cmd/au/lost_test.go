// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/fakehost"
	"golang.org/x/sys/unix"
)

// A full is where nothing can be written, for a reason.
type full struct{ why error }

func (f full) Write([]byte) (int, error) { return 0, f.why }

// An output that nobody could read was not shown, and that is no success. A reader that has had enough is no fault.
func TestAnOutputThatIsLostIsNoSuccess(t *testing.T) {
	h := newHost(memory(t), fakehost.Config{Systemd: true})
	must(t, h, "new", "-y")
	for _, command := range []string{"", "list", "info", "mount list", "path list", "net status", "doctor", "draft list", "export", "list --json", "--version", "--help", "completion bash"} {
		var said bytes.Buffer
		if status := run(hostOf(h), strings.Fields(command), full{unix.ENOSPC}, &said); status != 1 || !strings.Contains(said.String(), "no space left on device") {
			t.Errorf("au %s >/dev/full: exit status %d, %s", command, status, said.String())
		}
		said.Reset()
		if status := run(hostOf(h), strings.Fields(command), full{unix.EPIPE}, &said); strings.Contains(said.String(), "no space left") || status > 1 {
			t.Errorf("au %s | true: exit status %d, %s", command, status, said.String())
		}
	}
}
