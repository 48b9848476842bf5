// SPDX-License-Identifier: GPL-3.0-or-later

// Package draft is what an agent did to a folder of the human's while the folder itself stayed as it was: the upper half of an
// overlay, in the human's state. It says what has changed, takes it over, and takes that back. All of it works as the human, by
// file descriptor.
package draft

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/internal/bounded"
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
}

// pause lets a test do something between two steps, such as to end here.
func (d *Draft) pause() {
	if d.hook != nil {
		d.hook()
	}
}

// State is the draft's own folder.
func (d *Draft) State() string { return d.state.named }

// Close lets go of it.
func (d *Draft) Close() { d.state.close() }

// Store is all drafts of a human.
type Store struct {
	place
	marks MarkReader
	home  string
	trust walk.Trust
}

// Dir is where the drafts of the human with that home lie.
func Dir(home string) string { return filepath.Join(home, ".local/state/au/drafts") }

// Open opens the store of the human with the uid and the home, and makes it where it is missing. Each folder above it is theirs or
// root's, and no link.
func Open(home string, uid uint32, marks MarkReader) (*Store, error) {
	return openStore(home, uid, marks, true)
}

// Look opens the store of a human as Open does, and makes nothing: where it is missing there are no drafts.
func Look(home string, uid uint32, marks MarkReader) (*Store, error) {
	return openStore(home, uid, marks, false)
}

func openStore(home string, uid uint32, marks MarkReader, makes bool) (*Store, error) {
	s := &Store{place: place{fd: -1, named: Dir(home)}, marks: marks, home: home, trust: walk.Trust{Owners: []uint32{0, uid}, Shared: true}}
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
	if !slices.Contains(s.trust.Owners, step.Stat.Uid) {
		return &walk.Distrust{Path: step.Path, Why: fmt.Sprintf("it belongs to uid %d", step.Stat.Uid)}
	}
	return nil
}

// named is what a draft can be called: what an agent can.
var named = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,24}$`)

// CheckName refuses what no draft can be called.
func CheckName(name string) error {
	if !named.MatchString(name) {
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
	if err := s.make(w); err != nil {
		return nil, fmt.Errorf("draft %q of %q: %w", w.Name, w.Folder, err)
	}
	return s.open(KeyOf(w.Name, w.Folder))
}

// accept refuses a draft that is another agent's, or that a killed keep has left half-way.
func (d *Draft) accept(w Wanted) error {
	j, err := d.unfinished()
	switch {
	case err == nil && j != nil:
		j.close()
		err = &HalfKept{d.Name, w.Folder}
	case err == nil && d.Agent != w.Agent && !d.Ended:
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
	for _, name := range []string{"upper", "work", "hide", "hidden", "known", "stamp"} {
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

func (p place) readAll(name string) ([]byte, error) {
	f, err := p.read(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded.Read(f, mostState)
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
	text, err := state.readAll("draft.json")
	if errors.Is(err, fs.ErrNotExist) {
		d.Ended = true
		text, err = state.readAll("undo/draft.json")
	}
	if err == nil {
		err = json.Unmarshal(text, &d.Info)
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

// Ambiguous is where more than one draft could be meant.
type Ambiguous struct{ Drafts []*Draft }

func (a *Ambiguous) Error() string { return "more than one draft could be meant: want its name" }

// None is where there is no draft.
type None struct{ Folder string }

func (n *None) Error() string { return fmt.Sprintf("there is no draft of %s", quote.Name(n.Folder)) }

// Choose says which draft words mean, and which paths in it: a first word that is a draft's name is the draft, unless it is behind
// --. Without a name it is the agent's own draft, else the only one. isPath reports whether a word is also a path.
func Choose(all []*Draft, words []string, dashes bool, agent string, isPath func(string) bool) (*Draft, []string, error) {
	if len(words) > 0 && !dashes {
		i := slices.IndexFunc(all, func(d *Draft) bool { return d.Name == words[0] })
		if i >= 0 && isPath(words[0]) {
			return nil, nil, fmt.Errorf("%q is a draft and a path: want ./%s for the path, or the draft's name and then --", words[0], words[0])
		}
		if i >= 0 {
			return all[i], words[1:], nil
		}
	}
	if i := slices.IndexFunc(all, func(d *Draft) bool { return d.Name == agent }); i >= 0 {
		return all[i], words, nil
	}
	switch len(all) {
	case 1:
		return all[0], words, nil
	case 0:
		return nil, nil, &None{}
	}
	return nil, nil, &Ambiguous{all}
}

// Busy is a draft that a run, or another command, has.
type Busy struct{ Name, Agent, Folder string }

func (b *Busy) Error() string {
	return fmt.Sprintf("draft %q of %s is in use, by a run or by another command", b.Name, quote.Name(b.Folder))
}

// Hint is how the run that has it ends.
func (b *Busy) Hint() string { return "au stop --agent " + b.Agent }

// Another is how another run has a draft of its own.
func (b *Busy) Another() string {
	return "au run --agent " + b.Agent + " --draft " + quote.Word(b.Folder) + " --as NAME …"
}

// Lock takes a draft for the caller alone, until unlock is called.
func (d *Draft) Lock() (unlock func(), err error) {
	fd, err := d.state.lock()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &Busy{d.Name, d.Agent, string(d.Folder)}
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Nlink == 0 {
		unix.Close(fd)
		return nil, &None{string(d.Folder)} // it was dropped meanwhile
	}
	return func() { unix.Close(fd) }, nil
}

// lock takes the lock of a state.
func (p place) lock() (int, error) {
	fd, err := unix.Openat(p.fd, "lock", unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, p.failed("open", "lock", err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return -1, p.failed("lock", "lock", err)
	}
	return fd, nil
}

// GitHead returns the commit that the folder's git is at; "" where that cannot be told.
func (d *Draft) GitHead() string {
	folder, err := openPlace(string(d.Folder))
	if err != nil {
		return ""
	}
	defer folder.close()
	return gitHead(folder)
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

// gitHead returns the commit that a folder's own git is at; "" where that cannot be told without a git that runs.
func gitHead(folder place) string {
	line := func(name string) string {
		f, err := folder.read(name)
		if err != nil {
			return ""
		}
		defer f.Close()
		text, _ := bounded.Read(f, 1<<20)
		return string(text)
	}
	head := strings.TrimSpace(line(".git/HEAD"))
	ref, isRef := strings.CutPrefix(head, "ref: ")
	if isRef && fs.ValidPath(ref) {
		head = strings.TrimSpace(line(".git/" + ref))
		for l := range strings.Lines(line(".git/packed-refs")) {
			if sum, name, ok := strings.Cut(strings.TrimSpace(l), " "); ok && head == "" && name == ref {
				head = sum
			}
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{40,64}$`).MatchString(head) {
		return ""
	}
	return head
}
