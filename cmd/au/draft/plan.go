// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// act is what a step of a keep does.
type act byte

const (
	move     act = 'm' // what is at From goes to To, where nothing is
	exchange act = 'x' // what is at From and what is at To change places
	fill     act = 'c' // a copy of what is at From is made at To, where nothing is
	mkdir    act = 'd' // a folder is made at To
	before   act = 'b' // the folder at To has Meta; forward it is only made writable
	after    act = 'a' // the folder at To gets Meta; backward it is only made writable
)

// root is one of the folders in which a keep works.
type root byte

const (
	theFolder  root = 'F'
	theUpper   root = 'U'
	theStash   root = 'S'
	theStaging root = 'T'
)

// spot is a place in one of them.
type spot struct {
	In   root
	Path string
}

// meta is what a folder has beside its files, or a file beside its text.
type meta struct {
	Mode  uint32
	Gid   uint32 // of a file
	Mtime int64
	Attrs map[string]string
	Times bool // whether Mtime is set
}

func metaOf(st unix.Stat_t, attrs map[string]string) meta {
	return meta{Mode: st.Mode, Gid: st.Gid, Attrs: attrs}
}

// op is a step of a keep that can be done again, and be taken back.
type op struct {
	Act      act
	From, To spot
	Ino      uint64 // of what is at From
	Was      vintage
	Is       vintage // of the draft's file, which is at To afterwards
	Low      string  // where what a step takes from the human stood in the folder, before any
	In       uint64  // what is in that, of a folder
	Meta     meta    // of a folder, or of a copy
	Copy     bool    // what is put at To goes with an undo, as the draft has it still
}

// vintage is a file as the plan found it.
type vintage struct {
	Ino         uint64
	Size, Mtime int64
	Dir         bool
}

func vintageOf(st unix.Stat_t) vintage {
	v := vintage{Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Dir: st.Mode&unix.S_IFMT == unix.S_IFDIR}
	if v.Dir {
		v.Size, v.Mtime = 0, 0 // a keep itself changes them
	}
	return v
}

// isOf reports whether a file is the same still, or a copy on a file system that may know of seconds alone.
func (v vintage) isOf(st unix.Stat_t) bool {
	now := vintageOf(st)
	if now.Ino = v.Ino; st.Mtim.Nsec == 0 {
		v.Mtime, now.Mtime = v.Mtime/1e9, now.Mtime/1e9
	}
	return now == v
}

// planner turns a draft into steps.
type planner struct {
	*teller
	wanted                      []string // paths; none: all
	skip                        map[string]bool
	first, detach, middle, last []op
	stashed                     int
	prepared                    map[string]bool
	stays                       map[string]bool   // folders of which something stays, though the draft does not have them
	touched                     map[string]bool   // folders in which something changes, by where they are then
	vacated                     map[string]bool   // and by where they were
	changed                     []string          // what of the human is replaced although they have changed it
	goesOn                      bool              // the human has worked with git since
	whole                       bool              // nothing of the draft is left afterwards
	names                       map[uint64]uint64 // how many names of a file are kept, of those with several
	staying                     []string          // where folders were that are elsewhere in the draft, and are not kept; in order
	staging                     string            // the staging folder, across file systems
	copies                      []copied          // what is in it first
}

// plan returns the steps that take the wanted paths over, but for those to skip.
func (t *teller) plan(draft string, wanted []string, skip map[string]bool) (*planner, error) {
	wanted = slices.Compact(slices.Sorted(slices.Values(wanted)))
	p := &planner{teller: t, wanted: wanted, skip: skip, whole: len(wanted) == 0 && len(skip) == 0, prepared: map[string]bool{}, stays: map[string]bool{}, touched: map[string]bool{}, vacated: map[string]bool{}, goesOn: t.forked || t.goesOnWithGit()}
	if err := errors.Join(p.skipOldPlaces(), p.detachAll()); err != nil {
		return nil, err
	}
	if err := p.refs(draft); err != nil {
		return nil, err
	}
	if err := errors.Join(p.countNames(), p.node(t.top, false), p.closeVacated()); err != nil {
		return nil, err
	}
	return p, p.upperTimes()
}

