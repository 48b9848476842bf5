// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Files tells when something in folders was made, written, moved or taken away. Those of the kernel's cgroups tell, too.
type Files struct {
	Told <-chan struct{} // several changes may be told as one

	fd      int
	file    *os.File
	folders map[string]func(name string) bool // which names in it are of interest

	mu sync.Mutex
	by map[int32]func(name string) bool // the same by the kernel's number
}

// WatchFiles begins to watch folders, of which only the names matter that each says, until ctx ends.
func WatchFiles(ctx context.Context, folders map[string]func(name string) bool) (*Files, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", os.NewSyscallError("inotify_init1", err))
	}
	told := make(chan struct{}, 1)
	f := &Files{Told: told, fd: fd, file: os.NewFile(uintptr(fd), "inotify"), folders: folders, by: map[int32]func(string) bool{}}
	context.AfterFunc(ctx, func() { f.file.Close() })
	go f.tell(told)
	return f, nil
}

// Again watches what is at the paths of the folders by now, and reports whether all of them are there. A caller of it before each
// look misses no change after that look.
func (f *Files) Again() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := true
	for path, matters := range f.folders {
		// Where it is watched already this changes nothing, and returns the same number.
		at, err := unix.InotifyAddWatch(f.fd, path, unix.IN_CREATE|unix.IN_DELETE|unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_ONLYDIR)
		if err != nil {
			all = false
			continue
		}
		f.by[int32(at)] = matters
	}
	return all
}

// tell says on told that something of interest was heard, until the file is closed.
func (f *Files) tell(told chan<- struct{}) {
	buf := make([]byte, 16<<10)
	for {
		n, err := f.file.Read(buf)
		if err != nil {
			return
		}
		if !f.concern(buf[:n]) {
			continue
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// concern reports whether one of the events in buf is of interest, as the loss of a folder itself or of events is.
func (f *Files) concern(buf []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(buf) >= unix.SizeofInotifyEvent {
		at, mask := int32(binary.NativeEndian.Uint32(buf)), binary.NativeEndian.Uint32(buf[4:])
		end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:])), len(buf))
		name, _, _ := bytes.Cut(buf[unix.SizeofInotifyEvent:end], []byte{0})
		matters := f.by[at]
		if mask&(unix.IN_IGNORED|unix.IN_Q_OVERFLOW) != 0 {
			delete(f.by, at)
			return true
		}
		if matters != nil && matters(string(name)) {
			return true
		}
		buf = buf[end:]
	}
	return false
}
