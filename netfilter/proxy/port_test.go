// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// TestPortRules is that a rule with a port opens that port to any protocol, at
// the addresses that were answered for its name and nowhere else.
func TestPortRules(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "ssh.example:22", "allowed.example:8443")
	w.knows(t, "ssh.example")
	conn := w.dial(t, sshAddr+":22")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); line != "HELLO\n" || err != nil {
		t.Fatalf("a server that speaks first said %q, %v", line, err)
	}
	io.WriteString(conn, "ping\n")
	if line, err := in.ReadString('\n'); line != "PING\n" || err != nil {
		t.Errorf("and then %q, %v", line, err)
	}
	conn.CloseWrite()
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("and at the end %q, %v", rest, err)
	}
	r.wantRecord("tcp", netfilter.Allowed, "ssh.example")
	t.Run("other_address", func(t *testing.T) {
		if out, err := io.ReadAll(w.dial(t, attackerAddr+":22")); len(out) > 0 || err == nil {
			t.Errorf("another address at that port said %q, %v", out, err)
		}
	})
	t.Run("answer_forgotten", func(t *testing.T) {
		// allowed.example was not asked for in the life of this daemon.
		if got := w.handshake(t, allowedAddr+":8443", "allowed.example"); got != "connected" {
			t.Errorf("TLS to an address from before the daemon: %s", got)
		}
	})
	t.Run("other_name", func(t *testing.T) {
		if got := w.handshake(t, allowedAddr+":8443", "attacker.example"); !strings.Contains(got, "access denied") {
			t.Errorf("TLS for another name at that address: %s", got)
		}
	})
	t.Run("http", func(t *testing.T) {
		if out := w.talk(t, allowedAddr+":8443", get("attacker.example", "")); !strings.Contains(out, "403") {
			t.Errorf("HTTP for another name at that address: %s", out)
		}
	})
	t.Run("not_443", func(t *testing.T) {
		if got := w.handshake(t, allowedAddr+":443", "allowed.example"); !strings.Contains(got, "access denied") {
			t.Errorf("TLS at a port that the rule does not have: %s", got)
		}
	})
	t.Run("no_name", func(t *testing.T) {
		if err := tls.Client(w.dial(t, allowedAddr+":8443"), &tls.Config{InsecureSkipVerify: true}).Handshake(); err != nil {
			t.Errorf("TLS without a name: %v", err)
		}
		// The server there speaks TLS alone, and says so to whatever reaches it.
		text := "GET / HTTP/1.1\r\nHost: " + allowedAddr + ":8443\r\nConnection: close\r\n\r\n"
		if out := w.talk(t, allowedAddr+":8443", text); !strings.Contains(out, "HTTP request to an HTTPS server") {
			t.Errorf("HTTP for the address: %q", out)
		}
		if out := w.talk(t, "127.0.0.1:41000", strings.Replace(text, " /", " http://"+allowedAddr+":8443/", 1)); !strings.Contains(out, "HTTP request to an HTTPS server") {
			t.Errorf("HTTP for the address, by proxy: %q", out)
		}
	})
	t.Run("by_connect", func(t *testing.T) {
		conn := w.dial(t, "127.0.0.1:41000")
		io.WriteString(conn, "CONNECT ssh.example:22 HTTP/1.1\r\nHost: ssh.example:22\r\n\r\n")
		want := established + "HELLO\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); string(got) != want {
			t.Errorf("through a tunnel came %q, %v", got, err)
		}
	})
}

func (w *world) handshake(t *testing.T, addr, name string) string {
	t.Helper()
	if err := tls.Client(w.dial(t, addr), w.client(name)).Handshake(); err != nil {
		return err.Error()
	}
	return "connected"
}

