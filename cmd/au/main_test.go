// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/rootside"
	"github.com/a4u2/au/internal/advice"
	"github.com/a4u2/au/internal/counted"
	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

var updateScripts = flag.Bool("update", false, "write what the scripts expect anew")

// TestMain is au when it is called so, on the fake host below FAKE_ROOT.
func TestMain(m *testing.M) {
	unix.Umask(0o022) // a home that only its human can write
	if filepath.Base(os.Args[0]) == "au" {
		counted.Exit(play(os.Getenv("FAKE_ROOT"), os.Args[1:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "look" { // a test's itself("look")
		counted.Exit(run(host.Real(""), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestScripts(t *testing.T) {
	t.Cleanup(func() { thePage().checkAllSeen(t) })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", Setup: setUp, UpdateScripts: *updateScripts, RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"au": scriptAu, "exits": scriptExits, "machine": scriptMachine, "root": scriptRoot, "start": scriptStart, "stopped": scriptStopped,
			"asked": scriptAsked, "drafted": scriptDrafted, "snapshot": scriptSnapshot, "unchanged": scriptUnchanged,
		},
	})
}

// entrypoint is in the place of the program to install: it shows what reaches it, and knows the command exit.
const entrypoint = `#!/bin/sh
printf 'argument %s\n' "$@"
n=1
while eval "[ \"\${AU_ENV_$n+set}\" ]"; do
	eval "printf 'variable %s\n' \"\$AU_ENV_$n\""
	n=$((n + 1))
done
[ -z "$SECRET" ] || echo "leaked $SECRET"
while [ "$1" != -- ]; do shift; done
[ "$2" != exit ] || exit "$3"
`

// tools are the programs that au looks for.
var tools = []string{"sudo", "getent", "useradd", "usermod", "userdel", "groupadd", "groupdel", "setfacl", "getfacl", "pkill", "runuser",
	"mkdir", "chown", "chmod", "cp", "dd", "ln", "mv", "rm", "rmdir", "sleep", "nft", "journalctl"}

// newHost makes a machine below root that the program can run on.
func newHost(root string, c fakehost.Config) *fakehost.Host {
	c.Home = root + "/home/alice"
	h := fakehost.New(c)
	h.Root = root
	for _, name := range tools {
		h.Put("/usr/bin/"+name, "", fakehost.Node{Mode: 0o755})
	}
	h.Put("/usr/local/libexec/au/su_as_agent", entrypoint, fakehost.Node{Mode: 0o755})
	h.Put("/usr/local/libexec/au/au-complete", "au\n", fakehost.Node{Mode: 0o755})
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	h.PutLink("/usr/local/bin/au", self, 0)
	h.Put("/run/au-plan.lock", "", fakehost.Node{Mode: 0o600}) // an earlier au's
	if line := fmt.Sprintf("tester:x:%d:", os.Getuid()); os.Getuid() > 1001 && !strings.Contains(h.Text("/etc/passwd"), strings.TrimPrefix(line, "tester")) {
		h.Put("/etc/passwd", h.Text("/etc/passwd")+line+"1:::/bin/sh\n", fakehost.Node{Mode: 0o644}) // the owner of what scripts make is no user who is gone
	}
	return h
}

// hostOf returns h as the machine that au works on, with the test's user as its human.
func hostOf(h *fakehost.Host) *host.Host {
	m := host.Real(h.Root + "/usr/local/libexec/au/su_as_agent")
	startItself := m.StartItself
	m.Root, m.RootUID = h.Root, uint32(os.Getuid())
	m.UID = func() int { return int(h.UID) }
	m.GID = func() int { return int(h.Groups[0]) }
	m.Groups = func() ([]int, error) { return []int{int(h.Groups[0])}, nil }
	m.Lstat, m.ReadDir = h.Lstat, h.ReadDir
	m.Statfs = func(path string, st *unix.Statfs_t) error {
		if h.File("/usr/local/.nosuid") != nil {
			st.Flags = unix.ST_NOSUID
		}
		return nil
	}
	self, _ := os.Executable()
	m.Executable = func() (string, error) { return h.Root + "/usr/local/libexec/au/au-complete", nil }
	m.Execute = func(cmd *exec.Cmd) error {
		switch {
		case cmd.Args[0] == h.Root+"/usr/local/bin/au":
			cmd.Path, cmd.Err, cmd.Args[0] = self, nil, "au"
			return another(h, cmd)
		case cmd.Args[0] == "su_as_agent" && slices.Contains(cmd.Args, "--draft-marks"):
			_, err := io.Copy(io.Discard, cmd.Stdin)
			return err
		case cmd.Args[0] == "su_as_agent":
			if f := h.File(cmd.Path); f == nil || !strings.HasPrefix(f.Text, "#!") {
				return nil // what the script has built or installed is no program
			}
			cmd.Path = h.Root + cmd.Path
			return cmd.Run()
		case len(cmd.Args) == 5 && cmd.Args[3] == "sh": // a line that `au doctor` runs
			return another(h, cmd)
		case filepath.Base(cmd.Args[0]) == "journalctl":
			text, err := os.ReadFile(os.Getenv("FAKE_JOURNAL"))
			return errors.Join(err, second(cmd.Stdout.Write(text)))
		case cmd.Args[0] == "cc":
			return compiler(cmd)
		case cmd.Args[0] == "au" && slices.Contains(cmd.Args, "run"):
			return agentRuns(cmd)
		case cmd.Args[0] == "au":
			cmd.Path, cmd.Err = self, nil
			return another(h, cmd)
		}
		return errors.Join(h.Exec(cmd, func(cmd *exec.Cmd) error { return carryOut(h, cmd) }), h.Show())
	}
	m.FindProgram = func(name string) (string, error) {
		path := h.Root + "/usr/bin/" + name
		_, err := os.Stat(path)
		return path, err
	}
	m.FindOnHost = func(name string) (string, error) { // as the agent's runs have it
		path, err := m.FindProgram(name)
		return strings.TrimPrefix(path, h.Root), err
	}
	m.OpenProgram = func(path string) (*os.File, error) {
		f, err := os.Open(h.Root + path)
		if err == nil {
			_, err = unix.FcntlInt(f.Fd(), unix.F_SETFD, 0) // a script is opened again by its interpreter
		}
		return f, err
	}
	m.Stamp = func(f *os.File) (string, error) { // the same in every run
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("7 %d 1700000000.000000000", info.Size()), nil
	}
	m.ACL = func(path string) (share.ACL, error) {
		entries := h.ACL(path)
		if entries == nil {
			return nil, nil
		}
		saved, err := share.ParseSavedACLs([]byte("# file: x\n" + strings.Join(entries, "\n")))
		if err != nil {
			return nil, err
		}
		return saved[0].Access, nil
	}
	m.StartItself = func(words ...string) *exec.Cmd {
		cmd := startItself(words...)
		cmd.Env = os.Environ() // FAKE_ROOT too
		return cmd
	}
	m.Listens = func(uint16) bool { return false }
	m.HasBPF = func() bool { return h.File("/sys/fs/cgroup/.no-bpf") == nil }
	m.HasScopes = func() bool { return true }
	m.Uname = func(uts *unix.Utsname) error { copy(uts.Release[:], "6.12.0"); return nil }
	m.Now = func() time.Time { return time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC) }
	m.Patience = 200 * time.Millisecond
	m.Random = strings.NewReader(strings.Repeat("\x01\x23\x45\x67\x89\xab\xcd\xef", 100))
	return m
}

// another runs one more process of au, whose changes to the machine this one sees.
func another(h *fakehost.Host, cmd *exec.Cmd) error {
	if err := h.Save(); err != nil {
		return err
	}
	cmd.Env = os.Environ() // FAKE_ROOT too
	return errors.Join(cmd.Run(), h.Reload())
}

func second(_ int, err error) error { return err }

// carryOut plays the process of root that carries a plan out.
func carryOut(h *fakehost.Host, cmd *exec.Cmd) error {
	plan, err := step.ReadPlan(cmd.Stdin, version)
	if err != nil {
		return err
	}
	asRoot := func(cmd *exec.Cmd) error { return errors.Join(h.AsRoot(cmd), h.Show()) }
	if status := plan.CarryOut(context.Background(), h.Root, cmd.Stdout, rootside.PlanLock(hostOf(h), cmd.Stderr), asRoot); status != 0 {
		return fakehost.ExitStatus(status)
	}
	return nil
}

// agentRuns plays a run that au starts by itself. The file FAKE_SAYS has the agent's words about its home. A program that it
// installs is there from then on, and does not start where FAKE_START is no. Where FAKE_NPM is no, npm installs nothing.
func agentRuns(cmd *exec.Cmd) error {
	says := os.Getenv("FAKE_SAYS")
	words := cmd.Args[slices.Index(cmd.Args, "--")+1:]
	text, err := os.ReadFile(says)
	switch {
	case err != nil:
		return err
	case words[0] == "npm" && os.Getenv("FAKE_NPM") == "no":
		return fakehost.ExitStatus(1)
	case words[0] == "npm":
		return os.WriteFile(says, append(text, "path codex\t/home/agent/.local/bin/codex\nversion codex\t0.171.0\n"...), 0o600)
	case slices.Equal(words[1:], []string{"--version"}) && os.Getenv("FAKE_START") == "no":
		fmt.Fprintln(cmd.Stderr, "a line\ncodex: no such platform\nau: hint: an agent says so")
		return fakehost.ExitStatus(1)
	case words[0] == "/bin/sh" && len(words) == 3 && strings.Contains(words[2], "known_hosts"):
		fmt.Fprintln(cmd.Stdout, "au: hint: an agent says so")
		fmt.Fprintln(cmd.Stderr, "au: hint: an agent says so")
	case words[0] == "/bin/sh" && len(words) > 3:
		_, err = cmd.Stdout.Write(text)
	case words[0] == "/bin/sh" && strings.HasSuffix(words[2], "config.toml"):
		return os.WriteFile(says, append(text, "there\t.codex/config.toml\n"...), 0o600)
	}
	return err
}

// compiler plays cc(1): on a machine without a libc.a, where FAKE_CC is dynamic; on one where nothing compiles, where it is broken.
func compiler(cmd *exec.Cmd) error {
	static := slices.Contains(cmd.Args, "-static-pie")
	source, err := os.ReadFile(cmd.Args[len(cmd.Args)-1])
	if kind := os.Getenv("FAKE_CC"); err != nil || len(source) == 0 || kind == "broken" || kind == "dynamic" && static {
		fmt.Fprintln(cmd.Stderr, "cc: no such thing")
		return fakehost.ExitStatus(1)
	}
	return os.WriteFile(cmd.Args[slices.Index(cmd.Args, "-o")+1], []byte("built\n"), 0o755)
}

// play is a process of au on the machine that was saved below root. FAKE_FAIL names the commands that fail of those that go
// through sudo: the N-th, those from the N-th on (N-), or those of a program (NAME).
func play(root string, args []string) int {
	h, err := fakehost.Open(root)
	if err != nil {
		panic(err)
	}
	if uid, err := strconv.ParseUint(os.Getenv("FAKE_UID"), 10, 32); err == nil {
		h.UID = uint32(uid)
	}
	h.Before = failing(os.Getenv("FAKE_FAIL"))
	how := strings.Split(os.Getenv("FAKE_SUDO"), ",")
	h.Sudo = fakehost.Sudo{Single: slices.Contains(how, "single"), Asks: slices.Contains(how, "asks")}
	status := run(hostOf(h), args, os.Stdout, os.Stderr)
	if len(args) > 0 && args[0] == "look" { // it changes nothing
		return status
	}
	if err := os.WriteFile(root+".asked", fmt.Append(nil, h.Sudo.Asked), 0o600); err != nil {
		panic(err)
	}
	if err := h.Save(); err != nil {
		panic(err)
	}
	return status
}

func failing(which string) func(int, []string) bool {
	from, onward := strings.CutSuffix(which, "-")
	n, err := strconv.Atoi(from)
	return func(call int, argv []string) bool {
		return err == nil && (call == n || onward && call > n) || err != nil && argv[0] == which
	}
}

// setUp gives a script a fresh machine with alice at its terminal.
func setUp(env *testscript.Env) error {
	thePage().scriptRan(env)
	root := filepath.Join(env.WorkDir, "host")
	env.Setenv("FAKE_ROOT", root)
	env.Setenv("HOME", root+"/home/alice")
	env.Setenv("PATH", root+"/usr/bin:"+root+"/usr/local/bin")
	return newHost(root, fakehost.Config{Systemd: true}).Save()
}

// au ARGUMENT… runs au, which has to succeed; with !, to exit 1. Paths of the machine are shown as it has them.
func scriptAu(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, map[bool]int{true: statusFailed}[neg], args)
}

// exits STATUS ARGUMENT… runs au, which has to exit so.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	expect(ts, status, args[1:])
}

func expect(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec("au", args...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	show := func(file string) string { return strings.ReplaceAll(ts.ReadFile(file), ts.Getenv("FAKE_ROOT"), "") }
	out, errs := show("stdout"), show("stderr")
	fmt.Fprint(ts.Stdout(), out)
	fmt.Fprint(ts.Stderr(), errs)
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	ts.Check(checkJSON(args, out))
	if !testing.Short() { // four of five processes of a script are its
		exportsAsItIs(ts)
	}
}

// drafted NAME FOLDER makes a draft of a folder of the human, as a run does.
func scriptDrafted(ts *testscript.TestScript, neg bool, args []string) {
	time.Sleep(20 * time.Millisecond)
	store, err := draft.Open(ts.Getenv("HOME"), func(string, string, func(io.Writer) error) (draft.Marks, error) { return nil, nil }, uint32(os.Getuid()))
	ts.Check(err)
	d, err := store.Begin(draft.Wanted{Name: args[0], Agent: "agent", Folder: ts.MkAbs(args[1]), Now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)})
	ts.Check(err)
	time.Sleep(20 * time.Millisecond) // what changes from now on changes after the draft began
	ts.Setenv("UPPER", d.State()+"/upper")
	d.Close()
}

// asked N demands that the last au made sudo ask for a password that often.
func scriptAsked(ts *testscript.TestScript, neg bool, args []string) {
	if got := ts.ReadFile(ts.Getenv("FAKE_ROOT") + ".asked"); got != args[0] {
		ts.Fatalf("a password was asked for %s times", got)
	}
}

// open returns the script's machine.
func open(ts *testscript.TestScript) *fakehost.Host {
	h, err := fakehost.Open(ts.Getenv("FAKE_ROOT"))
	ts.Check(err)
	return h
}

// machine [v1] [without-systemd] gives the script another machine.
func scriptMachine(ts *testscript.TestScript, neg bool, args []string) {
	root := ts.Getenv("FAKE_ROOT")
	ts.Check(os.RemoveAll(root))
	ts.Check(newHost(root, fakehost.Config{Systemd: !slices.Contains(args, "without-systemd"), CgroupV1: slices.Contains(args, "v1")}).Save())
}

// root COMMAND… runs a command of the machine as root, with nothing on its standard input.
func scriptRoot(ts *testscript.TestScript, neg bool, args []string) {
	h := open(ts)
	var out bytes.Buffer
	if err := h.Run(0, args, strings.NewReader(""), &out, &out); err != nil {
		ts.Fatalf("%v: %s", err, &out)
	}
	ts.Check(h.Save())
}

// start UID NAME [stubborn] starts a process.
func scriptStart(ts *testscript.TestScript, neg bool, args []string) {
	h := open(ts)
	uid, err := strconv.ParseUint(args[0], 10, 32)
	ts.Check(err)
	h.Start(fakehost.Process{Name: args[1], UID: uint32(uid), Stubborn: len(args) == 3})
	ts.Check(h.Save())
}

// stopped demands that no process runs.
func scriptStopped(ts *testscript.TestScript, neg bool, args []string) {
	if h := open(ts); len(h.Procs) > 0 {
		ts.Fatalf("still running: %v", h.Procs)
	}
}

// snapshot remembers the machine, the human's home included.
func scriptSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("SNAPSHOT", open(ts).Dump())
}

// unchanged [PATTERN…] demands that the machine is as it was, but for paths of those patterns.
func scriptUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	if diff := fakehost.Differ(omitting(args, ts.Getenv("SNAPSHOT")), omitting(args, open(ts).Dump())); diff != "" {
		ts.Fatalf("the machine changed:\n%s", diff)
	}
}

