// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/a4u2/au/netfilter"
)

// FuzzQuestion is that whatever the agent sends is answered with a message that
// can be read, is an answer to it and fits, or with nothing.
func FuzzQuestion(f *testing.F) {
	for _, name := range []string{"a.good", "a.bad", "x.localhost"} {
		msg, _, err := newQuery(name, dnsmessage.TypeA)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
		f.Add(msg[:len(msg)-3])
	}
	forwarder := NewForwarder(judgeFake{}, NewAnswers())
	f.Fuzz(func(t *testing.T, msg []byte) {
		q, r, done := forwarder.first(msg)
		if !done {
			if !strings.HasSuffix(q.name, ".good") {
				t.Fatalf("%q would be asked upstream", q.name)
			}
			return
		}
		if q.size == 0 {
			return
		}
		out, err := r.pack(q, q.size)
		if err != nil {
			t.Fatalf("no answer to %x: %v", msg, err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(out); err != nil || !m.Response || m.ID != q.header.ID || len(out) > q.size {
			t.Fatalf("answer of %d bytes to %x: %v", len(out), msg, err)
		}
		for _, a := range m.Answers {
			if addr, ok := addressOf(a); ok && !netfilter.IsSinkhole(addr) && !addr.IsLoopback() {
				t.Fatalf("answered with %s, and nobody was asked", addr)
			}
		}
	})
}

// FuzzAnswer is that an upstream server can say what it likes: what comes out is
// of the type asked for, bounded, and holds no address that is not to be answered.
func FuzzAnswer(f *testing.F) {
	_, q, err := newQuery("alias.good", dnsmessage.TypeA)
	if err != nil {
		f.Fatal(err)
	}
	q.ID = 1
	for _, name := range []string{"alias.good.", "mixed.good.", "loop.good."} {
		asked := q
		asked.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}
		for _, m := range zone(asked, false) {
			if msg, err := m.Pack(); err == nil {
				f.Add(msg)
			}
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		a, err := parseAnswer(msg, q)
		if err != nil {
			return
		}
		stay, _ := a.split(judgeFake{}.Address)
		if len(a.records) > maxRecords || len(a.chain) > maxChain || a.ttl() < 0 || a.ttl() > maxRemember {
			t.Fatalf("%d records, %d aliases, TTL %v", len(a.records), len(a.chain), a.ttl())
		}
		for _, addr := range stay {
			if !addr.Is4() || netip.MustParsePrefix("10.0.0.0/8").Contains(addr) {
				t.Fatalf("%s stays", addr)
			}
		}
		r := reply{rcode: a.rcode, ede: edeNone, answers: append(a.chain, a.records...)}
		if out, err := r.pack(query{question: q.Questions[0], edns: true, size: plainSize}, plainSize); err != nil || len(out) > plainSize {
			t.Fatalf("cannot be passed on: %d bytes, %v", len(out), err)
		}
	})
}
