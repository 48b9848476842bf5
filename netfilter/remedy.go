// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/internal/advice"
)

// A Target is what an agent wanted to reach: a name that it showed or asked for, an address that it dialled, or both. Port 0: none
// was asked for.
type Target struct {
	Name string // canonical
	Addr netip.Addr
	Port uint16
}

// Opening returns the rule that lets the agent reach t where code refused it, or let it pass to learn, and that opens nothing
// beside it; false where no rule does.
func Opening(code Code, t Target) (Rule, bool) {
	host, port := "", t.Port
	switch code {
	case NotAllowed, WrongPort, Expired, Learned:
		host = t.Name
		if host != "" && IsWeb(port) {
			port = 0 // which a rule for a name means
		}
	case NoName:
		if !t.Addr.IsValid() {
			host = t.Name // behind an upstream: with the port, a rule opens it to what shows no name
		}
	case Private:
	case NotLocal:
		host = "localhost"
	default:
		return Rule{}, false
	}
	switch {
	case host != "":
	case !t.Addr.IsValid() || IsSinkhole(t.Addr) || port == 0:
		return Rule{}, false // nobody's address, or all of one's ports
	case t.Addr.IsLoopback() || t.Addr.IsUnspecified():
		host = "localhost"
	default:
		host = t.Addr.Unmap().WithZone("").String()
	}
	if strings.HasSuffix("."+host, ".invalid") {
		return Rule{}, false // nobody's, as what au net status --verify asks for
	}
	if port != 0 {
		host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	rule, err := ParseRule(host)
	return rule, err == nil
}

// Remedy returns the command by which the human lets pass what code refused; empty where none does, or where it is refused on
// purpose.
func (p Policy) Remedy(code Code, t Target) string {
	if code == HiddenName {
		p.NoECH = false
		return p.advised(p.restrict() + " --ech")
	}
	rule, ok := Opening(code, t)
	switch {
	case !ok:
		return ""
	case code == Expired:
		return p.AllowCommand("--for", "2h", rule.String())
	}
	return p.AllowCommand(rule.String())
}

// AllowCommand returns the command that allows the agent what words say.
func (p *Policy) AllowCommand(words ...string) string {
	return p.advised(strings.Join(append([]string{"au net allow --agent", p.Agent}, words...), " "))
}

// ServerOption returns what names a server to ask, where the machine names none.
func (p *Policy) ServerOption() string {
	if p.Declared {
		return "security.au.agents." + p.Agent + ".net.dns"
	}
	return "au net restrict --dns ADDRESS"
}

// Again returns the command that puts p in force anew: the rules stay by themselves, and the command has the other choices.
func (p *Policy) Again() string { return p.advised(p.restrict()) }

// advised returns a command as it can be followed: what is declared is changed by an option.
func (p *Policy) advised(command string) string {
	if p.Declared {
		return advice.Declared(command, p.Agent)
	}
	return command
}

func (p *Policy) restrict() string {
	words := []string{"au net restrict --agent", p.Agent}
	if p.NoECH {
		words = append(words, "--no-ech")
	}
	if !p.HasDaemon() {
		words = append(words, fmt.Sprintf("--proxy %d,%d", p.Human.HTTP, p.Human.HTTPS))
	}
	for _, server := range p.Resolve {
		words = append(words, "--dns "+serverText(server))
	}
	if p.Upstream.IsSet() {
		words = append(words, p.Upstream.Option())
	}
	if p.Upstream.Login != "" {
		words = append(words, "--upstream-login "+p.Upstream.Login)
	}
	if p.Backend == Iptables {
		words = append(words, "--backend iptables")
	}
	return strings.Join(words, " ")
}

func serverText(server netip.AddrPort) string {
	if server.Port() == 53 {
		return server.Addr().String()
	}
	return server.String()
}

// PortOf returns a port that p opens for name, 443 where its rules give none: what is meant where only the name is known.
func (p *Policy) PortOf(name string, now time.Time) uint16 {
	for _, e := range p.Allow {
		if e.Live(now) && e.Rule.matchesHost(name) {
			return cmp.Or(e.Rule.Port, 443)
		}
	}
	return 443
}

// ParseServer reads the address of a name server, with a port or without.
func ParseServer(word string) (netip.AddrPort, error) {
	if server, err := netip.ParseAddrPort(word); err == nil {
		return server, nil
	}
	addr, err := netip.ParseAddr(word)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("name server %q: want an address, or an address and a port", word)
	}
	return netip.AddrPortFrom(addr, 53), nil
}

// ServerTexts returns the servers as ParseServer reads them.
func ServerTexts(servers []netip.AddrPort) []string {
	var texts []string
	for _, server := range servers {
		texts = append(texts, serverText(server))
	}
	return texts
}
