// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// The machine that au works on. Tests, which are not root, put one in its place that is made of files and keeps their owners elsewhere;
// nothing else sets these.
var (
	hostRoot    string    // stands before every path that facts are read from
	rootUID     uint32    // owns what only root may change
	getuid                = os.Getuid
	getgid                = os.Getgid
	getgroups             = os.Getgroups
	lstatFile             = os.Lstat
	readDir               = os.ReadDir
	statfs                = unix.Statfs
	execute               = (*exec.Cmd).Run // of every program that au waits for
	executable            = os.Executable
	findProgram           = programs.Find
	openProgram           = csrc.Open
	stampOf               = csrc.Stamp
	random      io.Reader = rand.Reader
	itself                = startItself
)

// machine is the same for what the front program shares.
func machine() start.Machine {
	return start.Machine{Root: hostRoot, RootUID: rootUID, Open: openProgram, Stamp: stampOf, Lstat: lstatFile, ReadDir: readDir, Ask: ask}
}

// output returns what a program prints on standard output.
func output(name string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	cmd := programs.Command(append([]string{name}, args...)...)
	cmd.Stdout = &out
	err := execute(cmd)
	return out.Bytes(), err
}

// systemctlShow returns what `systemctl show` says. A bus or a systemd that is stopped answers never, and is an error.
func systemctlShow(words ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), step.AnswerTime)
	defer stop()
	var out bytes.Buffer
	cmd := programs.CommandContext(ctx, append([]string{"systemctl", "show"}, words...)...)
	cmd.Stdout, cmd.WaitDelay = &out, time.Second
	err := execute(cmd)
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", step.AnswerTime)
	}
	return out.Bytes(), err
}

// startItself returns this program as it can be started for a part of its work, as the same user. It has nothing of ours: no environment, folder, terminal or
// file, so that nobody who waits for our end waits for its.
func startItself(words ...string) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{os.Args[0]}, words...), Env: []string{}, Dir: "/", SysProcAttr: &unix.SysProcAttr{Setsid: true}}
}
