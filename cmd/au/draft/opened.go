// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Files and folders that are closed to their owner, the human, are opened up for a moment: for as long as one thing takes. Their
// modes are noted before. If a command is killed in that moment, the next one gives them back.

// openedFile holds the notes, in the order in which things were opened up.
const openedFile = "opened"

// notes are where a draft's places note what they open up.
type notes struct {
	state place
	pause func() // the draft's
}

// opening is a note.
type opening struct {
	Paths   [][]byte // absolute; where it is, and where it will be if it is renamed meanwhile
	Handle  []byte
	Was, Is uint32 // its modes, before and meanwhile
	Mtime   int64  // of the folder's top, in nanoseconds: it keeps its time; 0 elsewhere
	Since   int64  // when it was opened up
}

// shortly is how long after that a change of the top can be that of the killed command.
const shortly = time.Second

// whileOpen does f with an open file that is meanwhile what the note says.
func (p place) whileOpen(fd int, note opening, f func() error) error {
	if p.notes == nil {
		return unix.EACCES
	}
	at, err := os.Readlink(procPath(fd))
	if err == nil {
		note.Handle, err = handleAt(fd, "", unix.AT_EMPTY_PATH)
	}
	if err != nil {
		return &fs.PathError{Op: "open up", Path: at, Err: err}
	}
	note.Paths, note.Since = append(note.Paths, []byte(at)), now().UnixNano()
	forget, err := p.notes.add(note)
	if err != nil {
		return err
	}
	pause := func() {}
	if note.Is != note.Was {
		pause = p.notes.pause
		err = unix.Chmod(procPath(fd), note.Is)
	}
	if err != nil {
		return errors.Join(&fs.PathError{Op: "open up", Path: at, Err: err}, forget())
	}
	pause()
	err = f()
	pause()
	if closed := note.giveBack(fd); closed != nil { // the note stays
		return errors.Join(err, closed)
	}
	if left := forget(); left != nil {
		return errors.Join(err, left)
	}
	return err
}

// giveBack makes an open file what the note says of it.
func (o opening) giveBack(fd int) (err error) {
	if o.Is != o.Was {
		err = unix.Chmod(procPath(fd), o.Was)
	}
	if err == nil && o.Mtime != 0 {
		err = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(fd), []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(o.Mtime)}, 0)
	}
	return err
}

// add notes something; forget takes that note away again, the last one first.
func (n *notes) add(o opening) (forget func() error, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	size, err := n.state.appendWhole(openedFile, append(text, '\n'))
	return func() error { return n.state.cut(openedFile, size) }, err
}

// closeOpened gives what a killed command had opened up what the notes say. The caller holds the lock.
func (d *Draft) closeOpened() error {
	text, err := d.state.readAll(openedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var all []opening
	for lines := json.NewDecoder(bytes.NewReader(text)); err == nil; {
		var o opening
		if lines.Decode(&o) != nil { // the end, or a note that a kill cut off: nothing was opened up then
			break
		}
		all = append(all, o)
	}
	for _, o := range slices.Backward(all) {
		if err = errors.Join(err, o.close()); err != nil {
			return d.state.failed("close what was opened up by", openedFile, err)
		}
	}
	return errors.Join(err, d.state.removeTree(openedFile))
}

// close gives back what was opened up, where that is there still and nobody has given it another mode since.
func (o opening) close() error {
	for _, at := range o.Paths {
		fd, err := openat2(unix.AT_FDCWD, string(at), unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS})
		if err != nil {
			continue
		}
		err = o.closeThis(fd)
		unix.Close(fd)
		if err != nil && err != unix.EPERM { // it is another's by now
			return err
		}
	}
	return nil
}

func (o opening) closeThis(fd int) error {
	var st unix.Stat_t
	handle, err := handleAt(fd, "", unix.AT_EMPTY_PATH)
	if err != nil || !bytes.Equal(handle, o.Handle) || unix.Fstat(fd, &st) != nil || st.Mode&0o7777 != o.Is {
		return nil
	}
	if st.Mtim.Nano() > o.Since+int64(shortly) { // the human has changed the folder since
		o.Mtime = 0
	}
	return o.giveBack(fd)
}
