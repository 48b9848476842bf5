// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// named returns a hello that shows exactly these bytes as its name: as many as
// allowed.example has.
func named(t *testing.T, name string) []byte {
	t.Helper()
	const plain = "allowed.example"
	if len(name) != len(plain) {
		t.Fatalf("%q: want %d bytes", name, len(plain))
	}
	return bytes.Replace(helloOf(t, &tls.Config{ServerName: plain}), []byte(plain), []byte(name), 1)
}

// TestOddNames is that a name in TLS is read as DNS reads it, or not at all.
func TestOddNames(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example", "xn--bcher-kva.example", "*.many.example")
	w.knows(t, "allowed.example")
	for name, c := range map[string]struct {
		sni  string
		want byte // the alert; 0 where the server is reached
	}{
		"as_it_is":        {"allowed.example", 0},
		"capitals":        {"ALLOWED.Example", 0},
		"nul_inside":      {"allowed.exampl\x00", alertDecodeError},
		"nul_before_name": {"a\x00llowed.exampl", alertDecodeError},
		"line_end":        {"allowed.exampl\n", alertDecodeError},
		"trailing_dot":    {"allowed.exampl.", alertDecodeError}, // RFC 6066 forbids it
		"address":         {"93.184.000.0010", alertDecodeError},
		"address_of_host": {"127.000.000.001", alertDecodeError},
		"wildcard":        {"*.allowed.examp", alertDecodeError},
		"empty_label":     {"allowed..exampl", alertDecodeError},
		"raw_letters":     {"b\xc3\xbccher.example", alertAccessDenied}, // is read as IDNA has it; its address is another's
		"user_and_host":   {"a@lowed.example", alertDecodeError},
		"look_alike":      {"al1owed.example", alertAccessDenied},
		"below":           {"x.owed.example.", alertDecodeError},
	} {
		t.Run(name, func(t *testing.T) {
			conn := w.dial(t, allowedAddr+":443")
			conn.Write(named(t, c.sni))
			got := make([]byte, 7)
			n, _ := conn.Read(got)
			switch {
			case c.want == 0 && (n < 1 || got[0] != 22):
				t.Errorf("%q is answered with % x, want the server's hello", c.sni, got[:n])
			case c.want != 0 && (n != 7 || got[0] != 21 || got[6] != c.want && !(name == "raw_letters" && got[6] == alertUnrecognizedName)):
				t.Errorf("%q is answered with % x, want alert %d", c.sni, got[:n], c.want)
			}
		})
	}
}

// TestInside is that no name and no way of writing opens what is inside, the
// metadata service of clouds above all; and that a rule for the address does.
func TestInside(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	const metadata = "169.254.169.254"
	if err := sh("ip addr replace 198.51.100.2/24 dev veth0; ip route replace " + metadata + "/32 via 198.51.100.1"); err != nil {
		t.Fatal(err)
	}
	if err := sh("nsenter -t " + strconv.Itoa(w.internet.Process.Pid) + " -n ip addr replace " + metadata + "/32 dev lo"); err != nil {
		t.Fatal(err)
	}
	ln, err := w.listen(metadata, 80)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go http.Serve(ln, w.site(metadata))
	for name, addr := range map[string]string{
		"link-local": metadata, "mapped": "::ffff:" + metadata, "translated": "64:ff9b::a9fe:a9fe", "6to4": "2002:a9fe:a9fe::1", "zero": "0.0.0.0",
		"loopback": "127.0.0.1", "shared": "100.64.0.1", "unique-local": "fd00::1", "link-local-6": "fe80::1", "multicast": "224.0.0.1",
	} {
		w.names.set(name+".rebind.example", addr)
	}
	r := w.start(t, "*.rebind.example")
	for _, name := range []string{"link-local", "mapped", "translated", "6to4", "zero", "loopback", "shared", "unique-local", "link-local-6", "multicast"} {
		for way, args := range map[string][]string{"diverted": nil, "proxy": {"-x", "http://127.0.0.1:41000"}, "connect": {"-p", "-x", "http://127.0.0.1:41000"}} {
			out, _ := w.agent(t, append([]string{"curl", "-sS", "-v", "--max-time", "8", "http://" + name + ".rebind.example/"}, args...)...)
			if !strings.Contains(out, "private-address") {
				t.Errorf("%s, %s: not refused as inside:\n%s", name, way, out)
			}
		}
	}
	for _, url := range []string{"http://" + metadata + "/", "http://[::ffff:" + metadata + "]/", "http://2852039166/", "http://0xa9fea9fe/"} {
		for way, args := range map[string][]string{"diverted": nil, "proxy": {"-x", "http://127.0.0.1:41000"}, "connect": {"-p", "-v", "-x", "http://127.0.0.1:41000"}} {
			out, _ := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8", url}, args...)...)
			if !strings.Contains(out, "not-allowed") && !strings.Contains(out, "au net allow") && !strings.Contains(out, "400") {
				t.Errorf("%s, %s: %s", url, way, out)
			}
		}
	}
	r.rules("*.rebind.example", metadata)
	r.reload()
	if out, _ := w.agent(t, "curl", "-sS", "--max-time", "8", "http://"+metadata+"/"); !strings.Contains(out, metadata+" at "+metadata) {
		t.Errorf("a rule for the address does not open it: %s", out)
	}
	r.wantRecord("http", netfilter.Allowed, "")
}

// TestOthersDoNotAsk is that only the agent and root are answered at the port for
// names, and that nobody else writes into the log.
func TestOthersDoNotAsk(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example")
	r.openPorts()
	ask := func(uid uintptr, connected bool, at string) (answered bool) {
		asUser(uid, 1, func() {
			to, _ := net.ResolveUDPAddr("udp", at)
			var conn *net.UDPConn
			var err error
			if connected {
				conn, err = net.DialUDP("udp", nil, to)
			} else {
				conn, err = net.ListenUDP("udp", nil)
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(400 * time.Millisecond))
			if connected {
				conn.Write(question("other.example"))
			} else {
				conn.WriteToUDP(question("other.example"), to)
			}
			n, _ := conn.Read(make([]byte, 1500))
			answered = n > 0
		})
		return answered
	}
	for _, at := range []string{"127.0.0.1:41001", "[::1]:41001"} {
		for _, connected := range []bool{true, false} {
			if ask(humanUID, connected, at) {
				t.Errorf("another user is answered at %s (connected: %v)", at, connected)
			}
		}
	}
	for _, rec := range r.records() {
		if rec.Kind != "policy" {
			t.Errorf("another user wrote %+v into the log", rec)
		}
	}
	for _, at := range []string{"127.0.0.1:41001", "[::1]:41001", dnsAddr + ":53", "127.0.0.53:53"} {
		for _, connected := range []bool{true, false} {
			if !ask(agentUID, connected, at) {
				t.Errorf("the agent is not answered at %s (connected: %v)", at, connected)
			}
		}
	}
}
