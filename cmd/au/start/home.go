// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// HomeOpenings returns how others can enter the human's home; the config can say that this is wanted.
func (m Machine) HomeOpenings(human accounts.User, known *config.Config) ([]share.Opening, error) {
	if known.DisableHomeAccessCheck {
		return nil, nil
	}
	access, err := m.access(human.Home)
	if err == nil && access.Mode&fs.ModeSymlink != 0 {
		access, err = m.access(resolved(human.Home))
	}
	if err != nil {
		return nil, fmt.Errorf("your home: %w", err)
	}
	return m.openings(access, human), nil
}

// Way is what the folders above one that lies outside the human's home come to.
type Way struct {
	Unfit string // why one of them does not lead there: it is to be the human's or root's, and no one else may write in it; "" where all do
	Shut  bool   // whether one of them keeps everybody out but the human and root
}

// Way looks at the folders above path.
func (m Machine) Way(path string, human accounts.User) (w Way, err error) {
	alone := func(gid uint32) bool { return gid == 0 || m.accounts().Alone(human, gid) }
	w.Shut = m.shutAbove(path, human)
	for folder := path; folder != "/" && w.Unfit == ""; {
		folder = filepath.Dir(folder)
		access, err := m.access(folder)
		if err != nil {
			return w, err
		}
		switch writers := access.Writers(alone); {
		case access.UID != 0 && access.UID != human.UID:
			w.Unfit = fmt.Sprintf("%s, above it, belongs to uid %d", quote.Name(folder), access.UID)
		case len(writers) > 0:
			w.Unfit = fmt.Sprintf("%s, above it, can be written by others (%s)", quote.Name(folder), writers[0].Who())
		}
	}
	return w, nil
}

// shutAbove reports whether a folder above path keeps everybody out but the human and root. The folder at path itself is not asked:
// the agent can open it.
func (m Machine) shutAbove(path string, human accounts.User) bool {
	for path != "/" {
		path = filepath.Dir(path)
		access, err := m.access(path)
		if err == nil && (access.UID == 0 || access.UID == human.UID) && len(m.openings(access, human)) == 0 {
			return true
		}
	}
	return false
}

// access reads who may do what with a folder. A mode that lets nobody but the owner in needs no second look: the group's bits are
// the ACL's mask.
func (m Machine) access(path string) (share.Access, error) {
	info, err := m.Lstat(path)
	if err != nil {
		return share.Access{}, err
	}
	a := share.Access{Mode: info.Mode()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		a.UID, a.GID = st.Uid, st.Gid
	}
	if a.Mode.Perm()&0o030 != 0 && a.Mode&fs.ModeSymlink == 0 {
		a.ACL, err = m.ACL(path)
	}
	return a, err
}

func (m Machine) openings(a share.Access, human accounts.User) []share.Opening {
	return a.Openings(func(gid uint32) bool { return m.accounts().Alone(human, gid) })
}

// readACL returns a folder's ACL, nil where it has only its mode.
func readACL(path string) (share.ACL, error) {
	value := make([]byte, 4096)
	n, err := unix.Getxattr(path, share.ACLAccess, value)
	if errors.Is(err, unix.ERANGE) {
		value = make([]byte, 64<<10) // as many as there can be, xattr(7)
		n, err = unix.Getxattr(path, share.ACLAccess, value)
	}
	switch {
	case errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the ACL of %s: %w", path, err)
	}
	return share.ParseACL(value[:n])
}
