// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inputs are the ways in which a program takes something from its caller's environment or current folder, or starts another one.
var inputs = map[string][]string{
	"os": {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Expand", "Getwd", "UserHomeDir", "UserConfigDir", "UserCacheDir", "TempDir", "MkdirTemp", "CreateTemp",
		"StartProcess"},
	"exec":     {"Command", "CommandContext", "LookPath", "Cmd"},
	"user":     {"Current", "Lookup", "LookupId"},
	"filepath": {"Abs"},
	"syscall":  {"Exec", "ForkExec", "StartProcess", "Getenv", "Environ", "Getwd"},
	"unix":     {"Exec", "Getwd", "Getcwd", "Getenv", "Environ"},
	"dbus":     {"SystemBus", "SystemBusPrivate", "ConnectSystemBus", "SessionBus", "ConnectSessionBus", "Dial"},
	"systemd":  {"New", "NewWithContext", "NewSystemConnection", "NewSystemConnectionContext", "NewUserConnection"},
}

// reviewed are those that there are, and why each gives no right to whoever chose what it returns.
var reviewed = map[string]string{
	`cmd/au/after.go env:"AU_KILLS"`:                                            "a number in a message",
	`cmd/au/after.go env:"AU_SERVER"`:                                           "whether a message is printed",
	`cmd/au/after.go env:"AU_SIGNAL"`:                                           "a number in a message",
	`cmd/au/after.go env:"AU_STATUS"`:                                           "the status that au ends with",
	`cmd/au/host/rival.go exec.LookPath(word)`:                                  "which program of the human's a message names",
	`cmd/au/host/rival.go exec.LookPath("au")`:                                  "which other au a warning names",
	`cmd/au/draft_diff.go os.Getenv("PAGER")`:                                   "the caller's own program, run as the caller, to read a diff",
	`cmd/au/draft_diff.go os.Environ()`:                                         "to that program, and to the one that --tool names",
	`cmd/au/asagent.go exec.Cmd`:                                                "the type alone",
	`cmd/au/escape.go exec.Cmd`:                                                 "the type alone",
	`cmd/au/apply_try.go exec.Cmd`:                                              "the type alone",
	`cmd/au/itself.go exec.Cmd`:                                                 "the type alone",
	`cmd/au/draft/base.go exec.Cmd`:                                             "the type alone",
	`cmd/au/start/after.go os.Getenv("PATH")`:                                   "where a message behind the run looks for the human's program of that name",
	`internal/programs/programs.go exec.CommandContext(ctx, path)`:              "of a program that programs.Find has found",
	`provision/step/carry.go exec.Cmd`:                                          "the type alone",
	`cmd/au/verify.go exec.Cmd`:                                                 "the type alone",
	`cmd/au/verify/bait.go os.CreateTemp(folder, "au-verify-")`:                 "the places are fixed, the files the caller's own",
	`cmd/au/verify/bait.go os.CreateTemp(t.OwnHome, "au-verify-")`:              "in the home that root's policy names",
	`cmd/au/verify/inside.go os.CreateTemp(b.OwnHome, ".au-verify-")`:           "in a run, as the agent",
	`cmd/au/verify/inside.go os.CreateTemp(folder, ".au-verify-")`:              "in a run, as the agent",
	`cmd/au/verify/inside.go exec.Command("/proc/self/exe", "--version")`:       "in a run, as the agent",
	`cmd/au/verify/inside.go exec.Command(b.Chage, "--list", b.Agent)`:          "in a run, as the agent",
	`cmd/au/verify/inside.go exec.Command(b.Entrypoint, b.Agent, "--", "true")`: "in a run, as the agent, to see it refused",
	`cmd/au/app.go os.Getenv("SUDO_USER")`:                                      "asked only where the real uid is 0, whose environment is root's",
	`cmd/au/front/main.go syscall.Exec(complete, args, os.Environ())`:           "the same",
	`cmd/au/front/main.go syscall.Exec(complete, os.Args, os.Environ())`:        "the program beside this one, by /proc/self/exe, for the same caller",
	`cmd/au/host/host.go exec.Cmd`:                                              "the type alone",
	`cmd/au/start/follow.go os.Getwd()`:                                         "below what a relative word is that the human types; a link on that way may be refused, and nothing is given for it",
	`cmd/au/host/files.go os.Getwd()`:                                           "which share is meant by a relative word; a right is taken back",
	`cmd/au/entrypoint.go os.MkdirTemp("/tmp", "au-build-")`:                    "the place is fixed, the folder the caller's own",
	`cmd/au/start/env.go os.Environ()`:                                          "what the human's config says that a command gets",
	`cmd/au/start/env.go os.LookupEnv(key)`:                                     "what the human's config and options say that a command gets",
	`cmd/au/start/quiet.go os.Getenv("AU_STATUS")`:                              "the status that au ends with",
	`cmd/au/start/quiet.go os.Getenv(name)`:                                     "whether there is something to say after a run",
	`cmd/au/start/env.go os.Getenv("TERM")`:                                     "the name of that description",
	`cmd/au/start/terminfo.go os.Getenv("TERMINFO")`:                            "where a terminal's description is looked for: a file of that format and of no other, read with the caller's rights, goes to the command",
	`cmd/au/start/terminfo.go os.Getenv("TERMINFO_DIRS")`:                       "where a terminal's description is looked for: a file of that format and of no other, read with the caller's rights, goes to the command",
	`cmd/au/start/human.go unix.Getcwd(path)`:                                   "the kernel's word, for a relative -C, which is then checked like any config",
	`cmd/au/start/where.go filepath.Abs(wanted)`:                                "where a run starts, entered as the agent",
	`cmd/au/terminal/paint.go os.Getenv("NO_COLOR")`:                            "colours",
	`cmd/au/terminal/paint.go os.Getenv("TERM")`:                                "colours",
	`cmd/au/terminal/screen.go os.Getenv`:                                       "which characters the terminal shows",
	`cmd/au/terminal/terminal.go syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", program.Fd()), argv, &syscall.ProcAttr{…})`: "the entrypoint that was opened",
	`cmd/au/top.go os.Getenv("TERM")`:                                       "whether the terminal can show a screen",
	`csrc/unchanged.c "AU_AFTER_IF"`:                                        "when the caller's own program runs, as the caller",
	`csrc/unchanged.c "AU_AFTER_SEEN"`:                                      "when the caller's own program runs, as the caller",
	`csrc/waiter.c "AU_AFTER_IF"`:                                           "when the caller's own program runs, as the caller",
	`csrc/order.c "AU_TERMINAL"`:                                            "whether the run begins in the background of a terminal of its own",
	`csrc/intake.c name`:                                                    "AU_ENV_N: variables of the command",
	`csrc/waiter.c name`:                                                    "AU_AFTER_N: what the caller runs afterwards, as the caller",
	`internal/programs/programs.go exec.Cmd`:                                "the type alone",
	`internal/programs/programs.go os.LookupEnv(name)`:                      "the variables that a program started by au gets: programs.kept",
	`provision/step/systemd.go dbus.Dial(systemBus, dbus.WithContext(ctx))`: "the machine's bus, at its fixed place",
	`provision/step/runner.go exec.Cmd`:                                     "the type alone",
}

