// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// who writes a token.
type who string

const (
	human who = "h"
	agent who = "a"
)

var tokenForm = regexp.MustCompile(`<[ah]\d+>`)

// scan returns where each token is: in the folder, in drafts, and in what takes keeps of them back.
func (s *story) scan() map[string][]string {
	all := map[string][]string{}
	s.scanOne("folder", s.folder, all)
	for _, name := range []string{"agent", "other"} {
		for _, part := range []string{"upper", "undo"} {
			s.scanOne(name+"/"+part, filepath.Join(s.state(name), part), all)
		}
		staged, _ := filepath.Glob(filepath.Join(s.folder, ".au-"+KeyOf(name, s.folder)+"-*"))
		for _, at := range staged {
			if !strings.HasSuffix(at, ".new") && !strings.HasSuffix(at, ".gone") { // else it is not whole yet, or about to go
				s.scanOne(name+"/undo/staged", at, all)
			}
		}
	}
	return all
}

func (s *story) scanOne(named, top string, all map[string][]string) {
	_ = filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err == nil && at != top && strings.HasPrefix(d.Name(), ".au-") {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return nil
		}
		var text []byte
		switch d.Type() {
		case fs.ModeSymlink:
			to, _ := os.Readlink(at)
			text = []byte(to)
		case 0:
			text, _ = os.ReadFile(at)
			value := make([]byte, 64)
			if n, err := unix.Lgetxattr(at, "user.t", value); err == nil {
				all[string(value[:n])] = append(all[string(value[:n])], named+strings.TrimPrefix(at, top)+"#t")
			}
		}
		for _, token := range tokenForm.FindAll(text, -1) {
			all[string(token)] = append(all[string(token)], named+strings.TrimPrefix(at, top))
		}
		return nil
	})
}

// below lists what is in a tree, but for what au itself has made.
func (s *story) below(top string, is func(fs.DirEntry) bool) (all []string) {
	_ = filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == top {
			return nil
		}
		if strings.HasPrefix(d.Name(), ".au-") {
			return fs.SkipDir
		}
		if is(d) {
			all = append(all, strings.TrimPrefix(at, top+"/"))
		}
		return nil
	})
	return all
}

// looks tells all of the folder, but for what au itself has made.
func (s *story) looks() string {
	lines := strings.Split(dump(s.t, s.folder, true, false), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `".au-`) }), "\n")
}

// hand is somebody who does one thing in a tree.
type hand struct {
	*story
	by  who
	top string
	r   *rand.Rand
}

// act does something random in a tree. A token that is nowhere afterwards has ended.
func (s *story) act(by who, top string, r *rand.Rand) {
	before := s.scan()
	h := hand{s, by, top, r}
	what, err := h.something()
	if err != nil {
		what += fmt.Sprintf(" # %v", err)
	}
	s.log = append(s.log, map[who]string{human: "human: ", agent: "agent: "}[by]+what)
	now := s.scan()
	for token := range now {
		if len(before[token]) == 0 {
			s.live[token] = true
		}
	}
	for token := range before {
		if len(now[token]) == 0 {
			delete(s.live, token)
		}
		if inFolder(before[token]) && !inFolder(now[token]) { // what is left of it is another copy
			s.places[token] = slices.DeleteFunc(s.places[token], func(place string) bool { return strings.HasPrefix(place, "folder/") })
		}
		if by == human && isIn("folder/", before[token]) && !isIn("folder/", now[token]) && s.isSpare(now[token]) {
			delete(s.live, token)
		}
	}
}

func isIn(top string, places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(place, top) })
}

// isSpare reports whether something is only where a keep across file systems, or its undo, has what it has put into the folder, or
// has brought back. On one file system nothing is there, so the human's own end of it in the folder counts.
func (s *story) isSpare(places []string) bool {
	return !slices.ContainsFunc(places, func(place string) bool {
		name, in, _ := strings.Cut(place, "/")
		if name != s.undone && !s.isHalf(name) {
			return true
		}
		var j journal
		text, err := os.ReadFile(filepath.Join(s.state(name), "undo/steps"))
		if err != nil || gob.NewDecoder(bytes.NewReader(text)).Decode(&j) != nil || j.Staging == "" {
			return true
		}
		return !strings.HasPrefix(in, "undo/") && !slices.ContainsFunc(j.Copies, func(c copied) bool {
			return !c.Alone && within([]string{"upper/" + c.From.Path}, strings.TrimSuffix(in, "#t"))
		})
	})
}

func (h hand) one(is func(fs.DirEntry) bool) string {
	all := h.below(h.top, is)
	if len(all) == 0 {
		return "none"
	}
	return all[h.r.IntN(len(all))]
}

func (h hand) any() string  { return h.one(func(fs.DirEntry) bool { return true }) }
func (h hand) file() string { return h.one(func(d fs.DirEntry) bool { return d.Type().IsRegular() }) }
func (h hand) dir() string  { return h.one(func(d fs.DirEntry) bool { return d.IsDir() }) }

// name is one at which something may be.
func (h hand) name() string {
	dirs := append(h.below(h.top, func(d fs.DirEntry) bool { return d.IsDir() }), "")
	dir := dirs[h.r.IntN(len(dirs))]
	if strings.Count(dir, "/") > 2 {
		dir = ""
	}
	names := []string{"a", "b", "c", "d", "e", "f", ".env", "k.pem"}
	return join(dir, names[h.r.IntN(len(names))])
}

func (h hand) token() string {
	h.tokens++
	return fmt.Sprintf("<%s%d>", h.by, h.tokens)
}

