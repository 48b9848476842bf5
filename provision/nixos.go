// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	stdslices "slices"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/slices"
)

// WrapperPath returns the entrypoint of an agent that NixOS declares: the module's security.wrappers.
func WrapperPath(agent string) string { return "/run/wrappers/bin/" + GroupName(agent) }

// Declared is what the NixOS module says of the machine's agents.
type Declared struct {
	MutableUsers bool                     `json:"mutableUsers"`
	Sleep        string                   `json:"sleep"`   // absolute path of sleep(1)
	Program      string                   `json:"program"` // absolute path of the au that the network units run
	Agents       map[string]DeclaredAgent `json:"agents"`
}

// DeclaredAgent is one of security.au.agents.
type DeclaredAgent struct {
	UID    uint32          `json:"uid"`
	GID    uint32          `json:"gid"`
	Group  uint32          `json:"group"` // gid of su-as-NAME
	Tag    string          `json:"tag"`
	Home   string          `json:"home"`
	Shell  string          `json:"shell"`
	Path   string          `json:"path"`
	Humans []DeclaredHuman `json:"humans"`
	Allow  []string        `json:"allow"`
	Keep   []string        `json:"keepEnv"`
	Set    []string        `json:"setEnv"` // KEY=VALUE
	Shares []DeclaredShare `json:"shares"`
	Limits DeclaredLimits  `json:"limits"`
	Net    *DeclaredNet    `json:"net"`

	MorePath []string `json:"morePath"` // behind Path, as the config's list path; ~/ is each human's home
}

// DeclaredHuman may enter. Where NixOS chooses the uid only when it makes the user, the group alone lets them in.
type DeclaredHuman struct {
	Name string  `json:"name"`
	UID  *uint32 `json:"uid"`
}

// DeclaredShare is a folder, or a file, of each human; ~/ at its beginning is their home.
type DeclaredShare struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"` // of a draft, too: what a program that knows of none makes of it
	SamePath bool   `json:"samePath"`
	Draft    bool   `json:"draft"` // what the agent writes goes to a draft of the folder

	Hide        []string `json:"hide"`
	ShowSecrets bool     `json:"showSecrets"`
}

// access returns the option that says what the agent may do there.
func (s DeclaredShare) access() string {
	if s.Draft {
		return "draft = true"
	}
	return fmt.Sprintf("readOnly = %t", s.ReadOnly)
}

// hidden returns the options that say what the agent does not see there.
func (s DeclaredShare) hidden() (options string) {
	if len(s.Hide) > 0 {
		options = fmt.Sprintf(" hide = [ %s];", quoted(s.Hide))
	}
	if s.ShowSecrets {
		options += " showSecrets = true;"
	}
	return options
}

// checkHides refuses what cannot be hidden.
func (s DeclaredShare) checkHides() error {
	if len(s.Hide) > 0 && !s.ReadOnly && !s.Draft {
		return fmt.Errorf("share %q: hide: %w", s.Source, config.ErrNoHiding)
	}
	for _, word := range s.Hide {
		if err := config.CheckHide(word); err != nil {
			return fmt.Errorf("share %q: %w", s.Source, err)
		}
	}
	return nil
}

// DeclaredLimits are checked as `au limits set` checks them; the module writes the drop-in.
type DeclaredLimits struct {
	CPU    *slices.CPU   `json:"cpu"`
	Memory *slices.Size  `json:"memory"`
	Swap   *slices.Swap  `json:"swap"`
	Tasks  *slices.Tasks `json:"tasks"`

	CPUWeight *slices.Weight `json:"cpuWeight"`
	IOWeight  *slices.Weight `json:"ioWeight"`
}

// Limits returns them as `au limits set` has them.
func (l DeclaredLimits) Limits() slices.Limits {
	return slices.Limits{CPU: l.CPU, Memory: l.Memory, Swap: l.Swap, Tasks: l.Tasks, CPUWeight: l.CPUWeight, IOWeight: l.IOWeight}
}

// DeclaredNet is what the agent may reach.
type DeclaredNet struct {
	Presets   []string          `json:"presets"`
	Allow     []netfilter.Rule  `json:"allow"`
	Deny      []netfilter.Rule  `json:"deny"`
	ECH       bool              `json:"ech"`
	DNS       []string          `json:"dns"`
	Localhost []uint16          `json:"localhost"`
	Backend   netfilter.Backend `json:"backend"`
	ProxyPort uint16            `json:"proxyPort"`
	DNSPort   uint16            `json:"dnsPort"`

	Upstream *netfilter.Upstream `json:"upstream"` // nil: none
}

// ParseDeclared reads what the module wrote.
func ParseDeclared(text []byte) (Declared, error) {
	d := struct {
		Declared
		Agents map[string]json.RawMessage `json:"agents"` // each by itself, so that an error names it
	}{}
	if err := strictly(text, &d); err != nil {
		return d.Declared, fmt.Errorf("declared agents: %w", err)
	}
	d.Declared.Agents = map[string]DeclaredAgent{}
	for name, text := range d.Agents {
		var g DeclaredAgent
		if err := strictly(text, &g); err != nil {
			return d.Declared, fmt.Errorf("security.au.agents.%s: %w", name, err)
		}
		d.Declared.Agents[name] = g
	}
	return d.Declared, nil
}