// omitting leaves the paths of these patterns out of a dump, in which what belongs to a path is indented behind it.
func omitting(patterns []string, dump string) string {
	var kept strings.Builder
	skip := false
	for line := range strings.Lines(dump) {
		if path, _, _ := strings.Cut(line, " "); !strings.HasPrefix(line, "\t") {
			skip = slices.ContainsFunc(patterns, func(p string) bool { ok, _ := filepath.Match(p, path); return ok })
		}
		if !skip {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// A setting of the NixOS configuration cannot be changed by au: no advice names a command that would be refused.
func TestAdviceForDeclaredAgentsIsNotRefused(t *testing.T) {
	root := t.TempDir()
	h := newHost(root, fakehost.Config{Systemd: true})
	h.Put("/etc/au/agents.json", `{"mutableUsers": false, "sleep": "/bin/sleep", "program": "/bin/au", "agents": {"claude": {"uid": 54237, "gid": 54237, "group": 55290}}}`, fakehost.Node{Mode: 0o644})
	if err := h.Show(); err != nil {
		t.Fatal(err)
	}
	m := hostOf(h)
	refused := 0
	for _, path := range everyCommand(newParser(&struct{ globals }{}, nil).Model.Node, nil) {
		command := strings.Join(path, " ")
		hint := "au " + command + " --agent claude x"
		if refuseDeclared(m, command, "claude") != nil {
			refused++
		}
		got := advised(m, hint)
		if refuseDeclared(m, strings.TrimPrefix(got, "au "), "claude") != nil {
			t.Errorf("%q is advised, and refused", got)
		}
		if refuseDeclared(m, command, "claude") == nil && got != hint {
			t.Errorf("%q becomes %q, and is not refused", hint, got)
		}
		if got, want := advised(m, strings.Replace(hint, "claude", "other", 1)), strings.Replace(hint, "claude", "other", 1); got != want {
			t.Errorf("%q is changed to %q for an agent that is au's own", want, got)
		}
	}
	if refused != 10 {
		t.Errorf("%d commands change an agent: want those of internal/advice", refused)
	}
	for hint, want := range map[string]string{
		"add --yes": "add --yes", "au net allow --agent claude --for 2h a.test b.test": `security.au.agents.claude.net.allow can have "a.test" "b.test" in the NixOS configuration`,
		"au new --agent claude": "sudo nixos-rebuild switch", "au new --agent claude --unlock nix --unlock i386": `security.au.agents.claude.unlock can have "nix" "i386" in the NixOS configuration`,
		"au limits set --agent claude --mem 2G": "change security.au.agents.claude.memory in the NixOS configuration", "au delete --agent claude": "change security.au.agents.claude in the NixOS configuration",
		"sudo usermod --expiredate 1 claude": "sudo nixos-rebuild switch", "chmod o= /home/alice && au new --agent claude": "chmod o= /home/alice && sudo nixos-rebuild switch",
		"au net restrict --agent claude --preset anthropic": "change security.au.agents.claude.net in the NixOS configuration", "au net restrict --agent claude --no-ech": "sudo nixos-rebuild switch",
	} {
		if got := advised(m, hint); got != want {
			t.Errorf("%q becomes %q, want %q", hint, got, want)
		}
	}
}

// One function begins the line of a hint, and it advises. A command in a hint that changes an agent names the agent, or it would be
// the default one's.
func TestHintsPassAdvice(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 50 {
		t.Fatal(files, err)
	}
	begins, nameless := regexp.MustCompile(`"([^"]*[^a-z])?hint: |hintBegins`), regexp.MustCompile(`(hintError\{.*|refuse\(|hint\()"au [^"]*"`)
	allowed := []string{`const hintBegins = "hint: "`, `return hintBegins + strings.ReplaceAll(advised(h, line)`, `return strings.HasPrefix(line, "au: "+hintBegins)`}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			if begins.MatchString(line) && !strings.HasPrefix(line, "//") {
				if found++; !slices.ContainsFunc(allowed, func(text string) bool { return strings.Contains(line, text) }) {
					t.Errorf("%s:%d prints a hint without hintLine: %s", file, i+1, line)
				}
			}
			if hint := nameless.FindString(line); hint != "" {
				_, command, _ := strings.Cut(hint, `"au `)
				if advice.Changing(strings.Fields(command)...) != "" && !strings.Contains(hint, "--agent") {
					t.Errorf("%s:%d: the hint is for no agent: %s", file, i+1, line)
				}
			}
		}
	}
	if found != 3 {
		t.Errorf("%d lines know how a hint begins, want the constant, hintLine and isHint", found)
	}
}
