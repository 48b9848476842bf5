// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A disk that is full in the middle of a note leaves none of it. The size in place of the disk is the largest that a file can have.
func TestANoteIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	in, err := openPlace(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(l unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &l); err != nil {
			t.Error(err)
		}
	}
	limit(unix.Rlimit{Cur: 8, Max: before.Max})
	_, first := in.appendWhole("modes", []byte("a\x00700\x00"))
	_, second := in.appendWhole("modes", []byte("b\x00700\x00"))
	limit(before)
	text, err := in.readAll("modes")
	if first != nil || second == nil || err != nil || string(text) != "a\x00700\x00" {
		t.Errorf("first %v, second %v; the file is %q, %v", first, second, text, err)
	}
}
