// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// errInTheWay is where there is something that the agent did not see where the draft has something else.
var errInTheWay = errors.New("something of yours that is hidden is in the way")

// makeRoom removes what is where something of another kind is to be.
func (p *planner) makeRoom(at spot, low string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFDIR && p.hiddenBelow(low) {
		return fmt.Errorf("%s: %w", quote.Name(at.Path), errInTheWay)
	}
	return p.remove(at, low, st)
}

// remove puts aside what is at a spot, which is at low in the folder as it still is. Names that are hidden there, or to be skipped,
// stay.
func (p *planner) remove(at spot, low string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || !p.hiddenBelow(low) && p.takesAll(at.Path) && !p.isLeftBelow(at.Path) {
		in, err := p.lower.sumOf(low, st, p.wentAway)
		p.emit(op{Act: move, From: at, To: p.aside(), Ino: st.Ino, Was: vintageOf(st), Low: low, In: in})
		return err
	}
	if err := p.prepareToStay(low, at.Path); err != nil {
		return err
	}
	all, err := p.lower.list(low)
	if err != nil {
		return err
	}
	for _, f := range all {
		inner, path := join(low, f.name), join(at.Path, f.name)
		if p.hidden[inner] || p.wentAway(inner) || p.skip[path] || p.isLeft(path) {
			continue
		}
		if err := p.remove(spot{at.In, path}, inner, f.st); err != nil {
			return err
		}
	}
	return nil
}

// removeSome removes what is wanted of a folder that the draft does not have any more, and keeps the rest.
func (p *planner) removeSome(name, low string) error {
	for _, w := range p.wanted {
		rest, below := strings.CutPrefix(w, name+"/")
		up, _ := split(w)
		if !below || p.skip[w] || p.takes(up) {
			continue
		}
		at := join(low, rest)
		st, ok, err := p.lower.exists(at)
		if err != nil {
			return err
		}
		if !ok || hasAbove(p.hidden, at) || hasAbove(p.away, at) {
			continue
		}
		dir, _ := split(at)
		if err := errors.Join(p.leaves(at), p.prepareToStay(dir, up), p.remove(spot{theFolder, w}, at, st)); err != nil {
			return err
		}
	}
	return nil
}

// prepareToStay is prepare for a folder that the draft does not have, and that stays at the path: but for its time it is as it was.
func (p *planner) prepareToStay(low, path string) error {
	if p.stays[path] {
		return nil
	}
	p.stays[path] = true
	m, err := p.lower.meta(low)
	if err != nil {
		return err
	}
	m.Times = false
	p.last = append([]op{{Act: after, To: spot{theFolder, path}, Meta: m}}, p.last...)
	return p.prepare(low)
}

// sumOf tells what is in a folder from the same after any change; what is gone from it is left out.
func (p place) sumOf(dir string, st unix.Stat_t, gone func(name string) bool) (uint64, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, nil
	}
	sum := fnv.New64a()
	all, err := p.list(dir)
	for _, f := range all {
		if name := join(dir, f.name); err == nil && !gone(name) {
			var in uint64
			in, err = p.sumOf(name, f.st, gone)
			v := vintageOf(f.st)
			v.Ino = 0 // a copy has another
			fmt.Fprintf(sum, "%q %v %d\n", f.name, v, in)
		}
	}
	return sum.Sum64(), err
}
