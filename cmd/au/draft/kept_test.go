// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// keptStores copies each store of drafts that earlier versions wrote into a home, and returns the homes.
func keptStores(t *testing.T) (homes []string) {
	t.Helper()
	found, _ := filepath.Glob("../../../provision/testdata/0.1/*/home/alice/.local")
	for _, from := range found {
		home := t.TempDir()
		if err := os.CopyFS(home+"/.local", os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		homes = append(homes, home)
	}
	if len(homes) < 1 {
		t.Fatalf("there are only %q", found)
	}
	return homes
}

// The drafts that earlier versions began and kept are found, and so is what takes a keep back.
func TestKeptDrafts(t *testing.T) {
	t.Parallel()
	for _, home := range keptStores(t) {
		s, err := Look(home, nil, uint32(os.Getuid()))
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.All("")
		if err != nil || len(all) < 2 {
			t.Fatalf("%s: %d drafts, %v", home, len(all), err)
		}
		undo := 0
		for _, d := range all {
			if d.Agent != "agent" || d.Ended || d.Since.IsZero() || d.Inode == 0 || len(d.Handle) == 0 || d.IsEmpty() {
				t.Errorf("%s: it is read as %+v", d.Key, d.Info)
			}
			if text, err := d.state.readAll(stepsFile); err == nil {
				undo++
				var j journal
				if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&j); err != nil || len(j.Ops) == 0 {
					t.Errorf("%s: its keep cannot be read: %v", d.Key, err)
				}
			}
			d.Close()
		}
		if undo == 0 {
			t.Errorf("%s: there is no keep to take back", home)
		}
	}
}

// A draft that a newer au began is neither taken for one of ours nor begun anew, and it does not keep the others from being used.
func TestADraftOfANewerAuIsRefused(t *testing.T) {
	t.Parallel()
	home := keptStores(t)[0]
	s, err := Open(home, nil, uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(home + "/.local/state/au/drafts/*/draft.json")
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(text, []byte(`"version": 1`), []byte(`"version": 2`), 1)
	if err := os.WriteFile(files[0], newer, 0o600); err != nil || bytes.Equal(newer, text) {
		t.Fatal(err)
	}
	want := files[0] + ": version 2: a newer au than this one wrote it"
	if _, err := s.open(filepath.Base(filepath.Dir(files[0]))); err == nil || err.Error() != want {
		t.Errorf("it is opened: %v", err)
	}
	if _, err := s.All(""); err == nil || err.Error() != want {
		t.Errorf("it is listed: %v", err)
	}
	other, err := s.open(filepath.Base(filepath.Dir(files[1])))
	if err != nil {
		t.Errorf("another one is refused, too: %v", err)
	} else {
		other.Close()
	}
	if after, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(after, newer) {
		t.Errorf("it has been changed: %v", err)
	}
	unix.Close(s.fd)
}
