// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"net"
	"sync"
	"time"
)

// restAfter is how long nothing has to be open until the daemon ends, where systemd holds its sockets and starts it again.
const restAfter = time.Minute

// An idler tells on tired when nothing has been open for a while. It has one deadline, which the last end of something sets: while
// something is open no timer of its runs. It is safe for concurrent use.
type idler struct {
	after time.Duration // zero: it never tells
	tired chan struct{}

	mu    sync.Mutex
	open  int
	timer *time.Timer
}

func newIdler(after time.Duration) *idler {
	return &idler{after: after, tired: make(chan struct{}, 1)}
}

// enter says that something is open from now on, until leave.
func (i *idler) enter() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.open++
	if i.timer != nil {
		i.timer.Stop()
	}
}

// leave says that one thing less is open.
func (i *idler) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.open--; i.open == 0 {
		i.wait()
	}
}

// touch says that something was there for a moment, or is still to come.
func (i *idler) touch() {
	i.enter()
	i.leave()
}

// wait sets the deadline. i.mu is held.
func (i *idler) wait() {
	switch {
	case i.after <= 0:
	case i.timer == nil:
		i.timer = time.AfterFunc(i.after, i.tell)
	default:
		i.timer.Reset(i.after)
	}
}

func (i *idler) tell() {
	select {
	case i.tired <- struct{}{}:
	default:
	}
}

// quiet reports whether nothing is open.
func (i *idler) quiet() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.open == 0
}

// rest takes no more connections and questions, and reports whether nothing is open then. If something was taken at the last
// moment, it is served, and more is taken again. All that comes later waits in the sockets, which systemd has as well, for the next
// daemon.
func (d *daemon) rest(ctx context.Context, s Sockets, taking *sync.WaitGroup) bool {
	s.setDeadline(past)
	taking.Wait()
	if d.idle.quiet() {
		return true
	}
	s.setDeadline(time.Time{})
	d.start(ctx, s, taking)
	return false
}

// setDeadline is for what waits on s for something new.
func (s Sockets) setDeadline(at time.Time) {
	for _, ln := range append(append([]*net.TCPListener(nil), s.Proxy...), s.DNS...) {
		_ = ln.SetDeadline(at) // fails only on a closed one, as the rest of these do
	}
	for _, conn := range s.UDP {
		_ = conn.SetReadDeadline(at)
	}
}
