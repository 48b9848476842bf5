// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// code is that of all units of the entrypoint.
func code(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range sourceNames("*.[ch]") {
		text, err := sources.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// calls returns what a C function calls, in the order of the text.
func calls(t *testing.T, text, function string) []string {
	t.Helper()
	body := regexp.MustCompile(`(?ms)^[a-z_].*\b` + function + `\([^;]*?\)\n\{(.*?)^\}`).FindStringSubmatch(text)
	if body == nil {
		t.Fatalf("there is no function %s", function)
	}
	code := regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*|"[^"]*"`).ReplaceAllString(body[1], " ")
	var names []string
	for _, m := range regexp.MustCompile(`\b([A-Za-z_]\w*)\(`).FindAllStringSubmatch(code, -1) {
		if !slices.Contains([]string{"if", "while", "for", "switch", "return"}, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// acts returns the calls that the model names for each function it follows: "C: NAME" begins one, and "again" goes on with it.
func acts(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("prove/run.pml")
	if err != nil {
		t.Fatal(err)
	}
	followed, function := map[string][]string{}, ""
	for _, m := range regexp.MustCompile(`/\* (C|=)(?:: | )([^:*]*)(?: :[^*]*)?\*/`).FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(m[2])
		if m[1] == "C" {
			function = words[0]
		} else {
			followed[function] = append(followed[function], words...)
		}
	}
	return followed
}

// A proof of the model says something of the entrypoint only while both do the same in the same order.
func TestModelFollowsTheOrder(t *testing.T) {
	followed, text := acts(t), code(t)
	for _, function := range []string{"main", "fork_run", "inside", "build_walls", "run_command", "guard", "wait_outside"} {
		if got, want := followed[function], calls(t, text, function); !slices.Equal(got, want) {
			t.Errorf("%s: look at prove/run.pml, and run make prove: the model has\n%s\nand the entrypoint\n%s", function,
				strings.Join(got, " "), strings.Join(want, " "))
		}
	}
}

// The page with the results says of every proof that it holds, and of everything that was broken on purpose that it was found.
func TestProofsHeldAtLast(t *testing.T) {
	page, err := os.ReadFile("prove/RESULT.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("prove/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+)@(yes|no)@(\w+\.c@)?`).FindAllStringSubmatch(string(table), -1) {
		name, result := "Spin "+m[1], map[string]string{"yes": "holds", "no": "found"}[m[2]]
		if m[3] != "" {
			name = "CBMC " + m[1]
		}
		if !regexp.MustCompile(`(?m)^\| ` + name + ` \| .* \| ` + result + ` \|$`).Match(page) {
			t.Errorf("%s does not say that %q %s: run make prove", "prove/RESULT.md", name, result)
		}
	}
}