func (p *planner) ops() []op { return slices.Concat(p.first, p.detach, p.middle, p.last) }

// upperTimes plans that the draft's own folders have their times still when what was taken out of them is back, and where a part is
// kept, too.
func (p *planner) upperTimes() error {
	dirs, gone := map[string]bool{}, map[string]bool{}
	for _, o := range p.middle {
		if o.From.In == theUpper && o.Act != fill {
			dir, _ := split(o.From.Path)
			dirs[dir] = true
			if o.To.In == theStash {
				gone[o.From.Path] = true
			}
		}
	}
	for _, dir := range sortedKeys(dirs) {
		m, err := p.upper.meta(dir)
		if err != nil {
			return err
		}
		at := spot{theUpper, dir}
		p.first = append(p.first, op{Act: before, To: at, Meta: m})
		if !p.whole && !hasAbove(gone, dir) {
			p.last = append(p.last, op{Act: after, To: at, Meta: m})
		}
	}
	return nil
}

// takes reports whether a path is wanted, and does not stay as the human has it; the same is true of all below it.
func (p *planner) takes(name string) bool { return !p.isLeft(name) && p.wants(name) }

func (p *planner) wants(name string) bool {
	if p.skip[name] || hasAbove(p.skip, name) {
		return false
	}
	return len(p.wanted) == 0 || slices.ContainsFunc(p.wanted, func(w string) bool { return w == "" || w == name || strings.HasPrefix(name, w+"/") })
}

// reaches reports whether something at or below a path is wanted.
func (p *planner) reaches(name string) bool {
	return p.takes(name) || name == "" || slices.ContainsFunc(p.wanted, func(w string) bool { return strings.HasPrefix(w, name+"/") })
}

