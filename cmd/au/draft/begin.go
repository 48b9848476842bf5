// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// CheckName refuses what no draft can be called: what no agent can.
func CheckName(name string) error {
	if !regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,24}$`).MatchString(name) {
		return fmt.Errorf("draft %q: want a name of a-z, 0-9, _ and -, at most 25, that begins with a letter or _", name)
	}
	return nil
}

// KeyOf names the state of a folder's draft of that name.
func KeyOf(name, folder string) string {
	sum := sha256.Sum256([]byte(folder))
	return name + "-" + hex.EncodeToString(sum[:8])
}

// Wanted is a draft that is to be there.
type Wanted struct {
	Name, Agent, Folder string
	Hide                []string
	Shown               bool // nothing is hidden by default
	Now                 time.Time
}

// Begin returns the draft of that name and folder, and makes it where there is none.
func (s *Store) Begin(w Wanted) (*Draft, error) {
	if err := CheckName(w.Name); err != nil {
		return nil, err
	}
	d, err := s.open(KeyOf(w.Name, w.Folder))
	switch {
	case err == nil:
		if err := d.accept(w); err != nil {
			return nil, err
		}
		if !d.Ended {
			return d, nil
		}
		d.Close()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := s.make(w); errors.As(err, new(*Busy)) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("draft %q of %q: %w", w.Name, w.Folder, err)
	}
	if d, err = s.open(KeyOf(w.Name, w.Folder)); err == nil {
		err = d.accept(w) // another au may have been the first
	}
	return d, err
}

// accept refuses a draft that is another agent's, or that a keep has half-way.
func (d *Draft) accept(w Wanted) (err error) {
	switch {
	case d.Unfinished():
		if unlock, busy := d.Lock(); busy != nil {
			err = busy
		} else {
			unlock()
			err = &HalfKept{d.Name, w.Folder}
		}
	case d.Agent != w.Agent && !d.Ended:
		err = fmt.Errorf("draft %q of %q is agent %q's: want another name for it, by --as", d.Name, w.Folder, d.Agent)
	}
	if err != nil {
		d.Close()
	}
	return err
}

// HalfKept is a draft of which a keep or an undo was killed.
type HalfKept struct{ Name, Folder string }

func (u *HalfKept) Error() string {
	return fmt.Sprintf("draft %q of %s was being kept when that was killed: want au draft keep, which finishes it, or au draft undo", u.Name, quote.Name(u.Folder))
}

// make makes the state of a draft; draft.json comes last, and without it there is no draft.
func (s *Store) make(w Wanted) error {
	key := KeyOf(w.Name, w.Folder)
	folder, err := openPlace(w.Folder)
	if err != nil {
		return err
	}
	defer folder.close()
	var st unix.Stat_t
	if err := unix.Fstat(folder.fd, &st); err != nil {
		return err
	}
	if err := unix.Mkdirat(s.fd, key, 0o700); err != nil && err != unix.EEXIST {
		return s.failed("make", key, err)
	}
	state, err := s.sub(key)
	if err != nil {
		return err
	}
	defer state.close()
	unlock, err := (&Draft{Info: Info{Name: w.Name, Agent: w.Agent, Folder: config.Path(w.Folder)}, state: state}).Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, begun, err := state.exists("draft.json"); err != nil || begun {
		return err // by another au, meanwhile
	}
	info := Info{Version: version, Name: w.Name, Agent: w.Agent, Folder: config.Path(w.Folder), Since: w.Now.UTC().Truncate(time.Second), Device: st.Dev, Inode: st.Ino,
		Hide: w.Hide, Shown: w.Shown, Head: gitHead(folder)}
	if info.Handle, err = folder.handle(""); err != nil {
		return folder.failed("name", "", err)
	}
	if err := state.fresh(st); err != nil {
		return err
	}
	return state.writeJSON("draft.json", info)
}

// fresh makes the empty halves of an overlay over a folder, and the stamp.
func (p place) fresh(st unix.Stat_t) error {
	for _, name := range []string{"upper", "work", "modes", "hide", "hidden", "known", "stamp"} {
		if err := p.removeTree(name); err != nil {
			return err
		}
	}
	for _, name := range []string{"upper", "work"} {
		if err := unix.Mkdirat(p.fd, name, 0o700); err != nil {
			return p.failed("make", name, err)
		}
	}
	// The merged folder has the mode and the times of the upper one.
	fd, err := p.open("upper", unix.O_RDONLY|unix.O_DIRECTORY)
	if err == nil {
		err = errors.Join(unix.Fchmod(fd, st.Mode&0o7777), unix.UtimesNanoAt(fd, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH))
		unix.Close(fd)
	}
	if err != nil {
		return p.failed("make", "upper", err)
	}
	return p.write("stamp", nil)
}
