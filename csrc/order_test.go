// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An act of the table at the top of order.c.
type act struct {
	number, name, process string
	mutants, attacks      []string // mutants may be patterns
}

// orderTable returns the acts that order.c lists.
func orderTable(t *testing.T) []act {
	t.Helper()
	text, err := sources.ReadFile("order.c")
	if err != nil {
		t.Fatal(err)
	}
	var all []act
	for _, m := range regexp.MustCompile(`(?m)^// +(\d+)  (\w+) +(waiter|pid 1|command) +(?:file|root|caller|agent)\*? +(.*)$`).FindAllStringSubmatch(string(text), -1) {
		mutants, attacks, _ := strings.Cut(m[4], ": ")
		a := act{m[1], m[2], m[3], strings.Fields(mutants), strings.Fields(attacks)}
		if a.number != fmt.Sprint(len(all)+1) || len(a.mutants) == 0 || len(a.attacks) == 0 {
			t.Errorf("act %s, %s: want the numbers in order, mutants, and the attacks that notice them", a.number, a.name)
		}
		all = append(all, a)
	}
	if len(all) < 40 {
		t.Fatalf("found %d acts", len(all))
	}
	return all
}

// The acts of each process are called in the order of their numbers.
func TestActsAreInTheirOrder(t *testing.T) {
	text := code(t)
	inside := calls(t, text, "inside")
	walls := slices.Index(inside, "build_walls")
	order := map[string][]string{
		"waiter":  calls(t, text, "main"),
		"pid 1":   slices.Replace(inside, walls, walls+1, calls(t, text, "build_walls")...),
		"command": calls(t, text, "run_command"),
	}
	for _, a := range orderTable(t) {
		at := slices.Index(order[a.process], a.name)
		if at < 0 {
			t.Errorf("act %s: %s is not called after those before it", a.number, a.name)
			continue
		}
		order[a.process] = order[a.process][at+1:]
	}
}

// The table is right about mutants and attacks, and no mutant is without an act.
func TestActsAreHeld(t *testing.T) {
	text, err := os.ReadFile("../e2e/mutants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	attackOf := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 4 {
			attackOf[fields[0]] = fields[3]
		}
	}
	held := map[string]bool{}
	for _, a := range orderTable(t) {
		seen := map[string]bool{}
		for _, pattern := range a.mutants {
			found := false
			for mutant, attack := range attackOf {
				if ok, err := path.Match(pattern, mutant); err != nil {
					t.Fatalf("%s: %v", pattern, err)
				} else if ok {
					found, held[mutant], seen[attack] = true, true, true
					if !slices.Contains(a.attacks, attack) {
						t.Errorf("act %s: %s is seen by %s, which is not named", a.number, mutant, attack)
					}
				}
			}
			if !found {
				t.Errorf("act %s: no mutant is called %s", a.number, pattern)
			}
		}
		for _, attack := range a.attacks {
			if !seen[attack] {
				t.Errorf("act %s: attack %s sees none of %v", a.number, attack, a.mutants)
			}
			if _, err := os.Stat("../e2e/tests/attacks/" + attack + ".sh"); err != nil {
				t.Error(err)
			}
		}
	}
	for mutant := range attackOf {
		if !held[mutant] {
			t.Errorf("mutant %s is not in the table of order.c", mutant)
		}
	}
}

// A number before a comment is that of the act below it.
func TestNumbersAreOfTheTable(t *testing.T) {
	number := map[string]string{}
	for _, a := range orderTable(t) {
		number[a.name] = a.number
	}
	numbered := regexp.MustCompile(`(?m)^\s*// (\d+)\. .*\n(?:\s*//.*\n)*(.*)$`)
	found := numbered.FindAllStringSubmatch(code(t), -1)
	for _, m := range found {
		name := regexp.MustCompile(`\w+\(`).FindString(m[2])
		if want := number[strings.TrimSuffix(name, "(")]; want != m[1] {
			t.Errorf("comment %s is above %q, which has the number %q", m[1], m[2], want)
		}
	}
	if len(found) < 30 {
		t.Errorf("found %d numbers", len(found))
	}
}

// While there is root's authority nothing comes from a heap, nothing is formatted and no name is asked for: the units use none of
// that.
func TestUnitsTakeLittleOfTheLibrary(t *testing.T) {
	for _, tool := range []string{"cc", "nm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here", tool)
		}
	}
	forbidden := regexp.MustCompile(`^(__)?([mc]alloc|realloc\w*|reallocarray|free|strn?dup|v?asprintf|\w*printf(_chk)?|\w*scanf|fopen|fdopen|fputs|puts|getline|opendir|scandir|` +
		`get(pw|grnam|grgid|grent|host|addr)\w*|initgroups|getlogin\w*|dlopen|popen|system|(secure_)?getenv|qsort|strerror\w*|setlocale|syslog|mmap|s?brk)$`)
	object := filepath.Join(t.TempDir(), "unit.o")
	for _, unit := range sourceNames("*.c") {
		if out, err := exec.Command("cc", "-O0", "-c", "-o", object, unit).CombinedOutput(); err != nil {
			t.Fatalf("%s does not compile alone: %v\n%s", unit, err, out)
		}
		symbols, err := exec.Command("nm", "-u", "--format=posix", object).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(symbols)) {
			if name, _, _ := strings.Cut(line, " "); forbidden.MatchString(name) {
				t.Errorf("%s uses %s", unit, name)
			}
		}
	}
}

// All of the C has one width.
func TestLinesHaveOneWidth(t *testing.T) {
	names, err := filepath.Glob("*/*.[ch]")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, append(sourceNames("*.c"), sourceNames("*.h")...)...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if len(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "        ")) > 132 {
				t.Errorf("%s:%d is wider than 132 columns", name, n)
			}
		}
	}
}

// Both halves bound alike what they both bound: a policy that au writes is one that the entrypoint reads.
func TestBoundsAreTheSame(t *testing.T) {
	text := code(t)
	for name, n := range map[string]int{
		"MAX_POLICY": maxPolicy, "MAX_HUMANS": maxHumans, "MAX_GROUPS": maxEnterGIDs, "MAX_CGROUPS": maxCgroups, "MAX_HIDES": maxHides, "MAX_SHOWS": maxShows,
		"MAX_ALLOWS": maxAllows, "MAX_HUMAN": maxHumanName, "MAX_PATH": maxPath, "MAX_COMPONENT": maxComponent,
		"MAX_SHARES": MaxShares, "MAX_WORKTREES": MaxWorktrees,
	} {
		if !regexp.MustCompile(fmt.Sprintf(`\b%s = %d,`, name, n)).MatchString(text) {
			t.Errorf("the entrypoint's %s is not %d", name, n)
		}
	}
	for _, want := range []string{`POLICY_FOLDER "` + PolicyDir + `/"`, `STATE_FOLDER "` + StateDir + `/"`, fmt.Sprintf(`more than %d shares`, MaxShares), fmt.Sprintf(`want at most %d bytes`, maxPolicy)} {
		if !strings.Contains(text, want) {
			t.Errorf("the entrypoint has no %s", want)
		}
	}
	var words []string
	for _, m := range regexp.MustCompile(`\{ "(\w+)", (?:ALLOW_\w+|0) \}`).FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	slices.Sort(words)
	if want := switchWords(); !slices.Equal(words, want) {
		t.Errorf("the entrypoint knows the switches %v, and au %v", words, want)
	}
}

func switchWords() []string {
	var words []string
	for _, s := range Switches {
		words = append(words, s.Word)
	}
	slices.Sort(words)
	return words
}
