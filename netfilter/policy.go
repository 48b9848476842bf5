// SPDX-License-Identifier: GPL-3.0-or-later

// Package netfilter says what an agent may reach, and writes it down for those who enforce it: the kernel's packet filter,
// systemd, and the daemon that knows names. It returns text and data; package kernel below it is who acts.
package netfilter

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a4u2/au/internal/newer"
	"github.com/pelletier/go-toml/v2"
)

// Version is the only form of policy file that this program reads.
const Version = 1

// Backend is the program that loads the rules.
type Backend string

const (
	NFT      Backend = "nft"
	Iptables Backend = "iptables"
)

// Policy is what one agent may reach, as /etc/au/net/NAME.toml holds it.
type Policy struct {
	Version int    `toml:"version"`
	Agent   string `toml:"agent"`
	UID     uint32 `toml:"uid"`
	// Declared says that the machine's NixOS configuration has it: what changes it is an option there, and no command.
	Declared bool             `toml:"declared,omitempty"`
	SubUIDs  []Range          `toml:"sub-uids,omitempty"` // none: the agent has none
	Backend  Backend          `toml:"backend"`
	Proxy    uint16           `toml:"proxy-port,omitempty"` // the daemon on 127.0.0.1 and ::1: the agent's every TCP connection, and CONNECT
	DNS      uint16           `toml:"dns-port,omitempty"`   // the daemon on 127.0.0.1 and ::1, UDP and TCP
	Resolve  []netip.AddrPort `toml:"dns,omitempty"`        // the servers that the daemon, or with Human the agent, asks; none: what /etc/resolv.conf says
	NoECH    bool             `toml:"no-ech,omitempty"`     // refuse TLS that hides the inner name, or looks as if
	OldECH   bool             `toml:"ech,omitempty"`        // the opposite, from when it had to be asked for; read, and not written
	Learn    time.Time        `toml:"learn-until,omitempty"`
	Human    HumanProxy       `toml:"human-proxy,omitempty"` // set: the human's own proxy takes the daemon's place
	Upstream Upstream         `toml:"upstream,omitempty"`    // set: the daemon goes through it
	Allow    []Entry          `toml:"allow,omitempty"`
	Deny     []Entry          `toml:"deny,omitempty"`

	NAT64 []netip.Prefix `toml:"-"` // below which the network that the machine is in reaches IPv4, as far as that was learned
}

// HumanProxy is where the human's own intercepting proxy listens on loopback. The zero value means that there is none.
type HumanProxy struct {
	HTTP  uint16 `toml:"http,omitempty"`
	HTTPS uint16 `toml:"https,omitempty"`
}

// ParseHumanProxy reads 3128, a port for both, or 3128,3129.
func ParseHumanProxy(text string) (HumanProxy, error) {
	http, https, two := strings.Cut(text, ",")
	if !two {
		https = http
	}
	a, errA := strconv.ParseUint(http, 10, 16)
	b, errB := strconv.ParseUint(https, 10, 16)
	if errA != nil || errB != nil || a == 0 || b == 0 {
		return HumanProxy{}, fmt.Errorf("proxy %q: want a port such as 3128, or two such as 3128,3129", text)
	}
	return HumanProxy{HTTP: uint16(a), HTTPS: uint16(b)}, nil
}

// Entry is a rule with its life and its why.
type Entry struct {
	Rule   Rule      `toml:"rule"`
	From   time.Time `toml:"from,omitempty"`   // of a denial: it is suspended until then; zero: it is not
	Until  time.Time `toml:"until,omitempty"`  // zero: for good
	Reason string    `toml:"reason,omitempty"` // the human's words
	Preset string    `toml:"preset,omitempty"` // the preset that brought it
}

// Live says whether e still counts at now.
func (e Entry) Live(now time.Time) bool { return !now.Before(e.From) && !e.Over(now) }

// Over says whether e's time has passed.
func (e Entry) Over(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.Until) }

// Range is a run of user ids, First to Last, both included. Its text is "100000-165535".
type Range struct{ First, Last uint32 }

// Has says whether id is one of r.
func (r Range) Has(id uint32) bool { return r.First <= id && id <= r.Last }

