// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"path"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// takeIn gives the draft what the human has changed of its files since they were in the folder. Of all others it has the originals.
func (j *journal) takeIn() error {
	ours, puts := map[string]bool{}, j.puts()
	for _, c := range j.Copies {
		ours[c.To] = true
		to, name := j.at(c.From)
		alike, there, err := j.has(c, j.staging, puts)
		switch {
		case err != nil || alike:
		case there && c.Alone || c.From.In == theStash: // the draft goes on with its own, and nobody with what was merged
			err = fmt.Errorf("take back %s: %w", quote.Name(path.Join(j.Staging, c.To)), errEdited)
		default:
			err = j.adopt(c.To, to, name, there)
		}
		if err != nil {
			return err
		}
	}
	all, err := j.staging.list("")
	for _, f := range all {
		if !ours[f.name] {
			err = errors.Join(err, fmt.Errorf("nobody knows what %s is: want it elsewhere", quote.Name(path.Join(j.staging.named, f.name))))
		}
	}
	return err
}

// puts returns the steps that put copies into the folder, by what those are called in the staging folder.
func (j *journal) puts() map[string]op {
	all := map[string]op{}
	for _, o := range j.Ops {
		if o.Copy && o.From.In == theStaging {
			all[o.From.Path] = o
		}
	}
	return all
}

// has reports whether what there is of a copy can go, and whether the draft has something in its place. It can go where the draft
// has the same. The agent may have changed a file since with which the draft went on: then a copy can go that is as it was put.
func (j *journal) has(c copied, in place, puts map[string]op) (alike, there bool, err error) {
	at, name := j.at(c.From)
	if _, there, err = at.exists(name); err != nil {
		return false, there, err
	}
	_, left, err := in.exists(c.To)
	if err != nil || !left {
		return !left, there, err // the human has removed it
	}
	if !there {
		return false, false, nil
	}
	if alike, err = sameTree(at, name, in, c.To); err == nil && !alike && c.Alone {
		alike, err = puts[c.To].isStill(in, c.To)
	}
	return alike, there, err
}

func (j *journal) isTakenIn(in place) (bool, error) {
	puts := j.puts()
	for _, c := range j.Copies {
		if alike, _, err := j.has(c, in, puts); err != nil || !alike {
			return false, err
		}
	}
	return true, nil
}

// adopt gives the draft a file of the staging folder.
func (j *journal) adopt(staged string, to place, name string, there bool) error {
	const edited = "undo/edited"
	if err := j.state.removeTree(edited); err != nil {
		return err
	}
	if err := copyTree(j.staging, staged, j.state, edited); err != nil {
		return err
	}
	if err := to.makeAbove(name); err != nil {
		return err
	}
	j.between()
	flags := uint(unix.RENAME_NOREPLACE)
	if there {
		flags = unix.RENAME_EXCHANGE
	}
	return to.failed("bring back", name, rename(j.state, edited, to, name, flags))
}
