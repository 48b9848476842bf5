// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
)

type netLogCmd struct {
	agentFlag
	Follow  bool `short:"f" help:"Show each new line as it comes, until Ctrl-C."`
	Denied  bool `help:"Only what was refused."`
	Suggest bool `help:"Print the one au net allow line for all that was refused, or let through while learning."`
	JSON    bool `name:"json" help:"Print the lines as they are in the file: one JSON object each."`
}

// Validate refuses options that contradict each other.
func (c *netLogCmd) Validate() error {
	if c.Suggest && (c.Follow || c.JSON) {
		return errors.New("--suggest is one line of all that was refused: want it without --follow and --json")
	}
	return nil
}

func (c *netLogCmd) Run(a *app) error {
	p, err := a.host.RequireNetPolicy(c.Agent)
	if err != nil {
		return err
	}
	if !p.HasDaemon() {
		return host.NetError(c.Agent, errors.New("your own proxy decides, and has the log"))
	}
	if c.Suggest {
		return host.NetError(c.Agent, c.suggest(a, p))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	show := func(r netfilter.Record) error {
		switch {
		case c.Denied && (r.OK || failure(r)):
		case c.JSON:
			_, err := a.out.Write(r.Line())
			return err
		default:
			_, err := fmt.Fprintln(a.out, recordText(r))
			return err
		}
		return nil
	}
	newest, err := a.host.ReadNetLog(p, show)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	defer newest.Close() // nil where there is none
	if c.Follow {
		err = a.host.FollowNetLog(ctx, p, newest, show)
	}
	return host.NetError(c.Agent, err)
}

func eachRecord(h *host.Host, p netfilter.Policy, show func(netfilter.Record) error) error {
	newest, err := h.ReadNetLog(p, show)
	newest.Close()
	return err
}

// failure reports whether a record is of what was allowed, and failed.
func failure(r netfilter.Record) bool {
	switch r.Code {
	case netfilter.NotResolved, netfilter.Unreachable, netfilter.ProxyRefuses, netfilter.ProxyFails:
		return true
	}
	return false
}

// recordText writes a record for people: when, what became of it, what, why.
func recordText(r netfilter.Record) string {
	word := "allowed"
	if failure(r) {
		word = "failed"
	} else if !r.OK {
		word = "denied"
	} else if r.Code == netfilter.Learned {
		word = "learned"
	}
	what := r.Name
	if what == "" {
		what = r.Addr
	}
	if r.Port != 0 && (r.Name != "" || !strings.HasSuffix(r.Addr, ":"+strconv.Itoa(int(r.Port)))) {
		what = net.JoinHostPort(what, strconv.Itoa(int(r.Port)))
	}
	text := fmt.Sprintf("%s  %-7s  %-7s  %s", r.Time.Local().Format("2006-01-02 15:04:05"), word, r.Kind, show(what))
	if r.Type != "" {
		text += " " + show(r.Type)
	}
	if !r.OK {
		text += "  " + string(r.Code)
	}
	if r.ECH {
		text += "  ech"
	}
	if r.Code == netfilter.HiddenName {
		text += ", which --no-ech refuses"
	}
	if r.Rule != "" {
		text += "  rule " + r.Rule
	}
	if r.Detail != "" {
		text += "  " + show(r.Detail)
	}
	if r.Count > 1 {
		text += fmt.Sprintf("  ×%d", r.Count)
	}
	return text
}

// suggest prints the one line that allows what was refused or learned and is not allowed now.
func (c *netLogCmd) suggest(a *app, p netfilter.Policy) error {
	var rules []string
	p.Learn = time.Time{}
	hidden := false
	// Connections first: a question for a name tells nothing of the port, and none is needed where a connection did.
	for _, questions := range []bool{false, true} {
		err := eachRecord(a.host, p, func(r netfilter.Record) error {
			hidden = hidden || p.NoECH && r.Code == netfilter.HiddenName
			rule, ok := netfilter.Opening(r.Code, r.Target())
			if ok && (r.Port == 0) == questions && !covered(p, rule, r.Port, a.host.Now()) {
				p.Allow = append(p.Allow, netfilter.Entry{Rule: rule})
				rules = append(rules, rule.String())
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(rules) > 0 {
		fmt.Fprintln(a.out, p.AllowCommand(rules...))
	}
	if hidden {
		fmt.Fprintln(a.out, p.Remedy(netfilter.HiddenName, netfilter.Target{}))
	}
	if len(rules) == 0 && !hidden {
		fmt.Fprintf(a.out, "Nothing to suggest: all that agent %s asked for is allowed, or denied by a rule\n", c.Agent)
	}
	return nil
}

// covered reports whether the policy already decides, by allowing or by denying it, on what a rule was suggested for.
func covered(p netfilter.Policy, rule netfilter.Rule, port uint16, now time.Time) bool {
	v := p.Decides(rule, port, now)
	return v.OK || v.Code == netfilter.DeniedByRule
}
