// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every kind that something is found of is in the list, once, and everything in the list is found by something.
func TestFaults(t *testing.T) {
	used := map[string]bool{}
	for _, file := range []string{"info.go", "../cmd/au/doctor_agent.go", "../cmd/au/doctor_shares.go", "../cmd/au/doctor_machine.go", "../cmd/au/examination.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:bad\(|issue\{|advise\(a\.host, [a-zA-Z."]+, )\s*"([a-z0-9-]+)",`).FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
		}
	}
	seen := map[string]bool{}
	for _, k := range Faults {
		if seen[k.ID] || !used[k.ID] {
			t.Errorf("kind %q: in the list twice is %v, found by something is %v", k.ID, seen[k.ID], used[k.ID])
		}
		if k.Risk == "" || !strings.HasSuffix(k.Risk, ".") && !strings.HasSuffix(k.Risk, ").") {
			t.Errorf("kind %q: its risk is no sentence: %q", k.ID, k.Risk)
		}
		seen[k.ID] = true
	}
	for id := range used {
		if !seen[id] {
			t.Errorf("kind %q is not in the list", id)
		}
	}
}

// A script breaks a machine in the way of each fault, and sees it mended.
func TestEveryFaultIsBrought(t *testing.T) {
	scripts, err := filepath.Glob("../e2e/tests/doctor*.sh")
	if err != nil {
		t.Fatal(err)
	}
	var script []byte
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		script = append(script, text...)
	}
	for _, f := range Faults {
		if !regexp.MustCompile(`(?m)^\s*(?:wreck ` + f.ID + ` |says "(?:broken|advice) ` + f.ID + `: )`).Match(script) {
			t.Errorf("no line of the doctor scripts brings about %q", f.ID)
		}
	}
}

func TestFolderFault(t *testing.T) {
	for _, c := range []struct {
		path string
		at   Path
		mend string
	}{
		{"/usr", Path{Exists: true, Mode: fs.ModeDir | 0o755}, ""},
		{"/usr", Path{Exists: true, Mode: fs.ModeDir | 0o777}, "sudo chmod o-w /usr"},
		{"/usr", Path{Exists: true, Mode: fs.ModeDir | 0o755, UID: 1000}, "sudo chown root /usr"},
		{"/usr", Path{Exists: true, Mode: fs.ModeSymlink | 0o777}, ""},
		{"/tmp", Path{Exists: true, Mode: fs.ModeDir | fs.ModeSticky | 0o777}, ""},
		{"/tmp", Path{Exists: true, Mode: fs.ModeDir | 0o777}, "sudo chmod 1777 /tmp"},
	} {
		if _, mend := FolderFault(c.path, c.at); mend != c.mend {
			t.Errorf("%s with mode %v of uid %d is mended by %q, want %q", c.path, c.at.Mode, c.at.UID, mend, c.mend)
		}
	}
}

func TestKernelLacks(t *testing.T) {
	all := []string{"mnt", "pid", "ipc", "user", "net"}
	for _, c := range []struct {
		kernel     string
		namespaces []string
		filters    string
		want       int
	}{{"6.12.1", all, "kill errno", 0}, {"5.11.0", all, "kill errno", 1}, {"6.12.1", all[1:], "kill errno", 1}, {"6.12.1", all, "", 1}, {"5.4", nil, "", 6}} {
		if lacks := KernelLacks(ParseKernel(c.kernel), c.namespaces, c.filters); len(lacks) != c.want {
			t.Errorf("Linux %s with %q lacks %q", c.kernel, c.namespaces, lacks)
		}
	}
}

func TestStrongGroups(t *testing.T) {
	groups := []Group{{Name: "docker", Members: []string{"agent"}}, {Name: "users", Members: []string{"agent"}}, {Name: "sudo", Members: []string{"alice"}}}
	if got := StrongGroups(groups, "agent"); !slices.Equal(got, []string{"docker"}) {
		t.Errorf("the agent's strong groups: %q", got)
	}
}

func TestFreezableSystemd(t *testing.T) {
	for version, want := range map[string]bool{
		"252.39-1~deb12u1": false, "257.9-1~deb13u1": false, "258": true, "258.4": true, "258.5": false, "258~rc2-1": true, "259-1": true, "259.1-2": true, "259.2": false,
		"260": false, "": false, "2580": false,
	} {
		if got := FreezableSystemd(version); got != want {
			t.Errorf("systemd %q can be frozen: %v", version, got)
		}
	}
}
