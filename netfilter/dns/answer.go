// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var (
	errForeign   = errors.New("not the answer to this question")
	errTruncated = errors.New("answer does not fit a datagram")
)

// An answer is what an upstream server said, with everything left out that does
// not follow from the question.
type answer struct {
	rcode   dnsmessage.RCode
	chain   []dnsmessage.Resource // the aliases, in order
	records []dnsmessage.Resource // of the type asked for, at the end of the chain
}

// parseAnswer reads the answer to q. An answer to another question is errForeign.
func parseAnswer(msg []byte, q dnsmessage.Message) (answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil || !h.Response || h.ID != q.ID {
		return answer{}, errForeign
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) != 1 || !sameQuestion(asked[0], q.Questions[0]) {
		return answer{}, errForeign
	}
	if h.Truncated {
		return answer{}, errTruncated
	}
	records, err := p.AllAnswers()
	if err != nil {
		return answer{}, err
	}
	a := answer{rcode: h.RCode}
	a.follow(asked[0], records)
	return a, nil
}

// pinnedTTL is short, so that a line taken out of /etc/hosts is soon without effect.
const pinnedTTL = 5

// pinnedAnswer is the answer about name with those of addrs that are of type t.
func pinnedAnswer(name string, addrs []netip.Addr, t dnsmessage.Type) answer {
	var a answer
	for _, addr := range addrs {
		owner, err := dnsmessage.NewName(name + ".")
		fits := addr.Is4() && t == dnsmessage.TypeA || addr.Is6() && t == dnsmessage.TypeAAAA
		if err == nil && fits && len(a.records) < maxRecords {
			a.records = append(a.records, address(owner, addr, pinnedTTL))
		}
	}
	return a
}

func sameQuestion(a, b dnsmessage.Question) bool {
	return a.Type == b.Type && a.Class == b.Class && sameName(a.Name, b.Name)
}

// follow walks the aliases from the question, and keeps the records at their end.
func (a *answer) follow(q dnsmessage.Question, records []dnsmessage.Resource) {
	owner := q.Name
	for q.Type != dnsmessage.TypeCNAME {
		alias, ok := aliasOf(owner, records)
		if !ok {
			break
		}
		if len(a.chain) == maxChain { // a circle, or as good as one
			a.chain = nil
			return
		}
		a.chain = append(a.chain, alias)
		owner = alias.Body.(*dnsmessage.CNAMEResource).CNAME
	}
	for _, r := range records {
		fits := r.Header.Type == q.Type && r.Header.Class == dnsmessage.ClassINET && sameName(r.Header.Name, owner)
		if fits && len(a.records) < maxRecords {
			a.records = append(a.records, r)
		}
	}
}

func aliasOf(name dnsmessage.Name, records []dnsmessage.Resource) (dnsmessage.Resource, bool) {
	for _, r := range records {
		if _, ok := r.Body.(*dnsmessage.CNAMEResource); ok && r.Header.Class == dnsmessage.ClassINET && sameName(r.Header.Name, name) {
			return r, true
		}
	}
	return dnsmessage.Resource{}, false
}

// split takes the addresses that keep does not want out of a, and returns those
// that stay and those that went.
func (a *answer) split(keep func(netip.Addr) bool) (stay, gone []netip.Addr) {
	var records []dnsmessage.Resource
	for _, r := range a.records {
		addr, ok := addressOf(r)
		if ok && !keep(addr) {
			gone = append(gone, addr)
			continue
		}
		records = append(records, r)
		if ok {
			stay = append(stay, addr)
		}
	}
	a.records = records
	return stay, gone
}

// ttl returns how long the answer as a whole may be kept.
func (a *answer) ttl() time.Duration {
	ttl := uint32(maxRemember / time.Second)
	for _, list := range [][]dnsmessage.Resource{a.chain, a.records} {
		for _, r := range list {
			ttl = min(ttl, r.Header.TTL)
		}
	}
	if len(a.records) == 0 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}
