// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// settleFor is how long a file that is written to has to be left alone before it is read. One that is put in its place is whole.
var settleFor = 50 * time.Millisecond

// watch tells changed, until ctx is done, when the file at path was written or
// another was put in its place. The folder is watched, since a rename changes it
// and not the file.
func watch(ctx context.Context, path string, changed chan<- struct{}) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	const events = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_DELETE
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), events); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("inotify_add_watch", err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	context.AfterFunc(ctx, func() { file.Close() })
	go readEvents(file, filepath.Base(path), changed)
	return nil
}

func readEvents(file *os.File, name string, changed chan<- struct{}) {
	buf := make([]byte, 4096)
	for {
		n, err := file.Read(buf)
		if err != nil {
			return
		}
		concerned, whole := concerns(buf[:n], name)
		if !concerned {
			continue
		}
		if !whole {
			time.Sleep(settleFor)
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// concerns reports whether one of the events in buf is about name, or whether
// events were lost; and whether the file is whole, since the last of them put
// another in its place.
func concerns(buf []byte, name string) (concerned, whole bool) {
	for len(buf) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(buf[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[12:]))
		if end > len(buf) {
			return true, false
		}
		about, _, _ := bytes.Cut(buf[unix.SizeofInotifyEvent:end], []byte{0})
		if string(about) == name || mask&unix.IN_Q_OVERFLOW != 0 {
			concerned, whole = true, mask&unix.IN_MOVED_TO != 0
		}
		buf = buf[end:]
	}
	return concerned, whole
}
