// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	stdslices "slices"
	"strings"
	"testing"

	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/slices"
)

// Limits that only systemctl sets, and lines of a config that no run obeys, are left out and named, in both forms.
func TestWhatNoCommandTakesIsLeftOut(t *testing.T) {
	cpu, swap, memory := slices.CPU(333_000), slices.Swap{}, slices.Size{Bytes: 1 << 30}
	s := Stated{
		Name: "agent", Home: "/home/agent", Humans: []string{"alice"}, Limits: slices.Limits{CPU: &cpu, Memory: &memory, Swap: &swap},
		Of: []Settings{{
			Human: "alice", KeepEnv: []string{"TZ", "é"}, Path: []string{"~/x", "/opt/a:b", "/opt//c", "/opt/bin\n"},
			Mounts: []config.Mount{{Source: "~/work", Target: "/home/agent/work"}, {Source: "/srv/a", Target: "a"}, {Source: "/srv/c", Target: "/srv/c"}, {Source: "/srv/d", Target: "/home/agent"}, {Source: "/srv/b", Target: "/home/agent/b", ReadOnly: true}},
		}},
	}
	said, left := s.Sayable()
	want := []string{
		`cpu = "33.3%", which au does not set. It stays where it is set already.`,
		`keep_env, where "é" is not a name of a variable. It stays in the config of alice.`,
		`"~/x" on the path, which is not a plain absolute path. It stays in the config of alice.`,
		`"/opt/a:b" on the path, which is not a plain absolute path. It stays in the config of alice.`,
		`"/opt//c" on the path, which is not a plain absolute path. It stays in the config of alice.`,
		`share "~/work" at "/home/agent/work": want two plain absolute paths, the second in /home/agent. It stays in the config of alice.`,
		`share "/srv/a" at "a": want two plain absolute paths, the second in /home/agent. It stays in the config of alice.`,
		`share "/srv/c" at "/srv/c": want two plain absolute paths, the second in /home/agent. It stays in the config of alice.`,
		`share "/srv/d" at "/home/agent": want two plain absolute paths, the second in /home/agent. It stays in the config of alice.`,
	}
	if !stdslices.Equal(left, want) {
		t.Errorf("the notes are\n%s", strings.Join(left, "\n"))
	}
	of := said.Of[0]
	if said.Limits.CPU != nil || *said.Limits.Memory != memory || of.KeepEnv != nil || !stdslices.Equal(of.Path, []string{"/opt/bin\n"}) || len(of.Mounts) != 1 {
		t.Errorf("it says %+v", said)
	}
	if len(s.Of[0].Path) != 4 || s.Of[0].Path[0] != "~/x" || s.Limits.CPU != &cpu {
		t.Errorf("what was there is %+v now", s)
	}
	lines := Stanza(s.Stanza())
	for _, note := range want {
		if !strings.Contains(lines, "    # Left out: "+note+"\n") {
			t.Errorf("the lines for NixOS lack %s:\n%s", note, lines)
		}
	}
	for _, odd := range []string{"cpu = \"33", "keepEnv", "shares.\"~", "shares.\"/srv/a\""} {
		if strings.Contains(strings.ReplaceAll(lines, "# Left out: cpu", ""), odd) {
			t.Errorf("the lines for NixOS have %s:\n%s", odd, lines)
		}
	}
}

// A limit of the swap that is left out does not become none at all.
func TestAnOddLimitIsNoLeaveForMore(t *testing.T) {
	memory, swap := slices.Size{Bytes: 1 << 30}, slices.Swap{Size: slices.Size{Percent: 1000}}
	s := Stated{Name: "agent", Home: "/home/agent", Limits: slices.Limits{Memory: &memory, Swap: &swap}}
	if got := Stanza(s.Stanza()); strings.Contains(got, "swap = \"infinity\"") {
		t.Errorf("it is\n%s", got)
	}
}

// A name that is not UTF-8 is refused or named: no file holds it as it is.
func TestWhatIsNotUTF8IsNotWritten(t *testing.T) {
	s := Stated{Name: "agent", Home: "/home/agent", Humans: []string{"alice"}, Of: []Settings{{
		Human: "alice", Path: []string{"/opt/\xe9", "/opt/é"}, Mounts: []config.Mount{{Source: "/srv/\xe9", Target: "/home/agent/a"}, {Source: "/srv/é", Target: "/home/agent/b"}},
	}}}
	if err := s.CheckText(); err != nil {
		t.Error(err)
	}
	lines := Stanza(s.Stanza())
	for _, want := range []string{`# Left out: "/opt/\xe9" on the path, which is not UTF-8.`, `# Left out: share "/srv/\xe9" at "/home/agent/a", which is not UTF-8.`, `path = [ "/opt/é" ];`, `shares."/srv/é" = {`} {
		if !strings.Contains(lines, want) {
			t.Errorf("the lines for NixOS lack %s:\n%s", want, lines)
		}
	}
	if strings.Count(lines, "shares.") != 1 {
		t.Errorf("the lines for NixOS are\n%s", lines)
	}
	s.Humans = []string{"alice", "j\xe9"}
	if err := s.CheckText(); err == nil || !strings.HasPrefix(err.Error(), `human "j\xe9" of agent "agent": the name is not UTF-8`) {
		t.Errorf("it says %v", err)
	}
}
