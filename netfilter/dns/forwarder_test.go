// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// judgeFake allows names that end in ".good", and addresses outside 10/8.
type judgeFake struct{ servers []netip.AddrPort }

func (j judgeFake) Name(name string) (Verdict, string) {
	if strings.HasSuffix(name, ".good") {
		return Answer, ""
	}
	if strings.HasSuffix(name, ".none") {
		return NoName, "au: not asked for"
	}
	return Sink, "au: " + name + " is not allowed"
}

func (j judgeFake) Address(a netip.Addr) bool { return !strings.HasPrefix(a.String(), "10.") }
func (j judgeFake) Inside(name string, addrs []netip.Addr) string {
	return "au: " + name + " is inside: " + addrs[0].String()
}
func (j judgeFake) Servers() []netip.AddrPort { return j.servers }
func (j judgeFake) Pinned(name string) ([]netip.Addr, bool) {
	return addrs("93.184.0.7", "10.0.0.7", "2606::7"), strings.HasSuffix(name, "pinned.good")
}
func (j judgeFake) Made(name string) (netip.Addr, bool) {
	return netip.AddrFrom4([4]byte{127, 64, 0, 7}), strings.HasSuffix(name, "made.good")
}
func (j judgeFake) Translated([]netip.Prefix) {}

// An upstream answers on loopback as its function says; nil is no answer.
type upstream struct {
	addr  netip.AddrPort
	mu    sync.Mutex
	asked []string
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

func startUpstream(t *testing.T, answer func(m dnsmessage.Message, tcp bool) []dnsmessage.Message) *upstream {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	u := &upstream{addr: udp.LocalAddr().(*net.UDPAddr).AddrPort()}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Skip("the port is taken for TCP")
	}
	t.Cleanup(func() { tcp.Close() })
	replies := func(msg []byte, overTCP bool) [][]byte {
		var m dnsmessage.Message
		if err := m.Unpack(msg); err != nil {
			return nil
		}
		u.mu.Lock()
		u.asked = append(u.asked, m.Questions[0].Name.String())
		u.mu.Unlock()
		var out [][]byte
		for _, r := range answer(m, overTCP) {
			packed, err := r.Pack()
			if err != nil {
				panic(err)
			}
			out = append(out, packed)
		}
		return out
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, out := range replies(buf[:n], false) {
				udp.WriteTo(out, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			if msg, err := readFramed(conn, maxSize); err == nil {
				for _, out := range replies(msg, true) {
					writeFramed(conn, out)
				}
			}
			conn.Close()
		}
	}()
	return u
}

// started serves f on loopback and returns its address.
func started(t *testing.T, f *Forwarder) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.ServeUDP(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		conn.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return conn.LocalAddr().String()
}

func ask1(t *testing.T, addr, name string, typ dnsmessage.Type, edns bool) dnsmessage.Message {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(8 * time.Second))
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 77, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}},
	}
	if edns {
		q.Additionals = []dnsmessage.Resource{reply{ede: edeNone}.opt()}
	}
	msg, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn.Write(msg)
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("%s %s: %v", name, typ, err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(buf[:n]); err != nil || m.ID != 77 || !m.Response {
		t.Fatalf("%s %s: %v, %+v", name, typ, err, m.Header)
	}
	return m
}

// text writes the answers and the extended error of m in one line.
func text(m dnsmessage.Message) string {
	words := []string{strings.TrimPrefix(m.RCode.String(), "RCode")}
	if m.Truncated {
		words = append(words, "truncated")
	}
	for _, r := range m.Answers {
		if a, ok := addressOf(r); ok {
			words = append(words, strings.ToLower(r.Header.Name.String())+a.String())
		} else if c, ok := r.Body.(*dnsmessage.CNAMEResource); ok {
			words = append(words, r.Header.Name.String()+"->"+c.CNAME.String())
		} else {
			words = append(words, r.Header.Type.String())
		}
	}
	for _, r := range m.Additionals {
		if opt, ok := r.Body.(*dnsmessage.OPTResource); ok {
			for _, o := range opt.Options {
				words = append(words, "EDE", string('0'+rune(o.Data[1]/10))+string('0'+rune(o.Data[1]%10)), string(o.Data[2:]))
			}
		}
	}
	return strings.Join(words, " ")
}

