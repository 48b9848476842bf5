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
	"strings"
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

// DeclaredShare is a folder, or a file, of each human's; ~/ at its beginning is their home.
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
	for _, unit := range (netfilter.Units{Policy: p, Program: d.Program, Depart: true}).Files() {
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
			fmt.Fprintf(&b, "    unlock = [ %s];\n", quoted(g.Allow))
		}
		if len(g.KeepEnv) > 0 {
			fmt.Fprintf(&b, "    keepEnv = [ %s];\n", quoted(g.KeepEnv))
		}
		if len(g.Path) > 0 {
			fmt.Fprintf(&b, "    path = [ %s];\n", quoted(g.Path))
		}
		if g.Net != nil {
			b.WriteString(stanzaNet(*g.Net))
		}
		for _, s := range g.Shares {
			fmt.Fprintf(&b, "    shares.%s = { target = %s; %s;%s%s };\n", nixString(s.Source), nixString(s.Target), s.access(), s.hidden(), map[bool]string{false: " samePath = false;"}[s.SamePath])
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

	KeepEnv []string
	Path    []string
	Net     *netfilter.Policy // nil: not restricted
}

// stanzaNet returns what the agent may reach as options. A rule for a time only is a comment: options have no time.
func stanzaNet(p netfilter.Policy) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "      "+format+"\n", args...) }
	b.WriteString("    net = {\n")
	if !p.Learn.IsZero() {
		line("# Left out: learning until %s: what is not allowed is refused.", p.Learn.UTC().Format(time.RFC3339))
	}
	presets, allow, localhost := stanzaAllowed(p, line)
	deny := stanzaDenied(p, line)
	line("enable = true;")
	for _, list := range []struct {
		option string
		words  []string
	}{{"presets", presets}, {"allow", allow}} {
		if len(list.words) > 0 {
			line("%s = [ %s];", list.option, quoted(list.words))
		}
	}
	if len(localhost) > 0 {
		line("localhost = [ %s ];", strings.Join(localhost, " "))
	}
	if len(deny) > 0 {
		line("deny = [ %s];", quoted(deny))
	}
	if p.NoECH {
		line("ech = false;")
	}
	if len(p.Resolve) > 0 {
		line("dns = [ %s];", quoted(netfilter.ServerTexts(p.Resolve)))
	}
	if u := p.Upstream; u.IsSet() {
		line("upstream.url = %s;", nixString(u.URL))
		if u.CA != "" {
			line("upstream.ca = %s;", nixString(u.CA))
		}
		if u.Login != "" {
			line("upstream.loginFile = %s;", nixString(u.Login))
		}
	}
	line("backend = %s;", nixString(string(p.Backend)))
	if p.HasDaemon() {
		line("proxyPort = %d;\n      dnsPort = %d;", p.Proxy, p.DNS)
	} else {
		line("# Left out: the proxy of your own (--proxy); the module has au's daemon only.")
	}
	return b.String() + "    };\n"
}

// stanzaAllowed sorts what is allowed for good into the module's options. A preset of which the agent has only a part is its rules.
func stanzaAllowed(p netfilter.Policy, line func(string, ...any)) (presets, allow, localhost []string) {
	has := func(e netfilter.Entry) bool {
		return stdslices.ContainsFunc(p.Allow, func(f netfilter.Entry) bool { return f.Rule == e.Rule && f.Preset == e.Preset && f.Until.IsZero() })
	}
	whole := map[string]bool{}
	for _, e := range p.Allow {
		if _, known := whole[e.Preset]; e.Preset == "" || known {
			continue
		}
		preset, err := netfilter.FindPreset(e.Preset)
		whole[e.Preset] = err == nil && !stdslices.ContainsFunc(preset.Entries(), func(e netfilter.Entry) bool { return !has(e) })
		if whole[e.Preset] {
			presets = append(presets, e.Preset)
		}
	}
	for _, e := range p.Allow {
		switch {
		case stanzaOnlyNoted(e, "allowed", line):
		case whole[e.Preset]:
		case e.Rule.Kind == netfilter.Localhost && e.Rule.Port != 0:
			localhost = append(localhost, fmt.Sprint(e.Rule.Port))
		default:
			allow = append(allow, e.Rule.String())
		}
	}
	return presets, allow, localhost
}

func stanzaDenied(p netfilter.Policy, line func(string, ...any)) (deny []string) {
	for _, e := range p.Deny {
		if !stanzaOnlyNoted(e, "refused", line) {
			deny = append(deny, e.Rule.String())
		}
	}
	return deny
}

// stanzaOnlyNoted notes of an entry what no option says: the human's reason, and that it is for a time only, in which case nothing
// else is said of it.
func stanzaOnlyNoted(e netfilter.Entry, done string, line func(string, ...any)) bool {
	if e.Reason != "" {
		line("# %s: %s", e.Rule, nixString(e.Reason))
	}
	if !e.Until.IsZero() {
		line("# Left out: %s, %s until %s.", e.Rule, done, e.Until.UTC().Format(time.RFC3339))
	}
	return !e.Until.IsZero()
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
	if l.CPUWeight != nil {
		add(true, "cpuWeight", l.CPUWeight.String())
	}
	if l.IOWeight != nil {
		add(true, "ioWeight", l.IOWeight.String())
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
