// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUninstallReadsTheBeginning asks what a program is that is none, never ends, or is a pipe that nobody writes to.
func TestUninstallReadsTheBeginning(t *testing.T) {
	folder := t.TempDir()
	pip, other, pipe := filepath.Join(folder, "pip"), filepath.Join(folder, "other"), filepath.Join(folder, "pipe")
	if err := os.WriteFile(pip, []byte("#!/usr/bin/python3\nfrom agent_as_unix_user import main\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, append(make([]byte, 1<<10), "agent_as_unix_user"...), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o755); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{pip: "pip uninstall agent-as-unix-user", other: "", pipe: "", "/dev/zero": ""} {
		if got := (&Host{}).Uninstall(program); got != want {
			t.Errorf("uninstall %s: %q, want %q", program, got, want)
		}
	}
}