func record(name, value string, ttl uint32) dnsmessage.Resource {
	h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
	if a, err := netip.ParseAddr(value); err == nil {
		return address(h.Name, a, ttl)
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(value)}}
}

// zone is what the upstream of these tests knows.
func zone(m dnsmessage.Message, tcp bool) []dnsmessage.Message {
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	add := func(list ...dnsmessage.Resource) { m.Answers = append(m.Answers, list...) }
	v4 := q.Type == dnsmessage.TypeA
	switch name := strings.ToLower(q.Name.String()); {
	case name == "a.good." && v4:
		add(record("a.good.", "93.184.0.1", 60), record("a.good.", "93.184.0.2", 60))
	case name == "alias.good." && v4:
		add(record("alias.good.", "cdn.test.", 60), record("cdn.test.", "93.184.0.3", 30), record("stray.test.", "93.184.0.66", 30))
	case name == "loop.good.":
		add(record("loop.good.", "pool.good.", 60), record("pool.good.", "loop.good.", 60))
	case name == "mixed.good." && v4:
		add(record("mixed.good.", "10.0.0.1", 60), record("mixed.good.", "93.184.0.4", 60))
	case name == "inside.good." && v4:
		add(record("inside.good.", "10.0.0.1", 60))
	case name == "gone.good.":
		m.RCode = dnsmessage.RCodeNameError
	case name == "large.good." && v4 && !tcp:
		m.Truncated = true
	case name == "large.good." && v4:
		for i := range 60 {
			add(record("large.good.", netip.AddrFrom4([4]byte{93, 184, 1, byte(i)}).String(), 60))
		}
	case name == "forged.good." && v4:
		wrongID, wrongName := m, m
		wrongID.ID++
		wrongID.Answers = []dnsmessage.Resource{record("forged.good.", "93.184.0.66", 60)}
		wrongName.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("b.good."), Type: q.Type, Class: q.Class}}
		wrongName.Answers = wrongID.Answers
		add(record("forged.good.", "93.184.0.5", 60))
		return []dnsmessage.Message{wrongID, wrongName, m}
	case name == "silent.good.":
		return nil
	case name == "svc.good.":
		add(dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}, Body: &dnsmessage.UnknownResource{Type: q.Type, Data: []byte{0, 1, 0}}})
	case q.Type == dnsmessage.TypeTXT:
		add(dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.TXTResource{TXT: []string{"text"}}})
	}
	return []dnsmessage.Message{m}
}

