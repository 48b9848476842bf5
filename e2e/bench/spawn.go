// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A person is a user of the machine.
type person struct {
	name string
	id   uint32 // uid and gid
	more []uint32
}

// A command is something to start.
type command struct {
	argv []string
	as   *person // nil: root
	dir  string  // the person's home when empty
	home string  // what $HOME says, where it is another folder
	env  []string
	pty  bool // on a terminal of its own
}

// A cost is what a command took: on the clock, and on the processors, by itself and those it waited for.
type cost struct{ wall, cpu time.Duration }

func (c command) environ() []string {
	name, home := "root", "/root"
	if c.as != nil {
		name, home = c.as.name, "/home/"+c.as.name
	}
	if c.home != "" {
		home = c.home
	}
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "USER=" + name, "LOGNAME=" + name, "LANG=C.UTF-8", "TERM=xterm", "SHELL=/bin/bash",
	}, c.env...)
}

func (c command) attr(files [3]uintptr) *syscall.ProcAttr {
	attr := &syscall.ProcAttr{Dir: c.dir, Env: c.environ(), Files: files[:], Sys: &syscall.SysProcAttr{}}
	if attr.Dir == "" {
		attr.Dir = "/root"
	}
	if c.as != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: c.as.id, Gid: c.as.id, Groups: c.as.more}
		if c.dir == "" {
			attr.Dir = "/home/" + c.as.name
		}
	}
	if c.pty {
		attr.Sys.Setsid, attr.Sys.Setctty, attr.Sys.Ctty = true, true, 0
	}
	return attr
}

// program returns where the command's program is: found once, and not in the time that is measured.
func (c command) program() (string, error) {
	return exec.LookPath(c.argv[0])
}

var null = func() *os.File {
	f, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	exitOn(err)
	return f
}()

// said takes what commands complain of, one after the other.
var said = func() *os.File {
	fd, err := unix.MemfdCreate("said", unix.MFD_CLOEXEC)
	exitOn(err)
	return os.NewFile(uintptr(fd), "said")
}()

// once runs the command to its end; what it prints is thrown away unless it fails.
func (c command) once() (cost, error) {
	path, err := c.program()
	if err != nil {
		return cost{}, err
	}
	files := [3]uintptr{null.Fd(), null.Fd(), said.Fd()}
	said.Truncate(0)
	said.Seek(0, io.SeekStart)
	if c.pty {
		t, err := openTerminal()
		if err != nil {
			return cost{}, err
		}
		defer t.close()
		t.drain()
		fd := t.slave.Fd()
		files = [3]uintptr{fd, fd, fd}
	}
	attr := c.attr(files)
	start := time.Now()
	pid, err := syscall.ForkExec(path, c.argv, attr)
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w", c.argv[0], err)
	}
	status, usage, err := wait(pid)
	spent := cost{wall: time.Since(start), cpu: usage}
	if err == nil && status.ExitStatus() != 0 {
		err = fmt.Errorf("%s: status %d: %s", strings.Join(c.argv, " "), status.ExitStatus(), heard())
	}
	return spent, err
}

// wait waits for a child as wait4 does, and returns the processor time of it and of what it waited for.
func wait(pid int) (syscall.WaitStatus, time.Duration, error) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		_, err := syscall.Wait4(pid, &status, 0, &usage)
		if err == syscall.EINTR {
			continue
		}
		return status, time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
	}
}

// output runs the command and returns what it printed on standard output.
func (c command) output() (string, error) {
	cmd, out, words := c.cmd()
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(c.argv, " "), err, tail(words.String()))
	}
	return out.String(), nil
}

// heard is the end of what the last command complained of.
func heard() string {
	said.Seek(0, io.SeekStart)
	text, _ := io.ReadAll(said)
	return tail(string(text))
}

func (c command) cmd() (cmd *exec.Cmd, out, words *bytes.Buffer) {
	c.pty = false
	attr := c.attr([3]uintptr{})
	cmd = exec.Command(c.argv[0], c.argv[1:]...)
	out, words = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = attr.Dir, attr.Env, attr.Sys, out, words
	return cmd, out, words
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
