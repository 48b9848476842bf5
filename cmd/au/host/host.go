// SPDX-License-Identifier: GPL-3.0-or-later

// Package host is all reading of the machine: accounts, files, programs, D-Bus, the clock. It returns facts, and changes nothing.
package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/programs"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// Host is the machine that au works on. Its fields are all that a test, which is not root, puts in the place of the real one: a
// machine that is made of files and keeps their owners elsewhere.
type Host struct {
	Root      string // is in front of every path that facts are read from
	RootUID   uint32 // owns what only root may change
	Installed string // where a package put the entrypoint from which agents' own are copied

	UID          func() int // of the caller, and so on
	EffectiveUID func() int
	GID          func() int
	Groups       func() ([]int, error)

	Lstat   func(path string) (fs.FileInfo, error)
	ReadDir func(path string) ([]fs.DirEntry, error)
	Statfs  func(path string, st *unix.Statfs_t) error

	FindProgram func(name string) (string, error)
	FindOnHost  func(name string) (string, error) // of what root runs: without what a package of au's brings along
	Execute     func(*exec.Cmd) error             // runs a program and waits for it
	Executable  func() (string, error)
	StartItself func(words ...string) *exec.Cmd // this program, for a part of its work
	OpenProgram func(path string) (*os.File, error)
	Stamp       func(*os.File) (string, error)
	ACL         func(path string) (share.ACL, error)

	OpenSystemd func(context.Context) (Systemd, error)
	HasBPF      func() bool
	ShownTables func(tables ...string) (map[string]string, error)
	HasScopes   func() bool // Landlock's, which keep a run from abstract sockets
	Uname       func(*unix.Utsname) error
	Listens     func(port uint16) bool // whether a port of loopback is taken

	Now        func() time.Time
	Random     io.Reader
	Patience   time.Duration // how long processes that were killed have to go: one in an uninterruptible read may take a while
	ReportTime time.Duration // start.ReportTime
}

// Real returns the machine that the program runs on. installed is for the field of that name.
func Real(installed string) *Host {
	return &Host{
		Installed: installed,
		UID:       os.Getuid, EffectiveUID: os.Geteuid, GID: os.Getgid, Groups: os.Getgroups,
		Lstat: os.Lstat, ReadDir: os.ReadDir, Statfs: unix.Statfs,
		FindProgram: programs.Find, FindOnHost: programs.FindOnHost, Execute: (*exec.Cmd).Run, Executable: os.Executable, StartItself: startItself, OpenProgram: csrc.Open, Stamp: csrc.Stamp, ACL: start.Real.ACL,
		OpenSystemd: func(ctx context.Context) (Systemd, error) { return step.OpenSystemd(ctx) },
		HasBPF:      netkernel.HasBPF, ShownTables: netkernel.Shown, HasScopes: hasScopes, Uname: unix.Uname, Listens: listens,
		Now: time.Now, Random: rand.Reader, Patience: 10 * time.Second, ReportTime: start.ReportTime,
	}
}

// ForRun returns the machine as it is read for a run: the part that the front program links.
func (h *Host) ForRun() start.Machine {
	return start.Machine{Root: h.Root, RootUID: h.RootUID, Open: h.OpenProgram, Stamp: h.Stamp, Lstat: h.Lstat, ReadDir: h.ReadDir, ACL: h.ACL, Ask: h.Ask}
}

// Output returns what a program prints on standard output.
func (h *Host) Output(name string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	cmd := programs.Command(append([]string{name}, args...)...)
	cmd.Stdout, cmd.WaitDelay = &out, programs.HeldTime
	err := programs.Ended(h.Execute(cmd))
	return out.Bytes(), err
}

// SystemctlShow returns what `systemctl show` says. A bus or a systemd that is stopped answers never, and is an error.
func (h *Host) SystemctlShow(words ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), step.AnswerTime)
	defer stop()
	var out bytes.Buffer
	cmd := programs.CommandContext(ctx, append([]string{"systemctl", "show"}, words...)...)
	cmd.Stdout, cmd.WaitDelay = &out, programs.HeldTime
	err := programs.Ended(h.Execute(cmd))
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", step.AnswerTime)
	}
	return out.Bytes(), err
}

// startItself returns this program as it can be started for a part of its work, as the same user. It has nothing of ours: no
// environment, folder, terminal or file, so that nobody who waits for our end waits for its.
func startItself(words ...string) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{os.Args[0]}, words...), Env: []string{}, Dir: "/", SysProcAttr: &unix.SysProcAttr{Setsid: true}}
}

// OwnPath returns the path under which au calls itself again in commands that it prints: where the front program is what is called
// au, that one's.
func (h *Host) OwnPath() (string, error) {
	path, err := h.Executable()
	if err != nil || filepath.Base(path) != start.Complete {
		return path, err
	}
	for _, front := range []string{"../../bin/au", "au"} {
		front = filepath.Join(filepath.Dir(path), front)
		if info, err := os.Stat(front); err == nil && info.Mode().IsRegular() {
			return front, nil
		}
	}
	return path, nil
}

// hinted is an error with a command to paste.
type hinted struct {
	error
	hint string
}

// WithHint adds the command to paste to an error.
func WithHint(err error, command string) error { return hinted{err, command} }

func (h hinted) Unwrap() error { return h.error }

// Hint is the command.
func (h hinted) Hint() string { return h.hint }