// takesAll reports whether all of a folder is wanted.
func (p *planner) takesAll(name string) bool {
	if !p.takes(name) {
		return false
	}
	for s := range p.skip {
		if name == "" || s == name || strings.HasPrefix(s, name+"/") {
			return false
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// emit adds a step of the main part.
func (p *planner) emit(o op) {
	for _, s := range []spot{o.From, o.To} {
		if s.In == theFolder {
			dir, _ := split(s.Path)
			p.touched[dir] = true
		}
	}
	p.middle = append(p.middle, o)
}

// prepare notes what a folder of the human has, before something in it changes.
func (p *planner) prepare(low string) error {
	if p.prepared[low] {
		return nil
	}
	p.prepared[low] = true
	m, err := p.lower.meta(low)
	if err != nil {
		return err
	}
	st, err := p.lower.stat(low)
	if err == nil && st.Dev != p.device { // nothing could be renamed there, or back
		err = fmt.Errorf("%s is in a btrfs subvolume of its own: nothing can be kept there, so name the other paths", quote.Name(low))
	}
	if err != nil {
		return err
	}
	p.first = append(p.first, op{Act: before, To: spot{theFolder, low}, Meta: m, Was: vintageOf(st)})
	return nil
}

// meta returns what a folder has.
func (p place) meta(name string) (m meta, err error) {
	st, err := p.stat(name)
	if err != nil {
		return m, p.failed("stat", name, err)
	}
	m = meta{Mode: st.Mode & 0o7777, Mtime: st.Mtim.Nano(), Times: true}
	m.Attrs, err = p.attributes(name)
	return m, err
}

// node plans for one folder, which by then is at its path. copying is where the folder stays in the draft, and so what is taken of
// it does, too.
func (p *planner) node(n *node, copying bool) error {
	if !p.reaches(n.path) {
		return nil
	}
	all := p.takesAll(n.path)
	copying = copying || (!n.merged || n.cleared) && !all
	for _, it := range n.items {
		if err := p.item(n, it, copying); err != nil {
			return err
		}
	}
	return p.finish(n, all, copying)
}

// finish gives the folder what it has in the draft, or, where only a part is taken, what it had. A folder of which something stays
// in the draft is not closed to the human, who still has that to look at.
func (p *planner) finish(n *node, all, copying bool) error {
	m, err := p.upper.meta(n.path)
	if err != nil {
		return err
	}
	if m.Attrs, err = p.attributesOf(n); err != nil {
		return err
	}
	m.Mode = n.st.Mode & 0o7777
	if copying || !all {
		m.Mode |= theirs
	}
	if n.merged {
		was, err := p.lower.meta(n.low)
		if err != nil {
			return err
		}
		if !p.touched[n.path] && !p.vacated[n.low] && (!all || m.Mode == was.Mode && maps.Equal(m.Attrs, was.Attrs)) {
			return nil
		}
		if err := p.prepare(n.low); err != nil {
			return err
		}
		if !all {
			m = was
			m.Times = false
		}
	}
	p.last = append(p.last, op{Act: after, To: spot{theFolder, n.path}, Meta: m}) // what is in it first: it may be closed
	return nil
}

func (p *planner) item(n *node, it item, copying bool) error {
	name := join(n.path, it.name)
	if !p.reaches(name) {
		return nil
	}
	st, low, ok, err := p.base(n, it.name)
	if err != nil {
		return err
	}
	if p.isLeft(name) || p.goesOn && it.whiteout && isObject(name) { // the human's git may need what the agent's removed as it tidied up
		return nil
	}
	if it.dir != nil {
		return p.folder(n, it, st, low, ok, copying)
	}
	if !p.takes(name) && it.whiteout && ok {
		return p.removeSome(name, low)
	}
	if !p.takes(name) || p.equal[name] {
		return nil
	}
	if n.merged {
		if err := p.leaves(low); err != nil {
			return err
		}
	}
	if m, ok := p.merged[name]; ok {
		return p.putMerged(name, low, m, it, copying)
	}
	copying = copying || !it.whiteout && p.isShared(it)
	switch here := (spot{theFolder, name}); {
	case it.whiteout:
		if ok && !p.hidden[low] {
			if err := p.remove(here, low, st); err != nil {
				return err
			}
		}
		if !it.virtual && !copying && p.takesAll(name) {
			p.clearUpper(name, it)
		}
	case ok && st.Mode&unix.S_IFMT != unix.S_IFDIR && !copying:
		p.emit(op{Act: exchange, From: p.bring(spot{theUpper, name}, vintageOf(it.st), false), To: here, Ino: it.st.Ino, Was: vintageOf(st), Is: vintageOf(it.st), Low: low})
		if !p.apart { // else a copy changes places with the human's
			it.st = st
		}
		p.clearUpper(name, it)
	default:
		if ok {
			if err := p.makeRoom(here, low, st); err != nil {
				return err
			}
		}
		return p.put(name, name, it, copying)
	}
	return nil
}

// folder plans for a folder in another.
func (p *planner) folder(n *node, it item, st unix.Stat_t, low string, ok, copying bool) error {
	name, dir := join(n.path, it.name), it.dir
	if dir.lost && p.takes(name) {
		dir.merged = false
	}
	here := spot{theFolder, name}
	if n.merged && (dir.moved || !dir.merged) {
		if err := p.leaves(low); err != nil {
			return err
		}
	}
	if ok && (dir.moved || !dir.merged) {
		if !p.takes(name) {
			return fmt.Errorf("%s: you have something else of that name: it is kept whole or not at all", quote.Name(name))
		}
		if err := errors.Join(p.leaves(low), p.makeRoom(here, low, st)); err != nil {
			return err
		}
	}
	switch {
	case dir.moved && dir.merged:
		from, err := p.lower.stat(dir.low)
		if err != nil {
			return p.lower.failed("stat", dir.low, err)
		}
		p.emit(op{Act: move, From: p.meanwhile(from.Ino), To: here, Ino: from.Ino})
	case !dir.merged:
		p.emit(op{Act: mkdir, To: here})
	}
	if err := p.node(dir, copying); err != nil {
		return err
	}
	if !copying && p.takesAll(name) && !p.takesAll(n.path) {
		p.clearUpper(name, it) // what the upper one still holds of it would hide what is there now
	}
	return nil
}
