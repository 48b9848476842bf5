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
	ours := map[string]bool{}
	for _, c := range j.Copies {
		ours[c.To] = true
		to, name := j.at(c.From)
		alike, there, err := j.has(c, j.staging)
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

// has reports whether the draft has what there is of a copy, and whether it has something there.
func (j *journal) has(c copied, in place) (alike, there bool, err error) {
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
	alike, err = sameTree(at, name, in, c.To)
	return alike, there, err
}

func (j *journal) isTakenIn(in place) (bool, error) {
	for _, c := range j.Copies {
		if alike, _, err := j.has(c, in); err != nil || !alike {
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
