// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/proxy"
)

// An asking is what a human asks about.
type asking struct {
	netfilter.Target
	tls bool // it is, or may be, TLS
	udp bool
}

func (q asking) text() string {
	host := q.Name
	if host == "" {
		host = q.Addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(q.Port)))
}

// answer says what becomes of such a connection: of what is not TCP the rules decide, of all else the daemon.
func (q asking) answer(h *host.Host, p netfilter.Policy) proxy.Answer {
	if !q.udp {
		return proxy.Ask(p, q.Target, h.Root+"/etc/resolv.conf", h.Root+"/etc/hosts")
	}
	local := q.Name == "localhost" || q.Addr.IsLoopback()
	switch v := p.Local(q.Port, h.Now()); {
	case local && v.OK:
		return proxy.Answer{Verdict: v, Target: q.Target}
	case q.Port == 53:
		return proxy.Answer{Verdict: netfilter.Verdict{Code: netfilter.OwnNames}, Target: q.Target}
	case local:
		return proxy.Answer{Verdict: v, Target: q.Target}
	}
	return proxy.Answer{Verdict: netfilter.Verdict{Code: netfilter.NotTCP}, Target: q.Target}
}

// schemes are the kinds of URL whose port and protocol are known.
var schemes = map[string]struct {
	port     uint16
	tls, udp bool
}{
	"http": {port: 80}, "ws": {port: 80}, "https": {port: 443, tls: true}, "wss": {port: 443, tls: true}, "ssh": {port: 22}, "git": {port: 9418},
	"tcp": {}, "udp": {udp: true}, "quic": {port: 443, udp: true}, "h3": {port: 443, udp: true}, "dns": {port: 53, udp: true}, "ntp": {port: 123, udp: true},
	"dtls": {udp: true}, "sctp": {udp: true}, "coap": {port: 5683, udp: true}, "stun": {port: 3478, udp: true}, "tftp": {port: 69, udp: true},
}

// askedFor reads what a human pastes: a URL, host:port, a host, host:port/udp.
func askedFor(text string) (asking, error) {
	word := text
	if !strings.Contains(word, "://") {
		if addr, err := netip.ParseAddr(word); err == nil {
			return asking{Target: netfilter.Target{Addr: addr.Unmap().WithZone(""), Port: 443}, tls: true}, nil
		}
		if _, err := netip.ParsePrefix(word); err == nil {
			return asking{}, fmt.Errorf("host %q: want one address", text)
		}
		word = withScheme(word)
	}
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return asking{}, fmt.Errorf("host %q: want a name, an address or a URL", text)
	}
	kind := schemes[u.Scheme]
	q := asking{Target: netfilter.Target{Port: kind.port}, tls: kind.tls, udp: kind.udp}
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return q, fmt.Errorf("host %q: port %q: want 1 to 65535", text, u.Port())
		}
		q.Port, q.tls = uint16(n), kind.tls && n != 80 && n != 22
	}
	if q.Port == 0 {
		return q, fmt.Errorf("host %q: want a port with a URL of that kind", text)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		q.Addr = addr.Unmap().WithZone("")
		return q, nil
	}
	if q.Name, err = netfilter.CanonicalName(u.Hostname()); err != nil {
		return q, fmt.Errorf("host %q: %w", text, err)
	}
	return q, nil
}

// withScheme makes a URL of what a human pastes without one.
func withScheme(word string) string {
	if host, ok := gitRemote(word); ok {
		return "ssh://" + host
	}
	if at, ok := strings.CutSuffix(word, "/udp"); ok {
		return "udp://" + at
	}
	return "https://" + word
}

// gitRemote reads the host of a remote as git writes it: git@github.com:a4u2/au.
func gitRemote(word string) (host string, ok bool) {
	user, at, ok := strings.Cut(word, "@")
	host, path, two := strings.Cut(at, ":")
	_, err := strconv.Atoi(path)
	return host, ok && two && err != nil && !strings.ContainsAny(user+host, "/:")
}
