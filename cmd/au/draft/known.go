// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// remember notes what au itself has put into the folder: that is no change of the human.
func (d *Draft) remember(j *journal) error {
	now, err := j.present()
	if err != nil {
		return err
	}
	known := map[string]identity{}
	for _, name := range []string{"undo/known", "known"} {
		if err := d.readKnown(name, known); err != nil {
			return err
		}
	}
	maps.Copy(known, now)
	for _, handle := range j.Took {
		known[takenBy+string(handle)] = identity{}
	}
	if j.back {
		for _, handle := range j.Took {
			if j.Staging == "" { // else what came back is another file
				delete(known, takenBy+string(handle))
			}
		}
		for _, low := range j.Changed { // what is the human's change again
			delete(known, low)
		}
	}
	return d.writeKnown(known)
}

func (d *Draft) writeKnown(known map[string]identity) error {
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(known); err != nil {
		return err
	}
	return d.state.write("known", text.Bytes())
}

// know notes that au itself has changed what is at a path of the folder.
func (d *Draft) know(folder place, name string) error {
	known := map[string]identity{}
	st, err := folder.stat(name)
	if err == nil {
		err = d.readKnown("known", known)
	}
	if err != nil {
		return err
	}
	known[name] = identityOf(st)
	return d.writeKnown(known)
}

// takenBy is what the handle of a file is noted with that a keep took from its place: it is no path.
const takenBy = "\x00\x00"

// took returns the handles of the files from which others came, and which the steps take from their places.
func (p *planner) took() (all [][]byte) {
	lows := map[string]bool{}
	for _, o := range p.ops() {
		if o.Low != "" {
			lows[o.Low] = true
		}
	}
	for _, handle := range sortedKeys(p.origins) {
		if hasAbove(lows, p.origins[handle]) {
			all = append(all, []byte(handle))
		}
	}
	return all
}

// present returns what is in the folder at the names that the steps have changed.
func (j *journal) present() (map[string]identity, error) {
	names, whole, is, gone, again, away := map[string]bool{}, map[string]bool{}, map[string]vintage{}, map[string]bool{}, map[string]op{}, map[string]bool{}
	for _, o := range j.Ops {
		if o.Was != (vintage{}) {
			again[o.stood()] = o
		}
		if o.Act == move && o.From.In == theFolder && o.Low == "" {
			away[o.From.Path] = true
		}
		if o.From.In == theFolder && !j.back {
			gone[o.From.Path] = true
		}
		if o.To.In == theFolder && !j.back {
			is[o.To.Path], gone[o.To.Path] = o.Is, false
		}
		for _, s := range []spot{o.From, o.To, {theFolder, o.Low}} {
			if s.In == theFolder {
				names[s.Path] = true
				whole[s.Path] = whole[s.Path] || j.Staging != "" && o.Was.Dir && s.Path == o.Low && s.Path != ""
			}
		}
	}
	if j.Staging != "" {
		top, err := j.folder.stat("")
		if err != nil {
			return nil, j.folder.failed("stat", "", err)
		}
		names[""], again[""] = true, op{Was: vintageOf(top)} // where that folder was
	}
	all := map[string]identity{}
	for _, name := range slices.Backward(sortedKeys(names)) { // a folder comes behind what is in it, which it may close
		st, ok, err := j.found(name)
		if err != nil {
			return nil, err
		}
		if ok && (gone[name] || j.back && !j.cameBack(name, st, again[name], away)) {
			continue // the human has made it, or changed it, while other things were kept or taken back
		}
		if ok && whole[name] {
			j.folder.identities(name, all) // each file there is a new one
		}
		if ok {
			all[name] = identityOf(st)
		}
		if kept := is[name]; ok && kept != (vintage{}) && !kept.isOf(st) {
			all[name] = identity{} // the human has changed it while other things were kept
		}
	}
	return all, j.otherNames(all)
}

// stood returns where that stood in the folder which a step has found there.
func (o op) stood() string {
	switch {
	case o.Low != "":
		return o.Low
	case o.From.In == theFolder:
		return o.From.Path
	}
	return o.To.Path
}

// cameBack reports whether something is what undo has brought back. A copy has another number. Of a folder that went it has to hold
// what that held, but for what was elsewhere by then.
func (j *journal) cameBack(name string, st unix.Stat_t, o op, away map[string]bool) bool {
	if !o.Was.Dir {
		return o.Was.isOf(st)
	}
	if j.Staging == "" || o.In == 0 {
		return vintageOf(st) == o.Was
	}
	in, err := j.folder.sumOf(name, st, func(at string) bool { return away[at] })
	return err == nil && in == o.In
}

// otherNames notes the files that the steps took from the folder, and that may have other names in it. It notes them under what is
// no path.
func (j *journal) otherNames(into map[string]identity) error {
	for _, o := range j.Ops {
		at := o.To
		if o.Act == exchange {
			at = o.From
		}
		if o.Was.Ino == 0 || at.In == theFolder || at.In == theStaging {
			continue
		}
		in, name := j.at(at)
		st, ok, err := in.exists(name)
		if err != nil {
			return err
		}
		if ok && st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			into["\x00"+string(at.In)+at.Path] = identityOf(st)
		}
	}
	return nil
}

// found returns what is in the folder at a path, which the keep itself may have closed.
func (j *journal) found(name string) (st unix.Stat_t, ok bool, err error) {
	err = j.folder.reached(name, func() (err error) {
		st, ok, err = j.folder.exists(name)
		return err
	})
	return st, ok, err
}

// identities notes all that is in a folder.
func (p place) identities(dir string, into map[string]identity) {
	all, err := p.list(dir)
	if err != nil {
		return // it is no folder any more
	}
	for _, f := range all {
		name := join(dir, f.name)
		into[name] = identityOf(f.st)
		if f.kind() == unix.S_IFDIR {
			p.identities(name, into)
		}
	}
}
