// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// slow opens a response that goes on for long, and returns its reader behind the
// first line.
func (w *world) slow(t *testing.T, addr, host string) *bufio.Reader {
	t.Helper()
	conn := w.dial(t, addr)
	io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s does not answer: %v", host, err)
		}
		if line == "tick\n" {
			return r
		}
	}
}

// goesOn reports whether what r reads goes on for half a second.
func goesOn(r *bufio.Reader) bool {
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		if _, err := r.ReadString('\n'); err != nil {
			return false
		}
	}
	return true
}

// TestReload is that a new policy ends what it no longer allows, and nothing
// else; and that a bad one changes nothing and is heard of.
func TestReload(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example", "other.example", "ssh.example:22")
	for _, name := range []string{"allowed.example", "other.example", "ssh.example"} {
		w.knows(t, name)
	}
	stays := w.slow(t, allowedAddr+":80", "allowed.example")
	goes := w.slow(t, "93.184.0.11:80", "other.example")
	raw := bufio.NewReader(w.dial(t, sshAddr+":22"))
	if line, _ := raw.ReadString('\n'); line != "HELLO\n" {
		t.Fatalf("the raw connection said %q", line)
	}
	r.rules("allowed.example")
	r.reload()
	if !goesOn(stays) {
		t.Error("a connection that is still allowed was ended")
	}
	if goesOn(goes) {
		t.Error("HTTP that is no longer allowed goes on")
	}
	if _, err := raw.ReadString('\n'); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a raw connection that is no longer allowed: %v", err)
	}
	r.wantRecord("http", netfilter.NotAllowed, "other.example")

	bad := func(text string) {
		t.Helper()
		before := len(r.news("the old policy stays"))
		if err := os.WriteFile(r.path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if len(r.news("the old policy stays")) > before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("nothing is heard of the policy %.40q", text)
	}
	bad("version = 1\nnonsense")
	bad("")
	bad(strings.Repeat("# too large\n", 100_000))
	if !goesOn(stays) {
		t.Error("a bad policy ended a connection")
	}
	if out, _ := w.agent(t, "curl", "-sS", "http://allowed.example/"); !strings.Contains(out, "allowed.example at") {
		t.Errorf("after a bad policy the old one does not hold: %s", out)
	}
	r.rules("other.example")
	r.write()
	r.hup <- syscall.SIGHUP
	if goesOn(stays) {
		t.Error("after SIGHUP a connection goes on that is no longer allowed")
	}
}

// TestGrantsEnd is that a rule with a time ends by itself, and its connections
// with it.
func TestGrantsEnd(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example", "other.example", "attacker.example", "!attacker.example")
	end := time.Now().Add(3 * time.Second).Truncate(time.Second)
	r.policy.Allow[1].Until = end
	r.policy.Deny[0].From = end
	r.reload()
	w.knows(t, "allowed.example")
	w.knows(t, "other.example")
	w.knows(t, "attacker.example")
	stays := w.slow(t, allowedAddr+":80", "allowed.example")
	goes := w.slow(t, "93.184.0.11:80", "other.example")
	denied := w.slow(t, attackerAddr+":80", "attacker.example")
	time.Sleep(time.Until(end) + 100*time.Millisecond)
	if goesOn(denied) {
		t.Error("a connection goes on that a denial forbids which was suspended for a time")
	}
	if goesOn(goes) {
		t.Error("a connection outlives the grant that it was opened by")
	}
	if !goesOn(stays) {
		t.Error("a connection by another rule ended with the grant")
	}
	out, _ := w.agent(t, "curl", "-sS", "http://other.example/")
	if !strings.Contains(out, "reason: expired") || !strings.Contains(out, "au net allow --agent agent --for 2h other.example") {
		t.Errorf("after the grant: %s", out)
	}
}

// TestGrantsEndByTheClock is that the end of a grant is not left to a timer alone,
// which does not go on while the machine sleeps.
func TestGrantsEndByTheClock(t *testing.T) {
	d := newDaemon(&netfilter.Policy{Allow: []netfilter.Entry{{Until: time.Now().Add(30 * time.Minute)}}}, nil, "/dev/null", "/dev/null")
	if wait := d.untilNext(); wait > time.Minute {
		t.Errorf("the end of a grant is looked for in %v", wait)
	}
}

