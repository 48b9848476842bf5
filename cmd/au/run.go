// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

type runCmd struct {
	agentFlag
	Env       []string `short:"e" sep:"none" placeholder:"KEY=VALUE" help:"Set a variable for the command; with KEY alone, pass yours on. A value given here can be seen by other users while au starts: prefer KEY or --env-file for secrets."`
	EnvFile   []string `sep:"none" placeholder:"FILE" help:"Read KEY=VALUE lines from a file."`
	Directory string   `short:"d" aliases:"dir" placeholder:"DIR" help:"Start there (default: the counterpart of this folder where it is shared, else the agent's home)."`
	RO        []string `name:"ro" sep:"none" placeholder:"FOLDER" help:"Share a folder read-only for this run."`
	RW        []string `name:"rw" sep:"none" placeholder:"FOLDER" help:"Share a folder read-write for this run."`
	Login     bool     `help:"Load the agent's own profile first."`
	Command   []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

type shellCmd struct {
	agentFlag
}

func (c *shellCmd) Run(a *app) error {
	r := runCmd{agentFlag: c.agentFlag}
	return r.start(a, func(p csrc.Policy) []string { return []string{p.Shell, "-l"} })
}

func (c *runCmd) Run(a *app) error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return hintError{errors.New("no command to run"), "au run [OPTIONS] [--] COMMAND…"}
	}
	return c.start(a, func(p csrc.Policy) []string {
		if c.Login {
			return append([]string{p.Shell, "-l", "-c", `exec "$@"`, p.Shell}, command...)
		}
		return command
	})
}

// start runs what command returns. It comes back only on an error, or when the run had a terminal.
func (c *runCmd) start(a *app, command func(csrc.Policy) []string) error {
	if getuid() == 0 {
		if err := a.becomeHuman(); err != nil {
			return err
		}
	}
	me := provision.User{UID: uint32(getuid()), Home: os.Getenv("HOME")}
	known, err := config.Load(a.configPath(me))
	if err != nil {
		return err
	}
	if err := withDeclared(known, c.Agent, me); err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	policy, err := readPolicy(c.Agent)
	if errors.Is(err, fs.ErrNotExist) {
		if legacy := a.legacy(me, c.Agent); legacy != nil {
			return legacy
		}
		return hintError{fmt.Errorf("%s: no such agent", c.Agent), "au new --agent " + c.Agent}
	}
	if err != nil {
		return err
	}
	if tree().Frozen(policy.Cgroups) {
		return hintError{fmt.Errorf("agent %q is paused, so a command would not start before it goes on", c.Agent), "au resume --agent " + c.Agent}
	}
	entrypoint, err := openEntrypoint(policy, entry)
	if err != nil {
		return err
	}
	run := csrc.Run{Agent: c.Agent, Command: command(policy)}
	if run.Env, err = c.environment(entry); err != nil {
		return err
	}
	shares, err := c.shares(a, me, policy, known)
	if err != nil {
		return refusal(err)
	}
	run.Dir = c.directory(a, me, policy, shares)
	if run.Shares, err = mounted(shares, policy.Home); err != nil {
		return err
	}
	run.After, run.IfKills = reportAfter(policy.Name, shares)
	if terminal.Any() {
		argv, environ := run.Argv(), run.Environ()
		hideValues(cloned(c.Env), len(c.Command))
		status, err := terminal.Run(entrypoint, argv, environ)
		if err == nil && status != 0 {
			err = exitError(status)
		}
		return err
	}
	return csrc.Exec(entrypoint, run.Argv(), run.Environ())
}

