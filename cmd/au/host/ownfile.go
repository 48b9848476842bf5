// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
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
	path = place.Path
	place.Close()
	for _, w := range follow.Writable() {
		if _, in := share.Within(w.Source, path); in {
			return "", nil, fmt.Errorf("%q: agent %q can write in %s, so that the file may not be what you mean", word, w.Agent, quote.Name(w.Source))
		}
	}
	f, err := follow.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != owner {
		return "", nil, fmt.Errorf("%q: want a file of your own", word)
	}
	text, err = bounded.Read(f, limit)
	return path, text, err
}
