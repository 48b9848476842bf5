// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Kind says what a Rule compares.
type Kind int

const (
	Name      Kind = iota // one host name: github.com
	Wildcard              // every name below one, and not that one itself: *.github.com
	Network               // an address or a block of them: 192.0.2.7, 10.0.0.0/8
	Localhost             // one port on this machine's loopback: localhost:3000
)

// Rule is one thing that an agent may, or may not, reach.
type Rule struct {
	Kind   Kind
	Host   string       // Name and Wildcard: lower case, punycode, no final dot, no "*."
	Prefix netip.Prefix // Network: masked, never an IPv4 address in IPv6 clothes
	Port   uint16       // 0: none was given; see Policy.Allows and Policy.Denies for what that means
}

// String returns r as ParseRule reads it.
func (r Rule) String() string {
	host := r.Host
	switch r.Kind {
	case Wildcard:
		host = "*." + host
	case Localhost:
		host = "localhost"
	case Network:
		host = r.Prefix.String()
		if r.Prefix.IsSingleIP() {
			host = r.Prefix.Addr().String()
		}
		if r.Port != 0 && r.Prefix.Addr().Is6() {
			host = "[" + host + "]"
		}
	}
	if r.Port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(int(r.Port))
}

// MarshalText writes r as String does.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads r as ParseRule does.
func (r *Rule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRule(string(text))
	return err
}

// matchesHost says whether name, in canonical form, is one that r speaks of.
func (r Rule) matchesHost(name string) bool {
	switch r.Kind {
	case Name:
		return name == r.Host
	case Wildcard:
		return strings.HasSuffix(name, "."+r.Host)
	}
	return false
}

// ParseRule reads a rule as a human writes it: name, *.name, name:port, an address, a CIDR block,
// either with :port (IPv6 in brackets then), or localhost:port. An error says what would be right.
func ParseRule(text string) (Rule, error) {
	rule, err := parseRule(text)
	if err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", text, err)
	}
	return rule, nil
}

func parseRule(text string) (Rule, error) {
	if err := refuseShape(text); err != nil {
		return Rule{}, err
	}
	host, port, err := splitPort(text)
	if err != nil {
		return Rule{}, err
	}
	if strings.ContainsAny(host, "/:") || isAddress(host) {
		if before, _, path := strings.Cut(host, "/"); path && !isAddress(before) {
			return Rule{}, fmt.Errorf("has a path: want the host alone, such as %s", cmp.Or(before, "github.com"))
		}
		prefix, err := parsePrefix(host)
		return Rule{Kind: Network, Prefix: prefix, Port: port}, err
	}
	kind := Name
	if below, ok := strings.CutPrefix(host, "*."); ok {
		kind, host = Wildcard, below
	}
	host, err = CanonicalName(host)
	if err != nil {
		return Rule{}, err
	}
	return finishName(kind, host, port)
}

// refuseShape turns away what is no rule at all, before anything is taken apart.
func refuseShape(text string) error {
	switch {
	case text == "":
		return fmt.Errorf("empty: want a name such as github.com")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return fmt.Errorf("holds white space: want one rule for each argument")
	case text == "*" || strings.HasPrefix(text, "*:"):
		return fmt.Errorf("would allow everything: an agent without rules has that")
	case strings.Contains(text, "://"):
		return fmt.Errorf("is a URL: want its host alone, such as %s", hostOfURL(text))
	}
	return nil
}

func hostOfURL(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	host, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if host == "" {
		return "github.com"
	}
	return host
}

// splitPort takes a final :port off. An IPv6 address has one only behind brackets.
func splitPort(text string) (host string, port uint16, err error) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		inside, after, closed := strings.Cut(rest, "]")
		if !closed {
			return "", 0, fmt.Errorf("bracket not closed: want [2001:db8::/32]:443")
		}
		if after == "" {
			return inside, 0, nil
		}
		digits, ok := strings.CutPrefix(after, ":")
		if !ok {
			return "", 0, fmt.Errorf("text after the bracket: want [2001:db8::/32]:443")
		}
		port, err = parsePort(digits)
		return inside, port, err
	}
	host, digits, found := strings.Cut(text, ":")
	if !found || strings.Contains(digits, ":") {
		return text, 0, nil
	}
	port, err = parsePort(digits)
	return host, port, err
}

