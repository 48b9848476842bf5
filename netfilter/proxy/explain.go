// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/a4u2/au/netfilter"
)

// A denial is a refusal in words, for a person or a model that has to know that
// it meets a rule and not a failure.
type denial struct {
	code netfilter.Code
	what string // the sentence
	hint string // a command for the human; empty where none would help

	declared bool // the hint is an option of the NixOS configuration, and no command
}

// line returns d in one line.
func (d denial) line() string {
	if d.hint == "" {
		return "au: " + d.what + " (" + string(d.code) + ")"
	}
	may := "; the human may run: "
	if d.declared {
		may = "; it is for the human: "
	}
	return "au: " + d.what + " (" + string(d.code) + ")" + may + d.hint
}

// page returns d as the body of an HTTP response.
func (d denial) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "au: %s\nau: reason: %s\n", d.what, d.code)
	if failures[d.code] {
		return b.String()
	}
	b.WriteString("au: this is the policy of this machine's human, not a failure: another way round will be refused as well\n")
	if d.hint != "" {
		by := ", by running"
		if d.declared {
			by = ""
		}
		fmt.Fprintf(&b, "au: only the human can change it%s:\nau: hint: %s\n", by, d.hint)
	}
	return b.String()
}

// explain puts v about t into words.
func (j *judge) explain(v netfilter.Verdict, t target) denial {
	t = j.guess(t, v.Code)
	policy := j.policy.Load()
	agent, thing := policy.Agent, t.String()
	d := denial{code: v.Code, hint: policy.Remedy(v.Code, t.public()), declared: policy.Declared}
	switch v.Code {
	case netfilter.NotAllowed:
		d.what = thing + " is not allowed for " + agent
	case netfilter.DeniedByRule:
		d.what = fmt.Sprintf("%s is denied for %s by the rule %q", thing, agent, v.Rule)
	case netfilter.WrongPort:
		d.what = fmt.Sprintf("%s is not allowed for %s: the rule %q is for other ports", thing, agent, v.Rule)
	case netfilter.Expired:
		d.what = fmt.Sprintf("%s is no longer allowed for %s: the time of the rule %q is over", thing, agent, v.Rule)
	case netfilter.Mismatch:
		d.what = fmt.Sprintf("%s is allowed for %s, but %s is not an address that was answered for it: look the name up again", t.name, agent, t.dst.Addr())
	case netfilter.Private:
		d.what = fmt.Sprintf("%s leads to %s, inside this machine's networks, where a name opens nothing for %s", thing, t.dst.Addr(), agent)
	case netfilter.NoName:
		d.what = thing + " shows neither TLS with a name nor HTTP, and no rule allows the address for " + agent
	case netfilter.HiddenName:
		d.what = thing + " is TLS that hides the name that it is for (ECH), or looks so, which --no-ech refuses to " + agent
	case netfilter.NotLocal:
		d.what = thing + " is served by this machine, not by " + agent
	case netfilter.NotResolved:
		d.what = thing + ": allowed, but the name servers gave no address"
		if len(policy.Resolve)+len(j.resolvers().servers) == 0 {
			d.what = thing + ": allowed, but /etc/resolv.conf names no server to ask (" + policy.ServerOption() + " does)"
		}
	default:
		d.what = thing + ": " + plainWords[v.Code]
		if v.Detail != "" {
			d.what = thing + ": allowed, but " + v.Detail
		}
	}
	return d
}

// guess puts what is meant in the place of the sinkhole's address, which means
// nothing to anybody: the name that was refused last, or the address inside.
func (j *judge) guess(t target, code netfilter.Code) target {
	if t.name != "" && j.policy.Load().IsMade(t.dst.Addr()) {
		t.dst = netip.AddrPortFrom(netip.Addr{}, t.dst.Port()) // it stands for the name
	}
	if !netfilter.IsSinkhole(t.dst.Addr()) {
		return t
	}
	if last := j.refused.Load(); last != nil && (t.name == "" || j.searchedFor(t.name, *last)) {
		t.name = *last
	}
	if inside := j.answers.Inside(t.name); code == netfilter.Private && len(inside) > 0 {
		t.dst = netip.AddrPortFrom(inside[0], t.dst.Port())
	}
	return t
}

// failures are the codes of what no rule refuses.
var failures = map[netfilter.Code]bool{
	netfilter.Unreachable: true, netfilter.NotResolved: true, netfilter.Overload: true, netfilter.Malformed: true,
	netfilter.ProxyRefuses: true, netfilter.ProxyFails: true,
}

var plainWords = map[netfilter.Code]string{
	netfilter.Unreachable: "allowed, but nobody answered there",
	netfilter.Malformed:   "a message that can be read in more than one way",
	netfilter.Overload:    "too many at once; try again",
}

// String returns t as a human would write it in a rule.
func (t target) String() string {
	host := t.name
	if host == "" && t.dst.Addr().IsValid() {
		host = t.dst.Addr().String()
		if t.dst.Addr().Is6() && t.dst.Port() != 0 {
			host = "[" + host + "]"
		}
	}
	if t.dst.Port() == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(int(t.dst.Port()))
}
