// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A translatedJudge keeps what it is told.
type translatedJudge struct {
	judgeFake
	mu   sync.Mutex
	told [][]netip.Prefix
}

func (j *translatedJudge) Translated(prefixes []netip.Prefix) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.told = append(j.told, prefixes)
}

// TestTranslation is that the first question for an IPv6 address, and no other,
// brings with it the one for the network's prefixes, whose answer is there in time.
func TestTranslation(t *testing.T) {
	up := startUpstream(t, func(m dnsmessage.Message, tcp bool) []dnsmessage.Message {
		q := m.Questions[0]
		if q.Name.String() != translationName+"." || q.Type != dnsmessage.TypeAAAA {
			return zone(m, tcp)
		}
		m.Response = true
		m.Answers = []dnsmessage.Resource{address(q.Name, netip.MustParseAddr("2001:db8:64::192.0.0.170"), 60), address(q.Name, netip.MustParseAddr("2001:db8::1"), 60)}
		return []dnsmessage.Message{m}
	})
	j := &translatedJudge{judgeFake: judgeFake{[]netip.AddrPort{up.addr}}}
	f := NewForwarder(j, NewAnswers())
	asked := func() (n int) {
		up.mu.Lock()
		defer up.mu.Unlock()
		for _, name := range up.asked {
			if name == translationName+"." {
				n++
			}
		}
		return n
	}
	if _, err := f.Renew(context.Background(), "a.good", false); err != nil || asked() != 0 {
		t.Errorf("for an IPv4 address: %v, and it was asked %d times", err, asked())
	}
	var together sync.WaitGroup
	for range 20 {
		together.Go(func() { f.Renew(context.Background(), "a.good", true) })
	}
	together.Wait()
	want := []netip.Prefix{netip.MustParsePrefix("2001:db8:64::/96")}
	if len(j.told) != 1 || !slices.Equal(j.told[0], want) || asked() != 1 {
		t.Errorf("told %v, want %v once; asked %d times", j.told, want, asked())
	}
	// Another network.
	other := startUpstream(t, zone)
	j.servers = []netip.AddrPort{other.addr}
	f.Renew(context.Background(), "a.good", true)
	if last := j.told[len(j.told)-1]; len(j.told) != 2 || len(last) != 0 {
		t.Errorf("in a network without translation: told %v", j.told)
	}
	// One in which nobody answers: what was known stays.
	silent := startUpstream(t, func(dnsmessage.Message, bool) []dnsmessage.Message { return nil })
	j.servers = []netip.AddrPort{silent.addr}
	f.Renew(context.Background(), "a.good", true)
	if len(j.told) != 2 {
		t.Errorf("where nobody answers: told %v", j.told)
	}
}
