// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"encoding/json"
	"fmt"
	"maps"
	stdslices "slices"
	"strings"
	"time"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/slices"
)

// Stanza returns the lines of a NixOS configuration that declare such agents.
func Stanza(agents ...StanzaAgent) string {
	var b strings.Builder
	b.WriteString("security.au = {\n  enable = true;\n")
	for _, g := range agents {
		fmt.Fprintf(&b, "  agents.%q = {\n    humans = [ %s];\n", g.Name, quoted(g.Humans))
		if g.UID != 0 {
			fmt.Fprintf(&b, "    uid = %d;\n    humansGid = %d;\n", g.UID, g.Group)
		}
		for _, what := range g.Left {
			fmt.Fprintf(&b, "    # Left out: %s\n", what)
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
		if len(g.SetEnv) > 0 {
			fmt.Fprintf(&b, "    # Everybody on a NixOS machine can read these: take out what is secret.\n    setEnv = { %s};\n", stanzaPairs(g.SetEnv))
		}
		if len(g.Path) > 0 {
			fmt.Fprintf(&b, "    path = [ %s];\n", quoted(g.Path))
		}
		b.WriteString(stanzaPrograms(g.Programs))
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
	Left   []string // what no option says
	UID    uint32
	Group  uint32 // gid of su-as-NAME
	Humans []string
	Limits [][2]string // option and value, as Nix has them
	Allow  []string
	Shares []DeclaredShare

	KeepEnv  []string
	SetEnv   []string // KEY=VALUE; the last one of a key counts
	Path     []string
	Programs []setup.Program
	Net      *netfilter.Policy // nil: not restricted
}

// stanzaPrograms returns the programs as an option, and a comment for each that nixpkgs does not have.
func stanzaPrograms(all []setup.Program) (lines string) {
	var names []string
	for _, p := range all {
		if p.Nixpkgs != "" {
			names = append(names, p.Name)
		} else {
			lines += fmt.Sprintf("    # Left out: %s, which the module knows no package of.\n", p.Name)
		}
	}
	if len(names) > 0 {
		lines += fmt.Sprintf("    programs = [ %s];\n", quoted(names))
	}
	return lines
}

// stanzaPairs returns variables as attributes of Nix, each once.
func stanzaPairs(pairs []string) string {
	values := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
	}
	var b strings.Builder
	for _, key := range stdslices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s = %s; ", nixString(key), nixString(values[key]))
	}
	return b.String()
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

// stanzaOnlyNoted notes of an entry what no option says: the human's reason, and that it is for a time only. Of such an entry it
// notes nothing else.
func stanzaOnlyNoted(e netfilter.Entry, done string, line func(string, ...any)) bool {
	if e.Reason != "" {
		line("# %s: %s", e.Rule, nixString(e.Reason))
	}
	if !e.From.IsZero() {
		line("# %s: %s from %s on; here it is at once.", e.Rule, done, e.From.UTC().Format(time.RFC3339))
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
	if l.Swap != nil { // beside a memory limit the module's default is none
		add(l.Swap.Bytes != slices.Infinity || l.Memory != nil && l.Memory.Bytes != slices.Infinity, "swap", nixString(l.Swap.String()))
	}
	if l.Tasks != nil && *l.Tasks == slices.Infinity { // NixOS has a default for every user
		add(true, "tasks", nixString(l.Tasks.String()))
	} else if l.Tasks != nil {
		add(true, "tasks", l.Tasks.String())
	}
	if l.CPUWeight != nil {
		add(*l.CPUWeight != slices.Infinity, "cpuWeight", l.CPUWeight.String())
	}
	if l.IOWeight != nil {
		add(*l.IOWeight != slices.Infinity, "ioWeight", l.IOWeight.String())
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

// nixString writes s as Nix reads it: ${ begins an expression, even between quotes, and a carriage return would become a line's
// end. Nix has no escapes for what au's output would escape, so that is JSON in it.
func nixString(s string) string {
	var b strings.Builder
	for _, r := range strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`, "\r", `\r`).Replace(s) {
		if r == '\t' || quote.PlainRune(r) {
			b.WriteRune(r)
		} else {
			text, _ := json.Marshal(string(r)) // no error: it is a string
			fmt.Fprintf(&b, "${builtins.fromJSON ''%s''}", quote.JSON(text))
		}
	}
	return `"` + b.String() + `"`
}
