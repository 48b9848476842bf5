// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// Attributes that the agent writes say nothing of what a diff shows, though the human's home is a repository, in which git obeys
// them.
func TestDiffSeesNoRepository(t *testing.T) {
	t.Parallel()
	needGit(t)
	b := newBench(t)
	b.in(b.home, "git init -q .")
	b.in(b.folder, "echo f >f; echo g >g")
	b.begin()
	b.drafted(`echo 'f -diff
g ident' >.gitattributes; echo agent >>f; echo '$Id: agent $' >>g`)
	r, err := b.d.Report()
	b.ok(err)
	dir, left, err := b.d.Lay(r.Changes)
	b.ok(err)
	text, err := diffText(dir)
	b.ok(errors.Join(err, b.d.Unlay()))
	if len(left) > 0 || !strings.Contains(text, "\n+agent\n") || !strings.Contains(text, "\n+$Id: agent $\n") {
		t.Errorf("left out is %v, and shown\n%s", left, text)
	}
}

// Git shows of a mode whether the owner can run a file, and no attributes. Lay tells the rest of what keep would change.
func TestDiffOfRights(t *testing.T) {
	t.Parallel()
	needGit(t)
	const set = "python3 -c 'import os, sys; os.setxattr(sys.argv[1], \"user.a\", b\"b\")'"
	for agent, want := range map[string]string{
		"chmod 666 f":                       "f 1 100600 100666 false",
		"chmod 604 f; echo x >>f":           "f 2 100600 100604 false",
		"chmod 755 f":                       "f 2 100600 100755 false",
		"mv f z; chmod 666 z":               "z 2 100600 100666 false",
		set + " g":                          "g 1 100644 100644 true",
		set + " g; echo x >>g":              "g 2 100644 100644 true",
		"echo x >n; chmod 666 n":            "n 2 000000 100666 false",
		"chmod 755 g":                       "",
		"echo x >>f; echo x >>g; echo x >n": "",
		"mv f z; rm g; ln -s f l":           "",
	} {
		b := newBench(t)
		b.in(b.folder, "seq 20 >f; seq 30 40 >g; chmod 600 f; chmod 644 g")
		b.begin()
		b.drafted(agent)
		r, err := b.d.Report()
		b.ok(err)
		_, left, err := b.d.Lay(r.Changes)
		b.ok(errors.Join(err, b.d.Unlay()))
		var got []string
		for _, c := range left {
			got = append(got, fmt.Sprintf("%s %d %06o %06o %v", c.Path, c.Shown, c.Was, c.Mode, c.Attrs))
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: left out is %q, want %q", agent, got, want)
		}
	}
}

// A diff shows what changed where a folder, or a file, was put in the place of another thing.
func TestDiffOfWhatTookAPlace(t *testing.T) {
	t.Parallel()
	needGit(t)
	for agent, want := range map[string]string{
		"rm p; mv dd p; echo x >>p/q":                               "rename from a/dd/q\nrename to b/p/q\n",
		"rm -r d; mv dd d; mkdir d/f; mv d/q d/f/q; echo x >>d/f/q": "+++ b/d/f/q",
		"mv d/f x; mv d e; mv e2 d; echo y >>d/f; echo z >>x":       "+++ b/d/f\n",
	} {
		b := newBench(t)
		b.in(b.folder, "echo p >p; mkdir dd d e2; seq 20 >dd/q; seq 30 40 >d/f; seq 50 70 >e2/f")
		b.begin()
		b.drafted(agent)
		r, err := b.d.Report()
		b.ok(err)
		dir, left, err := b.d.Lay(r.Changes)
		if err != nil {
			t.Errorf("%s: %v", agent, err)
			continue
		}
		text, err := diffText(dir)
		b.ok(errors.Join(err, b.d.Unlay()))
		if !strings.Contains(text, want) {
			t.Errorf("%s: left out is %v, and shown\n%s", agent, left, text)
		}
	}
}

// A diff ends as soon as its reader has enough.
func TestDiffEndsWithItsReader(t *testing.T) {
	t.Parallel()
	needGit(t)
	dir := t.TempDir()
	for _, name := range []string{"/a", "/b"} {
		if err := os.Mkdir(dir+name, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+name+"/f", []byte(strings.Repeat(name+"\n", 1<<20)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	n := 0
	err := Diff(dir, func(from io.Reader) (err error) {
		n, err = from.Read(make([]byte, 100))
		return errors.Join(err, enough)
	})
	if n == 0 || !errors.Is(err, enough) {
		t.Errorf("after %d bytes: %v", n, err)
	}
}

func diffText(dir string) (text string, err error) {
	err = Diff(dir, func(from io.Reader) error {
		all, err := io.ReadAll(from)
		text = string(all)
		return err
	})
	return text, err
}
