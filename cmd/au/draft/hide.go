// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// usual are the names that a draft hides without being asked; shown are those of them that it does not.
var (
	usual = []string{".env", ".env.*", "*.pem", "id_*"}
	shown = []string{".env.example"}
)

// mostLooked is how many names of a folder are looked at for what is to be hidden.
const mostLooked = 5_000_000

// isPattern reports whether a word stands for more than one name.
func isPattern(word string) bool { return strings.ContainsAny(word, `*?[\`) }

// hides reports whether one of the words hides a path: a pattern with a slash is one of the whole path, all others are of the name.
func hides(words []string, name string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		of := path.Base(name)
		if strings.Contains(word, "/") {
			of = name
		}
		ok, err := path.Match(word, of)
		return ok && err == nil
	})
}

// Refresh looks in the folder for what is to be hidden, and returns the names that were not hidden before. The caller holds the lock.
func (d *Draft) Refresh() (fresh []string, err error) {
	names, err := d.find()
	if err != nil {
		return nil, err
	}
	was, err := d.Hidden()
	if err != nil {
		return nil, err
	}
	fresh = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(was, n) })
	bytes := make([][]byte, len(names))
	for i, n := range names {
		bytes[i] = []byte(n)
	}
	return fresh, d.state.writeJSON("hidden", bytes)
}

// Hidden returns the names that the agent does not see, as they were found last.
func (d *Draft) Hidden() ([]string, error) {
	text, err := d.state.readAll("hidden")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var bytes [][]byte
	if err == nil {
		err = json.Unmarshal(text, &bytes)
	}
	names := make([]string, len(bytes))
	for i, b := range bytes {
		names[i] = string(b)
	}
	return names, err
}

// find returns what is to be hidden: what was named, whether it is there or not, and what patterns find.
func (d *Draft) find() (names []string, err error) {
	folder, err := openPlace(string(d.Folder))
	if err != nil {
		return nil, err
	}
	defer folder.close()
	var tracked map[string]bool
	for _, word := range d.Hide {
		if !isPattern(word) {
			names = append(names, path.Clean(word))
		}
	}
	if d.Shown && !slices.ContainsFunc(d.Hide, isPattern) {
		return names, nil
	}
	looked := 0
	for left := []string{""}; len(left) > 0; {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		all, err := folder.list(at)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EXDEV) || errors.Is(err, errTooLong) {
			continue // what the human cannot read is not read for the agent either
		}
		if err != nil {
			return nil, err
		}
		if looked += len(all); looked > mostLooked {
			return nil, fmt.Errorf("%s has more than %d names: too many to look for what is to be hidden", quote.Name(string(d.Folder)), mostLooked)
		}
		for _, f := range all {
			name := join(at, f.name)
			byDefault := !d.Shown && f.kind() != unix.S_IFDIR && hides(usual, name) && !hides(shown, name)
			if byDefault && tracked == nil {
				tracked = d.tracked()
			}
			switch {
			case hides(d.Hide, name), byDefault && !tracked[name]:
				names = append(names, name)
			case f.kind() == unix.S_IFDIR && f.name != ".git":
				left = append(left, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// tracked returns what the folder's git tracks.
func (d *Draft) tracked() map[string]bool {
	all := map[string]bool{}
	out, err := git(string(d.Folder), "ls-files", "-z").Output()
	if err != nil {
		return all
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		all[name] = true
	}
	return all
}

// Prepare makes the draft ready to be mounted: the layer of what is hidden anew, with the modes and times that the folders have now. It returns the names
// that are hidden, and fails where the draft is in use.
func (d *Draft) Prepare() ([]string, error) {
	unlock, err := d.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if j, err := d.unfinished(); err != nil {
		return nil, err
	} else if j != nil {
		j.close()
		return nil, &HalfKept{d.Name, string(d.Folder)}
	}
	if _, looked, err := d.state.exists("hidden"); err != nil {
		return nil, err
	} else if !looked {
		if _, err := d.Refresh(); err != nil {
			return nil, err
		}
	}
	if err := unix.Mkdirat(d.state.fd, "work", 0o700); err != nil && err != unix.EEXIST {
		return nil, d.state.failed("make", "work", err)
	}
	names, err := d.Hidden()
	if err != nil {
		return nil, err
	}
	return names, d.layer(names)
}

// layer makes the layer of what is hidden.
func (d *Draft) layer(names []string) error {
	if err := d.state.removeTree("hide"); err != nil || len(names) == 0 {
		return err
	}
	folder, err := openPlace(string(d.Folder))
	if err != nil {
		return err
	}
	defer folder.close()
	if err := unix.Mkdirat(d.state.fd, "hide", 0o700); err != nil {
		return d.state.failed("make", "hide", err)
	}
	hide, err := d.state.sub("hide")
	if err != nil {
		return err
	}
	defer hide.close()
	made := []string{""}
	for _, name := range names {
		dir, _ := split(name)
		ok, err := hide.mirror(folder, dir, &made)
		if err != nil {
			return err
		}
		if !ok {
			continue // its folder is not there
		}
		err = hide.within(name, func(at int, base string) error { return unix.Mknodat(at, base, unix.S_IFCHR, 0) })
		if err != nil && err != unix.EEXIST {
			return hide.failed("hide", name, err)
		}
	}
	for _, dir := range slices.Backward(made) {
		m, err := folder.meta(dir)
		if err == nil {
			err = hide.setMeta(dir, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mirror makes a folder in the layer, and those above it, where the human's folder has them.
func (p place) mirror(folder place, dir string, made *[]string) (bool, error) {
	if slices.Contains(*made, dir) {
		return true, nil
	}
	up, _ := split(dir)
	if ok, err := p.mirror(folder, up, made); !ok || err != nil {
		return ok, err
	}
	st, ok, err := folder.exists(dir)
	if err != nil || !ok || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false, err
	}
	if err := p.within(dir, func(at int, base string) error { return unix.Mkdirat(at, base, 0o700) }); err != nil {
		if err == unix.EEXIST {
			return false, nil // the folder itself is hidden
		}
		return false, p.failed("make", dir, err)
	}
	*made = append(*made, dir)
	return true, nil
}