// TestLearning is that learning lets names through and records them, opens
// nothing inside, and ends by itself.
func TestLearning(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "!denied.example")
	r.policy.Learn = time.Now().Add(time.Hour).Truncate(time.Second)
	r.reload()
	for url, want := range map[string]string{
		"https://attacker.example/":     "attacker.example at",
		"http://allowed.example/":       "allowed.example at",
		"http://inside.example/":        "reason: private-address",
		"http://" + insideAddr + "/":    "reason: not-allowed",
		"http://denied.example/":        "reason: denied-by-rule",
		"https://allowed.example:8443/": "allowed.example:8443 at",
		"telnet://" + sshAddr + ":22":   "HELLO",
		"http://localhost:3001/":        "curl: (",
	} {
		patience := "10"
		if strings.HasPrefix(url, "telnet:") { // it goes on until then
			patience = "2"
		}
		if out, _ := w.agent(t, "curl", "-sS", "--max-time", patience, url); !strings.Contains(out, want) {
			t.Errorf("while learning, %s said: %s", url, out)
		}
	}
	r.wantRecord("tls", netfilter.Learned, "attacker.example")
	r.wantRecord("dns", netfilter.Learned, "allowed.example")
	w.agent(t, "curl", "-sS", "--max-time", "2", "telnet://ssh.example:22")
	r.wantRecord("tcp", netfilter.Learned, "ssh.example")
	end := time.Now().Add(3 * time.Second).Truncate(time.Second)
	r.policy.Learn = end
	r.reload()
	open := w.slow(t, allowedAddr+":80", "allowed.example")
	time.Sleep(time.Until(end) + 100*time.Millisecond)
	if goesOn(open) {
		t.Error("a connection outlives the learning that it was opened by")
	}
	if out, _ := w.agent(t, "curl", "-sS", "http://allowed.example/"); !strings.Contains(out, "reason: not-allowed") {
		t.Errorf("after learning: %s", out)
	}
}

// TestSameSourcePort is that two connections of the agent from one port work,
// though for the packet filter they are one once they are diverted.
func TestSameSourcePort(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example", "other.example")
	w.knows(t, "allowed.example")
	w.knows(t, "other.example")
	for _, addr := range []string{allowedAddr, "93.184.0.11"} {
		conn, err := w.dialFrom(20404, addr+":80")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		host := map[string]string{allowedAddr: "allowed.example", "93.184.0.11": "other.example"}[addr]
		io.WriteString(conn, get(host, ""))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if line != "HTTP/1.1 200 OK\r\n" || err != nil {
			t.Errorf("%s said %q, %v", host, line, err)
		}
	}
}

// dialFrom connects as the agent from a port of its choice.
func (w *world) dialFrom(port int, addr string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		syscall.RawSyscall(syscall.SYS_SETRESUID, agentUID, agentUID, agentUID)
		d := net.Dialer{
			LocalAddr: &net.TCPAddr{Port: port}, Timeout: 5 * time.Second,
			Control: func(_, _ string, c syscall.RawConn) (err error) {
				c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
				return err
			},
		}
		conn, err = d.DialContext(context.Background(), "tcp4", addr)
	}()
	<-done
	if err == nil {
		conn.SetDeadline(time.Now().Add(5 * time.Second))
	}
	return conn, err
}

// TestHoldLooksAgain is that what a policy allowed which is over by the time that
// the server is reached is not held.
func TestHoldLooksAgain(t *testing.T) {
	policy := func(text string) *netfilter.Policy {
		rule, err := netfilter.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return &netfilter.Policy{Version: netfilter.Version, Agent: "agent", Allow: []netfilter.Entry{{Rule: rule}}}
	}
	l, err := openLog("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(policy("a.idle.example"), l, "/dev/null", "/dev/null")
	held := &link{target: target{name: "a.idle.example", dst: netip.MustParseAddrPort("93.184.0.22:80")}, kind: "http", code: netfilter.Allowed}
	if !d.hold(held) {
		t.Error("what is allowed is not held")
	}
	d.release(held)
	d.judge.policy.Store(policy("other.example"))
	if d.hold(held) {
		t.Error("what is no longer allowed is held")
	}
	other := held.target
	other.name = "other.example"
	if !d.retarget(held, other) {
		t.Error("a connection is not used for another name, which is allowed")
	}
	if other.name = "a.idle.example"; d.retarget(held, other) {
		t.Error("a connection is used for another name that is no longer allowed")
	}
}
