// SPDX-License-Identifier: GPL-3.0-or-later

// Package desired is the TOML file of `au apply`: what a person writes down of agents, with the keys of the human's config. It is
// read with the place of each mistake, written from agents as they are, and described by a JSON Schema.
package desired

import (
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	auslices "github.com/a4u2/au/slices"
)

// File is the whole content of such a file. A list that is nil is not there; one that is there and empty is another thing.
type File struct {
	Places
	Humans []User  `toml:"humans" doc:"The humans of every agent that names none of its own."`
	Keep   []Name  `toml:"keep" doc:"Agents of which the file says nothing, and which --prune leaves as they are."`
	Agents []Agent `toml:"agents" doc:"The agents."`

	document
}

// Agent is one of [[agents]].
type Agent struct {
	Places
	UserName Name         `toml:"user_name" doc:"The agent: a user of this machine, which au makes."`
	Humans   []User       `toml:"humans" doc:"Who may enter the agent."`
	Unlock   []Switch     `toml:"unlock" doc:"The parts of the isolation that the agent gives up, as with au new --unlock. An empty list takes all of them back."`
	KeepEnv  []Variable   `toml:"keep_env" doc:"Names of variables that runs take along; LC_* is a pattern."`
	SetEnv   []Pair       `toml:"set_env" doc:"KEY=VALUE for every run."`
	Path     []FolderPath `toml:"path" doc:"Folders on the PATH of runs, as with au path add. ~/ is the home of each human."`
	Limits   *Limits      `toml:"limits" doc:"What the agent may use. A limit that is not named stays as it is."`
	Net      *Net         `toml:"net" doc:"What the agent may reach. Without it, that stays as it is."`
	Mounts   []Mount      `toml:"mounts" doc:"What each human shares with the agent."`
	Only     []Only       `toml:"only" doc:"Settings for one of several humans."`
}

// Only is one of [[agents.only]]. A list that is there replaces the agent's.
type Only struct {
	Places
	Human   User         `toml:"human" doc:"The human."`
	KeepEnv []Variable   `toml:"keep_env" doc:"Replaces the agent's keep_env."`
	SetEnv  []Pair       `toml:"set_env" doc:"Replaces the agent's set_env."`
	Path    []FolderPath `toml:"path" doc:"Replaces the agent's path."`
}

// For returns the lists that hold for one of the agent's humans.
func (a *Agent) For(human string) Only {
	of := Only{Places: a.Places, Human: User(human), KeepEnv: a.KeepEnv, SetEnv: a.SetEnv, Path: a.Path}
	for _, o := range a.Only {
		if string(o.Human) != human {
			continue
		}
		of.Places = o.Places
		if o.KeepEnv != nil {
			of.KeepEnv = o.KeepEnv
		}
		if o.SetEnv != nil {
			of.SetEnv = o.SetEnv
		}
		if o.Path != nil {
			of.Path = o.Path
		}
	}
	return of
}

// Limits are those of `au limits set`.
type Limits struct {
	Places
	CPU       *auslices.CPU    `toml:"cpu" doc:"CPU time: \"150%\" of a core, or 1.5 cores; or \"infinity\"."`
	Memory    *auslices.Size   `toml:"memory" doc:"Memory: \"512M\", \"16G\", \"50%\" of this machine; or \"infinity\"."`
	Swap      *auslices.Swap   `toml:"swap" doc:"Swap: \"0\", \"2G\", \"50%\" of this machine; or \"infinity\"."`
	Tasks     *auslices.Tasks  `toml:"tasks" doc:"Processes and threads; or \"infinity\"."`
	CPUWeight *auslices.Weight `toml:"cpu_weight" doc:"Share of a busy CPU: 1 to 10000, where others have 100."`
	IOWeight  *auslices.Weight `toml:"io_weight" doc:"Share of a busy disk: 1 to 10000, where others have 100."`
}

