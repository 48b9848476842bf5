// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// OwnFile reads a file that a person names and that belongs to them, up to limit bytes, and returns where it is. It refuses one
// that an agent can write, or that is reached by way of such a folder: the agent could have chosen what is in it.
func (h *Host) OwnFile(follow start.Follower, word string, owner uint32, limit int64) (path string, text []byte, err error) {
	place, err := follow.Follow(word)
	if err != nil {
		return "", nil, err
	}
	defer place.Close()
	path = place.Path
	for _, w := range follow.Writable() {
		if _, in := share.Within(w.Source, path); in {
			return "", nil, fmt.Errorf("%q: agent %q can write in %s, so that the file may not be what you mean", word, w.Agent, quote.Name(w.Source))
		}
	}
	if err := isOwn(place, word, owner); err != nil {
		return "", nil, err
	}
	f, err := place.Open(path, unix.O_NONBLOCK)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	text, err = bounded.Read(f, limit)
	return path, text, err
}

// isOwn refuses anything but a file that the owner has, before it is opened: a pipe would hold all up.
func isOwn(place *walk.Place, word string, owner uint32) error {
	st := place.Stat
	if place.File < 0 {
		return nil // opening it says what is wrong
	}
	stored, err := walk.IsStored(place.File, st)
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != owner || !stored) {
		err = fmt.Errorf("%q: want a file of your own", word)
	}
	return err
}
