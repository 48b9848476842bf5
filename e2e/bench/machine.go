// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A machine is the one the bench runs in, with what it has put there.
type machine struct {
	sizes
	alice    *person
	original bool // agent-as-unix-user 2.x is there
	self     string
	entry    string // of the agent, in the config that au wrote
	configs  int    // written so far
}

const (
	homeDir = "/home/alice"
	theirs  = "/opt/original/au"

	configPath = homeDir + "/.config/agent-as-unix-user.toml"
)

// setUp makes agents and files. alice has sudo without a password; carol is whom the others run commands as.
func setUp(s sizes) *machine {
	m := &machine{sizes: s, alice: &person{"alice", 1000, []uint32{1000, 27}}, self: "/opt/bench/bench"}
	_, err := os.Stat(theirs)
	m.original = err == nil
	exitOn(os.WriteFile("/etc/doas.conf", []byte("permit nopass alice\n"), 0o600))
	m.says("au new -y").output()
	text, err := os.ReadFile(configPath)
	exitOn(err)
	m.entry = strings.TrimSpace(string(text)) + "\n"
	m.says("au new -y -a bounded --cpu 150% --mem 1G --tasks 500").output()
	m.says("au net restrict -a bounded --allow example.com").output()
	if m.original {
		m.origin("new -a orig -y").output()
	}
	m.tree("small", 1, 10)
	m.tree("large/tree", m.large/400, 400) // as much at its top as the small one, all else below
	m.tree("wide", 500, 0)
	return m
}

// human is a command of alice's.
func (m *machine) human(argv ...string) command { return command{argv: argv, as: m.alice} }

// path returns a path in alice's home.
func (m *machine) path(name string) string { return filepath.Join(homeDir, name) }

// tree makes folders with as many small files in each, all alice's.
func (m *machine) tree(name string, folders, files int) {
	m.human("sh", "-euc", treeScript, "sh", m.path(name), fmt.Sprint(folders), fmt.Sprint(files)).output()
}

const treeScript = `
mkdir -p "$1"; cd "$1"
exec perl -e 'for $d (0 .. $ARGV[0] - 1) {
	$dir = sprintf "%03d", $d; mkdir $dir or die "$dir: $!";
	for $f (0 .. $ARGV[1] - 1) { open F, ">", sprintf "%s/%03d.txt", $dir, $f or die $!; print F "a line of text\n"; close F or die $! }
}' "$2" "$3"`

// A share is a folder of alice's in a config.
type share struct {
	source, target string
	readOnly       bool
	targetOnly     bool // same_path = false
	draft          bool
}

// sharesOf makes n small folders and returns them as shares.
func (m *machine) sharesOf(n int, readOnly bool) (all []share) {
	for i := range n {
		name := fmt.Sprintf("shares/%03d", i)
		if _, err := os.Stat(m.path(name)); err != nil {
			m.tree(name, 1, 10)
		}
		all = append(all, share{source: m.path(name), target: "/home/agent/" + name, readOnly: readOnly})
	}
	return all
}

// configWith writes a config in which the agent has these shares, and behind it as many other agents, each with as many
// shares, that are in the config alone.
func (m *machine) configWith(shares []share, others, sharesEach int) string {
	var text strings.Builder
	text.WriteString(m.entry + mountsOf(shares))
	for i := range others {
		agent := fmt.Sprintf("other%04d", i)
		var each []share
		for s := range sharesEach {
			each = append(each, share{source: m.path(fmt.Sprintf("shares/%03d", s)), target: fmt.Sprintf("/home/%s/shares/%03d", agent, s), readOnly: s%2 == 0})
		}
		fmt.Fprintf(&text, "\n[[agents]]\nuser_name = %q\nsu_as_agent_group = %q\nentrypoint = \"/usr/local/libexec/au/%s/su_as_agent\"\n"+
			"entrypoint_sha256 = %q\nentrypoint_stamp = \"123456 773080 1790000000.%09d\"\nbootstrapped = true\n%s", agent, "su-as-"+agent, agent,
			strings.Repeat("0", 64), i, mountsOf(each))
	}
	m.configs++
	path := m.path(fmt.Sprintf(".config/bench-%d.toml", m.configs))
	exitOn(errors.Join(os.WriteFile(path, []byte(text.String()), 0o600), os.Chown(path, int(m.alice.id), int(m.alice.id))))
	return path
}

// mountsOf is shares as the config has them.
func mountsOf(shares []share) string {
	var text strings.Builder
	for _, s := range shares {
		fmt.Fprintf(&text, "[[agents.mounts]]\nsource = %q\ntarget = %q\nread_only = %v\nsame_path = %v\n", s.source, s.target, s.readOnly, !s.targetOnly)
		if s.draft {
			text.WriteString("draft = true\n")
		}
	}
	return text.String()
}

// at is a command of alice's with that config.
func (m *machine) at(config, words string) command {
	c := m.says(words)
	c.config = config
	return c
}
