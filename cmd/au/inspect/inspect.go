// SPDX-License-Identifier: GPL-3.0-or-later

// Package inspect looks through the human's folders for files that act on their side, and that somebody may have left there.
package inspect

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
)

// inspector looks at the files of a share, as the human, and reads no more of them than it must.
type inspector struct {
	tree   *tree.Tree
	source string
	human  uint32
	mu     sync.Mutex
	found  []Found
	repos  []*tree.Folder      // folders that git takes for a repository's own
	linked map[[2]uint64]names // files with more than one name
	read   map[readFile]any    // the findings about files
	listed int                 // names in folders that were read apart from the walk
	stable bool                // a file keeps its number
}

// Found is a finding with what tells whether a run has made it.
type Found struct {
	risk.Finding
	Changed int64  // when what it hangs on changed last: files, and the folders above them
	ID      string // of the file, where it matters that it is the same one, and unchanged
}

// Always is when something changed of which nobody can tell when: it hangs on more than a file and the folders above that.
const Always = tree.Always

// names are those of a file that were found.
type names struct {
	seen, links uint64
	first       string
	changed     int64
}

func newInspector(tree *tree.Tree, source string, human uint32) *inspector {
	return &inspector{tree: tree, source: source, human: human, linked: map[[2]uint64]names{}, read: map[readFile]any{}, stable: tree.Numbered()}
}

func (in *inspector) add(f Found) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.found = append(in.found, f)
}

func finding(path, kind, detail string) risk.Finding {
	return risk.Finding{Path: path, Kind: kind, Detail: cut(detail)}
}

// mostShown is how much of a text is shown.
const mostShown = 1000

// cut shortens what an agent can make as long as it likes.
func cut(text string) string {
	if len(text) <= mostShown {
		return text
	}
	return text[:mostShown] + fmt.Sprintf("… (%d bytes more)", len(text)-mostShown)
}

func (in *inspector) unreadable(path string, err error) {
	in.add(Found{Finding: finding(path, "unreadable", err.Error()), Changed: Always})
}

// changedAt is when a file, or a folder above it, changed last.
func changedAt(e tree.Entry) int64 {
	if e.In == nil {
		return e.Stat.Ctim.Nano()
	}
	return max(e.Stat.Ctim.Nano(), e.In.Changed)
}

// identity tells a file from another one, and from itself after any change. On FAT a file's number is another one after each mount.
func (in *inspector) identity(st unix.Stat_t) string {
	if in.stable {
		return fmt.Sprintf("%d %d", st.Ino, st.Ctim.Nano())
	}
	return fmt.Sprint(st.Ctim.Nano())
}

// identityAt is the identity of a file in an open folder, whose bytes count.
func (in *inspector) identityAt(dir int, name string, st unix.Stat_t) string {
	fd, err := tree.Openat2(dir, name, unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if err != nil {
		return anotherEachTime()
	}
	defer unix.Close(fd)
	return in.identity(st) + contents(fd)
}

// contents tells the bytes of an open file from any others, where its times do not. A file that is too large, or cannot be read, is
// another one each time.
func contents(fd int) string {
	var st unix.Stat_t
	if tree.KeepsTimes(fd) {
		return ""
	}
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return anotherEachTime()
	}
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)) // from its beginning, and where it was not opened to be read
	if err != nil {
		return anotherEachTime()
	}
	defer file.Close()
	text, all := opened{File: file}.text()
	if !all {
		return anotherEachTime()
	}
	return fmt.Sprintf(" %x", sha256.Sum256(text))
}

func anotherEachTime() string { return fmt.Sprint(" ", time.Now().UnixNano()) }

// visit looks at one file.
func (in *inspector) visit(e tree.Entry) error {
	if e.Stat.Uid != in.human {
		in.add(Found{Finding: finding(e.Path(), "owner", fmt.Sprintf("uid %d", e.Stat.Uid)), Changed: changedAt(e)})
	}
	if e.In == nil {
		return nil
	}
	switch e.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		in.regular(e)
	case unix.S_IFLNK:
		in.link(e)
	case unix.S_IFIFO:
		in.add(Found{finding(e.Path(), "special", "FIFO"), changedAt(e), in.identity(e.Stat)})
	case unix.S_IFCHR, unix.S_IFBLK:
		in.add(Found{finding(e.Path(), "special", "device"), changedAt(e), in.identity(e.Stat)})
	}
	in.git(e)
	return nil
}

