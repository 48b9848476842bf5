// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// helloOf returns the first flight of a client with this configuration.
func helloOf(t testing.TB, c *tls.Config) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go tls.Client(theirs, c).Handshake()
	buf := make([]byte, 32<<10)
	ours.SetDeadline(time.Now().Add(2 * time.Second))
	n, err := io.ReadAtLeast(ours, buf, 5)
	if err != nil {
		t.Fatal(err)
	}
	whole := 5 + int(binary.BigEndian.Uint16(buf[3:]))
	if n < whole {
		if _, err := io.ReadFull(ours, buf[n:whole]); err != nil {
			t.Fatal(err)
		}
	}
	return buf[:whole]
}

// fragment cuts a record into many that carry size bytes each.
func fragment(record []byte, size int) []byte {
	var out []byte
	for part := range slices.Chunk(record[5:], size) {
		out = append(out, record[0], record[1], record[2], 0, byte(len(part)))
		out = append(out, part...)
	}
	return out
}

// withExtension adds an extension of that number, with nothing in it, to a hello in one record.
func withExtension(record []byte, number uint16) []byte {
	out := binary.BigEndian.AppendUint16(slices.Clone(record), number)
	out = append(out, 0, 0)
	grow := func(at, size int) { // a number of that many bytes
		for i, carry := at+size-1, uint16(4); i >= at; i-- {
			carry += uint16(out[i])
			out[i] = byte(carry)
			carry >>= 8
		}
	}
	at := 5 + 4 + 2 + 32 // the record, the message, the version, what is random
	at += 1 + int(out[at])
	at += 2 + int(binary.BigEndian.Uint16(out[at:]))
	at += 1 + int(out[at])
	grow(3, 2)
	grow(6, 3)
	grow(at, 2)
	return out
}

// TestEachDraftHidesAName is that a hello counts as one that hides a name by the number of any draft: some servers know an old one
// still.
func TestEachDraftHidesAName(t *testing.T) {
	plain := helloOf(t, &tls.Config{ServerName: "allowed.example"})
	for number, hides := range map[uint16]bool{
		0xffce: true, 0xfe08: true, 0xfe09: true, 0xfe0a: true, 0xfe0b: true, 0xfe0c: true, 0xfe0d: true,
		0xfe07: false, 0xfe0e: false, 0xffcd: false, 0x0a0a: false, 0xfafa: false,
	} {
		h, err := parseHello(withExtension(plain, number))
		if want := (hello{name: "allowed.example", ech: hides}); err != nil || h != want {
			t.Errorf("extension %#x: read as %+v, %v; want %+v", number, h, err, want)
		}
	}
}

// echConfig returns a list with one key that nobody has the other half of.
func echConfig(t testing.TB, public string) []byte {
	t.Helper()
	_, config, err := newECH(public)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// newECH returns a key with which a server reads what a client hides under the
// name public, and the list that clients have.
func newECH(public string) (*ecdh.PrivateKey, []byte, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	pub := key.PublicKey().Bytes()
	body := []byte{7, 0x00, 0x20} // id, DHKEM(X25519, HKDF-SHA256)
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(pub))), pub...)
	body = append(body, 0, 4, 0, 1, 0, 1) // HKDF-SHA256, AES-128-GCM
	body = append(body, 32, byte(len(public)))
	body = append(append(body, public...), 0, 0)
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(body)))
	config = append(config, body...)
	return key, append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...), nil
}

