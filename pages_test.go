// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readPages returns what people read, by file name.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "e2e/*.md", "csrc/prove/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d pages: %v", pattern, len(names), err)
		}
		for _, name := range names {
			pages[name] = readText(t, name)
		}
	}
	return pages
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// eachMatch calls found with what a page says in the first group of the pattern, and where; there has to be some.
func eachMatch(t *testing.T, pattern string, found func(page, word string)) {
	t.Helper()
	some := false
	for page, text := range readPages(t) {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			some = true
			found(page, match[1])
		}
	}
	if !some {
		t.Errorf("no page has %s: the pattern has outlived what it is for", pattern)
	}
}

func exists(pattern string) bool {
	names, err := filepath.Glob(pattern)
	return err == nil && len(names) > 0
}

// goTests returns the tests that `go test ./...` runs here, by name, with the folders that they are in.
func goTests(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	for _, line := range goList(t, `{{.Dir}}{{range .TestGoFiles}} {{.}}{{end}}{{range .XTestGoFiles}} {{.}}{{end}}`) {
		words := strings.Fields(line)
		for _, file := range words[1:] {
			for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(readText(t, filepath.Join(words[0], file)), -1) {
				tests[match[1]] = append(tests[match[1]], words[0])
			}
		}
	}
	return tests
}

func TestGoTestsNamedInPagesAreRun(t *testing.T) {
	tests := goTests(t)
	eachMatch(t, `\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)`, func(page, name string) {
		if tests[name] == nil {
			t.Errorf("%s names %s, which go test ./... does not run", page, name)
		}
	})
	eachMatch(t, `go test (\./\S+ -run '?[\w|]+)`, func(page, words string) {
		folder, names, _ := strings.Cut(words, " -run ")
		for _, name := range strings.Split(strings.Trim(names, "'"), "|") {
			some := false
			for test, folders := range tests {
				some = some || strings.Contains(test, name) && slices.ContainsFunc(folders, func(f string) bool { return strings.HasSuffix(f, folder[1:]) })
			}
			if !some {
				t.Errorf("%s: go test %s runs nothing for %s", page, words, name)
			}
		}
	})
}

// A name that no test has would leave nothing out, and nothing would run what it was meant for.
func TestSlowTestsExist(t *testing.T) {
	tests, named := goTests(t), regexp.MustCompile(`(?m)^(?:SLOW|LONG)_\w+ := ([\w|]+)$`).FindAllStringSubmatch(readText(t, "Makefile"), -1)
	if len(named) != 6 {
		t.Fatalf("the Makefile has %d lists of slow tests, want 6", len(named))
	}
	for _, list := range named {
		for _, name := range strings.Split(list[1], "|") {
			if tests[name] == nil {
				t.Errorf("the Makefile names %s, which go test ./... does not run", name)
			}
		}
	}
}

func TestScriptsNamedInPagesExist(t *testing.T) {
	forms := []struct{ pattern, files string }{
		{`e2e/tests/([\w/-]+)\.sh`, "e2e/tests/%s.sh"},
		{`\battacks/([\w-]+)`, "e2e/tests/attacks/%s.sh"},
		{`make e2e\b.* RUN='?([\w*-]+)`, "e2e/tests/%s.sh"},
		{"`([a-z][a-z-]+)` tries", "e2e/tests/%s.sh"},
		{"\\(`([a-z]+(?:-[a-z]+)+)`\\)", "e2e/[ta]*s*/%s.sh"}, // of SECURITY.md's last table, too
		{"[`(]((?:e2e|nix|csrc|packaging|provision|docs)/[\\w./-]*)[`,) ]", "%s"},
	}
	for _, form := range forms {
		eachMatch(t, form.pattern, func(page, word string) {
			if !exists(fmt.Sprintf(form.files, word)) {
				t.Errorf("%s names %q: there is no "+form.files, page, word, word)
			}
		})
	}
}

