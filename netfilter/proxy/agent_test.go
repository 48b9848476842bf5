// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"strings"
	"testing"

	"github.com/a4u2/au/netfilter"
)

// TestCurl shows an agent with curl: allowed names work over both families, and a refusal says that it is policy.
func TestCurl(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	r := w.start(t, "allowed.example", "inside.example", "alias.example", "!denied.allowed.example", "*.allowed.example")
	cases := map[string]struct {
		args   []string
		status int
		want   string
	}{
		"https":                 {[]string{"https://allowed.example/"}, 0, "allowed.example at"},
		"https_v4":              {[]string{"-4", "https://allowed.example/"}, 0, "at " + allowedAddr},
		"https_v6":              {[]string{"-6", "https://allowed.example/"}, 0, "at " + allowedAddr6},
		"http":                  {[]string{"http://allowed.example/"}, 0, "allowed.example at"},
		"alias":                 {[]string{"https://alias.example/"}, 0, "alias.example at"},
		"twice_on_one":          {[]string{"http://allowed.example/", "http://allowed.example/echo", "-d", "hello"}, 0, "hello"},
		"https_not_allowed":     {[]string{"https://attacker.example/"}, 35, "access denied"},
		"http_not_allowed":      {[]string{"http://attacker.example/"}, 0, "au: hint: au net allow --agent agent attacker.example"},
		"http_says_policy":      {[]string{"http://attacker.example/"}, 0, "not a failure"},
		"https_by_proxy":        {[]string{"-x", "http://127.0.0.1:41000", "https://allowed.example/"}, 0, "allowed.example at"},
		"https_by_proxy_v6":     {[]string{"-x", "http://[::1]:41000", "https://allowed.example/"}, 0, "allowed.example at"},
		"http_by_proxy":         {[]string{"-x", "http://127.0.0.1:41000", "http://allowed.example/"}, 0, "allowed.example at"},
		"connect_not_allowed":   {[]string{"-x", "http://127.0.0.1:41000", "https://attacker.example/"}, 56, "403"},
		"proxy_not_allowed":     {[]string{"-x", "http://127.0.0.1:41000", "http://attacker.example/"}, 0, "reason: not-allowed"},
		"sni_to_attacker":       {[]string{"--resolve", "allowed.example:443:" + attackerAddr, "https://allowed.example/"}, 35, "unrecognized name"},
		"host_to_attacker":      {[]string{"--resolve", "allowed.example:80:" + attackerAddr, "http://allowed.example/"}, 0, "address-mismatch"},
		"sni_to_own":            {[]string{"--resolve", "allowed.example:443:" + allowedAddr, "https://allowed.example/"}, 0, "allowed.example at"},
		"host_inside_proxy":     {[]string{"-x", "http://127.0.0.1:41000", "-H", "Host: attacker.example", "http://allowed.example/"}, 0, "allowed.example at"},
		"host_on_allowed_addr":  {[]string{"-H", "Host: attacker.example", "http://allowed.example/"}, 0, "attacker.example:80 is not allowed"},
		"address_alone":         {[]string{"-k", "https://" + allowedAddr + "/"}, 35, "access denied"},
		"inside":                {[]string{"https://inside.example/"}, 35, "access denied"},
		"inside_http":           {[]string{"http://inside.example/"}, 0, "au net allow --agent agent " + insideAddr},
		"below":                 {[]string{"https://x.allowed.example/"}, 6, "resolve"},
		"deny_wins":             {[]string{"http://denied.allowed.example/"}, 0, "denied-by-rule"},
		"port":                  {[]string{"https://allowed.example:8443/"}, 35, "access denied"},
		"port_by_proxy":         {[]string{"-v", "-x", "http://127.0.0.1:41000", "https://allowed.example:8443/"}, 56, "port-not-allowed"},
		"ip_by_proxy":           {[]string{"-x", "http://127.0.0.1:41000", "http://" + attackerAddr + "/"}, 0, "au net allow --agent agent " + attackerAddr},
		"dns_elsewhere_over_53": {[]string{"--resolve", "a:53:" + attackerAddr, "http://a:53/"}, 56, "reset"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, status := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8"}, c.args...)...)
			if status != c.status || !strings.Contains(out, c.want) {
				t.Errorf("curl %v ended with %d and said:\n%s\nwant %d and %q", c.args, status, out, c.status, c.want)
			}
		})
	}
	if w.names.askedFor("attacker.example") {
		t.Error("the name server was asked for a name that is not allowed")
	}
	if n := w.hitsOf("allowed.example", attackerAddr) + w.hitsOf("attacker.example", allowedAddr); n != 0 {
		t.Errorf("%d requests reached a server that they should not have", n)
	}
	r.wantRecord("dns", netfilter.NotAllowed, "attacker.example")
	r.wantRecord("tls", netfilter.NotAllowed, "attacker.example")
	r.wantRecord("tls", netfilter.Mismatch, "allowed.example")
	r.wantRecord("tls", netfilter.Allowed, "allowed.example")
}
