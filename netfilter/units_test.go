// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestGoldenUnits(t *testing.T) {
	for _, file := range (Units{Policy: sample(), Program: "/usr/local/libexec/au/agent/au", Watcher: "/usr/local/libexec/au-net/au"}).Files() {
		golden(t, file.Name, file.Text)
	}
	if files := (Units{Policy: humansProxy(), Program: "/au"}).Files(); len(files) != 3 {
		t.Errorf("beside the human's own proxy there are %d units, want the rules and what watches over them", len(files))
	}
	golden(t, "slice.conf", ptr(sample()).SliceDropIn())
	golden(t, "slice-proxy.conf", ptr(humansProxy()).SliceDropIn())
}

// systemd itself reads the units, and says nothing.
func TestSystemdTakesTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "au")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
	var paths []string
	for _, file := range (Units{Policy: sample(), Program: program, Watcher: program, SHA256: "aa"}).Files() {
		path := filepath.Join(dir, file.Name)
		text := strings.ReplaceAll(file.Text, "User=aunet-agent", "User=root")
		must(t, os.WriteFile(path, []byte(text), 0o644))
		paths = append(paths, path)
	}
	out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--recursive-errors=no"}, paths...)...).CombinedOutput()
	if strings.Contains(string(out), "Failed to initialize manager") || strings.Contains(string(out), "Failed to get runtime directory") {
		t.Skipf("systemd-analyze does not work here: %s", out)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestEachProgramHasItsPath(t *testing.T) {
	if one, other := ptr(sample()).EgressPath(), ptr(humansProxy()).EgressPath(); one == other {
		t.Errorf("two programs would be pinned at %s", one)
	}
}
