// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"testing"
)

const (
	byHand = "# by hand\n[Slice]\nMemoryMax=\"1G\"\n"
	byAu   = "[Slice]\nMemoryMax=2147483648\n"
	slice  = "user-1001.slice"
)

func files(text string) map[string]string { return map[string]string{MemoryMax: text} }

// restored is what a reset makes of the memory file: the text, and whether it touches it at all.
func restored(r Record, now string) (string, bool) {
	out := r.Restore([]string{MemoryMax}, files(now))
	if len(out) == 0 {
		return now, false
	}
	return out[0].Text, true
}

func TestResetGivesBackWhatWasThereBeforeAu(t *testing.T) {
	set := func(earlier string) Record {
		return Record{}.Begin(slice, []string{MemoryMax}, files(earlier)).Done(files(byAu))
	}
	for _, c := range []struct {
		name    string
		r       Record
		now     string
		want    string
		touched bool
	}{
		{"nothing before", set(""), byAu, "", true},
		{"the human's before", set(byHand), byAu, byHand, true},
		{"the human's since", set(""), byHand, byHand, false},
		{"removed by the human since", set(byHand), "", "", false},
		{"restored, then killed", set(byHand), byHand, byHand, true},
		{"set twice by au", set(byHand).Begin(slice, []string{MemoryMax}, files(byAu)).Done(files("[Slice]\nMemoryMax=5\n")), "[Slice]\nMemoryMax=5\n", byHand, true},
		{"set by au, by the human, by au", set("").Begin(slice, []string{MemoryMax}, files(byHand)).Done(files(byAu)), byAu, byHand, true},
		{"killed before it wrote", Record{}.Begin(slice, []string{MemoryMax}, files(byHand)), byHand, byHand, true},
		{"killed after it wrote", Record{}.Begin(slice, []string{MemoryMax}, files(byHand)), byAu, byHand, true},
		{"killed after a second write", set(byHand).Begin(slice, []string{MemoryMax}, files(byAu)), "[Slice]\nMemoryMax=5\n", byHand, true},
		{"never set", Record{Slice: slice}, byHand, byHand, false},
	} {
		// A record that is read back from disk must behave like the one that was written.
		read, err := ParseRecord([]byte(c.r.Text()))
		if err != nil || !reflect.DeepEqual(read, c.r) {
			t.Errorf("%s: the record came back as %+v (%v), want %+v", c.name, read, err, c.r)
		}
		if got, touched := restored(read, c.now); got != c.want || touched != c.touched {
			t.Errorf("%s: a reset leaves %q (touched: %v), want %q (%v)", c.name, got, touched, c.want, c.touched)
		}
	}
}

func TestForgottenPropertiesAreNotOurs(t *testing.T) {
	r := Record{}.Begin(slice, []string{MemoryMax, CPUQuota}, nil).Forget([]string{MemoryMax})
	if r.Has(MemoryMax) || !r.Has(CPUQuota) {
		t.Errorf("left are %v", r.Entries)
	}
}

func TestBrokenRecordsAreRefused(t *testing.T) {
	for _, text := range []string{
		"limits 2\n",
		"au-limits 1\nMemoryMax\n",
		"au-limits 1\nMemoryMax ours \"a\n",
		"au-limits 1\nMemoryMax ours \"a\" earlier \"b\n",
		"au-limits 1\nMemoryMax ours \"a\" earlier \"b\" more\n",
		"au-limits 1\n../../etc/passwd ours \"a\" earlier \"b\"\n",
	} {
		if r, err := ParseRecord([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, r)
		}
	}
	if r, err := ParseRecord(nil); err != nil || len(r.Entries) != 0 {
		t.Errorf("no file was read as %+v (%v)", r, err)
	}
}