func parsePort(digits string) (uint16, error) {
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 || digits[0] == '+' || digits[0] == '0' {
		return 0, fmt.Errorf("port %q: want 1 to 65535", digits)
	}
	return uint16(port), nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// parsePrefix reads an address or a CIDR block that lies outside this machine.
func parsePrefix(text string) (netip.Prefix, error) {
	var none netip.Prefix
	prefix, err := netip.ParsePrefix(text)
	if addr, bad := netip.ParseAddr(text); bad == nil {
		if addr.Zone() != "" {
			return none, fmt.Errorf("an address with an interface: want it without %%%s", addr.Zone())
		}
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return none, fmt.Errorf("neither a name nor an address: want github.com, 192.0.2.7, 10.0.0.0/8 or [2001:db8::/32]:443")
	case prefix.Addr().Is4In6():
		return none, fmt.Errorf("IPv4 written as IPv6: want %s", prefix.Addr().Unmap())
	case prefix.Bits() == 0:
		return none, fmt.Errorf("would allow everything: an agent without rules has that")
	case prefix.Masked() != prefix:
		return none, fmt.Errorf("has bits set behind its mask: want %s", prefix.Masked())
	case prefix.Overlaps(loopback4) || prefix.Overlaps(loopback6) || prefix.Overlaps(thisHost4) || prefix.Addr().IsUnspecified():
		return none, fmt.Errorf("is this machine itself: want localhost:PORT")
	}
	return prefix, nil
}

// CanonicalName returns a host name as rules, questions and handshakes are compared: lower case, punycode, no final dot.
// It refuses a word that can be no host name.
func CanonicalName(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	if !isASCII(name) || strings.Contains(strings.ToLower(name), "xn--") {
		puny, err := idna.Lookup.ToASCII(name)
		if err == nil {
			// A name that is no UTF-8 would become one that means nothing, and that cannot be read back.
			_, err = idna.Lookup.ToASCII(puny)
		}
		if err != nil {
			return "", fmt.Errorf("not an international name: %v", err)
		}
		name = puny
	}
	name = strings.ToLower(name)
	if len(name) > 253 {
		return "", fmt.Errorf("longer than the 253 letters of a name")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	// A resolver may read 0x7f.1 or 127.1 as an address; no top-level domain starts with a digit.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return "", fmt.Errorf("ends like a number: want a name, or an address in its full form")
	}
	return name, nil
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return fmt.Errorf("has an empty label: want no two dots in a row and none in front")
	case len(label) > 63:
		return fmt.Errorf("has a label longer than 63 letters")
	case strings.Contains(label, "*"):
		return fmt.Errorf("has a * inside: want it in front and alone, as in *.example.com")
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("has a label with a hyphen at its edge")
	}
	for _, r := range label {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return fmt.Errorf("holds %q: want letters, digits, hyphens and dots", r)
		}
	}
	return nil
}

// finishName settles what depends on the name as a whole.
func finishName(kind Kind, host string, port uint16) (Rule, error) {
	rule := Rule{Kind: kind, Host: host, Port: port}
	switch {
	case host == "localhost" && kind == Name && port != 0:
		return Rule{Kind: Localhost, Port: port}, nil
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return Rule{}, fmt.Errorf("is this machine itself: want localhost:PORT")
	case kind == Wildcard && isPublicSuffix(host):
		return Rule{}, fmt.Errorf("anybody can register a name below %s: want a name that has one owner, such as *.example.%s", host, host)
	}
	return rule, nil
}

// private are top-level names that nobody can register in the public DNS, so that a wildcard over them is the human's own affair.
var private = map[string]bool{
	"internal": true, "local": true, "lan": true, "test": true, "home": true, "corp": true, "intranet": true, "private": true, "home.arpa": true,
}

func isPublicSuffix(host string) bool {
	if private[host] {
		return false
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	return suffix == host
}
