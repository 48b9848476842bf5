// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/a4u2/au/netfilter"
)

// A translation is what is known of the prefixes below which the network reaches
// IPv4 (RFC 7050). The zero value knows nothing.
type translation struct {
	mu      sync.Mutex
	until   time.Time // when to ask again
	servers []netip.AddrPort
	known   chan struct{} // closed once the last question has its answer
}

const (
	translationName  = "ipv4only.arpa"
	translationKnown = 10 * time.Minute
	translationRetry = 2 * time.Minute // where nobody answered
	translationWait  = 2 * tryTimeout  // for an answer, which questions for IPv6 addresses wait for
)

// learn asks servers, unless they were asked a short while ago, and tells told what
// they said; of no answer nothing is told. The channel that it returns is closed when that is done.
func (n *translation) learn(ctx context.Context, servers []netip.AddrPort, told func([]netip.Prefix)) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known != nil && sinceBoot().Before(n.until) && slices.Equal(servers, n.servers) {
		return n.known
	}
	known := make(chan struct{})
	n.known, n.servers, n.until = known, slices.Clone(servers), sinceBoot().Add(translationKnown)
	// The answer is everybody's, not only of who asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), translationWait)
	go func() {
		defer cancel()
		defer close(known)
		a, err := ask(ctx, servers, translationName, dnsmessage.TypeAAAA)
		if err != nil {
			n.retry(known)
			return
		}
		addrs, _ := a.split(func(netip.Addr) bool { return true })
		told(netfilter.TranslationPrefixes(addrs))
	}()
	return known
}

// retry has what was asked in vain asked again soon.
func (n *translation) retry(known chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == known {
		n.until = sinceBoot().Add(translationRetry)
	}
}
