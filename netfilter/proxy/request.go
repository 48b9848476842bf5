// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/a4u2/au/netfilter"
)

// A request is the head of an HTTP request that can mean one thing only.
type request struct {
	head
	method   string
	target   string
	host     string // canonical name; empty where the request shows an address or nothing
	addr     netip.Addr
	port     uint16 // 0: none was written
	absolute bool   // the target is a whole URL, as for a proxy
	old      bool   // HTTP/1.0
	body     body
}

// parseRequest understands h as a request.
func parseRequest(h head) (request, error) {
	parts := strings.Split(h.start, " ")
	if len(parts) != 3 || !isToken(parts[0]) || parts[1] == "" {
		return request{}, malformed("a request line that is not METHOD TARGET HTTP/1.1")
	}
	q := request{head: h, method: parts[0], target: parts[1], old: parts[2] == "HTTP/1.0"}
	if parts[2] != "HTTP/1.1" && !q.old {
		return request{}, malformed("a version other than HTTP/1.1")
	}
	var err error
	if q.body, err = requestBody(&h); err != nil {
		return request{}, err
	}
	if q.old && q.body.kind == chunkedBody {
		return request{}, malformed("chunks in HTTP/1.0")
	}
	return q, q.findHost()
}

// findHost settles whom q is for: its URL, or else its one Host field.
func (q *request) findHost() error {
	hosts := q.values("Host")
	if len(hosts) > 1 || len(hosts) == 0 && !q.old {
		return malformed("not one Host field")
	}
	authority := ""
	if len(hosts) == 1 {
		authority = hosts[0]
	}
	switch {
	case q.method == "CONNECT":
		authority = q.target
	case strings.HasPrefix(q.target, "/") || q.target == "*":
	default:
		rest, ok := cutScheme(q.target)
		if !ok {
			return malformed("a target that is neither a path nor an http URL")
		}
		authority = rest[:len(rest)-len(pathOf(rest))]
		q.absolute = true
	}
	return q.setAuthority(authority)
}

func cutScheme(target string) (string, bool) {
	const scheme = "http://"
	if len(target) < len(scheme) || !strings.EqualFold(target[:len(scheme)], scheme) {
		return "", false
	}
	return target[len(scheme):], true
}

// pathOf returns what follows the authority in a URL without its scheme.
func pathOf(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// setAuthority reads HOST or HOST:PORT. A user name in front of a host is there to be misread.
func (q *request) setAuthority(text string) error {
	if text == "" {
		return q.needHost()
	}
	host, port, err := splitAuthority(text)
	if err != nil {
		return err
	}
	q.port = port
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		q.addr = addr.Unmap()
		return nil
	}
	q.host, err = netfilter.CanonicalName(host)
	if err != nil {
		return malformed("a Host that is not a host name")
	}
	return nil
}

func (q *request) needHost() error {
	if q.absolute || q.method == "CONNECT" {
		return malformed("a target without a host")
	}
	return nil
}

func splitAuthority(text string) (host string, port uint16, err error) {
	host, digits, found := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		var after string
		host, after, found = strings.Cut(text[1:], "]")
		if !found || strings.Count(host, ":") < 2 {
			return "", 0, malformed("a Host with an open bracket")
		}
		if digits, found = strings.CutPrefix(after, ":"); after != "" && !found {
			return "", 0, malformed("a Host with text after its bracket")
		}
	}
	if !found || digits == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || digits[0] == '+' {
		return "", 0, malformed("a port that is not a port number")
	}
	return host, uint16(n), nil
}

// forOrigin rewrites q as the server itself is asked: path and Host, nothing
// that was meant for a proxy, and no change to a protocol that is not read here.
func (q *request) forOrigin() {
	q.drop("Proxy-Connection")
	q.drop("Proxy-Authorization")
	if q.has("Upgrade", "h2c") {
		q.drop("Upgrade")
		q.drop("HTTP2-Settings")
	}
	if !q.absolute {
		return
	}
	rest, _ := cutScheme(q.target)
	path := pathOf(rest)
	authority := rest[:len(rest)-len(path)]
	path, _, _ = strings.Cut(path, "#")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	version := "HTTP/1.1"
	if q.old {
		version = "HTTP/1.0"
	}
	q.start = q.method + " " + path + " " + version
	q.drop("Host")
	q.fields = append([]field{{"Host", authority}}, q.fields...)
}

// forProxy rewrites q, as forOrigin left it, as a proxy is asked for a server at HOST:PORT. Host and target are what was judged,
// whatever the client wrote.
func (q *request) forProxy(at, login string) {
	words := strings.Split(q.start, " ") // three: parseRequest has seen to it
	at = strings.TrimSuffix(at, ":80")
	if words[1] == "*" {
		words[1] = ""
	}
	q.start = words[0] + " http://" + at + words[1] + " " + words[2]
	q.drop("Host")
	q.drop("Max-Forwards")
	q.fields = append([]field{{"Host", at}}, q.fields...)
	if login != "" {
		q.fields = append(q.fields, field{"Proxy-Authorization", login})
	}
}

// isTrace reports whether a method has whoever is asked send the request back, with the login in it.
func isTrace(method string) bool {
	return strings.EqualFold(method, "TRACE") || strings.EqualFold(method, "TRACK")
}

// closes reports whether no request follows q on its connection.
func (q *request) closes() bool { return q.old || q.has("Connection", "close") }

// forget drops the header of q, which was sent: a connection that waits for a
// response does not keep it.
func (q *request) forget() { q.head, q.target = head{}, "" }