func TestReadHello(t *testing.T) {
	plain := helloOf(t, &tls.Config{ServerName: "allowed.example"})
	cases := map[string]struct {
		bytes []byte
		want  hello
		fails bool
	}{
		"plain":         {bytes: plain, want: hello{name: "allowed.example"}},
		"one_by_one":    {bytes: fragment(plain, 1), want: hello{name: "allowed.example"}},
		"in_sevens":     {bytes: fragment(plain, 7), want: hello{name: "allowed.example"}},
		"no_name":       {bytes: helloOf(t, &tls.Config{InsecureSkipVerify: true})},
		"tls_1.2":       {bytes: helloOf(t, &tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12}), want: hello{name: "a.example"}},
		"ech":           {bytes: helloOf(t, &tls.Config{ServerName: "secret.example", EncryptedClientHelloConfigList: echConfig(t, "allowed.example")}), want: hello{name: "allowed.example", ech: true}},
		"cut_short":     {bytes: plain[:len(plain)-1], fails: true},
		"ssl_2":         {bytes: append([]byte{0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10}, make([]byte, 64)...), fails: true},
		"empty_records": {bytes: bytes.Repeat([]byte{22, 3, 1, 0, 0}, 1000), fails: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			after := append(slices.Clone(c.bytes), "more"...)
			h, seen, err := readHello(bytes.NewReader(after[1:]), slices.Clone(after[:1]), always)
			if c.fails {
				if name == "cut_short" {
					_, _, err = readHello(bytes.NewReader(c.bytes), nil, always)
				}
				if err == nil {
					t.Errorf("read as %+v", h)
				}
				return
			}
			if err != nil || h != c.want {
				t.Errorf("read as %+v, %v; want %+v", h, err, c.want)
			}
			if !bytes.HasPrefix(after, seen) || len(seen) < len(c.bytes) {
				t.Errorf("%d of %d bytes are kept, or they are others", len(seen), len(c.bytes))
			}
		})
	}
}

// TestFragmentedHello is that a hello in small records, sent slowly, is judged as
// any other and reaches the server as it was.
func TestFragmentedHello(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	slow := &slowConn{TCPConn: w.dial(t, allowedAddr+":443")}
	conn := tls.Client(slow, w.client("allowed.example"))
	if err := conn.Handshake(); err != nil {
		t.Fatalf("an allowed name in pieces: %v", err)
	}
	if slow.pieces < 10 {
		t.Errorf("the hello went in %d pieces: the test shows nothing", slow.pieces)
	}
	conn = tls.Client(&slowConn{TCPConn: w.dial(t, allowedAddr+":443")}, w.client("attacker.example"))
	if err := conn.Handshake(); err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("a refused name in pieces: %v", err)
	}
}

// slowConn sends its first record in pieces, each a record and a packet.
type slowConn struct {
	*net.TCPConn
	pieces int
}

func (c *slowConn) Write(p []byte) (int, error) {
	if c.pieces > 0 {
		return c.TCPConn.Write(p)
	}
	for part := range slices.Chunk(p[5:], 20) {
		c.pieces++
		if _, err := c.TCPConn.Write(fragment(append(slices.Clone(p[:5]), part...), 20)); err != nil {
			return 0, err
		}
		time.Sleep(time.Millisecond)
	}
	return len(p), nil
}

// TestHiddenName is that ECH, with a key that the server has as well as without,
// passes under an allowed name at one of its addresses, and nowhere else. A policy
// can refuse it, except at an address that a rule allows in any case.
func TestHiddenName(t *testing.T) {
	w := needWorld(t)
	hidden := func(t *testing.T, config []byte, addr string) string {
		c := w.client("secret.example")
		c.EncryptedClientHelloConfigList = config
		conn := tls.Client(w.dial(t, addr+":443"), c)
		if err := conn.Handshake(); err != nil {
			return err.Error()
		}
		if !conn.ConnectionState().ECHAccepted {
			return "the server did not read what was hidden"
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: secret.example\r\nConnection: close\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		return string(answer)
	}
	const wholly, noKey, refused, elsewhere = "secret.example at " + allowedAddr, "rejected ECH", "access denied", "unrecognized name"
	for name, c := range map[string]struct {
		rules  []string
		noECH  bool
		public string // the name that shows; empty: the server's own key, and allowed.example
		addr   string
		want   string
	}{
		"real_key":            {[]string{"allowed.example"}, false, "", allowedAddr, wholly},
		"grease":              {[]string{"allowed.example"}, false, "allowed.example", allowedAddr, noKey},
		"another_name_shows":  {[]string{"allowed.example"}, false, "attacker.example", allowedAddr, refused},
		"another_address":     {[]string{"allowed.example"}, false, "allowed.example", attackerAddr, elsewhere},
		"not_allowed":         {[]string{"other.example", "secret.example"}, false, "", allowedAddr, refused},
		"denied":              {[]string{"allowed.example", "!allowed.example"}, false, "", allowedAddr, refused},
		"switched_off":        {[]string{"allowed.example", "secret.example"}, true, "", allowedAddr, refused},
		"switched_off_grease": {[]string{"allowed.example"}, true, "allowed.example", allowedAddr, refused},
		"switched_off_port":   {[]string{"allowed.example:443"}, true, "", allowedAddr, refused},
		"address_rule":        {[]string{allowedAddr}, true, "", allowedAddr, wholly},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.start(t, c.rules...)
			r.policy.NoECH = c.noECH
			r.reload()
			w.knows(t, "allowed.example")
			config := w.ech
			if c.public != "" {
				config = echConfig(t, c.public)
			}
			if got := hidden(t, config, c.addr); !strings.Contains(got, c.want) {
				t.Errorf("%s: want %q", got, c.want)
			}
			marked := r.waitRecords(func(rec netfilter.Record) bool { return rec.Kind == "tls" && rec.ECH })
			if code := marked[0].Code; (code == netfilter.HiddenName) != (c.noECH && c.want == refused) {
				t.Errorf("it is logged as %s", code)
			}
		})
	}
	t.Run("not_hidden", func(t *testing.T) {
		r := w.start(t, "allowed.example")
		r.policy.NoECH = true
		r.reload()
		w.knows(t, "allowed.example")
		if err := tls.Client(w.dial(t, allowedAddr+":443"), w.client("allowed.example")).Handshake(); err != nil {
			t.Errorf("what hides nothing: %v", err)
		}
	})
}

