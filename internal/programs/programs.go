// SPDX-License-Identifier: GPL-3.0-or-later

// Package programs says where the programs are that au runs, and with which environment: where only root can have put them, and one
// that is the same whoever calls. The caller's PATH says nothing.
package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/a4u2/au/internal/walk"
)

// folders are where programs are looked for. NixOS has its set-uid ones in the first, and the system's in the last.
var folders = []string{"/run/wrappers/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin"}

// packaged is the file in which a package names more folders, as PATH does: seen from bin/au, and from libexec/au/au-complete.
var packaged = []string{"../libexec/au/path", "../../libexec/au/path"}

// root is the trust in what is root's alone.
var root = walk.Trust{Owners: []uint32{0}, Shared: true}

// trusted returns those of the folders that only root can write, and onHost those among them that do not belong to au's package.
var (
	trusted = sync.OnceValue(func() []string { return trustedOf(slices.Concat(folders, fromPackage())) })
	onHost  = sync.OnceValue(func() []string { return trustedOf(folders) })
)

func trustedOf(some []string) []string {
	var all, real []string
	for _, folder := range some {
		if path, err := find(folder); err == nil && !slices.Contains(real, path) {
			all, real = append(all, folder), append(real, path)
		}
	}
	return all
}

// fromPackage reads what a package says, where only root can have written it.
func fromPackage() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	for _, file := range packaged {
		if text, err := readOfRoot(filepath.Join(filepath.Dir(self), file)); err == nil {
			return filepath.SplitList(strings.TrimSpace(string(text)))
		}
	}
	return nil
}

// readOfRoot reads a file, if only root can have chosen what is in it.
func readOfRoot(path string) ([]byte, error) {
	place, err := walk.To("/", path, root.Judge)
	if err != nil {
		return nil, err
	}
	defer place.Close()
	if place.File < 0 {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", place.File))
}

// find returns where a path leads, if only root can have chosen that.
func find(path string) (string, error) {
	place, err := walk.To("/", path, root.Judge)
	if err != nil {
		return "", err
	}
	place.Close()
	if len(place.Missing) > 0 {
		return "", fs.ErrNotExist
	}
	return place.Path, nil
}

// Find returns the path of a program: itself where it is absolute, else in the first of the folders that has it.
func Find(name string) (string, error) { return findIn(trusted(), name) }

// FindOnHost is Find for a program that others run too: sudo(8), where it allows single commands, and the copy of au that the units
// of an agent's network have. Neither knows of the folders that a package names.
func FindOnHost(name string) (string, error) { return findIn(onHost(), name) }

func findIn(folders []string, name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			continue
		}
		_, err := find(path)
		if err == nil {
			return path, nil
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return "", fmt.Errorf("look for %s: %w", name, err)
		}
	}
	// Where no file can be opened, no folder is known to be root's.
	top, err := os.Open("/")
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", name, err)
	}
	top.Close()
	return "", fmt.Errorf("%s: not in %s", name, strings.Join(folders, ":"))
}

// kept are the caller's variables that programs get, too: those that only say how to talk to the person at the terminal, and, for
// sudo(8), where the person's own keys are. None of them says what is done.
var kept = []string{"TERM", "NO_COLOR", "SSH_AUTH_SOCK"}

// Environ returns the environment of every program that au runs.
func Environ() []string {
	env := []string{"PATH=" + strings.Join(trusted(), ":"), "LC_ALL=C"}
	for _, name := range kept {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Command returns the program as it can be started. Where there is none, starting it says so.
func Command(argv ...string) *exec.Cmd { return CommandContext(context.Background(), argv...) }

// CommandContext is Command for a program that ends with ctx.
func CommandContext(ctx context.Context, argv ...string) *exec.Cmd {
	path, err := Find(argv[0])
	if err != nil {
		path = "/"
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Env, cmd.Err = argv, Environ(), err
	if apart.Load() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM} // no key reaches it
	}
	return cmd
}

var apart atomic.Bool

// Apart starts each program from here on in a session of its own, where it has no terminal to type into, and ends it with this one.
func Apart() { apart.Store(true) }

// Output returns what a program prints on standard output.
func Output(argv ...string) ([]byte, error) {
	var out bytes.Buffer
	cmd := Command(argv...)
	cmd.Stdout, cmd.WaitDelay = &out, HeldTime
	err := Ended(cmd.Run())
	return out.Bytes(), err
}

// HeldTime is how long somebody waits for the rest of what a program has printed, once it has ended: a process that it leaves
// behind may hold its output for ever.
const HeldTime = time.Second

// Ended is the error of a program that may have left such a process behind, which is none.
func Ended(err error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
