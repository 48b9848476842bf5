// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// folderWith makes files in a new folder.
func folderWith(t *testing.T, names ...string) string {
	t.Helper()
	top := t.TempDir()
	for _, name := range names {
		at := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func TestFind(t *testing.T) {
	t.Parallel()
	top := folderWith(t, ".env", ".env.local", ".env.example", "a/.env", "a/b/x.pem", "a/id_rsa", "id_dir/id", "deploy/private/k", "a/deploy/private/k", "secrets.yml", "a/secrets.yml",
		".git/id_rsa", "bare.git/HEAD", "bare.git/objects/x", "bare.git/refs/heads/id_fix")
	for name, c := range map[string]struct {
		words        []string
		usual        bool
		named, found []string
	}{
		"usual":           {nil, true, []string{".env"}, []string{".env", ".env.local", "a/.env", "a/b/x.pem", "a/id_rsa", "id_dir/id"}[:5]},
		"nothing":         {nil, false, nil, nil},
		"a_name":          {[]string{"secrets.yml"}, false, []string{"secrets.yml"}, []string{"a/secrets.yml", "secrets.yml"}},
		"a_name_missing":  {[]string{"none"}, false, []string{"none"}, nil},
		"a_folder":        {[]string{"private/"}, false, []string{"private"}, []string{"a/deploy/private", "deploy/private"}},
		"a_path":          {[]string{"deploy/private"}, false, []string{"deploy/private"}, []string{"deploy/private"}},
		"at_the_top":      {[]string{"./secrets.yml"}, false, []string{"secrets.yml"}, []string{"secrets.yml"}},
		"a_pattern":       {[]string{"secret*"}, false, nil, []string{"a/secrets.yml", "secrets.yml"}},
		"pattern_of_path": {[]string{"a/*/*.pem"}, false, nil, []string{"a/b/x.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			named, found, err := find(top, c.words, c.usual, mostLooked)
			if found = sorted(found); err != nil || !slices.Equal(named, c.named) || !slices.Equal(found, c.found) {
				t.Errorf("find names %q and finds %q, %v", named, found, err)
			}
		})
	}
	if _, _, err := find(top, []string{"*.x"}, false, 3); !errors.Is(err, errTooMany) {
		t.Errorf("a folder with more names than are looked at: %v", err)
	}
}

// A draft hides nothing by default that git tracks, in a repository below the folder neither. It hides what somebody asked for.
func TestTrackedIsShown(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("want git")
	}
	top := folderWith(t, ".env", "id_a", "sub/.env", "sub/id_b", "sub/in/x.pem", "id_c")
	for _, script := range []string{"git init -q . && git add .env id_a", "cd sub && git init -q . && git add .env in"} {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", script, out)
		}
	}
	named, found, err := find(top, nil, true, mostLooked)
	if want := []string{"id_c", "sub/id_b"}; err != nil || len(named) > 0 || !slices.Equal(sorted(found), want) {
		t.Errorf("hidden are %q and %q, want %q; %v", named, found, want, err)
	}
	if _, found, err := find(top, []string{"id_a"}, false, mostLooked); err != nil || !slices.Equal(found, []string{"id_a"}) {
		t.Errorf("asked for, %q is hidden, %v", found, err)
	}
}

// An agent that writes to the folder makes many repositories in it. A look asks no git after one that waits, and all of them print
// as much as is read of one; what no git speaks for is hidden.
func TestFindInManyRepositories(t *testing.T) {
	needGit(t)
	defer func(was time.Duration, most int) { longestGit, mostListed = was, most }(longestGit, mostListed)
	longestGit, mostListed = 500*time.Millisecond, 100
	for name, c := range map[string]struct {
		script string
		most   int // how many are not hidden
	}{
		"each_waits":  {"git -C a config include.path pipe; mkfifo a/.git/pipe; for i in $(seq 30); do cp -r a $i; done", 0},
		"each_prints": {"for i in $(seq 30); do cp -r a $i; done", 100 / len("a/.env\x00")},
	} {
		top := t.TempDir()
		cmd := exec.Command("sh", "-ec", "git init -q a; mkdir a/a; echo >a/a/.env; git -C a add .; "+c.script)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", c.script, out)
		}
		begun := time.Now()
		_, found, err := find(top, nil, true, mostLooked)
		asksFew(t, name, begun)
		if shown := 31 - len(found); err != nil || shown > c.most {
			t.Errorf("%s: %d of 31 are shown, want at most %d; %v", name, shown, c.most, err)
		}
	}
}

// begun is a draft that is ready, without any overlay.
func begun(t *testing.T, s *Store, w Wanted) (*Draft, []string, []string) {
	t.Helper()
	w.Name, w.Agent = "agent", "agent"
	d, err := s.Begin(w)
	if err != nil {
		t.Fatal(err)
	}
	hidden, fresh, err := d.Prepare(w)
	if err != nil {
		t.Fatal(err)
	}
	return d, hidden, fresh
}

