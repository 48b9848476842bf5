// SPDX-License-Identifier: GPL-3.0-or-later

// Package draft is what an agent did to a folder of the human's while the folder itself stayed as it was: the upper half of an
// overlay, in the human's state. It says what has changed, takes it over, and takes that back. All of it works as the human, by
// file descriptor.
package draft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/newer"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/internal/whole"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// version is of what lies in a draft's state.
const version = 1

// Info is what is known of a draft from when it began.
type Info struct {
	Version int         `json:"version"`
	Name    string      `json:"name"`
	Agent   string      `json:"agent"`
	Folder  config.Path `json:"folder"` // absolute, through no link
	Since   time.Time   `json:"since"`
	Device  uint64      `json:"device"`
	Inode   uint64      `json:"inode"`
	Handle  []byte      `json:"handle"`         // of the folder
	Head    string      `json:"head,omitempty"` // the commit that the folder's git was at
	Hide    []string    `json:"hide,omitempty"` // the patterns that were asked for
	Shown   bool        `json:"shown,omitempty"`
}

// Draft is one of them, with its state open.
type Draft struct {
	Info
	Key   string // the name of its folder in the store
	Ended bool   // it was kept whole: what is left of it takes that back
	state place
	marks MarkReader
	hook  func() // what a test does between two steps

	locked bool // by the caller
}

// pause lets a test do something between two steps, such as to end here.
func (d *Draft) pause() {
	if d.hook != nil {
		d.hook()
	}
}

// openFolder opens the human's folder.
func (d *Draft) openFolder() (place, error) {
	p, err := openPlace(string(d.Folder))
	p.notes = d.state.notes
	return p, err
}

// State is the draft's own folder.
func (d *Draft) State() string { return d.state.named }

// Close lets go of it.
func (d *Draft) Close() { d.state.close() }

// Store is all drafts of a human.
type Store struct {
	place
	marks  MarkReader
	home   string
	owners []uint32 // of the folders above it
}

// Dir is where the drafts of the human with that home lie.
func Dir(home string) string { return filepath.Join(home, ".local/state/au/drafts") }

// Open opens the store of the human with that home, and makes it where it is missing. Each folder above it is an owner's (the
// human's uid, say) or root's, and no link.
func Open(home string, marks MarkReader, owners ...uint32) (*Store, error) {
	return openStore(home, marks, owners, true)
}

// Look opens the store of a human as Open does, and makes nothing: where it is missing there are no drafts.
func Look(home string, marks MarkReader, owners ...uint32) (*Store, error) {
	return openStore(home, marks, owners, false)
}

func openStore(home string, marks MarkReader, owners []uint32, makes bool) (*Store, error) {
	s := &Store{place: place{fd: -1, named: Dir(home)}, marks: marks, home: home, owners: append(owners, 0)}
	for range 5 { // .local, state, au, drafts, and once to open them
		p, err := walk.To("/", s.named, s.judge)
		if err != nil {
			return nil, fmt.Errorf("drafts: %w", err)
		}
		if len(p.Missing) == 0 && p.File < 0 {
			s.fd, err = unix.Openat(p.Folder, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			p.Close()
			return s, s.failed("open", "", err)
		}
		if len(p.Missing) > 0 && !makes {
			p.Close()
			return s, nil
		}
		if len(p.Missing) > 0 {
			err = unix.Mkdirat(p.Folder, p.Missing[0], 0o700)
		} else {
			err = unix.ENOTDIR
		}
		p.Close()
		if err != nil && err != unix.EEXIST {
			return nil, s.failed("make", "", err)
		}
	}
	return nil, s.failed("make", "", unix.EAGAIN)
}

// judge refuses links, and what is neither the human's nor root's; above the home nobody is asked about.
func (s *Store) judge(step walk.Step) error {
	if step.Kind() == unix.S_IFLNK {
		return &walk.Distrust{Path: step.Path, Why: "a symbolic link"}
	}
	if !slices.Contains(s.owners, step.Stat.Uid) {
		return &walk.Distrust{Path: step.Path, Why: fmt.Sprintf("it belongs to uid %d", step.Stat.Uid)}
	}
	return nil
}

// write writes a file of the state.
func (p place) write(name string, text []byte) error {
	return p.failed("write", name, whole.Write(p.fd, name, text, whole.As{Mode: 0o600, UID: -1, GID: -1}))
}

func (p place) writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return p.write(name, append(text, '\n'))
}

// mostState is how much of a file of the state is read.
const mostState = 1 << 30

func (p place) readAll(name string) ([]byte, error) { return p.readSome(name, mostState) }

// readSome reads a file that holds no more than most.
func (p place) readSome(name string, most int64) ([]byte, error) {
	f, err := p.read(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded.Read(f, most)
}

// open opens a draft by its key.
func (s *Store) open(key string) (*Draft, error) {
	if s.fd < 0 {
		return nil, fs.ErrNotExist
	}
	state, err := s.sub(key)
	if err != nil {
		return nil, err
	}
	d := &Draft{Key: key, state: state, marks: s.marks}
	d.state.notes = &notes{state, d.pause}
	text, err := state.readAll("draft.json")
	if errors.Is(err, fs.ErrNotExist) {
		d.Ended = true
		text, err = state.readAll("undo/draft.json")
	}
	if err == nil {
		err = json.Unmarshal(text, &d.Info)
	}
	if err == nil && d.Version > version {
		err = fmt.Errorf("%s: %w", quote.Name(path.Join(state.named, "draft.json")), newer.Format(fmt.Sprintf("version %d", d.Version)))
	}
	if err == nil && (d.Version != version || KeyOf(d.Name, string(d.Folder)) != key) {
		err = fmt.Errorf("%s is of another version, or not of its folder", quote.Name(path.Join(state.named, "draft.json")))
	}
	if err != nil {
		state.close()
		return nil, err
	}
	return d, nil
}

// Find returns the draft of that name and folder.
func (s *Store) Find(name, folder string) (*Draft, error) { return s.open(KeyOf(name, folder)) }

// All returns the drafts that there are, and those of which only the last keep is left; folder limits them to one where it is not
// empty.
func (s *Store) All(folder string) (all []*Draft, err error) {
	if s.fd < 0 {
		return nil, nil
	}
	keys, err := s.list("")
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		d, err := s.open(key.name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && folder != "" && string(d.Folder) != folder {
			if err == nil {
				d.Close()
			}
			continue
		}
		if err != nil {
			return all, err
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(x, y *Draft) int {
		return strings.Compare(string(x.Folder)+"\x00"+x.Name, string(y.Folder)+"\x00"+y.Name)
	})
	return all, nil
}

// Of returns the drafts that lie over a folder or one of those above it; the nearest folder that has any counts.
func (s *Store) Of(folder string) ([]*Draft, error) {
	all, err := s.All("")
	if err != nil {
		return nil, err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if mine := slices.DeleteFunc(slices.Clone(all), func(d *Draft) bool { return string(d.Folder) != at }); len(mine) > 0 {
			for _, d := range all {
				if string(d.Folder) != at {
					d.Close()
				}
			}
			return mine, nil
		}
		if at == "/" {
			return nil, nil
		}
	}
}

// IsEmpty reports whether nothing is in the draft.
func (d *Draft) IsEmpty() bool {
	upper, err := d.state.sub("upper")
	if err != nil {
		return false
	}
	defer upper.close()
	all, err := upper.list("")
	return err == nil && len(all) == 0
}
