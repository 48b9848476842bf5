// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/proxy"
)

type netWhyCmd struct {
	agentFlag
	JSON   bool   `name:"json" help:"Print JSON."`
	Target string `arg:"" name:"host" help:"A host, host:port, address or URL."`
}

// whyView is what `au net why --json` prints.
type whyView struct {
	Host     string         `json:"host"`
	OK       bool           `json:"ok"`
	Code     netfilter.Code `json:"code"`
	Rule     string         `json:"rule,omitempty"`
	Addr     string         `json:"addr,omitempty"`     // to which a name leads, where that decided
	Upstream string         `json:"upstream,omitempty"` // the proxy that reaches it
	Nowhere  bool           `json:"nowhere,omitempty"`
	Hint     string         `json:"hint,omitempty"` // would change the answer
}

// Validate refuses what is no host.
func (c *netWhyCmd) Validate() error {
	_, err := askedFor(c.Target)
	return err
}

func (c *netWhyCmd) Run(a *app) error {
	p, err := a.host.RequireNetPolicy(c.Agent)
	if err != nil {
		return err
	}
	asked, err := askedFor(c.Target)
	if err != nil {
		return err
	}
	if !p.HasDaemon() && c.JSON {
		return host.NetError(c.Agent, errors.New("your own proxy decides about names; au does not know its rules"))
	}
	if !p.HasDaemon() {
		fmt.Fprintf(a.out, "Your own proxy on port %d decides about names; au does not know its rules\n", p.Human.HTTP)
		return nil
	}
	if c.JSON {
		return a.printWhy(p, asked)
	}
	return sayWhy(a.host, a.out, p, asked)
}

// printWhy says the same as sayWhy, as JSON.
func (a *app) printWhy(p netfilter.Policy, asked asking) error {
	answer := asked.answer(a.host, p)
	v := whyView{Host: asked.text(), OK: answer.OK, Code: answer.Code, Rule: answer.Rule, Upstream: answer.Through, Nowhere: answer.Nowhere}
	if asked.Name != "" && answer.Target.Addr.IsValid() {
		v.Addr = answer.Target.Addr.String()
	}
	if remedy := asked.remedy(p, answer); remedy != "" {
		v.Hint = advised(a.host, remedy)
	}
	if err := a.printJSON(v); err != nil || answer.OK {
		return err
	}
	return exitError(statusFailed)
}

// passesHidden reports whether a connection is let through that would not be if the policy refused what hides a name.
func (q asking) passesHidden(answer proxy.Answer) bool {
	return answer.NoHides && q.tls && !answer.Nowhere
}

// remedy returns the command that would change the answer; empty where there is none.
func (q asking) remedy(p netfilter.Policy, answer proxy.Answer) string {
	code := answer.Code
	if q.passesHidden(answer) {
		code = netfilter.HiddenName
	}
	return p.Remedy(code, answer.Target)
}

// sayWhy says what becomes of such a connection, and what would let it pass. Of one that is refused it returns the exit status.
func sayWhy(h *host.Host, out io.Writer, p netfilter.Policy, asked asking) error {
	answer := asked.answer(h, p)
	fmt.Fprintf(out, "%s: %s", asked.text(), reasonText(p, answer.Verdict, h.Now()))
	switch at := answer.Target.Addr; {
	case answer.Code == netfilter.Private || answer.Code == netfilter.DeniedByRule && asked.Name != "" && at.IsValid():
		fmt.Fprintf(out, ": it leads to %s", at)
	case answer.Nowhere:
		fmt.Fprint(out, "; it leads nowhere just now")
	case answer.OK && answer.Through != "":
		fmt.Fprintf(out, ", through the proxy %s: nobody here sees which address it leads to", answer.Through)
	}
	if asked.passesHidden(answer) {
		fmt.Fprint(out, ", unless it is TLS that hides its name, or looks as if it did (ECH, as browsers send it): --no-ech refuses that")
	}
	fmt.Fprintln(out)
	if remedy := asked.remedy(p, answer); remedy != "" {
		fmt.Fprintln(out, hintLine(h, remedy))
	}
	if !answer.OK {
		return exitError(statusFailed)
	}
	return nil
}

// reasonText says a verdict in words, with what the human wrote beside the rule.
func reasonText(p netfilter.Policy, v netfilter.Verdict, now time.Time) string {
	text := map[netfilter.Code]string{
		netfilter.Allowed: "allowed", netfilter.Learned: "let through while learning", netfilter.NotAllowed: "not allowed: no rule covers it",
		netfilter.DeniedByRule: "denied", netfilter.WrongPort: "not allowed on this port", netfilter.Expired: "not allowed any more",
		netfilter.NotLocal: "not allowed, unless the agent's own server listens there", netfilter.Own: "allowed: the agent's own server listens there",
		netfilter.Private: "not allowed: an address inside, where a name opens nothing", netfilter.Unreachable: "nobody listens there",
		netfilter.NotTCP:   "not allowed: only TCP and questions for names pass, whatever the rules; some programs can do without the rest",
		netfilter.OwnNames: "nobody there gets a question: the agent's daemon answers all questions for names itself, by the rules",
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
			return text + entryNote(e, now)
		}
	}
	return text
}