// TestBulkTLS is that much data passes unchanged both ways, and its ends with it.
func TestBulkTLS(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	conn := tls.Client(w.dial(t, allowedAddr+":443"), w.client("allowed.example"))
	if err := conn.HandshakeContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	const size = 20_000_000
	io.WriteString(conn, "GET /big?n=20000000 HTTP/1.1\r\nHost: allowed.example\r\nConnection: close\r\n\r\n")
	n, err := io.Copy(io.Discard, conn)
	if err != nil || n < size {
		t.Errorf("%d bytes came, %v", n, err)
	}
	conn.Close()
	for _, rec := range r.waitRecords(func(rec netfilter.Record) bool { return rec.Received > size }) {
		if rec.Sent < 100 || rec.Millis == 0 || rec.Name != "allowed.example" {
			t.Errorf("the connection's last record is %+v", rec)
		}
	}
}

// TestTunnel is that a tunnel to an allowed name carries no other name, in TLS or
// HTTP, and nothing without a name.
func TestTunnel(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example")
	before := w.hitsOf("attacker.example", allowedAddr)
	through := func(port, first string) string {
		conn := w.dial(t, "127.0.0.1:41000")
		io.WriteString(conn, "CONNECT allowed.example:"+port+" HTTP/1.1\r\nHost: allowed.example\r\n\r\n")
		got := make([]byte, len(established))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != established {
			t.Fatalf("no tunnel: %q, %v", got, err)
		}
		io.WriteString(conn, first)
		answer, _ := io.ReadAll(conn)
		return string(answer)
	}
	if out := through("443", string(helloOf(t, &tls.Config{ServerName: "attacker.example"}))); out != string(alert(alertAccessDenied)) {
		t.Errorf("another name in TLS is answered with % x", out)
	}
	if out := through("443", string(helloOf(t, &tls.Config{InsecureSkipVerify: true}))); out != string(alert(alertAccessDenied)) {
		t.Errorf("TLS without a name is answered with % x", out)
	}
	if out := through("443", "GARBAGE\x00"); out != "" {
		t.Errorf("what is neither TLS nor HTTP is answered with %q", out)
	}
	if out := through("80", get("attacker.example", "")); !strings.Contains(out, "Au-Reason: not-allowed\r\n") {
		t.Errorf("another name in HTTP is answered with %q", out)
	}
	if out := through("80", get("allowed.example", "Connection: close\r\n")); !strings.Contains(out, "allowed.example at "+allowedAddr) {
		t.Errorf("the name itself is answered with %q", out)
	}
	if n := w.hitsOf("attacker.example", allowedAddr) - before; n != 0 {
		t.Error("a request for another name reached the server")
	}
	r.wantRecord("tls", netfilter.NotAllowed, "attacker.example")
}
