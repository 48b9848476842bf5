// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"net/netip"
	"time"

	"github.com/a4u2/au/netfilter"
)

// An Answer is what a daemon would say to a connection.
type Answer struct {
	netfilter.Verdict
	Target  netfilter.Target // with the address that decided, where one did
	NoHides bool             // it is allowed, and would not be if it were TLS that hides a name, or looks as if
	Nowhere bool             // it is allowed, and the name leads nowhere just now
	Through string           // the proxy that reaches it; empty where it is reached by its address
}

// askWithin is how long Ask waits for name servers.
const askWithin = 3 * time.Second

// Ask returns the answer of p's daemon to a TCP connection to t, on a machine with these files now. It asks them and the name
// servers about a name that a rule allows, and about no other.
func Ask(p netfilter.Policy, t netfilter.Target, resolv, hosts string) Answer {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	d := newDaemon(&p, nil, resolv, hosts)
	wanted := target{name: t.Name, dst: netip.AddrPortFrom(t.Addr, t.Port)}
	switch {
	case isLocalName(t.Name), t.Name == "" && d.judge.isLocal(t.Addr):
		return d.answer(wanted, p.Local(t.Port, d.judge.now()))
	case t.Port == 53:
		return d.answer(wanted, netfilter.Verdict{Code: netfilter.OwnNames})
	case t.Name != "":
		return d.askByName(ctx, wanted)
	}
	v, name := d.judge.unnamed(ctx, wanted.dst)
	wanted.name = name
	return d.answer(wanted, v)
}

// askByName decides on a name, and on the first address that it leads to and that
// is allowed. Of one that leads nowhere just now, only the rules can say something.
func (d *daemon) askByName(ctx context.Context, t target) Answer {
	t.name = d.judge.meant(t.name, t.dst.Port())
	said := d.judge.byName(t)
	if !said.OK {
		return d.answer(t, said)
	}
	all, at, v := d.leads(ctx, t)
	if v.Code == netfilter.NotResolved && len(all) == 0 {
		a := d.answer(t, said)
		a.Nowhere = true
		return a
	}
	for _, at = range all {
		if v = d.dialled(at); v.OK {
			break
		}
	}
	return d.answer(at, v)
}

func (d *daemon) answer(t target, v netfilter.Verdict) Answer {
	a := Answer{Verdict: v, Target: t.public(), NoHides: v.OK && !isLocal(v) && d.judge.refusesHidden(t)}
	if v.OK && !isLocal(v) && d.judge.through(t) != "" {
		a.Through = d.judge.outlet().URL
	}
	return a
}
