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
	original bool // agent-as-unix-user 2.x is there
	self     string
	entry    string // of the agent, in the config that au wrote
	configs  int    // written so far
}

const (
	homeDir = "/home/alice"
	alice   = 1000 // uid and gid
	theirs  = "/opt/original/au"

	configPath = homeDir + "/.config/agent-as-unix-user.toml"
)

// setUp makes agents and files. alice has sudo without a password; carol is whom the others run commands as.
func setUp(s sizes) *machine {
	m := &machine{sizes: s, self: "/opt/bench/bench"}
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
	m.script("", m.path("small"), "files . 10 make").output()
	m.script("", m.path("large"), fmt.Sprintf("files tree %d make 400", m.large)).output() // as much at its top as the small one, all else below
	m.script("", m.path("wide"), "mkdir $(seq 500)").output()
	return m
}

// path returns a path in alice's home.
func (m *machine) path(name string) string { return filepath.Join(homeDir, name) }

// A share is a folder in alice's home, by its name, and how it is shared.
type share struct{ name, how string }

// The ways to share, as the config has them.
const (
	readOnly   = "read_only = true\nsame_path = true\n"
	writable   = "read_only = false\nsame_path = true\n"
	targetOnly = "read_only = true\nsame_path = false\n"
	drafted    = readOnly + "draft = true\n"
)

// sharesOf makes n small folders and returns them as shares.
func (m *machine) sharesOf(n int, how string) (all []share) {
	for i := range n {
		name := fmt.Sprintf("shares/%03d", i)
		if _, err := os.Stat(m.path(name)); err != nil {
			m.script("", m.path(name), "files . 10 make").output()
		}
		all = append(all, share{name, how})
	}
	return all
}

// configWith writes a config in which the agent has these shares, and behind it as many other agents, each with as many
// shares, that are in the config alone.
func (m *machine) configWith(shares []share, others, sharesEach int) string {
	var text strings.Builder
	mounts := func(agent string, shares []share) {
		for _, s := range shares {
			fmt.Fprintf(&text, "[[agents.mounts]]\nsource = %q\ntarget = \"/home/%s/%s\"\n%s", m.path(s.name), agent, s.name, s.how)
		}
	}
	text.WriteString(m.entry)
	mounts("agent", shares)
	for i := range others {
		agent := fmt.Sprintf("other%04d", i)
		fmt.Fprintf(&text, "\n[[agents]]\nuser_name = %q\nsu_as_agent_group = %q\nentrypoint = \"/usr/local/libexec/au/%s/su_as_agent\"\n"+
			"entrypoint_sha256 = %q\nentrypoint_stamp = \"123456 773080 1790000000.%09d\"\nbootstrapped = true\n", agent, "su-as-"+agent, agent, strings.Repeat("0", 64), i)
		for s := range sharesEach {
			mounts(agent, []share{{fmt.Sprintf("shares/%03d", s), []string{readOnly, writable}[s%2]}})
		}
	}
	m.configs++
	path := m.path(fmt.Sprintf(".config/bench-%d.toml", m.configs))
	exitOn(errors.Join(os.WriteFile(path, []byte(text.String()), 0o600), os.Chown(path, alice, alice)))
	return path
}

// human is a command of alice, says one in words without spaces, and at such a one with a config.
func (m *machine) human(argv ...string) command { return command{argv: argv, human: true} }

func (m *machine) says(words string) command { return m.human(strings.Fields(words)...) }

func (m *machine) at(config, words string) command {
	return command{argv: strings.Fields(words), human: true, config: config}
}

// inFolder is a command of alice in one of her folders.
func (m *machine) inFolder(name, words string) command {
	c := m.says(words)
	c.dir = m.path(name)
	return c
}

// origin is a command of agent-as-unix-user; its run needs a terminal.
func (m *machine) origin(words string) command {
	return onTerminal(m.says(theirs + " -C " + m.path("original.toml") + " " + words))
}

// theirs is cells of agent-as-unix-user, where it is there.
func (m *machine) theirs(cells ...*cell) []*cell {
	if !m.original {
		return nil
	}
	return cells
}
