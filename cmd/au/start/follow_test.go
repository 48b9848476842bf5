// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// home makes a human's home: w is writable for the agent, v for the reviewer.
func home(t *testing.T) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"w/real/deep", "v", "secret/in", "own"} {
		if err := os.MkdirAll(filepath.Join(top, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"w/out": "../secret", "w/abs": top + "/secret", "w/in": "real", "w/twice": "in", "w/round": "../w/real", "w/hop": "../own/back", "own/back": "../w/real", "w/far": "../own/away", "own/away": "../secret",
		"w/v": "../v", "v/w": "../w/real", "w/gone": "../nosuch", "mine": "secret", "own/w": "../w", "w/dot": ".", "w/up": "..", "w/slash": "/",
	} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func TestFollow(t *testing.T) {
	top := home(t)
	writable := []share.Writable{{Source: top + "/w", Agent: "agent"}, {Source: top + "/v", Agent: "reviewer"}}
	for word, want := range map[string]struct {
		to       string // "" where it is refused, for the agent
		reviewer string // and for another one
	}{
		"w/real": {"w/real", "w/real"}, "w/real/deep/..": {"w/real", "w/real"}, "secret": {"secret", "secret"}, "mine/in": {"secret/in", "secret/in"}, "own/w/real": {"w/real", "w/real"},
		"w/in": {"w/real", ""}, "w/twice/deep": {"w/real/deep", ""}, "w/round": {"w/real", ""}, "w/hop": {"w/real", ""}, "w/dot/real": {"w/real", ""},
		"w/out": {"", ""}, "w/abs": {"", ""}, "w/out/in": {"", ""}, "w/far": {"", ""}, "w/up": {"", ""}, "w/up/secret": {"", ""}, "w/slash": {"", ""}, "w/gone": {"", ""}, "w/out/../w/real": {"", ""},
		"own/w/out": {"", ""}, "w/v": {"", ""}, "v/w": {"", ""}, "own/back": {"w/real", "w/real"}, "nosuch": {"nosuch", "nosuch"},
	} {
		for agent, to := range map[string]string{"agent": want.to, "reviewer": want.reviewer} {
			place, err := Follower{agent, func() []share.Writable { return writable }}.Follow(top + "/" + word)
			var planted *Planted
			switch {
			case to == "" && !errors.As(err, &planted):
				t.Errorf("%s, for %s, is followed: %v", word, agent, err)
			case to != "" && (err != nil || place.Path != top+"/"+to):
				t.Errorf("%s, for %s: %+v, %v; want %s", word, agent, place, err, to)
			}
			if err == nil {
				place.Close()
			}
		}
	}
}

func TestFollowNothing(t *testing.T) {
	if place, err := (Follower{}).Follow(""); err != ErrNoPath {
		t.Errorf("an empty word leads to %+v, %v", place, err)
	}
}

func TestPlantedSaysWhereItLeads(t *testing.T) {
	top := home(t)
	writable := []share.Writable{{Source: top + "/w", Agent: "agent"}}
	_, err := Follower{"agent", func() []share.Writable { return writable }}.Follow(top + "/w/out/in")
	var planted *Planted
	if !errors.As(err, &planted) || planted.Link != top+"/w/out" || planted.Leads != top+"/secret" {
		t.Errorf("says %v", err)
	}
}

// The home of an agent is that agent's to write, whoever's agent it is, and wherever its policy says that it is.
func TestALinkInAnAgentsHomeIsNotFollowed(t *testing.T) {
	top := home(t)
	m := Machine{Root: t.TempDir(), RootUID: uint32(os.Getuid()), ReadDir: os.ReadDir}
	if err := os.MkdirAll(m.Root+csrc.PolicyDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for agent, at := range map[string]string{"agent": top + "/w", "strange": top + "/v"} {
		p := csrc.Policy{Version: csrc.PolicyVersion, Name: agent, UID: 1005, GID: 1005, Group: 1006, Home: at, Shell: "/bin/sh", Tag: "0123456789abcdef", Humans: []csrc.Human{{Name: "alice", UID: 1000}}}
		if err := os.WriteFile(m.Root+csrc.PolicyPath(agent), []byte(p.Text()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	follow := m.Follower("agent", top+"/none.toml", &config.Config{}, accounts.User{Name: "alice", UID: 1000, Home: top})
	for word, want := range map[string]string{"w/out": "", "w/abs": "", "w/v": "", "v/w": "", "w/in": "w/real", "own/back": "w/real", "mine/in": "secret/in"} {
		place, err := follow.Follow(top + "/" + word)
		var planted *Planted
		if want == "" && !errors.As(err, &planted) || want != "" && (err != nil || place.Path != top+"/"+want) {
			t.Errorf("%s: %+v, %v; want %q", word, place, err, want)
		}
		if err == nil {
			place.Close()
		}
	}
}

// The folder where the human is counts as they see it: by $PWD where that names it.
func TestTheCurrentFolderMayBeReachedByALink(t *testing.T) {
	top := home(t)
	writable := func() []share.Writable { return []share.Writable{{Source: top + "/w", Agent: "agent"}} }
	t.Chdir(top + "/secret")
	for pwd, refused := range map[string]bool{top + "/w/out": true, top + "/secret": false, top + "/mine": false, top + "/own": false, "w/out": false, "": false} {
		t.Setenv("PWD", pwd)
		for _, word := range []string{".", "in", "./in/.."} {
			place, err := Follower{"agent", writable}.Follow(word)
			var planted *Planted
			if errors.As(err, &planted) != refused {
				t.Errorf("in %q, %q: %v", pwd, word, err)
			}
			if err == nil {
				place.Close()
			}
		}
	}
}

// The file that is opened is the one that was looked at.
func TestOpenFollowsNoPlantedLink(t *testing.T) {
	top := home(t)
	follow := Follower{"agent", func() []share.Writable { return []share.Writable{{Source: top + "/w", Agent: "agent"}} }}
	for name, text := range map[string]string{"secret/env": "KEY=private\n", "w/env": "KEY=public\n"} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret/env", top+"/w/planted"); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{"w/env": true, "secret/env": true, "mine/env": true, "w/planted": false, "w/out/env": false, "w": false, "w/nosuch": false} {
		f, err := follow.Open(top + "/" + word)
		if (err == nil) != want {
			t.Errorf("%s: %v", word, err)
		}
		if err == nil {
			f.Close()
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("A=1\n")
	w.Close()
	if f, err := follow.Open("/dev/fd/" + strconv.Itoa(int(r.Fd()))); err != nil {
		t.Errorf("a pipe of a shell's: %v", err)
	} else {
		f.Close()
	}
}
