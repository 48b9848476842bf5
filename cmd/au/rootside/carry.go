// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// CarryOut reads one plan of this version of au whole, carries it out and returns the exit status. It gives nobody a right: who may
// start it as root may do anything as root.
func (r *Root) CarryOut(in io.Reader, version string) int {
	plan, err := step.ReadPlan(in, version)
	if err == nil {
		err = forgetCaller()
	}
	if err != nil {
		return step.Refuse(os.Stdout, err)
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
	return plan.CarryOut(ctx, r.host.Root, os.Stdout, PlanLock(r.host, r.err), r.host.Execute)
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

// PlanLock returns the lock that one plan at a time holds on this machine. The steps of a plan take the other lock, one by one.
func PlanLock(h *host.Host, errw io.Writer) step.Lock {
	return func(ctx context.Context) (func(), error) {
		f, err := openLock(h.Root + "/run/au-plan.lock")
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
