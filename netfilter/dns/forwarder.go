// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/internal/pace"
)

// A Verdict is what becomes of a question for a name.
type Verdict int

const (
	Sink   Verdict = iota // answered with a sinkhole: not allowed
	Answer                // asked upstream
	NoName                // answered as a name that does not exist
)

// A Judge says what may be answered. It is asked anew for each question.
type Judge interface {
	// Name returns what becomes of a question for name, and for Sink and
	// NoName the sentence that goes with the answer.
	Name(name string) (Verdict, string)
	// Address reports whether addr may be in an answer.
	Address(addr netip.Addr) bool
	// Inside returns the sentence for a name none of whose addresses may be
	// answered, because they are inside.
	Inside(name string, addrs []netip.Addr) string
	// Servers returns whom to ask.
	Servers() []netip.AddrPort
	// Pinned returns the addresses that this machine itself has for name, and
	// whether it has any: then nobody is asked.
	Pinned(name string) ([]netip.Addr, bool)
	// Made returns the address that stands for name, and whether one does: where a proxy elsewhere looks names up, no server is
	// asked for any.
	Made(name string) (netip.Addr, bool)
	// Translated is told below which prefixes the network reaches IPv4.
	Translated([]netip.Prefix)
}

// A Forwarder answers questions. Its fields are set before its first use.
type Forwarder struct {
	Judge   Judge
	Answers *Answers
	// Asked is told of each question for a host name; nil tells nobody.
	Asked func(name string, t dnsmessage.Type, v Verdict, err error)
	// Ours reports whether a datagram that came from one address to another is
	// to be answered; nil answers all.
	Ours func(from, at netip.AddrPort) bool

	asked    pace.Bucket
	upstream pace.Bucket
	slots    chan struct{}
	nat64    translation
}

const (
	maxAsking   = 64  // questions that wait for upstream at once
	askRate     = 200 // questions a second that go upstream
	askBurst    = 400
	takeRate    = 5000 // questions a second that are read at all; the kernel drops what is more
	takeBurst   = 2000
	askDeadline = 4500 * time.Millisecond // below the 5 s of a stub resolver
)

// NewForwarder returns a Forwarder that keeps what it learns in answers.
func NewForwarder(j Judge, answers *Answers) *Forwarder {
	return &Forwarder{
		Judge: j, Answers: answers,
		asked:    pace.Bucket{Rate: takeRate, Burst: takeBurst},
		upstream: pace.Bucket{Rate: askRate, Burst: askBurst},
		slots:    make(chan struct{}, maxAsking),
	}
}

// ErrBusy says that an answer was not sought because too much is asked.
var ErrBusy = errors.New("too many questions")

// ErrInside says that a name has only addresses that may not be answered.
var ErrInside = errors.New("only addresses inside")

// Resolve returns the addresses of one family that name may be dialled at,
// asking upstream unless a fresh answer is at hand.
func (f *Forwarder) Resolve(ctx context.Context, name string, v6 bool) ([]netip.Addr, error) {
	if addrs, ok := f.Answers.Fresh(name, v6); ok {
		return addrs, nil
	}
	return f.Renew(ctx, name, v6)
}

// Renew is Resolve without regard to what is at hand.
func (f *Forwarder) Renew(ctx context.Context, name string, v6 bool) ([]netip.Addr, error) {
	t := dnsmessage.TypeA
	if v6 {
		t = dnsmessage.TypeAAAA
	}
	_, addrs, _, err := f.seek(ctx, name, t)
	return addrs, err
}

// seek looks for the records of name, and remembers the answers about addresses.
func (f *Forwarder) seek(ctx context.Context, name string, t dnsmessage.Type) (a answer, stay, gone []netip.Addr, err error) {
	addrs, pinned := f.Judge.Pinned(name)
	isAddress := t == dnsmessage.TypeA || t == dnsmessage.TypeAAAA
	made, isMade := f.Judge.Made(name)
	if isMade && !pinned {
		addrs = []netip.Addr{made}
	}
	if pinned && isAddress || isMade {
		a = pinnedAnswer(name, addrs, t)
	} else if a, err = f.ask(ctx, name, t); err != nil {
		return a, nil, nil, err
	}
	stay, gone = a.split(f.Judge.Address)
	if isAddress {
		f.Answers.Remember(name, t == dnsmessage.TypeAAAA, stay, gone, a.ttl())
	}
	return a, stay, gone, nil
}