// A column that says by what a defence is tried has nothing else in it.
func TestWhatDefencesAreTriedByExists(t *testing.T) {
	tests := goTests(t)
	word := regexp.MustCompile("`[^`]*`|[\\w/.-]+")
	for page, text := range readPages(t) {
		tried := false
		for _, line := range strings.Split(text, "\n") {
			cells := strings.Split(strings.Trim(line, "| "), "|")
			last := strings.TrimSpace(cells[len(cells)-1])
			switch {
			case !strings.HasPrefix(line, "|"):
				tried = false
			case strings.HasPrefix(last, "tried by"):
				tried = true
			case tried && !strings.HasPrefix(line, "|-"):
				for _, name := range word.FindAllString(last, -1) {
					if !isTest(strings.Trim(name, "`"), tests) {
						t.Errorf("%s: %q is no test; in: %s", page, name, line)
					}
				}
			}
		}
	}
}

// isTest says whether a word of such a column is a test, a package that tests are in, or what kind of test follows.
func isTest(name string, tests map[string][]string) bool {
	if packages, ok := strings.CutPrefix(name, "go test "); ok {
		return !slices.ContainsFunc(strings.Fields(packages), func(p string) bool { return !exists(p + "/*_test.go") })
	}
	script := strings.TrimSuffix(strings.TrimPrefix(name, "e2e/tests/"), ".sh")
	return tests[name] != nil || name == "fuzzing" || name == "e2e" || exists("e2e/tests/"+script+".sh") || exists("netfilter/"+name+"/*_test.go")
}

// header returns the words of a line that a script says of itself.
func header(text, name, otherwise string) []string {
	found := regexp.MustCompile(`(?m)^# ` + name + `: *(.*)$`).FindStringSubmatch(text)
	if found == nil {
		return strings.Fields(otherwise)
	}
	return strings.Fields(found[1])
}

// Each line that a script may say of itself is in the page that says how to write one.
func TestHeadersOfScriptsAreExplained(t *testing.T) {
	page, known := readText(t, "e2e/README.md"), map[string]bool{"waits": true, "alone": true}
	for _, m := range regexp.MustCompile(`header "\$\w+" (?:'([a-z ]+)'|([a-z]+))`).FindAllStringSubmatch(readText(t, "e2e/run"), -1) {
		known[m[1]+m[2]] = true
	}
	if len(known) < 14 {
		t.Errorf("e2e/run reads only %v", known)
	}
	for name := range known {
		if !strings.Contains(page, "\n# "+name+": ") {
			t.Errorf("e2e/README.md does not explain %q", name)
		}
	}
	scripts, _ := filepath.Glob("e2e/tests/*.sh")
	for _, script := range scripts {
		for _, flavour := range header(readText(t, script), "flavour", "") {
			if !exists("e2e/machine/packages/" + flavour) {
				t.Errorf("%s: there is no flavour %s", script, flavour)
			}
		}
	}
}

// Every script is run by make e2e, or by make check-all on a machine that it names. The scripts that make check runs need no
// emulated machine.
func TestEveryScriptIsRun(t *testing.T) {
	loop := regexp.MustCompile(`(?m)^machines="([a-z -]+)"$`).FindStringSubmatch(readText(t, "e2e/check-all"))
	if loop == nil {
		t.Fatal("make check-all names no machines")
	}
	scripts, _ := filepath.Glob("e2e/tests/*.sh")
	for _, script := range scripts {
		text := readText(t, script)
		always, byHand := header(text, "machines", "bookworm trixie"), header(text, "machines by hand", "")
		if always[0] == "none" && len(byHand) == 0 {
			t.Errorf("%s is run by nothing", script)
		}
		for _, machine := range byHand {
			if !slices.Contains(strings.Fields(loop[1]), machine) {
				t.Errorf("%s wants machine %s, where make check-all runs nothing", script, machine)
			}
			if slices.Contains(always, machine) {
				t.Errorf("%s names machine %s twice", script, machine)
			}
		}
		for _, machine := range header(text, "core", "") {
			if !slices.Contains(always, machine) || strings.HasPrefix(machine, "true") {
				t.Errorf("%s is in the core on %s: want one of its quick machines", script, machine)
			}
		}
	}
	for file, line := range map[string]string{"Makefile": "\t$(MAKE) --no-print-directory e2e SET=core\n", ".ci/run": "make check\nstage \"the Go tests that take longest\" make test-slow\nstage \"the flake\" make nix-test\nstage \"the other scripts\" make e2e SET=rest UNTIL=$until\n"} {
		if !strings.Contains(readText(t, file), line) {
			t.Errorf("%s has no %q: then no scripts, or not all, decide", file, line)
		}
	}
}

