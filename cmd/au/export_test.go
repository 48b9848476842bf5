// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/provision/desired"
	"github.com/rogpeppe/go-internal/testscript"
)

// exportsAsItIs demands that au apply of what au export prints changes nothing on a script's machine as it is now. Where export
// refuses, it has said why. An agent that is not whole is mended by apply, as by au new, and so it is passed over here.
func exportsAsItIs(ts *testscript.TestScript) {
	h := open(ts)
	before := h.Dump()
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(before)))
	if ts.Getenv("EXPORTED") == sum {
		return
	}
	ts.Setenv("EXPORTED", sum)
	au := func(words ...string) (out, errs bytes.Buffer, err error) {
		cmd := exec.Command("/proc/self/exe", words...)
		cmd.Args[0], cmd.Dir, cmd.Stdout, cmd.Stderr = "au", ts.Getenv("WORK"), &out, &errs
		cmd.Env = []string{"FAKE_ROOT=" + h.Root, "HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
		err = cmd.Run()
		return out, errs, err
	}
	if asked, err := os.ReadFile(h.Root + ".asked"); err == nil {
		defer func() { ts.Check(os.WriteFile(h.Root+".asked", asked, 0o600)) }()
	}
	text, _, err := au("export")
	if err != nil {
		return
	}
	f, err := desired.Parse("exported.toml", text.Bytes())
	ts.Check(err)
	for _, agent := range f.Agents {
		_, _, damaged := au("new", "--agent", string(agent.UserName), "--dry-run", "--detailed-exitcode")
		if damaged == nil && agent.Net != nil {
			_, _, damaged = au("net", "status", "--agent", string(agent.UserName))
		}
		info, _, _ := au("info", "--json", "--agent", string(agent.UserName))
		if damaged != nil || strings.Contains(info.String(), `"outdated": {`) {
			return
		}
	}
	file := filepath.Join(ts.Getenv("WORK"), "exported.toml")
	ts.Check(os.WriteFile(file, text.Bytes(), 0o644))
	defer os.Remove(file)
	words := []string{"apply", "--dry-run", "--detailed-exitcode", "--prune", file}
	if strings.Contains(text.String(), "who is not on this machine") { // --prune shuts them out
		words = []string{"apply", "--dry-run", "--detailed-exitcode", file}
	}
	if out, errs, err := au(words...); err != nil {
		ts.Fatalf("au apply of what au export prints would change something: %v\n%s%s\n%s", err, &text, &out, &errs)
	}
	if diff := fakehost.Differ(before, open(ts).Dump()); diff != "" {
		ts.Fatalf("au apply of what au export prints changes something:\n%s", diff)
	}
}
