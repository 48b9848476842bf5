// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	stdslices "slices"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/slices"
)

// WrapperPath returns the entrypoint of an agent that NixOS declares: the module's security.wrappers.
func WrapperPath(agent string) string { return "/run/wrappers/bin/" + GroupName(agent) }

// NixUID returns the id that the NixOS module gives that name unless told otherwise: 50000 to 58999, which nothing else on NixOS takes.
// A slice is named by its user's uid, so NixOS has to know it before there is a machine.
func NixUID(name string) uint32 {
	sum := sha256.Sum256([]byte(name))
	return 50000 + binary.BigEndian.Uint32(sum[:4])%9000
}

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
	Shares []DeclaredShare `json:"shares"`
	Limits DeclaredLimits  `json:"limits"`
	Net    *DeclaredNet    `json:"net"`
}

// DeclaredHuman may enter. Where NixOS chooses the uid only when it makes the user, the group alone lets them in.
type DeclaredHuman struct {
	Name string  `json:"name"`
	UID  *uint32 `json:"uid"`
}

// DeclaredShare is a folder of each human's; ~/ at its beginning is their home.
type DeclaredShare struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
}

// DeclaredLimits are checked as `au limits set` checks them; the module writes the drop-in.
type DeclaredLimits struct {
	CPU    *slices.CPU   `json:"cpu"`
	Memory *slices.Size  `json:"memory"`
	Swap   *slices.Swap  `json:"swap"`
	Tasks  *slices.Tasks `json:"tasks"`
}

// DeclaredNet is what the agent may reach.
type DeclaredNet struct {
	Presets   []string          `json:"presets"`
	Allow     []netfilter.Rule  `json:"allow"`
	Localhost []uint16          `json:"localhost"`
	Backend   netfilter.Backend `json:"backend"`
	ProxyPort uint16            `json:"proxyPort"`
	DNSPort   uint16            `json:"dnsPort"`
}

// ParseDeclared reads what the module wrote.
func ParseDeclared(text []byte) (Declared, error) {
	var d Declared
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, fmt.Errorf("declared agents: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return d, fmt.Errorf("declared agents: want one object")
	}
	return d, nil
}

// File is a text and where it stands below some folder.
type File struct{ Name, Text string }

// Files returns what the module puts into /etc/au (agents/, net/) and gives to systemd (lib/systemd/system/), and the rules as they will be
// loaded (rules/) at now. An error names the agent and what is wrong with it.
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
	for _, unit := range (netfilter.Units{Policy: p, Program: d.Program}).Files() {
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
		Name: name, UID: g.UID, GID: g.GID, Group: g.Group, Home: g.Home, Shell: g.Shell, Tag: g.Tag, Path: g.Path, EnterGIDs: []uint32{g.Group},
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
	p := netfilter.Policy{Version: netfilter.Version, Agent: name, UID: uid, Backend: n.Backend, Proxy: n.ProxyPort, DNS: n.DNSPort}
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

// Stanza returns the lines of a NixOS configuration that declare such agents.
func Stanza(agents ...StanzaAgent) string {
	var b strings.Builder
	b.WriteString("security.au = {\n  enable = true;\n")
	for _, g := range agents {
		fmt.Fprintf(&b, "  agents.%q = {\n    humans = [ %s];\n", g.Name, quoted(g.Humans))
		if g.UID != 0 {
			fmt.Fprintf(&b, "    uid = %d;\n    humansGid = %d;\n", g.UID, g.Group)
		}
		for _, limit := range g.Limits {
			fmt.Fprintf(&b, "    %s = %s;\n", limit[0], limit[1])
		}
		if len(g.Allow) > 0 {
			fmt.Fprintf(&b, "    allow = [ %s];\n", quoted(g.Allow))
		}
		for _, s := range g.Shares {
			fmt.Fprintf(&b, "    shares.%s = { target = %s; readOnly = %t; };\n", nixString(s.Source), nixString(s.Target), s.ReadOnly)
		}
		b.WriteString("  };\n")
	}
	b.WriteString("};\n")
	return b.String()
}

// StanzaAgent is what Stanza says of an agent. UID 0: the defaults. Targets are relative to the agent's home.
type StanzaAgent struct {
	Name   string
	UID    uint32
	Group  uint32 // gid of su-as-NAME
	Humans []string
	Limits [][2]string // option and value, as Nix has them
	Allow  []string
	Shares []DeclaredShare
}

// StanzaLimits returns the limits as options of the module.
func StanzaLimits(l slices.Limits) [][2]string {
	var all [][2]string
	add := func(asked bool, option, value string) {
		if asked {
			all = append(all, [2]string{option, value})
		}
	}
	if l.CPU != nil {
		add(*l.CPU != slices.Infinity, "cpu", nixString(l.CPU.String()))
	}
	if l.Memory != nil {
		add(l.Memory.Bytes != slices.Infinity, "memory", nixString(l.Memory.String()))
	}
	if l.Swap != nil {
		add(l.Swap.Bytes != slices.Infinity, "swap", nixString(l.Swap.String()))
	}
	if l.Tasks != nil {
		add(*l.Tasks != slices.Infinity, "tasks", l.Tasks.String())
	}
	return all
}

func quoted(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(nixString(w) + " ")
	}
	return b.String()
}

// nixString writes s as Nix reads it: ${ begins an expression, even between quotes.
func nixString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`).Replace(s) + `"`
}
