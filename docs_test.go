// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every answer of "How do I…" names scripts that hold it, which there are.
func TestEveryAnswerNamesItsTests(t *testing.T) {
	text, err := os.ReadFile("docs/how-do-i.md")
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(string(text), "\n## ")[1:]
	if len(answers) < 24 {
		t.Errorf("found %d questions", len(answers))
	}
	named := regexp.MustCompile(`(?m)\A.*\n<!-- tests: (.+) -->\n`)
	for _, answer := range answers {
		question, _, _ := strings.Cut(answer, "\n")
		found := named.FindStringSubmatch(answer)
		if found == nil {
			t.Errorf("%s: want the tests below it: <!-- tests: NAME, NAME -->", question)
			continue
		}
		if !strings.Contains(answer, "\n```console\n") && !strings.Contains(found[1], ",") {
			t.Errorf("%s: nothing is typed there, so want another test than how-do-i", question)
		}
		for _, name := range strings.Split(found[1], ", ") {
			if _, err := os.Stat("e2e/tests/" + name + ".sh"); err != nil {
				t.Errorf("%s: %v", question, err)
			}
		}
	}
}

// The README begins with the drafts of which docs/drafts.md tells, whose transcript the script draft types.
func TestTheReadmeShowsTheTranscriptOfDrafts(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```console$.*?^```$").FindString(readText(t, "docs/drafts.md"))
	lead, _, _ := strings.Cut(readText(t, "README.md"), "\n## ")
	if !strings.Contains(block, "au draft keep") || !strings.Contains(lead, block) {
		t.Errorf("the README does not begin with the transcript of docs/drafts.md:\n%s", block)
	}
}

// A link of a page inside the repository leads to something.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)?(?:#([^)]+))?\)`)
	for _, page := range append(pages, "README.md", "SECURITY.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			target := page
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(page), found[1])
			}
			there, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr != nil || (err != nil && !info.IsDir()) {
				t.Errorf("%s: %s leads nowhere", page, found[0])
			} else if found[2] != "" && !strings.Contains(anchors(string(there)), "\n"+found[2]+"\n") {
				t.Errorf("%s: %s has no such heading", page, found[0])
			}
		}
	}
}

// anchors returns the headings of a page as a forge names them, each between newlines.
func anchors(page string) string {
	all := "\n"
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all += strings.ReplaceAll(name, " ", "-") + "\n"
	}
	return all
}

// The variables of the role for Ansible are the same in the page, in its defaults and in what it accepts, and it needs no
// collection.
func TestTheRoleIsWhatThePageSays(t *testing.T) {
	role := "packaging/ansible/roles/au/"
	found := func(file, pattern string) (all []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(readText(t, file), -1) {
			all = append(all, m[1]+" "+strings.Trim(m[2], "`\""))
		}
		return all
	}
	want := found(role+"defaults/main.yml", `(?m)^(au_\w+): (.*)$`)
	if len(want) < 5 {
		t.Fatalf("found only %q", want)
	}
	if got := found("docs/fleets.md", "(?m)^\\| `(au_\\w+)` \\| (`[^`]*`|) ?\\|"); !slices.Equal(got, want) {
		t.Errorf("the page has %q, the defaults %q", got, want)
	}
	if got := found(role+"meta/argument_specs.yml", `(?m)^      (au_\w+):\n(?:        .*\n)*?        default: (.*)$`); !slices.Equal(got, want) {
		t.Errorf("the role accepts %q, the defaults are %q", got, want)
	}
	tasks, _ := filepath.Glob(role + "tasks/*.yml")
	for _, name := range tasks {
		for _, task := range strings.Split(readText(t, name), "\n- name: ")[1:] {
			if !regexp.MustCompile(`\A.*\n  ansible\.builtin\.\w+:`).MatchString(task) {
				t.Errorf("%s: want a module of ansible.builtin: %s", name, task)
			}
		}
	}
}

// Every block of the page about fleets is what a script runs: it takes the block from the page by its first line.
func TestEveryBlockAboutFleetsIsRun(t *testing.T) {
	var scripts string
	for _, pattern := range []string{"e2e/tests/*.sh", "e2e/tests/fleet/*.sh"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			scripts += readText(t, name)
		}
	}
	blocks := regexp.MustCompile("(?ms)^```\\w+\n(.*?)\n.*?^```$").FindAllStringSubmatch(readText(t, "docs/fleets.md"), -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d blocks", len(blocks))
	}
	for _, block := range blocks {
		if !regexp.MustCompile(`(?m)^\s*shown \S+ '` + regexp.QuoteMeta(block[1]) + `'$`).MatchString(scripts) {
			t.Errorf("no script runs the block that begins with %q: want `shown FILE '%s'`", block[1], block[1])
		}
	}
}