// ask asks upstream, no more often and no more at once than may be. An IPv6
// address can be judged only once it is known what the network makes of IPv4 ones.
func (f *Forwarder) ask(ctx context.Context, name string, t dnsmessage.Type) (a answer, err error) {
	if !f.upstream.Take(time.Now()) {
		return a, ErrBusy
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return a, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	servers := f.Judge.Servers()
	if t != dnsmessage.TypeAAAA {
		return ask(ctx, servers, name, t)
	}
	known := f.nat64.learn(ctx, servers, f.Judge.Translated)
	a, err = ask(ctx, servers, name, t)
	select {
	case <-known:
	case <-ctx.Done():
	}
	return a, err
}

// judge answers q where that needs nobody else; false means that it must be
// asked upstream.
func (f *Forwarder) judge(q *query) (reply, bool) {
	switch {
	case q.header.OpCode != 0:
		return refuse(dnsmessage.RCodeNotImplemented), true
	case q.question.Class != dnsmessage.ClassINET:
		return refuse(dnsmessage.RCodeRefused), true
	}
	name, err := netfilter.CanonicalName(q.question.Name.String())
	if err != nil {
		return reply{rcode: dnsmessage.RCodeRefused, ede: edeBlocked, text: "au: not a host name"}, true
	}
	q.name = name
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return loopback(*q), true
	}
	v, text := f.Judge.Name(name)
	if v != Answer {
		f.tell(q, v, nil)
		if v == NoName {
			return reply{rcode: dnsmessage.RCodeNameError, ede: edeBlocked, text: text}, true
		}
		return sinkhole(*q, text), true
	}
	return refuse(dnsmessage.RCodeSuccess), !forwarded[q.question.Type]
}

// forwarded are the types that are asked for. HTTPS and SVCB are not among
// them: they carry addresses and keys that would go round the check by name.
var forwarded = map[dnsmessage.Type]bool{
	dnsmessage.TypeA: true, dnsmessage.TypeAAAA: true, dnsmessage.TypeCNAME: true,
	dnsmessage.TypeMX: true, dnsmessage.TypeTXT: true, dnsmessage.TypeSRV: true,
	dnsmessage.TypeNS: true, dnsmessage.TypeSOA: true,
}

func loopback(q query) reply {
	r := refuse(dnsmessage.RCodeSuccess)
	switch q.question.Type {
	case dnsmessage.TypeA:
		r.answers = []dnsmessage.Resource{address(q.question.Name, netip.AddrFrom4([4]byte{127, 0, 0, 1}), sinkholeTTL)}
	case dnsmessage.TypeAAAA:
		r.answers = []dnsmessage.Resource{address(q.question.Name, netip.IPv6Loopback(), sinkholeTTL)}
	}
	return r
}

// forward answers q with what upstream says.
func (f *Forwarder) forward(ctx context.Context, q query) reply {
	a, stay, gone, err := f.seek(ctx, q.name, q.question.Type)
	if err == nil && len(stay) == 0 && len(gone) > 0 {
		err = ErrInside
	}
	f.tell(&q, Answer, err)
	switch {
	case err == ErrInside:
		return sinkhole(q, f.Judge.Inside(q.name, gone))
	case err != nil:
		return reply{rcode: dnsmessage.RCodeServerFailure, ede: edeNetwork, text: "au: allowed, but upstream did not answer"}
	}
	return reply{rcode: a.rcode, ede: edeNone, answers: append(a.chain, a.records...)}
}

func (f *Forwarder) tell(q *query, v Verdict, err error) {
	if f.Asked != nil {
		f.Asked(q.name, q.question.Type, v, err)
	}
}
