// SPDX-License-Identifier: GPL-3.0-or-later

// Package fakehost is a machine for tests: files with owners, modes and ACLs, accounts, units and processes, with the commands that
// read and change them. It is strict: a command or an argument that it does not know fails. It can show its files below a folder of
// the real machine, for a program that reads them there; whoever tests need not be root, so owners and the like are kept in memory.
package fakehost

import (
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"
)

// Host is one machine.
type Host struct {
	Root   string   // the folder that shows the files; empty for none
	UID    uint32   // who runs what is not run through sudo
	Groups []uint32 // that user's groups
	Calls  int      // how many commands were root's so far

	Sudo   Sudo
	Before func(call int, argv []string) bool // asked before each of these; true: it fails without doing anything
	After  func(call int)                     // told after each of these

	Procs map[int]*Process

	files map[string]*File // by path, folders too
	shown map[string]File  // as they are below Root
}

// Sudo is what sudo does on the machine besides running commands.
type Sudo struct {
	Single bool // it allows single commands, and no plan to be carried out
	Asks   bool // it wants a password each time
	Asked  int  // how often it has
}

// Process is a process that runs on the machine.
type Process struct {
	Name     string
	UID      uint32
	Unit     string // that started it
	Stubborn bool   // no signal ends it
}

// Config says what kind of machine New makes.
type Config struct {
	Systemd, CgroupV1 bool
	Home              string // the home of the human alice as passwd(5) has it; empty: /home/alice
}

// The texts of a fresh Debian, as far as anybody asks for them. alice is the human, bob another.
const (
	passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
		"alice:x:1000:1000:Alice,,,:%s:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	group   = "root:x:0:\ndaemon:x:1:\nsudo:x:27:alice\nalice:x:1000:\nbob:x:1001:\nnogroup:x:65534:\n"
	shadow  = "root:*:::::::\ndaemon:*:::::::\nalice:!:::::::\nbob:!:::::::\nnobody:*:::::::\n"
	mountV2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	mountV1 = "34 24 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n" +
		"36 24 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n" +
		"37 24 0:32 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,name=systemd\n"
)

// New makes a machine, in memory.
func New(c Config) *Host {
	h := &Host{UID: 1000, Groups: []uint32{1000}, Procs: map[int]*Process{}, files: map[string]*File{}}
	home := c.Home
	if home == "" {
		home = "/home/alice"
	}
	for _, folder := range []string{"/home/alice", "/usr/local/bin", "/run", "/tmp", "/var/tmp", "/var/mail", "/var/spool/cron", "/var/lib", "/var/log", "/etc/skel", "/etc/tmpfiles.d"} {
		h.mkdirAll(folder)
	}
	files := map[string]string{
		"/etc/passwd": fmt.Sprintf(passwd, home), "/etc/group": group, "/etc/shadow": shadow, "/bin/bash": "", "/var/mail/alice": "",
		"/etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\nUSERGROUPS_ENAB yes\n", "/etc/skel/.bashrc": "# bash\n", "/etc/skel/.profile": "# sh\n",
		"/proc/self/mountinfo": mountV2,
	}
	if c.Systemd {
		for _, folder := range []string{"/run/systemd/system", "/var/lib/systemd/linger", path.Clean(wantsFolder)} {
			h.mkdirAll(folder)
		}
	}
	if c.CgroupV1 {
		files["/proc/self/mountinfo"] = mountV1
	} else {
		files["/sys/fs/cgroup/cgroup.controllers"] = "cpu memory pids\n"
	}
	for name, text := range files {
		h.Put(name, text, Node{Mode: 0o644})
	}
	h.files["/home/alice"].Node = Node{UID: 1000, GID: 1000, Mode: 0o700}
	h.files["/etc/shadow"].Mode = 0o640
	return h
}

// ExitStatus is how a command failed.
type ExitStatus int

