// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// carryOutCmd is the half of other commands that is root: it reads one plan whole from standard input, carries it out and ends. It gives nobody a right: who may
// start it as root may do anything as root.
type carryOutCmd struct{}

func (c *carryOutCmd) Run(a *app) error {
	switch {
	case os.Getuid() != 0 || os.Geteuid() != 0:
		return errors.New("carry-out is the half of other commands that is root, and they start it")
	case term.IsTerminal(0):
		return errors.New("carry-out reads a plan from standard input, and other commands give it one")
	}
	plan, err := step.ReadPlan(os.Stdin, version)
	if err == nil {
		err = forgetCaller()
	}
	if err != nil {
		return exitError(step.Refuse(os.Stdout, err))
	}
	ctx := context.Background()
	if plan.TakeBack {
		signal.Ignore(step.Endings...)
	} else {
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, step.Endings...)
		defer stop()
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the plan goes on when nobody reads what it prints
	return exitError(plan.CarryOut(ctx, a.host.Root, os.Stdout, planLock(a.host, a.err), (*exec.Cmd).Run))
}

// forgetCaller leaves nothing of what the caller of a process of root's chose for it: environment, folder, umask and limits.
func forgetCaller() error {
	os.Clearenv()
	unix.Umask(0o022)
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	for _, limit := range []int{unix.RLIMIT_FSIZE, unix.RLIMIT_CPU, unix.RLIMIT_AS, unix.RLIMIT_DATA, unix.RLIMIT_NPROC} {
		_ = unix.Setrlimit(limit, &none) // a container's root may not
	}
	return os.Chdir("/")
}

// planLock returns the lock that one plan at a time holds on this machine. Root alone can open it: anyone who can open a file can hold a lock on it.
func planLock(h *host.Host, errw io.Writer) step.Lock {
	return func(ctx context.Context) (func(), error) {
		f, err := os.OpenFile(h.Root+"/run/au-plan.lock", os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		said := false
		for {
			err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			if err == nil {
				return func() { f.Close() }, nil
			}
			if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
				f.Close()
				return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
			}
			if !said {
				fmt.Fprintln(errw, "au: waiting for another au that changes this machine")
				said = true
			}
			select {
			case <-ctx.Done():
				f.Close()
				return nil, context.Cause(ctx)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}