func storeIn(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), direct, uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// The list of what a draft hides only grows: with other words, with the default switched on again, and by a look at the folder.
func TestHiddenGrows(t *testing.T) {
	t.Parallel()
	s, top := storeIn(t), folderWith(t, "id_rsa", "a.key")
	d, hidden, fresh := begun(t, s, Wanted{Folder: top, Shown: true})
	d.Close()
	if len(hidden) > 0 || len(fresh) > 0 {
		t.Errorf("with the default off %q is hidden", hidden)
	}
	d, hidden, fresh = begun(t, s, Wanted{Folder: top, Hide: []string{"*.key"}, Shown: true})
	d.Close()
	if !slices.Equal(hidden, []string{"a.key"}) || !slices.Equal(fresh, hidden) {
		t.Errorf("with a word more %q is hidden, of that new %q", hidden, fresh)
	}
	d, hidden, fresh = begun(t, s, Wanted{Folder: top})
	if !slices.Equal(hidden, []string{".env", "a.key", "id_rsa"}) || !slices.Equal(fresh, []string{"id_rsa"}) {
		t.Errorf("with the default on again %q is hidden, of that new %q", hidden, fresh)
	}
	_, _, err := d.Prepare(Wanted{Shown: true})
	var later *ShownLater
	if !errors.As(err, &later) {
		t.Errorf("what was hidden is shown: %v", err)
	}
	for _, name := range []string{"b.key", ".env"} {
		if err := os.WriteFile(filepath.Join(top, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(top, "a.key")); err != nil {
		t.Fatal(err)
	}
	if names, all, err := d.Appeared(); err != nil || !all || !slices.Equal(names, []string{"b.key"}) {
		t.Errorf("appeared has %q, %v, %v", names, all, err)
	}
	if fresh, err := d.Refresh(); err != nil || !slices.Equal(fresh, []string{"b.key"}) {
		t.Errorf("hidden by a refresh is %q, %v", fresh, err)
	}
	if names, _, err := d.Appeared(); err != nil || len(names) > 0 {
		t.Errorf("after a refresh appeared has %q, %v", names, err)
	}
	if hidden, err := d.Hidden(); err != nil || !slices.Equal(hidden, []string{".env", "a.key", "b.key", "id_rsa"}) {
		t.Errorf("hidden are %q, %v", hidden, err)
	}
	d.Close()
}

// The next draft of that name begins anew, whatever the last one hid.
func TestHiddenEndsWithTheDraft(t *testing.T) {
	t.Parallel()
	s, top := storeIn(t), folderWith(t, "a.key")
	d, _, _ := begun(t, s, Wanted{Folder: top, Hide: []string{"a.key"}})
	if _, err := d.Keep(nil, Refuse); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d, hidden, _ := begun(t, s, Wanted{Folder: top, Shown: true})
	if len(hidden) > 0 || len(d.Hide) > 0 {
		t.Errorf("a new draft hides %q", hidden)
	}
	d.Close()
}

// A hidden file is no deletion, even where an earlier run hid it, and its folder was not there at the last.
func TestHiddenIsRemembered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir d; echo secret >d/.env; echo o >d/o")
	b.begin()
	_, _, err := b.d.Prepare(Wanted{})
	b.ok(err)
	b.drafted("rm -r d")
	b.in(b.folder, "mv d ../elsewhere")
	_, _, err = b.d.Prepare(Wanted{})
	b.ok(err)
	b.in(b.folder, "mv ../elsewhere d")
	_, err = b.d.Keep(nil, Theirs)
	b.ok(err)
	b.in(b.folder, "grep -q secret d/.env; test ! -e d/o")
}

// A share that is no draft has a layer of its own in each run; what a killed run left goes, and what a run has stays.
func TestCover(t *testing.T) {
	s, top := storeIn(t), folderWith(t, "a.key", "d/b.key", "d/c")
	if state, err := s.Cover(top, []string{"*.none"}); err != nil || state != "" {
		t.Errorf("with nothing to hide there is a layer in %q, %v", state, err)
	}
	one, err := s.Cover(top, []string{"*.key", "never"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.key", "d/b.key", "never"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(one, "hide", name), &st); err != nil || st.Mode != unix.S_IFCHR || st.Rdev != 0 {
			t.Errorf("%s is mode %o, device %d, %v", name, st.Mode, st.Rdev, err)
		}
	}
	if all, err := s.All(""); err != nil || len(all) > 0 {
		t.Errorf("it counts as a draft: %v, %v", all, err)
	}
	two, err := s.Cover(top, []string{"*.key"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.sub(filepath.Base(one))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	fd, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := s.Uncover(one); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("what a run has was taken from it: %v", err)
	}
	settled = 0
	defer func() { settled = time.Minute }()
	time.Sleep(20 * time.Millisecond)
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	if !Holds(s.named, filepath.Base(one)) || Holds(s.named, filepath.Base(two)) {
		t.Errorf("a sweep left %v of two layers, of which a run has one", mustList(t, s))
	}
	d, _, _ := begun(t, s, Wanted{Folder: top})
	defer d.Close()
	for _, other := range []string{d.State(), top, strings.Replace(one, "drafts/", "drafts/x/../", 1)} {
		if err := s.Uncover(other); err != nil || !Holds(filepath.Dir(filepath.Clean(other)), filepath.Base(other)) {
			t.Errorf("Uncover took %s, %v", other, err)
		}
	}
}

func mustList(t *testing.T, s *Store) (names []string) {
	t.Helper()
	all, err := s.list("")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.name)
	}
	return names
}

// A human who only looks makes nothing in their home, and finds no draft.
func TestLookMakesNothing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s, err := Look(home, direct, uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if all, err := s.All(""); err != nil || len(all) > 0 {
		t.Errorf("there are %d drafts, %v", len(all), err)
	}
	if _, err := s.Find("agent", home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a draft is found: %v", err)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("it made %v, %v", left, err)
	}
}