// Net is what `au net restrict` is given. The lists are all that is allowed and denied.
type Net struct {
	Places
	Restricted     *bool            `toml:"restricted" doc:"false: the agent reaches everything. The default is true."`
	Presets        []Preset         `toml:"presets" doc:"Services whose hosts are allowed."`
	Allow          []netfilter.Rule `toml:"allow" doc:"What is allowed: github.com, *.github.com, github.com:22, 10.0.0.0/8, localhost:3000."`
	Deny           []netfilter.Rule `toml:"deny" doc:"What is denied, whatever else is allowed."`
	AllowLocalhost []uint16         `toml:"allow_localhost" doc:"Ports of this machine that are allowed, whoever serves them."`
	DNS            []Server         `toml:"dns" doc:"The DNS servers to ask; without it, those of /etc/resolv.conf."`
	NoECH          bool             `toml:"no_ech" doc:"Refuse TLS that hides whom it speaks to."`
	Upstream       *Upstream        `toml:"upstream" doc:"The proxy through which what is allowed is reached: http://proxy.example:3128."`
	UpstreamCA     string           `toml:"upstream_ca" doc:"A file with the CA, in PEM, that alone vouches for an https proxy."`
	UpstreamLogin  string           `toml:"upstream_login" doc:"A file with USER:PASSWORD that only root can read."`
	Proxy          *Ports           `toml:"proxy" doc:"Your own intercepting proxy: its port on loopback, or \"HTTP,HTTPS\" for two."`
	Backend        *Backend         `toml:"backend" doc:"What loads the rules: nft or iptables."`
}

// Mount is one of [[agents.mounts]], as in the human's config.
type Mount struct {
	Places
	Human       *User      `toml:"human" doc:"Whose share it is; without it, of each human of the agent."`
	Source      FolderPath `toml:"source" doc:"A folder or a file that belongs to the human. ~/ is their home."`
	Target      Target     `toml:"target" doc:"Where in its home the agent sees it; without it, at the same path as below the human's."`
	ReadOnly    *bool      `toml:"read_only" doc:"false: the agent writes there. The default is true."`
	ACL         bool       `toml:"acl" doc:"Share through ACLs."`
	Draft       bool       `toml:"draft" doc:"What the agent writes goes to a draft of the folder."`
	Hide        []Hidden   `toml:"hide" doc:"Names and patterns of what the agent does not see in it."`
	ShowSecrets bool       `toml:"show_secrets" doc:"A draft does not hide .env files and keys."`
	SamePath    *bool      `toml:"same_path" doc:"false: the agent sees it at its target alone. The default is true."`
}

// Parse reads a file; path is what messages call it. A mistake is a *config.Error.
func Parse(path string, text []byte) (*File, error) {
	f := &File{document: document{path: path, text: text}}
	tree, err := readTree(path, text)
	if err != nil {
		return nil, err
	}
	if err := f.bindTable(tree, reflect.ValueOf(f).Elem(), ""); err != nil {
		return nil, err
	}
	return f, f.check()
}

// ErrorAt returns a mistake in what a table of the file says under a key.
func (f *File) ErrorAt(p Places, key string, format string, args ...any) error {
	return f.placeError(p, key, format, args...)
}