func (h hand) put(name string, flags int) (string, error) {
	token := h.token()
	return fmt.Sprintf("echo '%s' %s%s", token, map[int]string{0: ">", unix.O_APPEND: ">>"}[flags&unix.O_APPEND], name), put(filepath.Join(h.top, name), flags, 0o644, token+"\n", 0)
}

// something does one thing.
func (h hand) something() (string, error) {
	at := func(name string) string { return filepath.Join(h.top, name) }
	switch h.r.IntN(19) {
	case 0, 1, 2:
		return h.put(h.name(), unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW)
	case 3:
		return h.put(h.file(), unix.O_APPEND|unix.O_NOFOLLOW)
	case 4:
		return h.save(h.file())
	case 5:
		a := h.file()
		return "rm " + a, os.Remove(at(a))
	case 6:
		a := h.dir()
		return "rm -r " + a, os.RemoveAll(at(a))
	case 7, 8:
		a := h.dir()
		return h.replaced(a, true)
	case 9:
		a := h.name()
		return h.filled(a)
	case 10, 11:
		a, c := h.any(), h.name()
		return "mv -T " + a + " " + c, os.Rename(at(a), at(c))
	case 12:
		a, c := h.dir(), h.name()
		return "mv -T " + a + " " + c, os.Rename(at(a), at(c))
	case 13:
		return h.replaced(h.dir(), false)
	case 14:
		return h.replaced(h.file(), true)
	case 15:
		a, mode := h.any(), []uint32{0o755, 0o700, 0o500, 0o400, 0o644, 0}[h.r.IntN(6)]
		if is(at(a), unix.S_IFLNK) {
			return "true", nil
		}
		return fmt.Sprintf("chmod %o %s", mode, a), unix.Chmod(at(a), mode)
	case 16:
		a, c := h.file(), h.name()
		return "ln " + a + " " + c, os.Link(at(a), at(c))
	case 17:
		c, token := h.name(), h.token()
		return "ln -s '" + token + "' " + c, os.Symlink(token, at(c))
	}
	a, token := h.file(), h.token()
	return "setfattr -n user.t -v '" + token + "' " + a, unix.Lsetxattr(at(a), "user.t", []byte(token), 0)
}

// save is what an editor does: a new file gets the name.
func (h hand) save(name string) (string, error) {
	at := filepath.Join(h.top, name)
	text, err := os.ReadFile(at)
	if err != nil {
		return "save " + name, err
	}
	token := h.token()
	if err := os.WriteFile(at+"~", append(text, token...), 0o644); err != nil {
		return "save " + name, err
	}
	return fmt.Sprintf("{ cat %[1]s; echo '%[2]s'; } >%[1]s~; mv %[1]s~ %[1]s", name, token), os.Rename(at+"~", at)
}

// replaced puts a folder, or a file, in the place of what is there.
func (h hand) replaced(name string, folder bool) (string, error) {
	if name == "none" {
		return "true", nil
	}
	if err := os.RemoveAll(filepath.Join(h.top, name)); err != nil {
		return "rm -r " + name, err
	}
	make := func(name string) (string, error) { return h.put(name, unix.O_CREAT|unix.O_TRUNC) }
	if folder {
		make = h.filled
	}
	what, err := make(name)
	return "rm -r " + name + "; " + what, err
}

// filled makes a folder with a file in it.
func (h hand) filled(name string) (string, error) {
	if err := os.Mkdir(filepath.Join(h.top, name), 0o755); err != nil {
		return "mkdir " + name, err
	}
	what, err := h.put(join(name, "b"), unix.O_CREAT|unix.O_TRUNC)
	return "mkdir " + name + "; " + what, err
}

// settle takes back what was kept. A command that was killed can be taken back or finished once the human has moved elsewhere
// whatever is in its way.
func (s *story) settle() {
	all := []string{"agent", "other"}
	for round := range 12 {
		waiting := false
		for _, name := range all {
			if !s.has(name, "undo/steps") {
				continue
			}
			verb := "undo"
			if s.isHalf(name) && round%3 == 2 {
				verb = "keep"
			}
			is := s.order(order{verb, name, Refuse, nil}, func(int) bool { return false }, true)
			moved := is.Failed && s.outOfTheWay(is)
			waiting = waiting || is.Half || moved
		}
		if !waiting {
			s.isThere()
			return
		}
	}
	s.fail("au is stuck: it can neither be finished nor be taken back")
}

// isThere fails where something is left aside that no command can bring back.
func (s *story) isThere() {
	now := s.scan()
	for token := range s.live {
		if !slices.ContainsFunc(now[token], func(place string) bool {
			name, in, _ := strings.Cut(place, "/")
			return name == "folder" || strings.HasPrefix(in, "upper/") || s.has(name, "undo/kept")
		}) {
			s.fail("%s is out of reach at %q", token, now[token])
		}
	}
}

// outOfTheWay opens and renames what au has named, and reports whether anything was there.
func (s *story) outOfTheWay(is outcome) (any bool) {
	if strings.Contains(is.Why, "permission denied") {
		s.log = append(s.log, "human: chmod -R u+rwX .")
		s.in(s.folder, "chmod -R u+rwX .")
		return true
	}
	for i, at := range is.InTheWay {
		out := fmt.Sprintf("out-%d-%d", i, len(s.log))
		if err := os.Rename(filepath.Join(s.folder, at), filepath.Join(s.folder, out)); err == nil {
			s.log = append(s.log, fmt.Sprintf("human: mv %s %s", at, out))
			any = true
		}
	}
	return any
}