func (r Range) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// MarshalText writes r as String does.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads "100000-165535".
func (r *Range) UnmarshalText(text []byte) error {
	first, last, _ := strings.Cut(string(text), "-")
	a, errA := strconv.ParseUint(first, 10, 32)
	b, errB := strconv.ParseUint(last, 10, 32)
	if errA != nil || errB != nil || a > b || b == 1<<32-1 {
		return fmt.Errorf("range of user ids %q: want 100000-165535", text)
	}
	*r = Range{uint32(a), uint32(b)}
	return nil
}

// ParsePolicy reads a policy file. Unknown keys, another version and anything that Check refuses are errors.
func ParsePolicy(text []byte) (Policy, error) {
	var p Policy
	version := versionOf(text)
	if version > Version {
		return Policy{}, fmt.Errorf("network policy: %w", newer.Format(fmt.Sprintf("version %d", version)))
	}
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("network policy: %w", plain(err, version))
	}
	if err := p.Check(); err != nil {
		return Policy{}, fmt.Errorf("network policy: %w", err)
	}
	return p, nil
}

// Text returns p as ParsePolicy reads it back.
func (p *Policy) Text() (string, error) {
	if err := p.Check(); err != nil {
		return "", fmt.Errorf("network policy: %w", err)
	}
	body, err := toml.Marshal(p.inUTC())
	if err != nil {
		return "", fmt.Errorf("network policy: %w", err)
	}
	return "# What the agent may reach. Written by au net; read by its rules and its daemon.\n" + string(body), nil
}

// versionOf returns the version of a policy, whatever else is in it; 0 where it has none.
func versionOf(text []byte) int {
	var p struct {
		Version int `toml:"version"`
	}
	if toml.Unmarshal(text, &p) != nil {
		return 0 // the error names its line
	}
	return p.Version
}

// plain turns the decoder's error into one that names line and key.
func plain(err error, version int) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		first := strict.Errors[0]
		line, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		if version != Version { // a file that no au wrote
			return fmt.Errorf("line %d: unknown key %q", line, key)
		}
		return fmt.Errorf("line %d: %w", line, newer.Key(key))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, _ := decode.Position()
		return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(decode.Error(), "toml: "))
	}
	return err
}

// inUTC drops what TOML would write and nobody needs: zones, fractions of a second, and a word that says the default.
func (p Policy) inUTC() Policy {
	clean := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.UTC().Truncate(time.Second)
	}
	entries := func(list []Entry) []Entry {
		out := append([]Entry(nil), list...)
		for i := range out {
			out[i].From, out[i].Until = clean(out[i].From), clean(out[i].Until)
		}
		return out
	}
	p.OldECH = false
	p.Learn, p.Allow, p.Deny = clean(p.Learn), entries(p.Allow), entries(p.Deny)
	return p
}

