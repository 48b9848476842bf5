// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"golang.org/x/sys/unix"
)

// tracked is a file as a commit has it.
type tracked struct {
	Mode uint32 // 0100644, 0100755, 0120000
	Sum  string // of the blob
}

// gitBase is what the folder's git held as the draft began; nil where there is no git, or nobody asked it.
type gitBase struct{ files map[string]tracked }

// unchanged reports whether a file of the human's is as it was in git: then a later change of its times, or of rights that git does not know, is no conflict.
func (g *gitBase) unchanged(lower place, name string, st unix.Stat_t) bool {
	if g == nil {
		return false
	}
	was, ok := g.files[name]
	if !ok || was.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT {
		return false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && (was.Mode&0o100 != 0) != (st.Mode&0o100 != 0) {
		return false
	}
	return blob(lower, name, st, len(was.Sum)) == was.Sum
}

// mayHaveHad reports whether a file may have been there when the draft began: git knows of all that it tracked, and of nothing else.
func (g *gitBase) mayHaveHad(name string) bool {
	if g == nil {
		return true
	}
	_, ok := g.files[name]
	return ok
}

// blob returns the sum by which git names what a file holds; "" where it cannot be read.
func blob(p place, name string, st unix.Stat_t, length int) string {
	var sum hash.Hash = sha1.New()
	if length == 2*sha256.Size {
		sum = sha256.New()
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		to, err := p.target(name)
		if err != nil {
			return ""
		}
		fmt.Fprintf(sum, "blob %d\x00%s", len(to), to)
		return hex.EncodeToString(sum.Sum(nil))
	}
	f, err := p.read(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	fmt.Fprintf(sum, "blob %d\x00", st.Size)
	if n, err := io.Copy(sum, io.LimitReader(f, st.Size)); err != nil || n != st.Size {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// gitBase asks the folder's git what it held as the draft began.
func (d *Draft) gitBase() *gitBase { return nil }
