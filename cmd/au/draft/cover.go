// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// cover makes the layer of what is hidden, in the state, from names that are in order. Where there are none there is no layer.
func (p place) cover(top string, names []string) error {
	if err := p.removeTree("hide"); err != nil || len(names) == 0 {
		return err
	}
	folder, err := openPlace(top)
	if err != nil {
		return err
	}
	defer folder.close()
	if err := unix.Mkdirat(p.fd, "hide", 0o700); err != nil {
		return p.failed("make", "hide", err)
	}
	hide, err := p.sub("hide")
	if err != nil {
		return err
	}
	defer hide.close()
	l := &layer{hide, folder, map[string]bool{"": true}, []string{""}}
	for _, name := range names {
		if err := l.hide(name); err != nil {
			return err
		}
	}
	return l.finish()
}

// layer is one that is being made.
type layer struct {
	place
	folder place
	there  map[string]bool // its folders
	made   []string        // the same, in order
}

// hide makes a whiteout, where the name's folder is there.
func (l *layer) hide(name string) error {
	dir, _ := split(name)
	ok, err := l.mirror(dir)
	if err != nil || !ok {
		return err
	}
	err = l.within(name, func(at int, base string) error { return unix.Mknodat(at, base, unix.S_IFCHR, 0) })
	if err == unix.EEXIST {
		return nil
	}
	return l.failed("hide", name, err)
}

// mirror makes a folder in the layer, and those above it, where the human's folder has them.
func (l *layer) mirror(dir string) (bool, error) {
	if l.there[dir] {
		return true, nil
	}
	up, _ := split(dir)
	if ok, err := l.mirror(up); !ok || err != nil {
		return ok, err
	}
	st, ok, err := l.folder.exists(dir)
	if err != nil || !ok || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false, err
	}
	if err := l.within(dir, func(at int, base string) error { return unix.Mkdirat(at, base, 0o700) }); err != nil {
		if err == unix.EEXIST {
			return false, nil // the folder itself is hidden
		}
		return false, l.failed("make", dir, err)
	}
	l.there[dir] = true
	l.made = append(l.made, dir)
	return true, nil
}

// finish gives the layer's folders what the human's have: the agent sees them so.
func (l *layer) finish() error {
	for _, dir := range slices.Backward(l.made) {
		m, err := l.folder.meta(dir)
		if err == nil {
			err = l.setMeta(dir, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A share that is no draft and hides something has a state of its own in each run: no second run may change a layer that is in use.

// covers is what the names of such states begin with. A draft's begins with a letter or _.
const covers = ".hide-"

// settled is how old such a state is before it counts as one that nobody will use.
var settled = time.Minute

// Cover looks in a folder for what the words hide, and makes a state with a layer that hides it in one run; "" where nothing is to
// be hidden. The rest of runs that were killed goes.
func (s *Store) Cover(folder string, words []string) (state string, err error) {
	if err := s.sweep(); err != nil {
		return "", err
	}
	named, found, err := find(folder, words, false, mostLooked)
	if errors.Is(err, errTooMany) {
		err = fmt.Errorf("%s has more than %d names: too many to look for what is to be hidden", quote.Name(folder), mostLooked)
	}
	if err != nil || len(named)+len(found) == 0 {
		return "", err
	}
	key := covers + rand.Text()
	if err := unix.Mkdirat(s.fd, key, 0o700); err != nil {
		return "", s.failed("make", key, err)
	}
	p, err := s.sub(key)
	if err != nil {
		return "", err
	}
	defer p.close()
	if err := p.write("lock", nil); err != nil {
		return "", err
	}
	return p.named, p.cover(folder, sorted(named, found))
}

// Uncover removes what Cover made, unless a run has it.
func (s *Store) Uncover(state string) error {
	key := path.Base(state)
	if !strings.HasPrefix(key, covers) || path.Join(s.named, key) != state {
		return nil
	}
	p, err := s.sub(key)
	if err != nil {
		return err
	}
	defer p.close()
	fd, err := p.lock()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return s.removeTree(key)
}

// sweep removes the states that runs have left that were killed.
func (s *Store) sweep() error {
	all, err := s.list("")
	for _, f := range all {
		if strings.HasPrefix(f.name, covers) && time.Since(time.Unix(f.st.Ctim.Unix())) > settled {
			_ = s.Uncover(path.Join(s.named, f.name)) // that of a run which goes on stays
		}
	}
	return err
}
