// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Before a system call that may wait Go's scheduler wakes a thread to watch it,
// which for a few small messages costs a seventh of all that the daemon does, and
// takes a core from the client or the server. Sockets here never wait inside a
// call: there is the poller for that. So what is small is read and written by
// calls that the scheduler does not hear of.

// One turn of so many is a usual call all the same. The thread that watches also
// sees to it that a goroutine for which there is always more does not keep the one
// core from others.
const watchedTurn = 32

// readNow reads what the socket has now; EAGAIN says that there is nothing.
func readNow(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// writeNow writes what the socket has room for now, and returns the rest; EAGAIN
// says that there is one.
func writeNow(fd uintptr, p []byte) ([]byte, error) {
	for len(p) > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			p = p[n:]
		case unix.EINTR:
		default:
			return p, errno
		}
	}
	return nil, nil
}

// A quickWriter writes to a connection so, for one goroutine at a time.
type quickWriter struct{ raw syscall.RawConn }

func newQuickWriter(conn *net.TCPConn) (quickWriter, error) {
	raw, err := conn.SyscallConn()
	return quickWriter{raw}, err
}

// Write waits for room where there is none, as long as the connection's deadline
// lets it.
func (w quickWriter) Write(p []byte) (int, error) {
	left, writeErr := p, error(nil)
	err := w.raw.Write(func(fd uintptr) bool {
		left, writeErr = writeNow(fd, left)
		return writeErr != unix.EAGAIN
	})
	if err == nil {
		err = writeErr
	}
	return len(p) - len(left), err
}