// isName says whether s can name an agent, or a preset: ^[a-z_][a-z0-9_-]{0,24}$.
func isName(s string) bool {
	if s == "" || len(s) > 25 || strings.IndexByte("abcdefghijklmnopqrstuvwxyz_", s[0]) < 0 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// Check says what in p cannot be enforced. ParsePolicy and Text call it.
func (p *Policy) Check() error {
	switch {
	case p.Version != Version:
		return fmt.Errorf("version %d: want %d", p.Version, Version)
	case !isName(p.Agent):
		return fmt.Errorf("agent %q: want a user's name", p.Agent)
	case p.UID < 1000 || p.UID >= 65534 && p.UID < 65536 || p.UID == 1<<32-1:
		return fmt.Errorf("uid %d: want an ordinary user's, 1000 or above", p.UID)
	case p.Backend != NFT && p.Backend != Iptables:
		return fmt.Errorf("backend %q: want %s or %s", p.Backend, NFT, Iptables)
	case len(p.Resolve) == 0 && !p.HasDaemon():
		return fmt.Errorf("dns: beside human-proxy, want at least one server, such as \"192.0.2.53:53\"")
	}
	for _, server := range p.Resolve {
		if !server.IsValid() || server.Port() == 0 || server.Addr().IsUnspecified() || server.Addr().Zone() != "" {
			return fmt.Errorf("dns %q: want an address and a port, such as \"192.0.2.53:53\"", server)
		}
	}
	for _, ids := range p.SubUIDs {
		if ids.First < 1000 || ids.Last < ids.First {
			return fmt.Errorf("sub-uids %s: want a range above 1000", ids)
		}
	}
	if err := p.checkPorts(); err != nil {
		return err
	}
	if err := p.checkUpstream(); err != nil {
		return err
	}
	return p.checkEntries()
}

func (p *Policy) checkPorts() error {
	daemon, human := p.Proxy != 0 && p.DNS != 0, p.Human != HumanProxy{}
	switch {
	case human && (p.Proxy != 0 || p.DNS != 0):
		return fmt.Errorf("human-proxy and proxy-port: want one of them")
	case human && (p.Human.HTTP == 0 || p.Human.HTTPS == 0):
		return fmt.Errorf("human-proxy: want both http and https")
	case human && (len(p.Allow) > 0 || len(p.Deny) > 0 || !p.Learn.IsZero() || p.NoECH):
		return p.checkHumanEntries()
	case !human && !daemon:
		return fmt.Errorf("want proxy-port and dns-port, or human-proxy")
	case daemon && p.Proxy == p.DNS:
		return fmt.Errorf("proxy-port and dns-port are both %d: want two", p.Proxy)
	}
	return nil
}

// checkHumanEntries refuses what only the daemon could enforce.
func (p *Policy) checkHumanEntries() error {
	for _, entry := range p.Allow {
		if entry.Rule.Kind != Localhost {
			return fmt.Errorf("allow %q beside human-proxy: want it in that proxy's own configuration", entry.Rule)
		}
	}
	if len(p.Deny) > 0 || !p.Learn.IsZero() || p.NoECH {
		return fmt.Errorf("deny, learn-until or no-ech beside human-proxy: want them in that proxy's own configuration")
	}
	return nil
}

func (p *Policy) checkUpstream() error {
	switch {
	case !p.Upstream.IsSet():
	case !p.HasDaemon():
		return fmt.Errorf("upstream and human-proxy: want one of them")
	case len(p.Resolve) > 0:
		return fmt.Errorf("dns beside upstream: the proxy looks names up: want one of them")
	}
	_, port, _ := p.Upstream.Place()
	for _, entry := range p.Allow {
		if p.Upstream.IsSet() && entry.Rule.Kind == Localhost && entry.Rule.Port == port {
			return fmt.Errorf("rule %q: is the port of the upstream, which may be this machine's, and which only the daemon reaches", entry.Rule)
		}
	}
	return p.Upstream.Check()
}

func (p *Policy) checkEntries() error {
	for _, entry := range p.Allow {
		if !entry.From.IsZero() {
			return fmt.Errorf("rule %q: from: want it in deny alone", entry.Rule)
		}
	}
	for _, entry := range append(append([]Entry(nil), p.Allow...), p.Deny...) {
		again, err := ParseRule(entry.Rule.String())
		if err != nil || again != entry.Rule {
			return fmt.Errorf("rule %q: want one as au net allow writes it", entry.Rule)
		}
		if strings.ContainsFunc(entry.Reason+entry.Preset, unicode.IsControl) || len(entry.Reason) > 500 {
			return fmt.Errorf("rule %q: its reason: want one line of at most 500 letters", entry.Rule)
		}
	}
	return nil
}

// HasDaemon says whether a daemon of ours decides, rather than the human's own proxy.
func (p *Policy) HasDaemon() bool { return p.Human == HumanProxy{} }

// Learning says whether p lets everything through at now, and records it.
func (p *Policy) Learning(now time.Time) bool { return now.Before(p.Learn) }

// At returns p as it is from now on: without rules, suspensions and learning that are over.
func (p Policy) At(now time.Time) Policy {
	still := func(list []Entry) []Entry {
		list = slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { return e.Over(now) })
		for i := range list {
			if !list[i].From.After(now) {
				list[i].From = time.Time{}
			}
		}
		return list
	}
	p.Allow, p.Deny = still(p.Allow), still(p.Deny)
	if !p.Learning(now) {
		p.Learn = time.Time{}
	}
	return p
}

// NextChange returns when time next changes what p allows; the zero time where it never does.
func (p *Policy) NextChange(now time.Time) (next time.Time) {
	soon := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	soon(p.Learn)
	for _, list := range [][]Entry{p.Allow, p.Deny} {
		for _, e := range list {
			soon(e.From)
			soon(e.Until)
		}
	}
	return next
}
