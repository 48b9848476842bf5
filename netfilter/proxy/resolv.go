// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/netfilter"
)

// A resolvConf is /etc/resolv.conf, read anew when it changes: a laptop moves.
type resolvConf struct {
	path string

	mu      sync.Mutex
	checked time.Time
	stamp   time.Time
	last    resolvers
}

// resolvers are the name servers of this machine, and the suffixes that its
// programs try on a name.
type resolvers struct {
	servers []netip.AddrPort
	search  []string
}

// read returns what the file said at most a second ago.
func (c *resolvConf) read() resolvers {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < time.Second {
		return c.last
	}
	c.checked = time.Now()
	info, err := os.Stat(c.path)
	if err != nil || info.ModTime().Equal(c.stamp) {
		return c.last
	}
	if text, err := os.ReadFile(c.path); err == nil {
		c.stamp, c.last = info.ModTime(), parseResolv(string(text))
	}
	return c.last
}

func parseResolv(text string) resolvers {
	var r resolvers
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil {
				r.servers = append(r.servers, netip.AddrPortFrom(addr, 53))
			}
		case "search", "domain":
			r.search = words[1:]
		}
	}
	return r
}

// isReverse reports whether name asks who an address belongs to.
func isReverse(name string) bool {
	return strings.HasSuffix(name, ".in-addr.arpa") || strings.HasSuffix(name, ".ip6.arpa")
}

// searched reports whether name is an allowed name with a search suffix tried on
// it. A sinkhole there would keep the client from ever asking for the name itself.
func (j *judge) searched(name string) bool {
	for _, suffix := range j.resolv.read().search {
		suffix, err := netfilter.CanonicalName(suffix)
		if err != nil {
			continue
		}
		plain, ok := strings.CutSuffix(name, "."+suffix)
		if ok && j.policy.Load().Name(plain, 0, j.now()).OK {
			return true
		}
	}
	return false
}
