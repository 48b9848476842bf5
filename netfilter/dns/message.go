// SPDX-License-Identifier: GPL-3.0-or-later

// Package dns is the forwarder that a restricted agent's name queries end up at.
// It answers allowed names by asking upstream, asks nobody about any other name,
// and remembers which addresses it answered for which name.
package dns

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/a4u2/au/netfilter"
)

const (
	plainSize = 512  // what a client without EDNS can take over UDP
	ednsSize  = 1232 // what passes everywhere unfragmented, and what is offered upstream
	maxSize   = 65535

	optionEDE = 15
	typeSVCB  = dnsmessage.Type(64)
	typeHTTPS = dnsmessage.Type(65)

	// Short, so that a grant shows at the next try.
	sinkholeTTL = 5
)

// Extended errors of RFC 8914 that are used here.
const (
	edeNone    = -1
	edeBlocked = 15
	edeNetwork = 23
)

// A query is a request that is understood well enough to be answered.
type query struct {
	header   dnsmessage.Header
	question dnsmessage.Question
	name     string // canonical; empty when no host name
	edns     bool
	size     int // what the client can take over UDP
}

var errNotAQuery = errors.New("not a query")

// parseQuery reads a request. With an error and a query that has a header, the
// client is told FORMERR; errNotAQuery deserves no answer.
func parseQuery(msg []byte) (query, error) {
	var p dnsmessage.Parser
	q := query{size: plainSize}
	var err error
	if q.header, err = p.Start(msg); err != nil || q.header.Response {
		return query{}, errNotAQuery
	}
	questions, err := p.AllQuestions()
	if err != nil {
		return q, err
	}
	if len(questions) != 1 {
		return q, errors.New("not one question")
	}
	q.question = questions[0]
	return q, q.readEDNS(&p)
}

func (q *query) readEDNS(p *dnsmessage.Parser) error {
	if err := errors.Join(p.SkipAllAnswers(), p.SkipAllAuthorities()); err != nil {
		return err
	}
	for {
		h, err := p.AdditionalHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Type == dnsmessage.TypeOPT {
			q.edns = true
			q.size = min(max(int(h.Class), plainSize), ednsSize)
		}
		if err := p.SkipAdditional(); err != nil {
			return err
		}
	}
}

// A reply is what a query is answered with.
type reply struct {
	rcode   dnsmessage.RCode
	answers []dnsmessage.Resource
	ede     int
	text    string // of the extended error
}

// pack writes r as the answer to q in at most size bytes; what does not fit is
// left out, and the client is told to come back over TCP.
func (r reply) pack(q query, size int) ([]byte, error) {
	msg := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: q.header.ID, Response: true, OpCode: q.header.OpCode,
			RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true, RCode: r.rcode,
		},
		Answers: r.answers,
	}
	if q.question.Name.Length != 0 {
		msg.Questions = []dnsmessage.Question{q.question}
	}
	if q.edns {
		msg.Additionals = []dnsmessage.Resource{r.opt()}
	}
	out, err := msg.Pack()
	if err == nil && len(out) <= size {
		return out, nil
	}
	msg.Answers, msg.Truncated = nil, true
	return msg.Pack()
}

func (r reply) opt() dnsmessage.Resource {
	var h dnsmessage.ResourceHeader
	// SetEDNS0 fails for no argument; its error is for symmetry.
	_ = h.SetEDNS0(ednsSize, dnsmessage.RCodeSuccess, false)
	body := &dnsmessage.OPTResource{}
	if r.ede != edeNone {
		data := append([]byte{byte(r.ede >> 8), byte(r.ede)}, r.text...)
		body.Options = []dnsmessage.Option{{Code: optionEDE, Data: data}}
	}
	return dnsmessage.Resource{Header: h, Body: body}
}

func refuse(rcode dnsmessage.RCode) reply { return reply{rcode: rcode, ede: edeNone} }

// sinkhole answers q with an address that nobody has, or with nothing if the question is not for an address.
func sinkhole(q query, text string) reply {
	r := reply{ede: edeBlocked, text: text}
	switch q.question.Type {
	case dnsmessage.TypeA:
		r.answers = []dnsmessage.Resource{address(q.question.Name, netfilter.Sinkhole4, sinkholeTTL)}
	case dnsmessage.TypeAAAA:
		r.answers = []dnsmessage.Resource{address(q.question.Name, netfilter.Sinkhole6, sinkholeTTL)}
	}
	return r
}

// address returns the A or AAAA record that says name is at addr.
func address(name dnsmessage.Name, addr netip.Addr, ttl uint32) dnsmessage.Resource {
	h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: ttl}
	if addr.Is4() {
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}}
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}}
}

// addressOf returns what an A or AAAA record points at.
func addressOf(r dnsmessage.Resource) (netip.Addr, bool) {
	switch body := r.Body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(body.A), true
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(body.AAAA), true
	}
	return netip.Addr{}, false
}

func sameName(a, b dnsmessage.Name) bool {
	return strings.EqualFold(a.String(), b.String())
}