func TestForwarder(t *testing.T) {
	up := startUpstream(t, zone)
	f := NewForwarder(judgeFake{[]netip.AddrPort{up.addr}}, NewAnswers())
	addr := started(t, f)
	const aaaa, txt, svc, any = dnsmessage.TypeAAAA, dnsmessage.TypeTXT, typeHTTPS, dnsmessage.TypeALL
	cases := map[string]struct {
		name  string
		typ   dnsmessage.Type
		edns  bool
		want  string
		asked bool
	}{
		"allowed":        {"a.good.", 1, true, "Success a.good.93.184.0.1 a.good.93.184.0.2", true},
		"allowed_case":   {"A.Good.", 1, true, "Success a.good.93.184.0.1 a.good.93.184.0.2", true},
		"alias":          {"alias.good.", 1, false, "Success alias.good.->cdn.test. cdn.test.93.184.0.3", true},
		"loop":           {"loop.good.", 1, false, "Success", true},
		"inside_left":    {"mixed.good.", 1, true, "Success mixed.good.93.184.0.4", true},
		"inside_only":    {"inside.good.", 1, true, "Success inside.good.192.0.2.1 EDE 15 au: inside.good is inside: 10.0.0.1", true},
		"no_such_name":   {"gone.good.", 1, true, "NameError", true},
		"forged":         {"forged.good.", 1, true, "Success forged.good.93.184.0.5", true},
		"pinned":         {"pinned.good.", 1, true, "Success pinned.good.93.184.0.7", false},
		"pinned_v6":      {"x.pinned.good.", aaaa, true, "Success x.pinned.good.2606::7", false},
		"pinned_text":    {"pinned.good.", txt, true, "Success TypeTXT", true},
		"pinned_refused": {"pinned.bad.", 1, true, "Success pinned.bad.192.0.2.1 EDE 15 au: pinned.bad is not allowed", false},
		"text":           {"a.good.", txt, true, "Success TypeTXT", true},
		"refused_v4":     {"a.bad.", 1, true, "Success a.bad.192.0.2.1 EDE 15 au: a.bad is not allowed", false},
		"refused_v6":     {"a.bad.", aaaa, true, "Success a.bad.100::1 EDE 15 au: a.bad is not allowed", false},
		"refused_plain":  {"a.bad.", 1, false, "Success a.bad.192.0.2.1", false},
		"refused_text":   {"a.bad.", txt, true, "Success EDE 15 au: a.bad is not allowed", false},
		"refused_https":  {"a.bad.", svc, true, "Success EDE 15 au: a.bad is not allowed", false},
		"not_asked":      {"a.none.", 1, true, "NameError EDE 15 au: not asked for", false},
		"https":          {"svc.good.", svc, true, "Success", false},
		"svcb":           {"svc.good.", typeSVCB, true, "Success", false},
		"any":            {"a.good.", any, true, "Success", false},
		"localhost":      {"localhost.", 1, true, "Success localhost.127.0.0.1", false},
		"localhost_v6":   {"x.localhost.", aaaa, true, "Success x.localhost.::1", false},
		"root":           {".", 2, true, "Refused EDE 15 au: not a host name", false},
		"truncated":      {"large.good.", 1, false, "Success truncated", true},
		"tunnel_in_name": {"ZGF0YQ.tunnel.bad.", txt, true, "Success EDE 15 au: zgf0yq.tunnel.bad is not allowed", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := up.count()
			if got := text(ask1(t, addr, c.name, c.typ, c.edns)); got != c.want {
				t.Errorf("%s %s is answered %q, want %q", c.name, c.typ, got, c.want)
			}
			if asked := up.count() > before; asked != c.asked {
				t.Errorf("%s %s: upstream was asked: %v", c.name, c.typ, asked)
			}
		})
	}
	if !f.Answers.Has("alias.good", netip.MustParseAddr("93.184.0.3")) || f.Answers.Has("alias.good", netip.MustParseAddr("93.184.0.66")) {
		t.Error("the addresses of an alias are not remembered, or a stray one is")
	}
	if !f.Answers.Has("pinned.good", netip.MustParseAddr("93.184.0.7")) || f.Answers.Has("pinned.good", netip.MustParseAddr("10.0.0.7")) {
		t.Error("what the machine itself has for a name is not remembered, or what is inside is")
	}
	if f.Answers.Has("mixed.good", netip.MustParseAddr("10.0.0.1")) {
		t.Error("an address inside counts as answered")
	}
}

