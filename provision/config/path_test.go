// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

func TestPathText(t *testing.T) {
	for _, c := range []struct {
		path Path
		text string
	}{
		{"/home/alice/project", "/home/alice/project"},
		{"/home/alice/café %41\n", "/home/alice/café %41\n"},
		{"/home/alice/d\xe9", "file:///home/alice/d%E9"},
		{"/home/alice/100% d\xe9", "file:///home/alice/100%25%20d%E9"},
		{"below/d\xe9", "file:below/d%E9"},
		{"file:x", "file:file%3Ax"},
		{"/file:x", "/file:x"},
		{"", ""},
	} {
		if got := c.path.Text(); got != c.text {
			t.Errorf("%q is written %q, not %q", c.path, got, c.text)
		}
		if got, err := ParsePath(c.text); err != nil || got != c.path {
			t.Errorf("%q is read as %q, %v", c.text, got, err)
		}
	}
}

func TestParsePathTakesWhatOthersWrite(t *testing.T) {
	for _, text := range []string{"file:/d%e9/x", "file:///d%E9/x", "file:///d%e9/%78"} {
		if got, err := ParsePath(text); err != nil || got != "/d\xe9/x" {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"file:///d%", "file:///d%4", "file:///d%4g", "file:///%00"} {
		if got, err := ParsePath(text); err == nil {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{"/d\xe9", "file:", "file:///x", "%", "\xff\xfe", "é"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		text := Path(path).Text()
		if !utf8.ValidString(text) {
			t.Errorf("%q is written %q", path, text)
		}
		for i := range path {
			if path[i] == 0 {
				return // in no path
			}
		}
		if got, err := ParsePath(text); err != nil || string(got) != path {
			t.Errorf("%q became %q by way of %q, %v", path, got, text, err)
		}
	})
}

// odd are shares that no UTF-8 text can name as they are.
var odd = []Mount{{Source: "/home/alice/d\xe9", Target: "/home/agent/d\xe9", ReadOnly: true}, {Source: "/\xff", Target: "/\xfe", ACL: true}}

func TestPathsThatAreNoUTF8AreKept(t *testing.T) {
	want := twoAgents()
	want.Agents[0].Mounts = append(want.Agents[0].Mounts, odd...)
	text, err := edit("configuration", []byte(as2), want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Parse("f", text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v from:\n%s", got, err, text)
	}
	back, err := edit("configuration", text, twoAgents())
	if err != nil || string(back) != as2 {
		t.Errorf("without them it became %v:\n%s", err, back)
	}
}

func TestMountKeepsItsBytesInJSON(t *testing.T) {
	text, err := json.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	var got []Mount
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, odd) {
		t.Errorf("%s came back as %+v, %v", text, got, err)
	}
	if err := json.Unmarshal([]byte(`[{"Source": "file:%"}]`), &got); err == nil {
		t.Error("a broken URL was taken for a path")
	}
}
