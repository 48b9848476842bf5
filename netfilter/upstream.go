// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// An Upstream is a proxy through which the daemon sends on what is allowed: that of a company, which alone reaches the outside. The
// zero value means that there is none.
type Upstream struct {
	URL   string `toml:"url,omitempty" json:"url"`     // as ParseUpstream writes it
	CA    string `toml:"ca,omitempty" json:"ca"`       // PEM: the only authorities that may vouch for an https proxy; empty: those of the machine
	Login string `toml:"login,omitempty" json:"login"` // a file with USER:PASSWORD that only root can read
}

// ParseUpstream reads the URL of a proxy: http://HOST:PORT or https://HOST:PORT.
func ParseUpstream(text string) (Upstream, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return Upstream{}, fmt.Errorf("upstream %q: want a URL such as http://proxy.example:3128", text)
	case u.User != nil:
		return Upstream{}, fmt.Errorf("upstream http://…@%s: holds a login, which everybody could read: want it in a file of --upstream-login", u.Host)
	case strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "":
		return Upstream{}, fmt.Errorf("upstream %q: want no more than scheme, host and port", text)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return Upstream{}, fmt.Errorf("upstream %q: want a port, such as http://proxy.example:3128", text)
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" && !addr.IsUnspecified() {
		host = addr.Unmap().String()
	} else if host, err = CanonicalName(host); err != nil {
		return Upstream{}, fmt.Errorf("upstream %q: host: %w", text, err)
	}
	return Upstream{URL: u.Scheme + "://" + net.JoinHostPort(host, strconv.FormatUint(port, 10))}, nil
}

// IsSet says whether there is one.
func (u Upstream) IsSet() bool { return u.URL != "" }

// Place returns where the proxy is, and whether it is spoken to by TLS.
func (u Upstream) Place() (host string, port uint16, secure bool) {
	scheme, at, _ := strings.Cut(u.URL, "://")
	host, digits, _ := net.SplitHostPort(at)       // Check has seen to it
	number, _ := strconv.ParseUint(digits, 10, 16) // the same
	return host, uint16(number), scheme == "https"
}

// Option returns what sets u's proxy, as it is typed.
func (u Upstream) Option() string { return "--upstream " + u.URL }

// MaxCA is how long the text of a CA may be, and far more than those of a company need.
const MaxCA = 256 << 10

// Check says what in u cannot be used.
func (u Upstream) Check() error {
	if !u.IsSet() {
		if u != (Upstream{}) {
			return errors.New("upstream: a CA or a login without a proxy: want the proxy's url")
		}
		return nil
	}
	again, err := ParseUpstream(u.URL)
	if err != nil {
		return err
	}
	if again.URL != u.URL {
		return fmt.Errorf("upstream %q: want %s", u.URL, again.URL)
	}
	if _, _, secure := u.Place(); u.CA != "" && !secure {
		return fmt.Errorf("upstream %s: a CA vouches for nobody there: want an https URL, or no CA", u.URL)
	}
	if u.Login != "" && (path.Clean(u.Login) != u.Login || !path.IsAbs(u.Login) || strings.ContainsFunc(u.Login, isOddInUnit)) {
		return fmt.Errorf("upstream login %q: want an absolute path without . and .., spaces and %%, such as /etc/au/proxy-login", u.Login)
	}
	_, err = u.Roots()
	return err
}

// isOddInUnit says whether a letter of a path would mean something else in a systemd unit, or to a person who reads it.
func isOddInUnit(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`%:"'\$;`, r)
}

// Roots returns the authorities of u's CA; nil where the machine's count.
func (u Upstream) Roots() (*x509.CertPool, error) {
	if u.CA == "" {
		return nil, nil
	}
	if len(u.CA) > MaxCA {
		return nil, fmt.Errorf("upstream CA: %d bytes: want %d at most", len(u.CA), MaxCA)
	}
	pool := x509.NewCertPool()
	found := false
	for rest := []byte(u.CA); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("upstream CA: holds a %s: want certificates alone, as everybody can read the policy", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("upstream CA: %w", err)
		}
		pool.AddCert(cert)
		found = true
	}
	if !found {
		return nil, errors.New("upstream CA: holds no certificate: want PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	return pool, nil
}

// refusal is what an agent meets who wants the proxy itself: that is for the daemon alone.
func (u Upstream) refusal() Verdict { return Verdict{Code: DeniedByRule, Rule: u.Option()} }

// isHost says whether the proxy is called name.
func (u Upstream) isHost(name string) bool {
	host, _, _ := u.Place()
	return u.IsSet() && name == host
}

// isAddr says whether the proxy is named by its address, which is addr.
func (u Upstream) isAddr(addr netip.Addr) bool { return u.isHost(addr.Unmap().WithZone("").String()) }

// isLocal says whether the proxy is what listens on a port of loopback.
func (u Upstream) isLocal(port uint16) bool {
	host, at, _ := u.Place()
	addr, _ := netip.ParseAddr(host)
	return u.IsSet() && port == at && (host == "localhost" || strings.HasSuffix(host, ".localhost") || addr.IsLoopback())
}

// Login is what a proxy asks for.
type Login struct{ User, Password string }

// MaxLogin is how long the file of a login may be.
const MaxLogin = 4096

// ParseLogin reads USER:PASSWORD, one line. No error of it says what the text holds.
func ParseLogin(text []byte) (Login, error) {
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	user, password, ok := strings.Cut(line, ":")
	if len(text) > MaxLogin || !ok || user == "" || strings.ContainsFunc(line, unicode.IsControl) {
		return Login{}, errors.New("want one line, USER:PASSWORD")
	}
	return Login{user, password}, nil
}

// By says through what p's agent reaches names; empty where it does so by their addresses.
func (p *Policy) By() string {
	if !p.Upstream.IsSet() {
		return ""
	}
	text := "through " + p.Upstream.URL
	if p.Upstream.CA != "" {
		text += ", for which the CA that you gave vouches"
	}
	if p.Upstream.Login != "" {
		text += ", with the login in " + p.Upstream.Login
	}
	return text
}
