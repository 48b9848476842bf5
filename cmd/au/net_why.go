// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
)

type netWhyCmd struct {
	agentFlag
	Target string `arg:"" name:"host" help:"A host, host:port, address or URL."`
}

// Validate refuses what is no host.
func (c *netWhyCmd) Validate() error {
	_, _, err := target(c.Target)
	return err
}

func (c *netWhyCmd) Run(a *app) error {
	p, err := restricted(c.Agent)
	if err != nil {
		return err
	}
	host, port, err := target(c.Target)
	if err != nil {
		return err
	}
	if !p.HasDaemon() {
		fmt.Fprintf(a.out, "Your own proxy on port %d decides about names; au does not know its rules\n", p.Human.HTTP)
		return nil
	}
	verdict, rule := decide(p, host, port, time.Now())
	at := host + ":" + strconv.Itoa(int(port))
	if strings.Contains(host, ":") {
		at = "[" + host + "]:" + strconv.Itoa(int(port))
	}
	fmt.Fprintf(a.out, "%s: %s\n", at, reasonText(p, verdict))
	if verdict.OK {
		return nil
	}
	if verdict.Code != netfilter.DeniedByRule {
		fmt.Fprintf(a.out, "hint: au net allow --agent %s %s\n", c.Agent, rule)
	}
	return exitError(statusFailed)
}

// target reads what a human pastes: a URL, host:port, a host.
func target(text string) (host string, port uint16, err error) {
	word := text
	if !strings.Contains(word, "://") {
		if addr, err := netip.ParseAddr(word); err == nil {
			return addr.Unmap().WithZone("").String(), 443, nil
		}
		if _, err := netip.ParsePrefix(word); err == nil {
			return "", 0, fmt.Errorf("host %q: want one address", text)
		}
		if host, ok := gitRemote(word); ok {
			word = "ssh://" + host
		} else {
			word = "https://" + word
		}
	}
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return "", 0, fmt.Errorf("host %q: want a name, an address or a URL", text)
	}
	port = map[string]uint16{"http": 80, "https": 443, "ssh": 22, "git": 9418, "ws": 80, "wss": 443}[u.Scheme]
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("host %q: port %q: want 1 to 65535", text, u.Port())
		}
		port = uint16(n)
	}
	if port == 0 {
		return "", 0, fmt.Errorf("host %q: want a port with a URL of that kind", text)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return addr.Unmap().WithZone("").String(), port, nil
	}
	host, err = netfilter.CanonicalName(u.Hostname())
	if err != nil {
		return "", 0, fmt.Errorf("host %q: %w", text, err)
	}
	return host, port, nil
}

// gitRemote reads the host of a remote as git writes it: git@github.com:a4u2/au.
func gitRemote(word string) (host string, ok bool) {
	user, at, ok := strings.Cut(word, "@")
	host, path, two := strings.Cut(at, ":")
	_, err := strconv.Atoi(path)
	return host, ok && two && err != nil && !strings.ContainsAny(user+host, "/:")
}

// decide asks the policy about a host, and returns the rule that would allow it.
func decide(p netfilter.Policy, host string, port uint16, now time.Time) (netfilter.Verdict, string) {
	rule := host
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsLoopback() || addr.IsUnspecified() { // which connects to this machine
			return p.Local(port, now), fmt.Sprintf("localhost:%d", port)
		}
		if port != 80 && port != 443 {
			rule = netip.AddrPortFrom(addr, port).String()
		}
		return p.Addr(netip.AddrPortFrom(addr, port), now), rule
	}
	if host == "localhost" {
		return p.Local(port, now), fmt.Sprintf("localhost:%d", port)
	}
	if port != 80 && port != 443 {
		rule = fmt.Sprintf("%s:%d", host, port)
	}
	return p.Name(host, port, now), rule
}

// reasonText says a verdict in words, with what the human wrote beside the rule.
func reasonText(p netfilter.Policy, v netfilter.Verdict) string {
	text := map[netfilter.Code]string{
		netfilter.Allowed: "allowed", netfilter.Learned: "let through while learning", netfilter.NotAllowed: "not allowed: no rule speaks of it",
		netfilter.DeniedByRule: "denied", netfilter.WrongPort: "not allowed on this port", netfilter.Expired: "not allowed any more",
		netfilter.NotLocal: "not allowed, unless the agent's own server listens there",
	}[v.Code]
	if text == "" {
		text = string(v.Code)
	}
	if v.Rule == "" {
		return text
	}
	text += " by the rule " + v.Rule
	if v.Code == netfilter.WrongPort || v.Code == netfilter.Expired {
		text = strings.Replace(text, " by the rule ", ": the rule is ", 1)
	}
	list := p.Allow
	if v.Code == netfilter.DeniedByRule {
		list = p.Deny
	}
	for _, e := range list {
		if e.Rule.String() == v.Rule {
			return text + entryNote(e)
		}
	}
	return text
}

// entryNote says what stands beside a rule.
func entryNote(e netfilter.Entry) string {
	var notes []string
	if e.Preset != "" {
		notes = append(notes, "preset "+e.Preset)
	}
	if e.From.After(time.Now()) {
		notes = append(notes, "again from "+local(e.From))
	}
	if !e.Until.IsZero() {
		word := "until "
		if e.Over(time.Now()) {
			word = "ended "
		}
		notes = append(notes, word+local(e.Until))
	}
	if e.Reason != "" {
		notes = append(notes, e.Reason)
	}
	if notes == nil {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}
