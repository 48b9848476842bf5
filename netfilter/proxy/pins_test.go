// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// TestPinned is that what /etc/hosts says of an allowed name counts as answered,
// to programs that read it themselves, to those that ask, and to those that use a
// proxy. It opens nothing inside, and no name that is not allowed.
func TestPinned(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	const other, ssh = "93.184.0.11", "93.184.0.22"
	r := w.start(t, "pinned.example", "*.pinned.example", "allowed.example", "ssh.pinned.example:22", "wiki.corp", "blocked.example", "own.example")
	w.pin(t, fmt.Sprintf(`%s pinned.example Alias.Pinned.Example attacker.example # comment
%s allowed.example
%s ssh.pinned.example
%s wiki.corp
0.0.0.0 blocked.example
127.0.1.1 own.example
nonsense pinned.example
%s
`, other, other, ssh, insideAddr, other))
	proxy := []string{"-x", "http://127.0.0.1:41000"}
	for name, c := range map[string]struct {
		url  string
		args []string
		want string
	}{
		"http":                {"http://pinned.example/", nil, "pinned.example at " + other},
		"https":               {"https://pinned.example/", nil, "pinned.example at " + other},
		"alias_by_wildcard":   {"http://alias.pinned.example/", nil, "alias.pinned.example at " + other},
		"by_proxy":            {"http://pinned.example/", proxy, "pinned.example at " + other},
		"by_connect":          {"https://pinned.example/", proxy, "pinned.example at " + other},
		"instead_of_a_server": {"http://allowed.example/", nil, "allowed.example at " + other},
		"no_name_is_shown":    {"telnet://ssh.pinned.example:22", nil, "HELLO"},
		"not_allowed":         {"http://attacker.example/", nil, "reason: not-allowed"},
		"another_address":     {"http://pinned.example/", []string{"--resolve", "pinned.example:80:" + attackerAddr}, "reason: address-mismatch"},
		"inside":              {"http://wiki.corp/", nil, "au: hint: au net allow --agent agent " + insideAddr + ":80"},
		"inside_by_proxy":     {"http://wiki.corp/", proxy, "au: hint: au net allow --agent agent " + insideAddr + ":80"},
		"blocked_by_proxy":    {"http://blocked.example/", proxy, "au: hint: au net allow --agent agent localhost:80"},
		"this_machine":        {"http://own.example:8080/", nil, "curl: ("}, // nobody listens
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8", c.url}, c.args...)...)
			if !strings.Contains(out, c.want) {
				t.Errorf("curl %s %v said:\n%s\nwant %q", c.url, c.args, out, c.want)
			}
		})
	}
	for _, name := range []string{"pinned.example", "wiki.corp", "attacker.example", "own.example"} {
		if w.names.askedFor(name) {
			t.Errorf("a name server was asked for %s", name)
		}
	}
	out, _ := w.agent(t, "curl", "-sS", "--max-time", "8", "http://wiki.corp/")
	if !strings.Contains(out, "leads to "+insideAddr) {
		t.Errorf("it is not said where it leads: %s", out)
	}
	r.rules("wiki.corp", insideAddr+":80", "allowed.example")
	r.reload()
	if out, _ := w.agent(t, "curl", "-sS", "--max-time", "8", "http://wiki.corp/"); !strings.Contains(out, "wiki.corp at "+insideAddr) {
		t.Errorf("what the hint says does not open it: %s", out)
	}
}

// TestPinnedLater is that lines which come and go are seen while the daemon runs.
func TestPinnedLater(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	w.start(t, "later.example")
	for _, addr := range []string{"93.184.0.11", allowedAddr} {
		w.pin(t, addr+" later.example\n")
		time.Sleep(1100 * time.Millisecond) // the file is looked at once a second
		if out, _ := w.agent(t, "curl", "-sS", "--max-time", "8", "http://later.example/"); !strings.Contains(out, "at "+addr) {
			t.Errorf("at %s: %s", addr, out)
		}
	}
}

