// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What SECURITY.md names as a proof is there.
func TestSecurityNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`attacks/([a-z-]+)`).FindAllStringSubmatch(string(text), -1)
	if len(named) < 10 {
		t.Fatalf("found %d attacks in SECURITY.md", len(named))
	}
	for _, m := range named {
		if _, err := os.Stat("e2e/tests/attacks/" + m[1] + ".sh"); err != nil {
			t.Errorf("SECURITY.md names attacks/%s: %v", m[1], err)
		}
	}
}

// The table of attacks on the program before this one has a row for each script, in the script's own words.
func TestSecurityTableIsWhatTheScriptsSay(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (.*) \\(`([a-z-]+)`\\) \\|").FindAllStringSubmatch(string(text), -1) {
		rows[m[2]] = m[1]
	}
	scripts, err := filepath.Glob("e2e/attacks-original/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sh")
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimPrefix(strings.Split(string(text), "\n")[1], "# "); rows[name] != want {
			t.Errorf("row %s says %q, the script %q", name, rows[name], want)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("row %s has no script", name)
	}
}

// A defence that is said to be missed by an attack names one that there is, and changes a file that there is.
func TestMutantsNameWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("e2e/mutants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || line == "\n" {
			continue
		}
		if len(fields) != 4 || seen[fields[0]] {
			t.Errorf("want a name of its own, a file, a change and an attack between tabs: %q", line)
			continue
		}
		seen[fields[0]] = true
		for _, path := range []string{"csrc/" + fields[1], "e2e/tests/attacks/" + fields[3] + ".sh"} {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", fields[0], err)
			}
		}
	}
}