// strictly reads one JSON value in which every key is known.
func strictly(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("want one object")
	}
	return nil
}

// File is a text and its place below some folder.
type File struct{ Name, Text string }

// Files returns what the module puts into /etc/au (agents/, net/) and gives to systemd (lib/systemd/system/), and the rules as they
// will be loaded (rules/) at now. An error names the agent and what is wrong with it.
func (d Declared) Files(now time.Time) ([]File, error) {
	var files []File
	for _, name := range stdslices.Sorted(maps.Keys(d.Agents)) {
		more, err := d.files(name, d.Agents[name], now)
		if err != nil {
			return nil, fmt.Errorf("security.au.agents.%s: %w", name, err)
		}
		files = append(files, more...)
	}
	return files, nil
}

func (d Declared) files(name string, g DeclaredAgent, now time.Time) ([]File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	for _, s := range g.Shares {
		if rel, inside := share.Within(g.Home, s.Target); !inside || rel == "." || path.Clean(s.Target) != s.Target {
			return nil, fmt.Errorf("share %q: target %q is not inside %s", s.Source, s.Target, g.Home)
		}
		if err := s.checkHides(); err != nil {
			return nil, err
		}
	}
	for _, pair := range g.Set {
		if err := config.CheckPair(pair); err != nil {
			return nil, fmt.Errorf("setEnv: %w", err)
		}
	}
	policy := g.policy(name)
	if _, err := csrc.ParsePolicy([]byte(policy.Text())); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	units := "lib/systemd/system/"
	files := []File{
		{"agents/" + name, policy.Text()},
		{units + slices.KeeperName(name), slices.Keeper(slices.KeeperConfig{Agent: name, UID: g.UID, Sleep: d.Sleep})},
		{units + slices.TemporaryName(name), slices.Temporary(name, g.UID)},
		{units + slices.ManagerFolder(g.UID) + "/au.conf", noManager(name, g.UID).Text},
	}
	if g.Net == nil {
		return files, nil
	}
	p, err := g.Net.policy(name, g.UID)
	if err != nil {
		return nil, err
	}
	text, err := p.Text()
	if err != nil {
		return nil, err
	}
	files = append(files, File{"net/" + name + ".toml", text}, File{units + p.SliceName() + ".d/au-net.conf", p.SliceDropIn()})
	for _, unit := range (netfilter.Units{Policy: p, Program: d.Program, Watcher: d.Program, Depart: true}).Files() {
		files = append(files, File{units + unit.Name, unit.Text})
	}
	if p.Backend == netfilter.NFT {
		files = append(files, File{"rules/" + name + ".nft", p.Ruleset(now)})
	}
	return files, nil
}

// policy returns the policy, without a fingerprint: NixOS makes the wrapper anew at each switch, where only root can write.
func (g DeclaredAgent) policy(name string) csrc.Policy {
	p := csrc.Policy{
		Version: csrc.PolicyVersion,
		Name:    name, UID: g.UID, GID: g.GID, Group: g.Group, Home: g.Home, Shell: g.Shell, Tag: g.Tag, Path: g.Path, EnterGIDs: []uint32{g.Group},
		Cgroups: []string{"user.slice/" + slices.Name(g.UID) + "/" + slices.KeeperName(name)}, Allow: g.Allow,
		Hide: append(stdslices.Clone(otherHomes), csrc.DefaultHides(g.Allow)...), Show: csrc.DefaultShows(g.Allow),
	}
	for _, h := range g.Humans {
		if h.UID != nil {
			p.Humans = append(p.Humans, csrc.Human{UID: *h.UID, Name: h.Name})
		}
	}
	return p
}

func (n DeclaredNet) policy(name string, uid uint32) (netfilter.Policy, error) {
	p := netfilter.Policy{Version: netfilter.Version, Agent: name, UID: uid, Declared: true, Backend: n.Backend, Proxy: n.ProxyPort, DNS: n.DNSPort, NoECH: !n.ECH}
	for _, word := range n.DNS {
		server, err := netfilter.ParseServer(word)
		if err != nil {
			return p, err
		}
		p.Resolve = append(p.Resolve, server)
	}
	if n.Upstream != nil {
		p.Upstream = *n.Upstream
	}
	for _, rule := range n.Deny {
		p.Deny = append(p.Deny, netfilter.Entry{Rule: rule})
	}
	for _, preset := range n.Presets {
		found, err := netfilter.FindPreset(preset)
		if err != nil {
			return p, err
		}
		p.Allow = append(p.Allow, found.Entries()...)
	}
	for _, rule := range n.Allow {
		p.Allow = append(p.Allow, netfilter.Entry{Rule: rule})
	}
	for _, port := range n.Localhost {
		p.Allow = append(p.Allow, netfilter.Entry{Rule: netfilter.Rule{Kind: netfilter.Localhost, Port: port}})
	}
	return p, p.Check()
}
