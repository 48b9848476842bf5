// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"strings"
	"testing"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]string{ // canonical form, or the words of the refusal
		"github.com":                "github.com",
		"GitHub.com.":               "github.com",
		"*.github.com":              "*.github.com",
		"github.com:22":             "github.com:22",
		"*.github.com:443":          "*.github.com:443",
		"bücher.example":            "xn--bcher-kva.example",
		"*.bücher.example":          "*.xn--bcher-kva.example",
		"_acme.example.com":         "_acme.example.com",
		"intranet":                  "intranet",
		"*.internal":                "*.internal",
		"192.0.2.7":                 "192.0.2.7",
		"192.0.2.7:22":              "192.0.2.7:22",
		"192.0.2.7/32":              "192.0.2.7",
		"10.0.0.0/8":                "10.0.0.0/8",
		"10.0.0.0/8:5432":           "10.0.0.0/8:5432",
		"2001:db8::1":               "2001:db8::1",
		"2001:db8::/32":             "2001:db8::/32",
		"[2001:db8::/32]:443":       "[2001:db8::/32]:443",
		"[2001:db8::1]":             "2001:db8::1",
		"localhost:3000":            "localhost:3000",
		"LOCALHOST:3000":            "localhost:3000",
		"":                          "refused: empty",
		"*":                         "refused: would allow everything",
		"*:443":                     "refused: would allow everything",
		"0.0.0.0/0":                 "refused: would allow everything",
		"::/0":                      "refused: would allow everything",
		"*.com":                     "refused: anybody can register a name below com",
		"*.co.uk":                   "refused: anybody can register a name below co.uk",
		"*.github.io":               "refused: anybody can register a name below github.io",
		"*.nosuchtld":               "refused: anybody can register",
		"a.*.com":                   "refused: has a * inside",
		"*github.com":               "refused: has a * inside",
		"*.*.github.com":            "refused: has a * inside",
		"a..b":                      "refused: has an empty label",
		".github.com":               "refused: has an empty label",
		"github.com..":              "refused: has an empty label",
		"*.":                        "refused: has an empty label",
		"github.com:0":              "refused: port \"0\"",
		"github.com:65536":          "refused: port \"65536\"",
		"github.com:":               "refused: port \"\"",
		"github.com:+22":            "refused: port \"+22\"",
		"github.com:022":            "refused: port \"022\"",
		"github.com:ssh":            "refused: port \"ssh\"",
		"github.com evil.com":       "refused: holds white space",
		"github.com\n":              "refused: holds white space",
		"git\x00hub.com":            "refused: holds white space",
		"git\u00a0hub.com":          "refused: holds white space",
		"https://u@github.com/a":    "refused: is a URL: want its host alone, such as github.com",
		"github.com/a4u2":           "refused: has a path: want the host alone, such as github.com",
		"10.0.0/8":                  "refused: has a path",
		"/etc/passwd":               "refused: has a path",
		"-a.com":                    "refused: has a label with a hyphen",
		"a_b!.com":                  "refused: holds '!'",
		"xn--a.com":                 "refused: not an international name",
		strings.Repeat("a", 64):     "refused: has a label longer",
		strings.Repeat("aaaa.", 51): "refused: longer than the 253",
		"127.1":                     "refused: ends like a number",
		"0x7f.0x1":                  "refused: ends like a number",
		"1.2.3.4.5":                 "refused: ends like a number",
		"10.0.0.1/8":                "refused: has bits set behind its mask: want 10.0.0.0/8",
		"10.0.0.0/33":               "refused: neither",
		"::ffff:192.0.2.7":          "refused: IPv4 written as IPv6: want 192.0.2.7",
		"fe80::1%eth0":              "refused: an address with an interface",
		"[2001:db8::1":              "refused: bracket not closed",
		"[2001:db8::1]443":          "refused: text after the bracket",
		"localhost":                 "refused: is this machine itself: want localhost:PORT",
		"*.localhost":               "refused: is this machine itself",
		"a.localhost:80":            "refused: is this machine itself",
		"127.0.0.1:80":              "refused: is this machine itself",
		"0.0.0.0":                   "refused: is this machine itself",
		"::1":                       "refused: is this machine itself",
		"::":                        "refused: is this machine itself",
		"126.0.0.0/7":               "refused: is this machine itself",
	} {
		rule, err := ParseRule(text)
		got := rule.String()
		if err != nil {
			got = "refused: " + strings.SplitN(err.Error(), "\": ", 2)[1]
		}
		refusal := strings.HasPrefix(want, "refused: ")
		if got != want && !(refusal && strings.HasPrefix(got, want)) {
			t.Errorf("ParseRule(%q) = %q, want %q", text, got, want)
		}
		if err == nil {
			if again, err := ParseRule(got); err != nil || again != rule {
				t.Errorf("ParseRule(%q) came back as %v, %v", got, again, err)
			}
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"github.com", "*.github.com:22", "[2001:db8::/32]:443", "10.0.0.0/8:1", "localhost:3000", "bücher.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseRule(text)
		if err != nil {
			return
		}
		again, err := ParseRule(rule.String())
		if err != nil || again != rule {
			t.Fatalf("ParseRule(%q) gives %#v, whose text %q gives %#v, %v", text, rule, rule, again, err)
		}
		if strings.ContainsAny(rule.String(), " \n\t\"'`$;{}\\") {
			t.Fatalf("ParseRule(%q) let through what a rule file could trip over: %q", text, rule)
		}
	})
}
