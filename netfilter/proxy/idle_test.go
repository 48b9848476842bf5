// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
	"golang.org/x/sys/unix"
)

// TestIdler is that the deadline is that of the last end, and of no earlier one.
func TestIdler(t *testing.T) {
	tired := func(i *idler, within time.Duration) bool {
		select {
		case <-i.tired:
			return true
		case <-time.After(within):
			return false
		}
	}
	i := newIdler(50 * time.Millisecond)
	i.enter()
	i.enter()
	i.leave()
	if tired(i, 150*time.Millisecond) || i.quiet() {
		t.Error("tired while something is open")
	}
	i.leave()
	if !i.quiet() || !tired(i, 5*time.Second) {
		t.Error("never tired")
	}
	i.touch()
	if !tired(i, 5*time.Second) {
		t.Error("tired once, and not again")
	}
	if never := newIdler(0); tired(never, 100*time.Millisecond) {
		t.Error("tired without a time")
	} else if never.touch(); tired(never, 100*time.Millisecond) {
		t.Error("tired without a time, after something was open")
	}
}

// supervised runs daemons as systemd does, until the test ends: one that begins when something is at the sockets, and none after it
// has ended by itself until something is there again. It returns how many have begun.
func (w *world) supervised(t *testing.T, rest time.Duration, rules ...string) (*running, *atomic.Int32) {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, w: w, path: filepath.Join(dir, "agent.toml"), log: filepath.Join(dir, "net.jsonl"), stderr: &bytes.Buffer{}}
	r.policy = w.policy()
	r.rules(rules...)
	r.write()
	held, err := Listen(&r.policy)
	if err != nil {
		t.Fatal(err)
	}
	begun, done := &atomic.Int32{}, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	c := Config{PolicyPath: r.path, LogPath: r.log, KeptPath: filepath.Join(dir, "answers.json"), Rest: rest, Stderr: r.stderr}
	go func() {
		defer close(done)
		for waitFor(ctx, held) {
			begun.Add(1)
			c := c
			if c.Sockets, err = Passed(filesOf(t, held), &r.policy); err == nil {
				err = Serve(ctx, c)
			}
			if err != nil {
				t.Errorf("daemon: %v", err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		held.Close()
		if t.Failed() {
			text, _ := os.ReadFile(r.log)
			t.Logf("network log:\n%s\nstderr: %s", text, r.stderr)
		}
	})
	return r, begun
}

// each calls do for all of s.
func (s Sockets) each(do func(interface{ File() (*os.File, error) })) {
	for _, ln := range append(append([]*net.TCPListener(nil), s.Proxy...), s.DNS...) {
		do(ln)
	}
	for _, conn := range s.UDP {
		do(conn)
	}
}

func filesOf(t *testing.T, s Sockets) (files []*os.File) {
	s.each(func(socket interface{ File() (*os.File, error) }) {
		file, err := socket.File()
		if err != nil {
			t.Error(err)
			return
		}
		files = append(files, file)
	})
	return files
}

// waitFor waits until something is at one of s, and reports false where ctx is done before that.
func waitFor(ctx context.Context, s Sockets) bool {
	var files []*os.File
	var polled []unix.PollFd
	s.each(func(socket interface{ File() (*os.File, error) }) {
		if file, err := socket.File(); err == nil {
			files = append(files, file)
			polled = append(polled, unix.PollFd{Fd: int32(file.Fd()), Events: unix.POLLIN})
		}
	})
	defer func() {
		for _, file := range files {
			file.Close()
		}
	}()
	for ctx.Err() == nil {
		if n, err := unix.Poll(polled, 20); err == nil && n > 0 {
			return true
		}
	}
	return false
}

// TestRests is that the daemon ends when nothing is open, is there again for what comes, and refuses nothing meanwhile, while it
// ends and begins all the time.
func TestRests(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	_, begun := w.supervised(t, time.Millisecond, "allowed.example")
	if n := begun.Load(); n != 0 {
		t.Errorf("%d daemons before anybody has asked", n)
	}
	for round := range 30 {
		out, status := w.agent(t, "curl", "-sS", "--max-time", "8", "https://allowed.example/")
		if status != 0 || !strings.Contains(out, "allowed.example at") {
			t.Fatalf("round %d ended with %d: %s", round, status, out)
		}
		if out, status = w.agent(t, "curl", "-sS", "--max-time", "8", "https://attacker.example/"); status != 35 {
			t.Fatalf("round %d: what is not allowed ended with %d: %s", round, status, out)
		}
	}
	if n := begun.Load(); n < 30 {
		t.Errorf("%d daemons in 30 rounds: none has ended by itself", n)
	}
	if w.names.askedFor("attacker.example") {
		t.Error("the name server was asked for a name that is not allowed")
	}
}

// TestOpenKeepsAwake is that a connection in use keeps the daemon, and ends with the grant that it was opened by.
func TestOpenKeepsAwake(t *testing.T) {
	w := needWorld(t)
	r, begun := w.supervised(t, 100*time.Millisecond, "allowed.example", "other.example")
	w.knows(t, "allowed.example")
	w.knows(t, "other.example")
	stays := w.slow(t, allowedAddr+":80", "allowed.example")
	goes := w.slow(t, "93.184.0.11:80", "other.example")
	before := begun.Load()
	end := time.Now().Add(2 * time.Second).Truncate(time.Second)
	r.policy.Allow[1].Until = end
	r.reload()
	time.Sleep(time.Until(end) + 100*time.Millisecond)
	if goesOn(goes) {
		t.Error("a connection outlives the grant that it was opened by")
	}
	if !goesOn(stays) || begun.Load() != before {
		t.Error("the daemon ended while a connection was open")
	}
}

// TestAnswersLast is that an address which was answered stays good over an end of the daemon, where nobody could be asked again.
func TestAnswersLast(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	w.names.set("moving.example", allowedAddr)
	t.Cleanup(func() { w.names.set("moving.example") })
	_, begun := w.supervised(t, 100*time.Millisecond, "moving.example", "moving.example:22")
	w.knows(t, "moving.example")
	w.names.set("moving.example", "93.184.0.11")
	time.Sleep(500 * time.Millisecond)
	before := begun.Load()
	out, status := w.agent(t, "curl", "-sS", "--max-time", "8", "--resolve", "moving.example:80:"+allowedAddr, "http://moving.example/")
	if status != 0 || !strings.Contains(out, "moving.example at "+allowedAddr) {
		t.Errorf("an address that was answered before: %d, %s", status, out)
	}
	if begun.Load() == before {
		t.Error("no daemon has begun since: this shows nothing")
	}
}

// TestGoesOn is that a daemon which was about to end, and has something open by then, takes more.
func TestGoesOn(t *testing.T) {
	l, err := openLog("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := listenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	held := Sockets{Proxy: []*net.TCPListener{ln}}
	d := newDaemon(&netfilter.Policy{Agent: "agent"}, l, "", "")
	var taking sync.WaitGroup
	d.idle.enter()
	if d.rest(t.Context(), held, &taking) {
		t.Error("it ends while something is open")
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	switch {
	case err == nil:
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(conn, "nonsense\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it takes no more connections")
		}
		conn.Close()
	case !errors.Is(err, unix.ECONNRESET): // it was taken, and ended before Dial was through
		t.Fatal(err)
	}
	d.idle.leave()
	for !d.rest(t.Context(), held, &taking) {
		time.Sleep(10 * time.Millisecond)
	}
	if conn, err := net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Errorf("what comes after the end is refused: %v", err)
	} else {
		conn.Close()
	}
}

// TestKept is that what is kept is taken over, once and for as long as it holds, and that nothing else is.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "answers.json")
	rule := func(text string) netfilter.Entry {
		r, err := netfilter.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return netfilter.Entry{Rule: r}
	}
	fresh := func(rules ...string) *judge {
		p := &netfilter.Policy{Agent: "agent"}
		for _, text := range rules {
			p.Allow = append(p.Allow, rule(text))
		}
		return newJudge(p, "", "")
	}
	outside, inside := netip.MustParseAddr("93.184.0.1"), netip.MustParseAddr("10.1.2.3")
	prefix := netip.MustParsePrefix("2001:db8:64::/96")
	j := fresh("a.example", "10.0.0.0/8")
	j.Translated([]netip.Prefix{prefix})
	j.answers.Remember("a.example", false, []netip.Addr{outside, inside}, []netip.Addr{netip.MustParseAddr("169.254.169.254")}, time.Minute)
	if err := j.keep(path, true); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v: others can read what names the agent asked for", info.Mode(), err)
	}
	next := fresh("a.example", "10.0.0.0/8")
	slept, err := next.recall(path)
	if err != nil || !slept || !next.answers.Has("a.example", outside) || !next.answers.Has("a.example", inside) || len(next.answers.Inside("a.example")) != 1 {
		t.Errorf("%v, %v: taken over is %+v", slept, err, next.answers.Keep())
	}
	if !slices.Equal(next.policy.Load().NAT64, []netip.Prefix{prefix}) {
		t.Errorf("below which prefixes the network reaches IPv4 is forgotten: %v", next.policy.Load().NAT64)
	}
	later := fresh("a.example")
	if _, err := later.recall(path); err != nil || later.answers.Has("a.example", inside) || !later.answers.Has("a.example", outside) {
		t.Errorf("%v: an address inside is good to dial, and no rule opens it any more", err)
	}

	for name, text := range map[string]string{
		"nonsense": "{", "too_large": strings.Repeat(" ", maxKept+1), "no_prefixes": `{"nat64":["10.0.0.0/8","2001:db8::1/97"]}`,
		"of_other_types": `{"slept":true,"answers":{"a.example":["93.184.0.1"]}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j := fresh("a.example")
		_, err := j.recall(path)
		if (err == nil) != (name == "no_prefixes") || len(j.answers.Keep()) > 0 || j.policy.Load().NAT64 != nil {
			t.Errorf("%s: %v, %+v", name, err, j.answers.Keep())
		}
	}
	newer := fmt.Sprintf(`{"version":7,"slept":true,"answers":[{"name":"a.example","until":{%q:%d},"ports":[443]},{"wanted":"b.example"}]}`, outside, time.Now().Add(time.Minute).Unix())
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	of := fresh("a.example")
	if slept, err := of.recall(path); err != nil || !slept || !of.answers.Has("a.example", outside) {
		t.Errorf("%v, %v: of what another au kept, with more in it, this is taken over: %+v", slept, err, of.answers.Keep())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if slept, err := fresh().recall(path); slept || err != nil {
		t.Errorf("without a file: %v, %v", slept, err)
	}
	if err := errors.Join(j.keep(path+".of-another", false), os.Symlink(path+".of-another", path)); err != nil {
		t.Fatal(err)
	}
	if _, err := fresh().recall(path); err == nil {
		t.Error("a link in its place is followed")
	}
}

// TestInsideEndsWithItsRule is that an address inside, which was answered for an allowed name while a rule opened it, is closed
// when that rule is over. It is closed to a name that is shown, to a rule with a port, and to a connection that is open. A rule for
// another port of it opens none of those.
func TestInsideEndsWithItsRule(t *testing.T) {
	now := time.Now()
	p := &netfilter.Policy{Agent: "agent"}
	for text, until := range map[string]time.Time{"wiki.example": {}, "wiki.example:22": {}, "10.1.2.3:5432": {}, "10.0.0.0/8": now.Add(time.Hour)} {
		rule, err := netfilter.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Allow = append(p.Allow, netfilter.Entry{Rule: rule, Until: until})
	}
	j := newJudge(p, "", "")
	j.now = func() time.Time { return now }
	inside, outside := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("93.184.0.1")
	j.answers.Remember("wiki.example", false, []netip.Addr{inside, outside}, nil, 24*time.Hour)
	for _, over := range []bool{false, true} {
		for addr, open := range map[netip.Addr]bool{inside: !over, outside: true} {
			shown := target{name: "wiki.example", dst: netip.AddrPortFrom(addr, 80)}
			byName, inUse := j.named(t.Context(), shown), j.again(&link{target: shown})
			byPort, _ := j.unnamed(t.Context(), netip.AddrPortFrom(addr, 22))
			for way, v := range map[string]netfilter.Verdict{"a name": byName, "a port": byPort, "a connection": inUse} {
				if v.OK != open || !open && v.Code != netfilter.Private {
					t.Errorf("%s at %s, the rule being over: %v: %+v", way, addr, over, v)
				}
			}
		}
		now = now.Add(2 * time.Hour)
	}
}

// TestKeptFits is that a full memory of answers can be kept.
func TestKeptFits(t *testing.T) {
	j := newJudge(&netfilter.Policy{Agent: "agent"}, "", "")
	label := strings.Repeat("a", 60)
	for i := range 5000 {
		name := strings.Join([]string{label, label, label, string(rune('a' + i%26)), time.Duration(i).String()}, ".")
		var addrs []netip.Addr
		for n := range 2 {
			addrs = append(addrs, netip.AddrFrom16([16]byte{0x26, 0, byte(i >> 8), byte(i), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, byte(n + 100)}))
		}
		j.answers.Remember(name, true, addrs, addrs, time.Hour)
	}
	path := filepath.Join(t.TempDir(), "answers.json")
	if err := j.keep(path, false); err != nil {
		t.Fatal(err)
	}
	next := newJudge(&netfilter.Policy{Agent: "agent"}, "", "")
	if _, err := next.recall(path); err != nil {
		t.Fatal(err)
	}
	if got, want := len(next.answers.Keep()), len(j.answers.Keep()); got < want*9/10 {
		t.Errorf("%d of %d names are kept", got, want)
	}
}