// TestParseHosts is that a list of any length is read, and little of it kept.
func TestParseHosts(t *testing.T) {
	p := &netfilter.Policy{}
	for _, text := range []string{"a.example", "*.b.example"} {
		rule, err := netfilter.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Allow = append(p.Allow, netfilter.Entry{Rule: rule})
	}
	var list strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&list, "0.0.0.0 ads%d.example\n", i)
	}
	list.WriteString("93.184.0.1 A.Example x.b.example b.example\n  93.184.0.2\ta.example#b\n::1 a.example\nfe80::1%eth0 a.example\n")
	table := parseHosts(strings.NewReader(list.String()), p)
	want := []netip.Addr{netip.MustParseAddr("93.184.0.1"), netip.MustParseAddr("93.184.0.2"), netip.IPv6Loopback(), netip.MustParseAddr("fe80::1")}
	if !slices.Equal(table.byName["a.example"], want) || len(table.byName) != 2 {
		t.Errorf("a.example has %v, and %d names are kept", table.byName["a.example"], len(table.byName))
	}
	if got := table.byAddr[want[0]]; !slices.Equal(got, []string{"a.example", "x.b.example"}) {
		t.Errorf("%s has the names %v", want[0], got)
	}
	long := "93.184.0.9" + strings.Repeat(" alias.example", 10_000) + "\r\n93.184.0.1 a.example\n"
	if got := parseHosts(strings.NewReader(long), p).byName["a.example"]; !slices.Equal(got, want[:1]) {
		t.Errorf("behind a long line a.example has %v", got)
	}
	p.Learn = time.Now()
	if table = parseHosts(strings.NewReader(list.String()), p); len(table.byName) != maxPins {
		t.Errorf("%d names are kept", len(table.byName))
	}
}

// TestNoFileIsAsItWas is that what was read stays while something else than a file is in its place.
func TestNoFileIsAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte("said"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := changing[string]{path: path, parse: func(r io.Reader) string { text, _ := io.ReadAll(r); return string(text) }}
	for _, put := range []func() error{
		func() error { return nil }, func() error { return syscall.Mkfifo(path, 0o644) }, func() error { return os.Mkdir(path, 0o755) }, func() error { return nil },
	} {
		if said, _ := c.read(); said != "said" {
			t.Fatalf("it says %q", said)
		}
		c.checked = time.Time{}
		os.Remove(path)
		if err := put(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSearchList is that a short name which the machine's search list makes an
// allowed one of is as good as that one, and that what is refused is called by it.
func TestSearchList(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	w.names.set("wiki.corp.example", "93.184.0.11")
	w.names.set("mail.corp.example", allowedAddr)
	resolv := w.dir + "/resolv.conf"
	before := "nameserver " + dnsAddr + "\noptions timeout:2 attempts:2\n"
	if err := sh(fmt.Sprintf("printf 'search corp.example\\n%s' > %s", strings.ReplaceAll(before, "\n", "\\n"), resolv)); err != nil {
		t.Fatal(err)
	}
	defer sh(fmt.Sprintf("printf '%s' > %s", strings.ReplaceAll(before, "\n", "\\n"), resolv))
	w.start(t, "wiki.corp.example")
	proxy := []string{"-x", "http://127.0.0.1:41000"}
	for name, c := range map[string]struct {
		url  string
		args []string
		want string
	}{
		"http":            {"http://wiki/", nil, "wiki at 93.184.0.11"},
		"https":           {"https://wiki/", nil, "wiki at 93.184.0.11"},
		"by_proxy":        {"http://wiki/", proxy, "wiki at 93.184.0.11"},
		"by_connect":      {"https://wiki/", proxy, "wiki at 93.184.0.11"},
		"in_full":         {"http://wiki.corp.example/", nil, "wiki.corp.example at 93.184.0.11"},
		"not_allowed":     {"http://mail/", nil, "au: hint: au net allow --agent agent mail.corp.example\n"},
		"another_address": {"http://wiki/", []string{"--resolve", "wiki:80:" + attackerAddr}, "reason: address-mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8", c.url}, c.args...)...)
			if !strings.Contains(out, c.want) {
				t.Errorf("curl %s %v said:\n%s\nwant %q", c.url, c.args, out, c.want)
			}
		})
	}
}
