// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"os"
	"path/filepath"
	"testing"
)

// The records of limits that earlier versions wrote are read, and give back what they say au left.
func TestKeptRecords(t *testing.T) {
	files, _ := filepath.Glob("../provision/testdata/0.1/*/etc/au/limits/*")
	if len(files) < 1 {
		t.Fatalf("there are only %q", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRecord(text)
		if err != nil || r.Text() != string(text) || len(r.Entries) < 3 {
			t.Errorf("%s: %v; it reads as\n%s", file, err, r.Text())
			continue
		}
		root, left := filepath.Join(filepath.Dir(file), "../../.."), map[string]string{}
		for _, e := range r.Entries {
			dropIn, err := os.ReadFile(root + DropIn(r.Slice, e.Property, false))
			if err != nil || string(dropIn) != e.Ours {
				t.Errorf("%s: %s: it is not what the drop-in has: %v\n%s", file, e.Property, err, dropIn)
			}
			left[e.Property] = string(dropIn)
		}
		if back := r.Restore(r.Properties(), left); len(back) != len(r.Entries) {
			t.Errorf("%s: a reset would give back only %v", file, back)
		}
	}
}
