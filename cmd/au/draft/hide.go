// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// How many names of a folder are looked at for what is to be hidden: to hide them, and to say what has appeared since.
const (
	mostLooked  = 5_000_000
	mostGlanced = 50_000
)

// isPattern reports whether a word stands for more than one name.
func isPattern(word string) bool { return strings.ContainsAny(word, `*?[\`) }

// pattern returns what a word is compared with: with a slash, other than at its end, the path below the folder, else each name.
func pattern(word string) (clean string, ofPath bool) {
	word = strings.TrimSuffix(word, "/")
	return path.Clean(word), strings.Contains(word, "/")
}

// hides reports whether one of the words hides a path.
func hides(words []string, name string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		word, ofPath := pattern(word)
		of := name
		if !ofPath {
			of = path.Base(name)
		}
		ok, err := path.Match(word, of)
		return ok && err == nil
	})
}

// search looks in a folder for what is to be hidden.
type search struct {
	top     string
	folder  place
	words   []string
	usual   bool // what drafts hide without being asked, too
	most    int  // how many names are looked at
	looked  int
	found   []string
	tracked map[string]map[string]bool // of each repository, what git tracks
	room    int                        // how many bytes gits may still print; none where one was ended
}

// errTooMany is where a search ends before it has seen all.
var errTooMany = errors.New("too many names")

// find returns what is to be hidden in a folder: named are the names without a pattern, which may be missing, and found is what
// is there.
func find(top string, words []string, usual bool, most int) (named, found []string, err error) {
	folder, err := openPlace(top)
	if err != nil {
		return nil, nil, err
	}
	defer folder.close()
	s := &search{top: top, folder: folder, words: words, usual: usual, most: most, tracked: map[string]map[string]bool{}, room: mostListed}
	if named = s.named(); s.isPlain() {
		for _, name := range named {
			if _, ok, err := folder.exists(name); err == nil && ok {
				found = append(found, name)
			}
		}
		return named, found, nil
	}
	err = s.walk()
	return named, s.found, err
}

// named returns the words that name one file, at the top or by its path.
func (s *search) named() (names []string) {
	for _, word := range s.words {
		if !isPattern(word) {
			name, _ := pattern(word)
			names = append(names, name)
		}
	}
	if s.usual {
		for _, name := range usual {
			if !isPattern(name) && !s.tracks("", name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// isPlain reports whether nothing has to be looked for.
func (s *search) isPlain() bool {
	return !s.usual && !slices.ContainsFunc(s.words, func(word string) bool {
		_, ofPath := pattern(word)
		return isPattern(word) || !ofPath
	})
}

// inRepository is a folder, and the repository's that it is in: "" for the top's, or for the one that that is in.
type inRepository struct{ path, repository string }

// walk looks in each folder, those near the top first, but not in git's own.
func (s *search) walk() error {
	for left := []inRepository{{}}; len(left) > 0; left = left[1:] {
		at := left[0]
		all, err := s.folder.entries(at.path)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EXDEV) || errors.Is(err, errTooLong) || at.path != "" && wentMeanwhile(err) {
			continue // what the human cannot read is not read for the agent either
		}
		if err != nil {
			return err
		}
		if s.looked += len(all); s.looked > s.most {
			return errTooMany
		}
		if isGits(all) {
			continue
		}
		if has(all, ".git") {
			at.repository = at.path
		}
		left = append(left, s.pick(at, all)...)
	}
	return nil
}

func wentMeanwhile(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

func has(all []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(all, func(f fs.DirEntry) bool { return f.Name() == name })
}

// isGits reports whether a folder is a repository itself, where a branch may be called as a key is.
func isGits(all []fs.DirEntry) bool {
	return has(all, "HEAD") && has(all, "objects") && has(all, "refs")
}

// pick notes what of a folder is to be hidden, and returns the folders in it that are to be looked at.
func (s *search) pick(at inRepository, all []fs.DirEntry) (inner []inRepository) {
	for _, f := range all {
		name := join(at.path, f.Name())
		isFolder := f.IsDir()
		byDefault := s.usual && !isFolder && hides(usual, name) && !hides(shown, name)
		switch {
		case hides(s.words, name), byDefault && !s.tracks(at.repository, name):
			s.found = append(s.found, name)
		case isFolder && f.Name() != ".git":
			inner = append(inner, inRepository{name, at.repository})
		}
	}
	return inner
}

// tracks reports whether git tracks a name in a repository. An agent that writes to the folder can make any number of repositories.
// So their gits may print as much as one, and none is asked after one that waits: what is there is hidden then.
func (s *search) tracks(repository, name string) bool {
	all, asked := s.tracked[repository]
	if !asked {
		all = s.trackedIn(path.Join(s.top, repository))
		s.tracked[repository] = all
	}
	return all[strings.TrimPrefix(name, repository+"/")]
}

// trackedIn returns what git tracks in a folder; nothing where there is no git that says.
func (s *search) trackedIn(folder string) map[string]bool {
	all := map[string]bool{}
	if s.room <= 0 {
		return all
	}
	out, err := answered(git(folder, "ls-files", "-z"), s.room)
	s.room -= len(out)
	if err == os.ErrDeadlineExceeded {
		s.room = 0
	}
	if err != nil {
		return all
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		all[name] = true
	}
	return all
}

// sorted returns names in order, each once.
func sorted(names ...[]string) []string {
	all := slices.Concat(names...)
	slices.Sort(all)
	return slices.Compact(all)
}

// without returns the names that are not among the others, which are sorted.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		_, found := slices.BinarySearch(others, n)
		return found
	})
}

// Refresh looks in the folder for what is to be hidden from the next run on, and returns what is there and was not hidden before.
// The names that a draft hides only grow: keep takes nothing of it for a deletion. The caller holds the lock.
func (d *Draft) Refresh() (fresh []string, err error) {
	named, found, err := find(string(d.Folder), d.Hide, !d.Shown, mostLooked)
	if errors.Is(err, errTooMany) {
		err = fmt.Errorf("%s has more than %d names: too many to look for what is to be hidden", quote.Name(string(d.Folder)), mostLooked)
	}
	if err != nil {
		return nil, err
	}
	was, err := d.Hidden()
	if err != nil {
		return nil, err
	}
	names := sorted(was, named, found)
	bytes := make([][]byte, len(names))
	for i, n := range names {
		bytes[i] = []byte(n)
	}
	return without(sorted(found), was), d.state.writeJSON("hidden", bytes)
}

// Hidden returns the names that the agent does not see, in order.
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
	return sorted(names), err
}

// Appeared returns what is to be hidden, is there by now, and is not hidden before somebody refreshes the draft. Of a large folder
// it looks only at what is near the top; all says whether it has seen all.
func (d *Draft) Appeared() (names []string, all bool, err error) {
	_, found, err := find(string(d.Folder), d.Hide, !d.Shown, mostGlanced)
	all = !errors.Is(err, errTooMany)
	if err != nil && all {
		return nil, false, err
	}
	was, err := d.Hidden()
	return without(sorted(found), was), all, err
}

// ShownLater is a draft that is to show what it has hidden so far.
type ShownLater struct{ Name, Folder string }

func (s *ShownLater) Error() string {
	return fmt.Sprintf("draft %q of %s has hidden .env files and keys since it began: want a draft of another name, by --as, to show them", s.Name, quote.Name(s.Folder))
}

// hideAlso lets the draft hide what is wanted beside what it hides so far.
func (d *Draft) hideAlso(w Wanted) (fresh []string, err error) {
	if w.Shown && !d.Shown {
		return nil, &ShownLater{d.Name, string(d.Folder)}
	}
	was := d.Info
	d.Hide, d.Shown = sorted(d.Hide, w.Hide), d.Shown && w.Shown
	same := slices.Equal(d.Hide, sorted(was.Hide)) && d.Shown == was.Shown
	if _, looked, err := d.state.exists("hidden"); err != nil || looked && same {
		return nil, err
	}
	// The names come before the words: what is noted here is what is hidden.
	if fresh, err = d.Refresh(); err != nil || same {
		return fresh, err
	}
	return fresh, d.state.writeJSON("draft.json", d.Info)
}

// Prepare makes the draft ready to be mounted: the layer of what is hidden anew, with the modes and times that the folders have
// now. It returns the names that are hidden, and those that are there and were not hidden before; it fails where the draft is in
// use.
func (d *Draft) Prepare(w Wanted) (hidden, fresh []string, err error) {
	unlock, err := d.Lock()
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if j, err := d.unfinished(); err != nil {
		return nil, nil, err
	} else if j != nil {
		j.close()
		return nil, nil, &HalfKept{d.Name, string(d.Folder)}
	}
	if fresh, err = d.hideAlso(w); err != nil {
		return nil, nil, err
	}
	if err := d.closeAgain(); err != nil {
		return nil, nil, err
	}
	if err := unix.Mkdirat(d.state.fd, "work", 0o700); err != nil && err != unix.EEXIST {
		return nil, nil, d.state.failed("make", "work", err)
	}
	if hidden, err = d.Hidden(); err != nil {
		return nil, nil, err
	}
	return hidden, fresh, d.state.cover(string(d.Folder), hidden)
}
