// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// The kernel hands out the output of a terminal in pieces of up to 4 KiB.
const (
	typedSize   = 4 << 10
	writtenSize = 64 << 10
	muchWritten = 256 << 10 // from here on more processors make it quicker
)

// passKeys passes on what the human types while reading is on, until the
// human's terminal is gone, which it notices in any case.
func (r *run) passKeys() {
	defer r.restoreOnPanic()
	buffer := r.typed
	for {
		polled := []unix.PollFd{{Fd: int32(r.wakeKeys), Events: unix.POLLIN}, {Fd: int32(r.keys)}}
		reading := r.reading.Load()
		if reading {
			polled[1].Events = unix.POLLIN
		}
		poll(polled)
		if polled[0].Revents != 0 {
			rested(r.wakeKeys)
			continue
		}
		// Nobody need have sent SIGHUP: under su, its session's leader has it.
		if !reading || r.lost() {
			r.hangUp()
			return
		}
		// It may have been switched off while this was waiting.
		if !r.reading.Load() {
			continue
		}
		if !r.foreground() {
			r.reading.Store(false)
			select {
			case r.continued <- unix.SIGCONT: // for mend to see to it
			default:
			}
			continue
		}
		n, err := unix.Read(r.keys, buffer)
		switch {
		case err == unix.EINTR || err == unix.EAGAIN:
		case err == unix.EIO && !r.foreground(): // it was taken from us meanwhile
		case err != nil || n == 0:
			r.hangUp()
			return
		case !r.inSession() && r.signalFor(buffer[:n]) != 0:
			r.signals <- r.signalFor(buffer[:n]) // for forward to see to it
		case writeAll(r.master, buffer[:n]) != nil:
			return
		}
	}
}

// passOutput passes on what the run writes, until nothing can come any more.
// Whenever it is woken it says when all that was written before is on the
// screen, and, where the run was killed, what it left on there is off.
func (r *run) passOutput() {
	defer r.restoreOnPanic()
	defer close(r.drained)
	buffer, passed := r.written, 0
	o := output{run: r, screen: r.screen}
	for {
		polled := []unix.PollFd{{Fd: int32(r.wakeScreen), Events: unix.POLLIN}, {Fd: int32(r.master), Events: unix.POLLIN}}
		poll(polled)
		if polled[1].Revents == 0 && polled[0].Revents != 0 {
			rested(r.wakeScreen)
			if r.killed.Load() {
				o.tidy()
			}
			select {
			case r.drained <- struct{}{}:
			default: // nobody took the answer before
			}
			continue
		}
		n, open := r.collect(buffer)
		if passed += n; passed >= muchWritten {
			r.hurry()
		}
		o.pass(buffer[:n])
		if !open {
			return
		}
	}
}

// An output is the human's screen, and what the run has switched on there.
type output struct {
	*run
	screen int // -1 for nowhere
	on     modes
}

// pass shows data as it is.
func (o *output) pass(data []byte) {
	for len(data) > 0 {
		n, over := o.on.track(data)
		o.show(data[:n])
		if over {
			o.tidy()
		}
		data = data[n:]
	}
}

// tidy switches off what is on. In the background the screen is somebody else's by now.
func (o *output) tidy() {
	if o.foreground() {
		o.show(o.on.off())
	}
}

func (o *output) show(data []byte) {
	if o.screen >= 0 && writeAll(o.screen, data) != nil {
		o.screen = -1
		o.hangUp()
	}
}

// collect reads what is there, and reports whether more can come.
func (r *run) collect(buffer []byte) (n int, open bool) {
	for n < len(buffer) {
		got, err := unix.Read(r.master, buffer[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return n, true
		case err != nil || got == 0:
			return n, false
		}
		n += got
	}
	return n, true
}

// drain returns when what the run has written is on the screen, or when
// impatient or the end of the screen says so.
func (r *run) drain(impatient <-chan struct{}) {
	wake(r.wakeScreen)
	select {
	case <-r.drained:
	case <-impatient:
	}
}

// writeAll writes to a descriptor that may have been made not to block; the
// human's is shared with other programs, and some do that.
func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		switch {
		case err == unix.EAGAIN:
			poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}})
		case err != nil && err != unix.EINTR:
			return err
		}
		data = data[max(n, 0):]
	}
	return nil
}

// poll waits until one of the descriptors has something. The caller's next
// step shows whether it was interrupted.
func poll(fds []unix.PollFd) {
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return
		}
	}
}

func wake(eventfd int) {
	unix.Write(eventfd, binary.NativeEndian.AppendUint64(nil, 1))
}

// rested forgets all wakes.
func rested(eventfd int) {
	var count [8]byte
	unix.Read(eventfd, count[:])
}
