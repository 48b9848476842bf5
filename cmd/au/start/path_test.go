// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
)

// A folder can be on the PATH of a run if it is the agent's own, in a share, or root's alone.
func TestOnPath(t *testing.T) {
	root := t.TempDir()
	for folder, mode := range map[string]os.FileMode{"opt/go/bin": 0o755, "opt/open": 0o777, "opt/group": 0o775, "opt/open/in": 0o755, "opt/sticky": 0o777 | os.ModeSticky, "home/bob/bin": 0o755} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(root, folder), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "opt/file"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("go", filepath.Join(root, "opt/current")); err != nil {
		t.Fatal(err)
	}
	m := Machine{Root: root, RootUID: uint32(os.Getuid())}
	p := csrc.Policy{Home: "/home/agent", Hide: []string{"/home", "/root"}}
	shares := []config.Mount{
		{Source: "/home/alice/.nvm", Target: "/home/agent/.nvm", ReadOnly: true},
		{Source: "/home/alice/only", Target: "/home/agent/there", ReadOnly: true, TargetOnly: true},
	}
	sticky := "others can write in it (mode 1777)"
	if os.Getuid() != 0 {
		sticky = "everybody can write it (mode 1777)" // that of another than root is on no way
	}
	for _, tt := range []struct{ folder, want, why string }{
		{"/home/agent/go/bin", "/home/agent/go/bin", ""},
		{"/home/alice/.nvm/versions/node/v22/bin", "/home/alice/.nvm/versions/node/v22/bin", ""},
		{"/home/alice/only/bin", "/home/agent/there/bin", ""},
		{"/opt/go/bin", "/opt/go/bin", ""},
		{"/opt/current/bin", "/opt/current/bin", ""},
		{"/home/alice/.nvm2/bin", "", "the agent does not see it"},
		{"/home/bob/bin", "", "the agent does not see it"},
		{"/home/agent2/bin", "", "the agent does not see it"},
		{"/tmp/bin", "", "the agent does not see it"},
		{"/opt/open", "", "everybody can write it"},
		{"/opt/open/in", "", "everybody can write it"},
		{"/opt/group", "", "can write it"},
		{"/opt/sticky", "", sticky},
		{"/opt/nosuch", "", "no such folder"},
		{"/opt/file", "", "want a folder, not a file"},
		{"/opt/a:b", "", "without a colon"},
		{"relative/bin", "", "want an absolute path"},
		{"/opt/../opt/go/bin", "", "want an absolute path"},
	} {
		got, err := m.OnPath(tt.folder, p, shares)
		if tt.why == "" && (err != nil || got != tt.want) || tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why)) {
			t.Errorf("%s is found at %q, %v; want %q, %q", tt.folder, got, err, tt.want, tt.why)
		}
	}
	m.RootUID = uint32(os.Getuid()) + 1
	if os.Getuid() != 0 {
		if _, err := m.OnPath("/opt/go/bin", p, shares); err == nil {
			t.Error("a folder of another's is taken for root's")
		}
	}
}

// A run goes without a folder of the config that is not fit for the PATH, and somebody is told; front, which tells nobody, leaves
// such a run to another program.
func TestMorePath(t *testing.T) {
	m := Machine{Root: t.TempDir(), RootUID: uint32(os.Getuid())}
	p := csrc.Policy{Name: "agent", Home: "/home/agent", Hide: []string{"/home"}}
	o := Order{Known: &config.Config{Agents: []config.Agent{{UserName: "agent", Path: []string{"/home/agent/go/bin", "/home/bob/bin", "/tmp"}}}}}
	said := &toldOfPath{}
	got, err := m.morePath(o, p, nil, said)
	if err != nil || !slices.Equal(got, []string{"/home/agent/go/bin"}) || !slices.Equal(said.folders, []string{"/home/bob/bin", "/tmp"}) {
		t.Errorf("the PATH has %q more, %v, and %q is said", got, err, said.folders)
	}
	if got, err := m.morePath(o, p, nil, nil); err != errNotPlain || got != nil {
		t.Errorf("a run that somebody has to be told of is plain: %q, %v", got, err)
	}
}