// readPolicy reads the policy of an agent as the entrypoint will: a file of root's that nobody else can write.
func readPolicy(agent string) (csrc.Policy, error) {
	if err := provision.CheckName(agent); err != nil {
		return csrc.Policy{}, err
	}
	path := provision.PolicyPath(agent)
	f, err := os.OpenFile(hostRoot+path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || st.Uid != rootUID || info.Mode().Perm()&0o022 != 0 {
		return csrc.Policy{}, fmt.Errorf("policy %s: not a regular file of root's that only root can write; it has been tampered with, and is not trusted", path)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	p, err := csrc.ParsePolicy(text)
	if err != nil {
		return p, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

// openEntrypoint opens the agent's entrypoint by a walk that trusts no folder but root's, and compares it with the fingerprint that was taken
// when it was installed: its contents only where it has changed in any way since the human's config took note of it.
func openEntrypoint(p csrc.Policy, entry *config.Agent) (*os.File, error) {
	path := entrypointPath(p.Name)
	f, err := openProgram(path)
	if err != nil {
		return nil, hintError{fmt.Errorf("entrypoint of agent %q: %w", p.Name, err), "au info --agent " + p.Name}
	}
	if p.SHA256 == "" {
		return f, nil
	}
	if entry != nil && entry.EntrypointSHA256 == p.SHA256 && entry.EntrypointStamp != "" {
		if stamp, err := stampOf(f); err == nil && stamp == entry.EntrypointStamp {
			return f, nil
		}
	}
	sum, err := csrc.Fingerprint(f)
	if err != nil {
		return nil, fmt.Errorf("entrypoint of agent %q: %w", p.Name, err)
	}
	if sum != p.SHA256 {
		return nil, hintError{
			fmt.Errorf("entrypoint %s: its SHA-256 is %s where %s was installed; it has been tampered with, and is not run", path, sum, p.SHA256),
			"au new --agent " + p.Name,
		}
	}
	return f, nil
}

// keptEnv is what a command gets of the caller's environment unasked.
var keptEnv = []string{"LANG", "TERM"}

// isEnvName says whether s can name a variable: ^[A-Za-z_][A-Za-z0-9_]*$.
func isEnvName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return s != "" && strings.IndexByte(letters, s[0]) >= 0 && strings.Trim(s, letters+"0123456789") == ""
}

// environment returns the KEY=VALUE entries for the command, later ones before earlier ones of the same name.
func (c *runCmd) environment(entry *config.Agent) ([]string, error) {
	kept := keptEnv
	if entry != nil {
		kept = append(kept[:len(kept):len(kept)], entry.KeepEnv...)
	}
	var all []string
	for _, key := range kept {
		if strings.HasSuffix(key, "*") {
			all = append(all, withPrefix(strings.TrimSuffix(key, "*"))...)
		} else if value, ok := os.LookupEnv(key); ok {
			all = append(all, key+"="+value)
		}
	}
	for _, file := range c.EnvFile {
		lines, err := envLines(file)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	for _, word := range c.Env {
		pair, err := envPair(word)
		if err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	return lastOfEach(all), nil
}

// withPrefix returns the caller's variables whose names begin so.
func withPrefix(prefix string) []string {
	var found []string
	for _, pair := range os.Environ() {
		if key, _, _ := strings.Cut(pair, "="); strings.HasPrefix(key, prefix) && isEnvName(key) {
			found = append(found, pair)
		}
	}
	return found
}

// envPair reads KEY=VALUE, or KEY for the caller's own value. Everything behind the first = is the value.
func envPair(word string) (string, error) {
	key, _, given := strings.Cut(word, "=")
	if !isEnvName(key) {
		return "", fmt.Errorf("environment variable %q: want KEY=VALUE, or KEY to pass yours on", word)
	}
	if given {
		return word, nil
	}
	value, ok := os.LookupEnv(key)
	if !ok {
		return "", fmt.Errorf("environment variable %q: not set, so there is nothing to pass on; want KEY=VALUE", key)
	}
	return key + "=" + value, nil
}

// envLines reads a file of KEY=VALUE lines; empty lines and lines that begin with # say nothing.
func envLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the environment file: %w", err)
	}
	defer f.Close()
	var all []string
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		pair, err := envPair(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		all = append(all, pair)
	}
	return all, scan.Err()
}

// lastOfEach drops entries that a later one of the same name overrides.
func lastOfEach(pairs []string) []string {
	at := map[string]int{}
	var kept []string
	for _, pair := range pairs {
		key, _, _ := strings.Cut(pair, "=")
		if i, ok := at[key]; ok {
			kept[i] = pair
			continue
		}
		at[key] = len(kept)
		kept = append(kept, pair)
	}
	return kept
}

// becomeHuman makes root the human for good, so that a run has their rights and not root's.
func (a *app) becomeHuman() error {
	human, err := a.human()
	if err != nil {
		return err
	}
	groups, err := groupsOf(human)
	if err != nil {
		return err
	}
	var gids []int
	for _, g := range groups {
		gids = append(gids, int(g))
	}
	if err := errors.Join(syscall.Setgroups(gids), syscall.Setgid(int(human.GID)), syscall.Setuid(int(human.UID))); err != nil {
		return fmt.Errorf("become %q: %w", human.Name, err)
	}
	os.Setenv("HOME", human.Home)
	os.Setenv("USER", human.Name)
	return nil
}
