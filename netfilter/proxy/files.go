// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/a4u2/au/netfilter"
)

// A changing is a file that root owns. It is read anew when it was written or another is in its place: a laptop moves, a VPN comes
// up.
type changing[T any] struct {
	path  string
	parse func(io.Reader) T

	mu      sync.Mutex
	checked time.Time
	was     os.FileInfo
	last    T
}

// maxFile bounds what is read of such a file: lists that block names are long.
const maxFile = 32 << 20

// read returns what the file said at most a second ago, and whether that is
// news. One that is gone is as it was.
func (c *changing[T]) read() (said T, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < time.Second {
		return c.last, false
	}
	c.checked = time.Now()
	file, err := os.OpenFile(c.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe in its place would hold all up
	if err != nil {
		return c.last, false
	}
	defer file.Close()
	is, err := file.Stat()
	if err != nil || !is.Mode().IsRegular() || c.was != nil && os.SameFile(is, c.was) && is.ModTime().Equal(c.was.ModTime()) && is.Size() == c.was.Size() {
		return c.last, false
	}
	news = c.was != nil
	c.was, c.last = is, c.parse(io.LimitReader(file, maxFile))
	return c.last, news
}

// forget has the file read again, whatever it says.
func (c *changing[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked, c.was = time.Time{}, nil
}

// linesOf reads lines of any length that such a file can have.
func linesOf(file io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxFile+1)
	return lines
}

// resolvers are the name servers of this machine, and the suffixes that its
// programs try on a name.
type resolvers struct {
	servers []netip.AddrPort
	search  []string // canonical
}

func parseResolv(file io.Reader) resolvers {
	var r resolvers
	for lines := linesOf(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil {
				r.servers = append(r.servers, netip.AddrPortFrom(addr, 53))
			}
		case "search", "domain":
			r.search = nil
			for _, suffix := range words[1:] {
				if suffix, err := netfilter.CanonicalName(suffix); err == nil {
					r.search = append(r.search, suffix)
				}
			}
		}
	}
	return r
}

// pins are the names that /etc/hosts gives addresses to: what programs read there
// they ask no name server. Only root may write it, so that it is this machine's word. An address inside is inside there as well.
type pins struct {
	byName map[string][]netip.Addr
	byAddr map[netip.Addr][]string
}

// maxPins is how many names are kept, of those that the policy speaks of.
const maxPins = 4096

// parseHosts reads hosts(5), as far as the policy p allows a name or may come to.
func parseHosts(file io.Reader, p *netfilter.Policy) pins {
	table := pins{map[string][]netip.Addr{}, map[netip.Addr][]string{}}
	for lines := linesOf(file); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, word := range words[1:] {
			if name, err := netfilter.CanonicalName(word); err == nil && p.Mentions(name) {
				table.add(name, addr.Unmap().WithZone(""))
			}
		}
	}
	return table
}

func (t pins) add(name string, addr netip.Addr) {
	if len(t.byName) < maxPins || t.byName[name] != nil {
		t.byName[name] = append(t.byName[name], addr)
		t.byAddr[addr] = append(t.byAddr[addr], name)
	}
}

// isReverse reports whether name asks who an address belongs to.
func isReverse(name string) bool {
	return strings.HasSuffix(name, ".in-addr.arpa") || strings.HasSuffix(name, ".ip6.arpa")
}

// searched reports whether name is an allowed name with a search suffix tried on
// it. A sinkhole there would keep the client from ever asking for the name itself.
func (j *judge) searched(name string) bool {
	for _, suffix := range j.resolvers().search {
		plain, ok := strings.CutSuffix(name, "."+suffix)
		if ok && j.policy.Load().Name(plain, 0, j.now()).OK {
			return true
		}
	}
	return false
}

// searchedFor reports whether long is what the search list makes of name.
func (j *judge) searchedFor(name, long string) bool {
	suffix, ok := strings.CutPrefix(long, name+".")
	return ok && slices.Contains(j.resolvers().search, suffix)
}

// meant returns the name that is meant by one that a client shows: where no rule
// allows that, the one that the search list makes of it, if a rule allows that.
func (j *judge) meant(name string, port uint16) string {
	if name == "" || j.policy.Load().Name(name, port, j.now()).Code != netfilter.NotAllowed {
		return name
	}
	for _, suffix := range j.resolvers().search {
		if long := name + "." + suffix; j.policy.Load().Name(long, port, j.now()).OK {
			return long
		}
	}
	return name
}