// TestNetworkRules is that an address rule opens the address whatever name is shown
// to it, inside as well as outside, a denied name apart.
func TestNetworkRules(t *testing.T) {
	w := needWorld(t)
	w.start(t, "10.77.0.0/16", attackerAddr+":443", "!denied.example", "inside.example", "mixed.example", "!93.184.0.11", "other.example")
	for name, c := range map[string]struct{ addr, sni, want string }{
		"inside":          {insideAddr + ":443", "anything.example", "connected"},
		"inside_8443":     {insideAddr + ":8443", "", "connected"},
		"outside":         {attackerAddr + ":443", "anything.example", "connected"},
		"outside_port":    {attackerAddr + ":8443", "anything.example", "access denied"},
		"denied_name":     {insideAddr + ":443", "denied.example", "access denied"},
		"denied_address":  {"93.184.0.11:443", "other.example", "access denied"},
		"another_address": {allowedAddr + ":443", "anything.example", "access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := w.client(c.sni)
			if c.sni == "" {
				c2.InsecureSkipVerify = true
			}
			got := "connected"
			if err := tls.Client(w.dial(t, c.addr), c2).Handshake(); err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("TLS for %q at %s: %s; want %q", c.sni, c.addr, got, c.want)
			}
		})
	}
	out, _ := w.agent(t, "getent", "ahostsv4", "inside.example")
	if !strings.Contains(out, insideAddr) {
		t.Errorf("a name inside that a network rule covers is answered with %s", out)
	}
}

// TestSilence is that a connection which shows nothing ends, and soon where no
// answer could be yes.
func TestSilence(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example")
	began := time.Now()
	if out, err := io.ReadAll(w.dial(t, attackerAddr+":25")); len(out) > 0 || err == nil {
		t.Errorf("a refused port said %q, %v", out, err)
	}
	if took := time.Since(began); took > showWithin {
		t.Errorf("to refuse a port took %v, as long as to wait for what a connection wants", took)
	}
}

// TestDeniedAddress is that a denied address stays closed to an allowed name, with
// or without a port, and however it is asked for; and that the answer says so.
func TestDeniedAddress(t *testing.T) {
	w := needWorld(t)
	for _, deny := range []string{"!93.184.0.11", "!93.184.0.11:80"} {
		for name, args := range map[string][]string{"connect": {"-p", "-x", "http://127.0.0.1:41000"}, "proxy": {"-x", "http://127.0.0.1:41000"}, "diverted": nil} {
			t.Run(name+deny, func(t *testing.T) {
				w.start(t, "other.example", deny)
				out, _ := w.agent(t, append([]string{"curl", "-sSv", "http://other.example/"}, args...)...)
				if !strings.Contains(out, "Au-Reason: denied-by-rule") {
					t.Errorf("an allowed name at a denied address: %s", out)
				}
			})
		}
	}
}

// TestDeniedNameOnASharedAddress is that a denial of one name leaves the others at
// its address open, those that a port is allowed for as well.
func TestDeniedNameOnASharedAddress(t *testing.T) {
	w := needWorld(t)
	w.names.set("shared.example", allowedAddr)
	w.names.set("shared-ssh.example", sshAddr)
	r := w.start(t, "allowed.example", "shared.example", "ssh.example:22", "shared-ssh.example:22")
	for _, name := range []string{"allowed.example", "shared.example", "shared-ssh.example"} {
		w.knows(t, name)
	}
	r.rules("allowed.example", "ssh.example:22", "!shared.example", "!shared-ssh.example")
	r.reload()
	for name, want := range map[string]string{"allowed.example": "connected", "shared.example": "access denied", "": "access denied"} {
		c := w.client(name)
		c.InsecureSkipVerify = true
		got := "connected"
		if err := tls.Client(w.dial(t, allowedAddr+":443"), c).Handshake(); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("TLS for %q: %s; want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"allowed.example": " 200 OK", "shared.example": "denied-by-rule"} {
		if out := w.talk(t, allowedAddr+":80", get(name, "Connection: close\r\n")); !strings.Contains(out, want) {
			t.Errorf("HTTP for %s: %s; want %s", name, out, want)
		}
	}
	if line, err := bufio.NewReader(w.dial(t, sshAddr+":22")).ReadString('\n'); line != "HELLO\n" {
		t.Errorf("at the port that is allowed to another name came %q, %v", line, err)
	}
}