func (e ExitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// ExitCode is what os/exec has.
func (e ExitStatus) ExitCode() int { return int(e) }

// Exec runs cmd on the machine, in place of cmd.Run. carry carries out a plan that is handed over.
func (h *Host) Exec(cmd *exec.Cmd, carry func(*exec.Cmd) error) error {
	if cmd.Args[0] != "sudo" {
		return h.Run(h.UID, cmd.Args, cmd.Stdin, writer(cmd.Stdout), writer(cmd.Stderr))
	}
	through := *cmd
	through.Args = cmd.Args[1:]
	list := len(through.Args) > 2 && through.Args[0] == "-n" && through.Args[1] == "-l"
	if list {
		through.Args = through.Args[2:]
	}
	whole := through.Args[len(through.Args)-1] == "carry-out"
	switch refused := whole && h.Sudo.Single; {
	case list && h.Sudo.Asks:
		fmt.Fprintln(cmd.Stderr, "sudo: a password is required")
		return ExitStatus(1)
	case list && refused:
		return ExitStatus(1)
	case list:
		return nil
	case refused:
		h.ask()
		fmt.Fprintf(cmd.Stderr, "Sorry, user alice is not allowed to execute '%s' as root on machine.\n", strings.Join(through.Args, " "))
		return ExitStatus(1)
	}
	h.ask()
	if whole {
		return carry(&through)
	}
	return h.AsRoot(&through)
}

func (h *Host) ask() {
	if h.Sudo.Asks {
		h.Sudo.Asked++
	}
}

// AsRoot runs cmd on the machine as root.
func (h *Host) AsRoot(cmd *exec.Cmd) error {
	errw := writer(cmd.Stderr)
	if why := Refused(cmd.Args); why != "" {
		panic(why)
	}
	h.Calls++
	if h.Before != nil && h.Before(h.Calls, cmd.Args) {
		fmt.Fprintln(errw, "sudo: refused on purpose")
		return ExitStatus(1)
	}
	err := h.Run(0, cmd.Args, cmd.Stdin, writer(cmd.Stdout), errw)
	if h.After != nil {
		h.After(h.Calls)
	}
	return err
}

func writer(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// call is one command that runs.
type call struct {
	*Host
	uid  uint32
	name string
	args arguments
	in   io.Reader
	out  io.Writer
}

// failure is what a command prints before it exits with that status.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

func fail(status int, format string, args ...any) error {
	return failure{status, fmt.Sprintf(format, args...)}
}

// tool is a command that the machine has. Root's fail for others.
type tool struct {
	root bool
	run  func(*call) error
}

var tools map[string]tool

// Not where tools is declared, for runuser runs tools itself.
func init() {
	tools = map[string]tool{
		"au": {true, (*call).au}, "chmod": {false, (*call).chmod}, "chown": {true, (*call).chown}, "cp": {false, (*call).cp},
		"dd": {true, (*call).dd}, "getent": {false, (*call).getent}, "getfacl": {false, (*call).getfacl}, "gpasswd": {true, (*call).gpasswd},
		"groupadd": {true, (*call).groupadd}, "groupdel": {true, (*call).groupdel}, "install": {true, (*call).install}, "ln": {true, (*call).ln},
		"mkdir": {false, (*call).mkdir}, "mv": {true, (*call).mv}, "pkill": {true, (*call).pkill},
		"loginctl": {true, (*call).loginctl}, "su_as_agent": {false, (*call).entrypoint},
		"rm": {false, (*call).rm}, "rmdir": {true, (*call).rmdir}, "nft": {false, (*call).nft}, "setfacl": {false, (*call).setfacl}, "systemd-run": {true, (*call).systemdRun}, "systemctl": {false, (*call).systemctl},
		"useradd": {true, (*call).useradd}, "userdel": {true, (*call).userdel}, "usermod": {true, (*call).usermod},
	}
}

// Run runs one command as the uid. Its error is an ExitStatus.
func (h *Host) Run(uid uint32, argv []string, in io.Reader, out, errw io.Writer) error {
	c := &call{h, uid, argv[0], arguments{rest: argv[1:]}, in, out}
	err := c.dispatch(errw)
	if err == nil {
		return nil
	}
	f, ok := err.(failure)
	if !ok {
		f = failure{1, err.Error()}
	}
	if f.text != "" {
		fmt.Fprintf(errw, "%s: %s\n", c.name, f.text)
	}
	return ExitStatus(f.status)
}

func (c *call) dispatch(errw io.Writer) error {
	if c.name == "runuser" {
		return c.runuser(errw)
	}
	name := c.name
	if path.IsAbs(name) {
		name, _, _ = strings.Cut(path.Base(name), ".") // au itself, or a test that stands for it
	}
	tool, ok := tools[name]
	switch {
	case !ok:
		return fail(127, "not a command of the fake host's")
	case tool.root && c.uid != 0:
		return fail(1, "Permission denied")
	}
	if err := tool.run(c); err != nil {
		return err
	}
	return c.args.done()
}

// runuser -u NAME -- COMMAND…
func (c *call) runuser(errw io.Writer) error {
	name := c.args.value("-u")
	if len(c.args.rest) == 0 || c.args.rest[0] != "--" || c.uid != 0 {
		return fail(2, "unexpected arguments %q", c.args.rest)
	}
	u, ok := c.user(name)
	if !ok {
		return fail(1, "user %s does not exist", name)
	}
	if err := c.Run(u.uid, c.args.rest[1:], c.in, c.out, errw); err != nil {
		return failure{err.(ExitStatus).ExitCode(), ""}
	}
	return nil
}

// arguments are taken one by one; what nobody took makes a command fail.
type arguments struct{ rest []string }

// flag takes an option without a value.
func (a *arguments) flag(names ...string) bool {
	for _, name := range names {
		if i := a.find(name); i >= 0 {
			a.rest = append(append([]string{}, a.rest[:i]...), a.rest[i+1:]...)
			return true
		}
	}
	return false
}

// value takes an option and its value.
func (a *arguments) value(name string) string {
	i := a.find(name)
	if i < 0 || i+1 == len(a.rest) {
		return ""
	}
	v := a.rest[i+1]
	a.rest = append(append([]string{}, a.rest[:i]...), a.rest[i+2:]...)
	return v
}

func (a *arguments) find(name string) int {
	for i, w := range a.rest {
		if w == name {
			return i
		}
		if w == "--" {
			break
		}
	}
	return -1
}

// operands takes the words that are no options: between least and most of them; most 0: any number.
func (a *arguments) operands(least, most int) ([]string, error) {
	var words, rest []string
	for _, w := range a.rest {
		if strings.HasPrefix(w, "-") {
			rest = append(rest, w)
		} else {
			words = append(words, w)
		}
	}
	a.rest = rest
	if len(words) < least || most > 0 && len(words) > most {
		return nil, fail(2, "unexpected operands %q", words)
	}
	return words, a.done()
}

// operand takes the only word that is no option.
func (a *arguments) operand() (string, error) {
	words, err := a.operands(1, 1)
	if err != nil {
		return "", err
	}
	return words[0], nil
}

func (a *arguments) done() error {
	if len(a.rest) > 0 {
		return fail(2, "unexpected arguments %q", a.rest)
	}
	return nil
}