// The caller's environment and current folder say nothing that gives rights: what is read of them has been looked at, one by one.
func TestInputsAreReviewed(t *testing.T) {
	var found []string
	for _, name := range shipped(t) {
		if strings.HasSuffix(name, ".go") {
			found = append(found, inputsOf(t, name)...)
			continue
		}
		for _, m := range inC.FindAllStringSubmatch(read(t, name), -1) {
			found = append(found, name+" "+m[1])
		}
	}
	slices.Sort(found)
	for _, call := range slices.Compact(found) {
		if reviewed[call] == "" {
			t.Errorf("%s: not reviewed: say here, and in SECURITY.md, why it gives no right", call)
		}
	}
	for call := range reviewed {
		if !slices.Contains(found, call) {
			t.Errorf("%s: reviewed, and not there", call)
		}
	}
}

// inC is how the entrypoint looks at its caller's variables; anything else that does is found as well.
var inC = regexp.MustCompile(`(?:find_variable\(([^,]+), environ\)|\b((?:secure_)?getenv|getcwd|popen|system|execlp|execvp)\()`)

// inTags are the options whose values kong takes from the environment, or from $PWD and $HOME.
var inTags = regexp.MustCompile(`\benv:"[^"]*"|\btype:"(?:path|existing|file|counter)[^"]*"`)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The test would notice one of each kind.
func TestInputsAreSeen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.go")
	code := "package x\nimport (\n\"os\"\n\"os/exec\"\n)\ntype f struct {\n\tA string `env:\"A\"`\n\tB string `type:\"path\"`\n}\n" +
		"func _() { exec.Command(\"sudo\"); _ = exec.Cmd{Path: os.Getenv(\"P\")}; read := os.Getwd; _, _ = read() }\n"
	if err := os.WriteFile(name, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	got := inputsOf(t, name)
	for i, want := range []string{`env:"A"`, `type:"path"`, `exec.Command("sudo")`, "exec.Cmd", `os.Getenv("P")`, "os.Getwd"} {
		if i >= len(got) || got[i] != name+" "+want {
			t.Fatalf("found %q, without %q at %d", got, want, i)
		}
	}
	if m := inC.FindAllString("x = getenv(\"HOME\"); y = find_variable(\"AU_X\", environ);", -1); len(m) != 2 {
		t.Errorf("in C: %q", m)
	}
}

// shipped returns the Go and C files that are part of a program that is installed.
func shipped(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "*.go", "csrc/*.c", "csrc/*.h").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool {
		return strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "e2e/") ||
			strings.HasPrefix(name, "internal/fakehost/") || strings.HasPrefix(name, "csrc/test/") || strings.Contains(name, "testdata/")
	})
}

func inputsOf(t *testing.T, name string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		var at ast.Expr
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				for _, tag := range inTags.FindAllString(n.Tag.Value, -1) {
					found = append(found, name+" "+tag)
				}
			}
		case *ast.CallExpr:
			at = n.Fun
		case ast.Expr:
			at = n
		}
		s, ok := at.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := s.X.(*ast.Ident)
		if !ok || !slices.Contains(inputs[pkg.Name], s.Sel.Name) {
			return true
		}
		found = append(found, name+" "+types.ExprString(n.(ast.Expr)))
		_, called := n.(*ast.CallExpr)
		return !called // its function is not another use
	})
	return found
}