type toldOfPath struct {
	Speaker
	folders []string
}

func (t *toldOfPath) NotOnPath(folder string, _ error) { t.folders = append(t.folders, folder) }

// A run without shares has those that its PATH needs, to read; it begins no draft, and shows nothing that other runs hide.
func TestWithoutShares(t *testing.T) {
	shares := []config.Mount{
		{Source: "/home/alice/tools", Target: "/home/agent/tools"},
		{Source: "/home/alice/work", Target: "/home/agent/work"},
		{Source: "/home/alice/drafted", Target: "/home/agent/drafted", Draft: true, ReadOnly: true},
		{Source: "/home/alice/code", Target: "/home/agent/code"},
		{Source: "/home/alice/code/keys", Target: "/home/agent/code/keys", ReadOnly: true, Hide: []string{"*.key"}},
		{Source: "/home/alice/below", Target: "/home/agent/below"},
		{Source: "/home/alice/other", Target: "/home/agent/below/other"},
		{Source: "/home/alice/tools/fixed", Target: "/home/agent/elsewhere", ReadOnly: true},
	}
	path := []string{"/home/alice/tools/bin", "/home/alice/drafted/bin", "/home/alice/code/bin", "/home/alice/below/bin", "/usr/bin"}
	if few := forPath(shares, path); len(few) != 1 || few[0].Source != "/home/alice/tools" || !few[0].ReadOnly {
		t.Errorf("the run has %+v", few)
	}
	if shares[0].ReadOnly {
		t.Error("the config's share has changed")
	}
}

// A folder is not shared without what narrows it.
func TestNarrowedBy(t *testing.T) {
	shares := []config.Mount{
		{Source: "/home/alice/plain", Target: "/home/agent/plain"},
		{Source: "/home/alice/code/keys", Target: "/home/agent/code/keys", ReadOnly: true, Hide: []string{"*.key"}},
		{Source: "/home/alice/drafted", Target: "/home/agent/drafted", Draft: true, ReadOnly: true},
		{Source: "/home/alice/other", Target: "/home/agent/below/other"},
		{Source: "/home/alice/mixed/fixed", Target: "/home/agent/elsewhere", ReadOnly: true},
		{Source: "/home/alice/listed/by", Target: "/home/agent/by", ACL: true},
	}
	for source, want := range map[string]string{
		"plain": "", "plain/sub": "", "new": "", "code": "/home/alice/code/keys", "code/keys": "/home/alice/code/keys", "code/keys/sub": "/home/alice/code/keys",
		"drafted": "/home/alice/drafted", "drafted/sub": "/home/alice/drafted", "below": "/home/alice/other",
		"mixed": "", "mixed/fixed": "", "mixed for writing": "/home/alice/mixed/fixed", "mixed/fixed for writing": "", "mixed/fixed/sub for writing": "",
		"listed": "/home/alice/listed/by", "listed/by": "/home/alice/listed/by", "listed/by/sub for writing": "/home/alice/listed/by",
	} {
		folder, writes := strings.CutSuffix(source, " for writing")
		m, narrowed := NarrowedBy(config.Mount{Source: "/home/alice/" + folder, Target: "/home/agent/" + folder, ReadOnly: !writes}, shares)
		if m.Source != want || narrowed != (want != "") {
			t.Errorf("%s is narrowed by %q", source, m.Source)
		}
	}
	if m, narrowed := NarrowedBy(config.Mount{Source: "/home/alice/mixed", Target: "/home/agent/mixed", ReadOnly: true, Draft: true}, shares); !narrowed {
		t.Errorf("a draft is narrowed by %q", m.Source)
	}
}