// decides returns the scripts that make check runs, and those that CONTRIBUTING.md names for what it does not.
func decides(t *testing.T) (texts map[string]string) {
	t.Helper()
	_, item, _ := strings.Cut(readText(t, "CONTRIBUTING.md"), "and are not in `make check`:\n")
	item, _, found := strings.Cut(item, "\n- ")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(item, -1) {
		named[m[1]] = true
	}
	if !found || len(named) == 0 {
		t.Fatal("CONTRIBUTING.md does not say what make check leaves out")
	}
	texts = map[string]string{}
	scripts, _ := filepath.Glob("e2e/tests/*.sh")
	for _, script := range scripts {
		name, text := strings.TrimSuffix(filepath.Base(script), ".sh"), readText(t, script)
		core := len(header(text, "core", "")) > 0
		if core && named[name] {
			t.Errorf("CONTRIBUTING.md says that make check does not run %s, and it does", name)
		}
		if core || named[name] {
			texts[name] = text
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("CONTRIBUTING.md names %s: there is no such script", name)
	}
	return texts
}

// promises are the recipes of README, and the scripts that hold them.
var promises = map[string]string{
	"Limit CPU, memory and tasks.":                       "limits-set limits-bind limits-hold limits-pause",
	"See what runs, and what ran.":                       "runs log",
	"Try before you keep.":                               "draft draft-hidden draft-human",
	"Share folders.":                                     "mount-basic mount-file mount-modes mount-check mount-bad mount-acl git-elsewhere same-path outside where bytes",
	"Restrict the network, by name.":                     "net-restrict net-rules net-ways net-off",
	"Behind a company's proxy.":                          "net-upstream",
	"Pass a key on without anybody seeing it.":           "env",
	"Keep more of your environment.":                     "env front terminal-info",
	"Use your tools, or install others.":                 "path",
	"From nothing to a working agent in three commands.": "setup-login setup agents pushing",
	"A second agent, a second human.":                    "grant",
	"See that it holds.":                                 "verify doctor",
	"Give up a part of the isolation.":                   "not-found verify",
	"On NixOS.":                                          "nixos",
	"Agents as one file.":                                "apply ansible cloud-init fleet-ssh",
	"From a script, or for many machines.":               "root status again ulimit",
	"To upgrade":                                         "package upgrade upgrade-make",
	"To uninstall":                                       "package",
}

// Each recipe of README, and each command of its usage, is tried by make check, or by a script that CONTRIBUTING.md names.
func TestPromisesOfREADMEAreInTheCore(t *testing.T) {
	scripts, readme := decides(t), readText(t, "README.md")
	recipes := regexp.MustCompile(`(?m)^\*\*(.+?)\*\*`).FindAllStringSubmatch(readme[strings.Index(readme, "\n## Recipes"):], -1)
	for _, recipe := range recipes {
		for _, name := range strings.Fields(promises[recipe[1]]) {
			if scripts[name] == "" {
				t.Errorf("%s: make check does not run %s, and CONTRIBUTING.md does not say so", recipe[1], name)
			}
		}
		if promises[recipe[1]] == "" {
			t.Errorf("no script is said to hold %q", recipe[1])
		}
	}
	if len(recipes) != len(promises) {
		t.Errorf("README has %d recipes, and %d are known", len(recipes), len(promises))
	}
	usage := regexp.MustCompile(`(?m)^    au .*$`).FindAllString(readme, -1)
	commands := regexp.MustCompile(`\bau ([a-z|]+)`).FindAllStringSubmatch(strings.Join(usage, "\n"), -1)
	if len(commands) < 20 {
		t.Fatalf("README shows %d commands", len(commands))
	}
	for _, command := range commands {
		for _, word := range strings.Split(command[1], "|") {
			called, tried := regexp.MustCompile(`\bau (?:--human \S+ |-C \S+ )?`+word+`\b`), word == "help" || word == "version" // these only print
			for name, text := range scripts {
				tried = tried || name == word || called.MatchString(text)
			}
			if !tried {
				t.Errorf("no script that make check runs, or that CONTRIBUTING.md names, calls au %s", word)
			}
		}
	}
}

// Each setting of e2e/run comes along where that becomes root.
func TestSettingsComeAlongToRoot(t *testing.T) {
	kept := regexp.MustCompile(`compgen -e \| grep -E '(.+?)'`).FindStringSubmatch(readText(t, "e2e/machine/common.sh"))
	settings := regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]+)[:-]`).FindAllStringSubmatch(readText(t, "e2e/run"), -1)
	if kept == nil || len(settings) < 8 {
		t.Fatalf("e2e/run has %d settings, and %q come along", len(settings), kept)
	}
	for _, setting := range settings {
		if !regexp.MustCompile(kept[1]).MatchString(setting[1]) {
			t.Errorf("e2e/run as somebody with sudo loses %s", setting[1])
		}
	}
}

// Each program in e2e/ is called by make or by CI.
func TestEveryProgramOfTestsIsRun(t *testing.T) {
	files, _ := filepath.Glob("e2e/*")
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.IsDir() || info.Mode().Perm()&0o111 == 0 {
			continue
		}
		name := regexp.MustCompile(`[/"]` + regexp.QuoteMeta(filepath.Base(file)) + `\b`)
		callers, _ := filepath.Glob("e2e/[a-z]*")
		if !slices.ContainsFunc(append(callers, "Makefile", ".ci/run"), func(caller string) bool {
			text, err := os.ReadFile(caller)
			return err == nil && caller != file && name.Match(text)
		}) {
			t.Errorf("%s is run by nothing", file)
		}
	}
}