// check refuses what is wrong by itself, whatever the machine is like.
func (f *File) check() error {
	seen := map[Name]bool{}
	for i := range f.Agents {
		a := &f.Agents[i]
		if a.UserName == "" {
			return f.ErrorAt(a.Places, "user_name", "an agent lacks user_name: want a name such as \"agent\"")
		}
		if seen[a.UserName] {
			return f.ErrorAt(a.Places, "user_name", "agent %q is here a second time: want one entry for each agent", a.UserName)
		}
		seen[a.UserName] = true
		if slices.Contains(f.Keep, a.UserName) {
			return f.ErrorAt(f.Places, "keep", "agent %q is in keep, and among the agents: want it in one of them", a.UserName)
		}
		if a.Humans == nil {
			a.Humans = f.Humans
		} else if len(a.Humans) == 0 {
			return f.ErrorAt(a.Places, "humans", "agent %q has no humans: want one at least, or leave the agent out", a.UserName)
		}
		if slices.Contains(a.Humans, User(a.UserName)) {
			return f.ErrorAt(a.Places, "humans", "agent %q: it cannot be its own human", a.UserName)
		}
		if err := f.checkNet(a.Net); err != nil {
			return err
		}
		if err := f.checkOnly(a); err != nil {
			return err
		}
		for _, m := range a.Mounts {
			if err := f.checkMount(a, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *File) checkOnly(a *Agent) error {
	seen := map[User]bool{}
	for _, o := range a.Only {
		switch {
		case o.Human == "":
			return f.ErrorAt(o.Places, "human", "[[agents.only]] lacks human: want one of the agent's humans")
		case a.Humans != nil && !slices.Contains(a.Humans, o.Human):
			return f.ErrorAt(o.Places, "human", "human %q is not one of agent %q: want one of its humans", o.Human, a.UserName)
		case seen[o.Human]:
			return f.ErrorAt(o.Places, "human", "human %q is here a second time: want one entry for each human", o.Human)
		}
		seen[o.Human] = true
	}
	return nil
}

func (f *File) checkMount(a *Agent, m Mount) error {
	readOnly := m.ReadOnly == nil || *m.ReadOnly
	switch {
	case m.Source == "":
		return f.ErrorAt(m.Places, "source", "a share lacks source: want a folder such as \"~/project\"")
	case m.Human != nil && a.Humans != nil && !slices.Contains(a.Humans, *m.Human):
		return f.ErrorAt(m.Places, "human", "human %q is not one of agent %q: want one of its humans", *m.Human, a.UserName)
	case m.Draft && m.ReadOnly != nil && !readOnly:
		return f.ErrorAt(m.Places, "read_only", "read_only = false beside draft = true: want one of them")
	case m.Draft && m.ACL:
		return f.ErrorAt(m.Places, "acl", "a draft beside acl = true: want one of them")
	case m.ShowSecrets && !m.Draft:
		return f.ErrorAt(m.Places, "show_secrets", "show_secrets: only a draft hides them: want draft = true")
	case len(m.Hide) > 0 && (!readOnly && !m.Draft || m.ACL):
		return f.ErrorAt(m.Places, "hide", "hide: %v", config.ErrNoHiding)
	}
	return nil
}

func (f *File) checkNet(n *Net) error {
	if n == nil {
		return nil
	}
	rules := len(n.Presets) + len(n.Allow) + len(n.Deny) + len(n.AllowLocalhost)
	switch {
	case n.Restricted != nil && !*n.Restricted && (rules > 0 || n.Upstream != nil || n.Proxy != nil || len(n.DNS) > 0 || n.NoECH):
		return f.ErrorAt(n.Places, "restricted", "restricted = false beside rules: want one of them")
	case n.Proxy != nil && (rules > 0 || n.NoECH || n.Upstream != nil):
		return f.ErrorAt(n.Places, "proxy", "proxy leaves names to your own proxy: want no rules, no_ech and upstream beside it")
	case n.Upstream == nil && n.UpstreamCA+n.UpstreamLogin != "":
		return f.ErrorAt(n.Places, "upstream", "upstream_ca and upstream_login are for a proxy: want upstream beside them")
	case n.Upstream != nil && len(n.DNS) > 0:
		return f.ErrorAt(n.Places, "dns", "dns beside upstream: the proxy looks names up: want one of them")
	case n.UpstreamCA != "" && !path.IsAbs(n.UpstreamCA):
		return f.ErrorAt(n.Places, "upstream_ca", "upstream_ca %q: want an absolute path", n.UpstreamCA)
	}
	return nil
}

// Expand returns a folder as a human means it: ~/ is their home.
func (p FolderPath) Expand(human provision.User) string {
	if rest, ok := strings.CutPrefix(string(p), "~/"); ok {
		return path.Join(human.Home, rest)
	}
	return path.Clean(string(p))
}

// Place returns the line and column of what a table of the file says under a key, counted from 1.
func (f *File) Place(p Places, key string) (line, column int) {
	var at *config.Error
	errors.As(f.placeError(p, key, ""), &at)
	return at.Line, at.Column
}