func (in *inspector) regular(e tree.Entry) {
	if e.Stat.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		in.add(Found{finding(e.Path(), "set-id", fmt.Sprintf("mode %04o", e.Stat.Mode&0o7777)), changedAt(e), in.identityAt(e.Dir, e.Name, e.Stat)})
	}
	if e.Stat.Nlink > 1 {
		in.count(e)
	}
	in.selfRunning(e, e.Name)
}

// count notes one of the names of a file.
func (in *inspector) count(e tree.Entry) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := [2]uint64{uint64(e.Stat.Dev), e.Stat.Ino}
	n := in.linked[key]
	if n.seen++; n.seen == 1 {
		n.first = e.Path()
	}
	n.links, n.changed = uint64(e.Stat.Nlink), max(n.changed, changedAt(e))
	in.linked[key] = n
}

// selfRunning reports a file that a program obeys without being asked to: rel in the folder that e is in. Links are followed, as
// that program does.
func (in *inspector) selfRunning(e tree.Entry, rel string) {
	if !risk.MayRun(e.In.Name, rel) {
		return
	}
	shownAs := path.Join(path.Dir(e.Path()), rel)
	rule, ok := risk.SelfRunning(shownAs)
	if !ok {
		return
	}
	o, err := in.open(e.In, e.Dir, rel, 0)
	if err == errLeaves {
		in.add(Found{Finding: finding(shownAs, "runs", rule.Why+": it is elsewhere"), Changed: Always})
	}
	if err != nil {
		return
	}
	defer o.Close()
	if o.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if why := in.why(rule, o); why != "" {
		in.add(Found{finding(shownAs, "runs", why), o.changed, in.identity(o.st) + contents(int(o.Fd()))})
	}
}

// why returns why a file is obeyed; empty where it is not. A file is read once, however many names and links lead to it.
func (in *inspector) why(rule *risk.Rule, o opened) string {
	if !rule.Reads() {
		return rule.Why
	}
	what := once(in, readFile{o.st.Dev, o.st.Ino, rule}, func() string {
		text, all := o.text()
		what := rule.Found(text)
		if what == "" && !all {
			what = tooLarge
		}
		return what
	})
	if what == "" {
		return ""
	}
	return rule.Why + ": " + what
}

// readFile is a file that was read, and what for.
type readFile struct {
	dev, ino uint64
	by       any
}

// once returns what look says of a file, from memory where it has been asked before.
func once[T any](in *inspector, file readFile, look func() T) T {
	in.mu.Lock()
	known, ok := in.read[file]
	in.mu.Unlock()
	if ok {
		return known.(T)
	}
	said := look()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.read[file] = said
	return said
}

// opened is what was opened in the share by its name.
type opened struct {
	*os.File
	st      unix.Stat_t
	changed int64
}

// readable is how much of a file is read: no config that a person keeps is larger.
const readable = 1 << 20

const tooLarge = "larger than 1 MiB, so not all of it was looked at"

// text returns the beginning of a file, and whether that is all of it.
func (o opened) text() (text []byte, all bool) {
	text, err := io.ReadAll(io.LimitReader(o, readable+1))
	return text[:min(len(text), readable)], err == nil && len(text) <= readable
}

// findings returns all that was found, in a fixed order. Findings about a whole share are left out if it is not whole.
func (in *inspector) findings(whole bool) []Found {
	for _, n := range in.linked {
		if whole && n.seen < n.links {
			in.add(Found{Finding: finding(n.first, "hard-link", fmt.Sprintf("%d names, %d of them here", n.links, n.seen)), Changed: n.changed})
		}
	}
	in.nested()
	slices.SortFunc(in.found, func(x, y Found) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Detail, y.Detail))
	})
	return in.found
}
