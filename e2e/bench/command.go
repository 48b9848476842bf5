// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// A command is something to start.
type command struct {
	argv   []string
	dir    string // "": its person's home
	human  bool   // alice, else root
	config string // what is alice's config meanwhile
	env    []string
	pty    bool // on a terminal of its own
	stdout *os.File
}

func root(words string) command { return command{argv: strings.Fields(words)} }

func onTerminal(c command) command {
	c.pty = true
	return c
}

// A cost is what a command took: on the clock, and on the processors, by itself and those it waited for.
type cost struct{ wall, cpu time.Duration }

// cmd finds the command's program and returns it as a process to start.
func (c command) cmd() *exec.Cmd {
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	name, home := "root", "/root"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: c.pty, Setctty: c.pty}
	if c.human {
		name, home = "alice", homeDir
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: alice, Gid: alice, Groups: []uint32{alice, 27}}
	}
	cmd.Dir = cmp.Or(c.dir, home)
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "PWD=" + cmd.Dir, "USER=" + name, "LOGNAME=" + name, "LANG=C.UTF-8", "TERM=xterm", "SHELL=/bin/bash",
	}, c.env...)
	return cmd
}

// place puts the command's config where alice's is, and returns what puts hers back.
func (c command) place() func() {
	if c.config == "" {
		return func() {}
	}
	exitOn(errors.Join(os.Rename(configPath, configPath+".hers"), os.Link(c.config, configPath)))
	return func() { exitOn(os.Rename(configPath+".hers", configPath)) }
}

// Commands read null and print to it. They complain into said, and output reads told, one after the other.
var null, said, told = func() (*os.File, *os.File, *os.File) {
	null, wrong := os.OpenFile("/dev/null", os.O_RDWR, 0)
	said, err := os.CreateTemp("", "said")
	told, err2 := os.CreateTemp("", "told")
	exitOn(errors.Join(wrong, err, err2, os.Remove(said.Name()), os.Remove(told.Name())))
	return null, said, told
}()

func contents(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	exitOn(err)
	return string(text)
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// A running is a command that was started.
type running struct {
	*exec.Cmd
	terminal *os.File // what a window has of it; nil: none
	began    time.Time
	putBack  func()
}

// start starts the command, with all that has to be there for it: that is not in the time that is measured.
func (c command) start() (*running, error) {
	r := &running{Cmd: c.cmd(), putBack: c.place()}
	r.Stdin, r.Stdout, r.Stderr = null, cmp.Or(c.stdout, null), said
	if c.pty {
		terminal, slave, err := pty.Open()
		exitOn(err)
		defer slave.Close()
		// A login gives it to the human; here it is anybody's. It is read as a window does, not by way of Go's poller.
		exitOn(errors.Join(slave.Chmod(0o666), pty.Setsize(terminal, &pty.Winsize{Rows: 50, Cols: 120}), syscall.SetNonblock(int(terminal.Fd()), false)))
		r.terminal, r.Stdin, r.Stdout, r.Stderr = terminal, slave, slave, slave
	}
	r.began = time.Now()
	return r, r.Start()
}

// drain reads what is shown, beside what follows, until the terminal is gone.
func (r *running) drain() *running {
	if r.terminal != nil {
		go io.Copy(io.Discard, r.terminal)
	}
	return r
}

// wait waits for the end, and returns what it took.
func (r *running) wait() (cost, error) {
	err := r.Wait()
	spent := cost{wall: time.Since(r.began), cpu: r.ProcessState.UserTime() + r.ProcessState.SystemTime()}
	r.putBack()
	if r.terminal != nil {
		r.terminal.Close()
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(r.Args, " "), err, tail(contents(said)))
	}
	return spent, err
}

// once runs the command to its end; what it prints is thrown away unless it fails.
func (c command) once() (cost, error) {
	exitOn(errors.Join(empty(said), empty(told)))
	r, err := c.start()
	if err != nil {
		return cost{}, err
	}
	return r.drain().wait()
}

func empty(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(f.Truncate(0), err)
}

// output runs the command and returns what it printed on standard output. All ends where it fails.
func (c command) output() string {
	c.pty, c.stdout = false, told
	_, err := c.once()
	exitOn(err)
	return contents(told)
}

// atOnce starts n of a command and waits for all.
func (c command) atOnce(n int) (total cost, failed error) {
	began := time.Now()
	var all []*running
	for range n {
		r, err := c.start()
		if err != nil {
			failed = err
			break
		}
		all = append(all, r)
	}
	for _, r := range all {
		spent, err := r.wait()
		total.cpu, failed = total.cpu+spent.cpu, cmp.Or(failed, err)
	}
	total.wall = time.Since(began)
	return total, failed
}