// The table of attacks on the program before this one has a row for each script, in the script's own words.
func TestSecurityTableIsWhatTheScriptsSay(t *testing.T) {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (.*) \\(`([a-z-]+)`\\) \\|").FindAllStringSubmatch(readText(t, "SECURITY.md"), -1) {
		rows[m[2]] = m[1]
	}
	scripts, err := filepath.Glob("e2e/attacks-original/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sh")
		if want := strings.TrimPrefix(strings.Split(readText(t, script), "\n")[1], "# "); rows[name] != want {
			t.Errorf("row %s says %q, the script %q", name, rows[name], want)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("row %s has no script", name)
	}
}

// Each defence names an attack that there is, and changes a file that there is.
func TestMutantsNameWhatThereIs(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(readText(t, "e2e/mutants.tsv")) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || line == "\n" {
			continue
		}
		if len(fields) != 4 || seen[fields[0]] {
			t.Errorf("want a name of its own, a file, a change and an attack between tabs: %q", line)
			continue
		}
		seen[fields[0]] = true
		paths := []string{"e2e/tests/attacks/" + fields[3] + ".sh"}
		for _, unit := range strings.Fields(fields[1]) {
			paths = append(paths, "csrc/"+unit)
		}
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", fields[0], err)
			}
		}
	}
}

// CI takes out one of each kind.
func TestMutantsOfCIAreThere(t *testing.T) {
	some := regexp.MustCompile(`e2e/mutants '\^\(([\w|-]+)\)\$'`).FindStringSubmatch(readText(t, ".ci/run"))
	if some == nil {
		t.Fatal("CI takes no defence out")
	}
	for _, name := range strings.Split(some[1], "|") {
		if !strings.Contains(readText(t, "e2e/mutants.tsv"), "\n"+name+"\t") {
			t.Errorf("CI takes out %q, which e2e/mutants.tsv does not name", name)
		}
	}
}

func TestTargetsNamedInPagesExist(t *testing.T) {
	makefile := readText(t, "Makefile")
	eachMatch(t, "(?m)(?:`|^    |&& (?:sudo )?)make ([a-z0-9][a-z0-9-]*)", func(page, target string) {
		if !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("%s: there is no target %q", page, target)
		}
	})
}