// TestSilentUpstream is that a dead server costs a while and then SERVFAIL, and
// that the next server is asked.
func TestSilentUpstream(t *testing.T) {
	silent := startUpstream(t, func(dnsmessage.Message, bool) []dnsmessage.Message { return nil })
	up := startUpstream(t, zone)
	f := NewForwarder(judgeFake{[]netip.AddrPort{silent.addr, up.addr}}, NewAnswers())
	if got, err := f.Resolve(context.Background(), "a.good", false); err != nil || len(got) != 2 {
		t.Errorf("the second server is not asked: %v, %v", got, err)
	}
	before := up.count()
	if got, err := f.Resolve(context.Background(), "a.good", false); err != nil || len(got) != 2 || up.count() != before {
		t.Errorf("a fresh answer is asked for again: %v, %v", got, err)
	}
	f = NewForwarder(judgeFake{[]netip.AddrPort{silent.addr}}, NewAnswers())
	m := ask1(t, started(t, f), "a.good.", dnsmessage.TypeA, true)
	if got := text(m); got != "ServerFailure EDE 23 au: allowed, but upstream did not answer" {
		t.Errorf("without an answer: %q", got)
	}
	f = NewForwarder(judgeFake{}, NewAnswers())
	if _, err := f.Resolve(context.Background(), "a.good", false); !errors.Is(err, errNoUpstream) {
		t.Errorf("without a server: %v", err)
	}
}

// TestTCP is that questions on one connection are answered in turn, large ones
// whole, and that another protocol is not waited for.
func TestTCP(t *testing.T) {
	up := startUpstream(t, zone)
	f := NewForwarder(judgeFake{[]netip.AddrPort{up.addr}}, NewAnswers())
	ours, theirs := net.Pipe()
	go f.ServeTCP(context.Background(), theirs)
	ours.SetDeadline(time.Now().Add(5 * time.Second))
	for _, name := range []string{"large.good", "a.bad", "a.good"} {
		msg, _, err := newQuery(name, dnsmessage.TypeA)
		if err != nil {
			t.Fatal(err)
		}
		go writeFramed(ours, msg)
		out, err := readFramed(ours, maxSize)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(out); err != nil || len(m.Answers) != map[string]int{"large.good": 60, "a.bad": 1, "a.good": 2}[name] {
			t.Errorf("%s: %d answers, %v", name, len(m.Answers), err)
		}
	}
	go ours.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	if _, err := readFramed(ours, maxSize); err == nil {
		t.Error("HTTP was answered")
	}
}

// TestRate is that an agent that asks without end does not make upstream suffer.
func TestRate(t *testing.T) {
	up := startUpstream(t, zone)
	f := NewForwarder(judgeFake{[]netip.AddrPort{up.addr}}, NewAnswers())
	asked, busy, began := askBurst+200, 0, time.Now()
	for range asked {
		if _, err := f.Renew(context.Background(), "a.good", false); errors.Is(err, ErrBusy) {
			busy++
		}
	}
	may := askBurst + int(askRate*time.Since(began).Seconds()) // a busy machine asks so slowly that all may
	if asked-busy > may+1 {
		t.Errorf("of %d questions %d passed, and at most %d may", asked, asked-busy, may)
	}
}

// TestOtherAnswerer is that only who was asked is heard: an answer with the right
// number, to the right port, from another one is not.
func TestOtherAnswerer(t *testing.T) {
	asked, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ports := map[string]bool{}
	numbers := map[uint16]bool{}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := asked.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			ports[from.String()], numbers[m.ID] = true, true
			m.Response, m.Additionals = true, nil
			for _, c := range []struct {
				by   net.PacketConn
				addr string
			}{{other, "93.184.0.66"}, {asked, "93.184.0.1"}} {
				m.Answers = []dnsmessage.Resource{record(m.Questions[0].Name.String(), c.addr, 0)}
				if out, err := m.Pack(); err == nil {
					c.by.WriteTo(out, from)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}()
	f := NewForwarder(judgeFake{[]netip.AddrPort{asked.LocalAddr().(*net.UDPAddr).AddrPort()}}, NewAnswers())
	for range 8 {
		got, err := f.Renew(context.Background(), "a.good", false)
		if err != nil || len(got) != 1 || got[0] != netip.MustParseAddr("93.184.0.1") {
			t.Fatalf("%v, %v: want the address of who was asked", got, err)
		}
	}
	asked.Close()
	if len(ports) < 7 || len(numbers) < 7 {
		t.Errorf("8 questions came from %d ports with %d numbers", len(ports), len(numbers))
	}
}
