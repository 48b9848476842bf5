// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// daemonUID is a user with nothing: no group, no capability.
const daemonUID = 61003

// process starts a daemon as a process of its own, under a user of its own, and
// returns it and its log.
func (w *world) process(t testing.TB, rules ...string) (*exec.Cmd, *running) {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, w: w, path: filepath.Join(dir, "agent.toml"), log: filepath.Join(dir, "net.jsonl")}
	r.policy = w.policy()
	r.rules(rules...)
	r.write()
	for d := dir; d != "/tmp"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(w.dir, "daemon")
	if err := sh("cp /proc/" + strconv.Itoa(os.Getpid()) + "/exe " + program + ".new && chmod 755 " + program + ".new && mv " + program + ".new " + program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "net-daemon", "--policy", r.path, "--log", r.log, "agent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: daemonUID, Gid: daemonUID}}
	cmd.Stderr = os.Stderr
	if err := startBound(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	for range 1000 {
		if text, _ := os.ReadFile(r.log); strings.Contains(string(text), `"started"`) {
			return cmd, r
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the daemon does not listen")
	return nil, nil
}

// memory returns the resident size of a process now and at its highest, in kB.
func memory(t testing.TB, pid int) (now, peak int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	if underRace {
		t.Log("memory says nothing under the race detector")
		return 0, 0
	}
	field := func(name string) int {
		m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return field("VmRSS"), field("VmHWM")
}

const maxMemory = 25 << 10 // kB

// asAgent runs f on n threads of the agent.
func asAgent(n int, f func()) { asUser(agentUID, n, f) }

func asUser(uid uintptr, n int, f func()) {
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			syscall.RawSyscall(syscall.SYS_SETRESUID, uid, uid, uid)
			f()
		})
	}
	wait.Wait()
}

// TestFlood is that 10,000 refused connections and as many refused questions cost
// neither memory nor disk, lose no refusal that is told, and leave room for what
// is allowed.
func TestFlood(t *testing.T) {
	w := needWorld(t)
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cmd, r := w.process(t, "allowed.example")
	hello := helloOf(t, &tls.Config{ServerName: "attacker.example"})
	var left, refused atomic.Int64
	left.Store(10_000)
	began := time.Now()
	asAgent(8, func() {
		got := make([]byte, 16)
		for left.Add(-1) >= 0 {
			conn, err := net.DialTimeout("tcp", attackerAddr+":443", 10*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			conn.Write(hello)
			if n, _ := conn.Read(got); n == 7 && got[6] == alertAccessDenied {
				refused.Add(1)
			}
			conn.Close()
		}
	})
	took := time.Since(began)
	t.Logf("%d refused connections in %v, %.0f a second", refused.Load(), took.Round(time.Millisecond), float64(refused.Load())/took.Seconds())
	if least := (10_000 - refuseBurst) / refuseRate * time.Second; took < least {
		t.Errorf("10,000 refusals took %v, want %v or more", took, least)
	}
	if refused.Load() != 10_000 {
		t.Errorf("%d of 10000 connections were told why", refused.Load())
	}
	w.askFlood(t, 10_000)
	now, peak := memory(t, cmd.Process.Pid)
	t.Logf("resident: %d kB, at its highest %d kB", now, peak)
	if peak > maxMemory {
		t.Errorf("%d kB were resident, want less than %d", peak, maxMemory)
	}
	if info, err := os.Stat(r.log); err != nil || info.Size() > 1<<20 {
		t.Errorf("the log: %v, %d bytes", err, info.Size())
	}
	if out, _ := w.agent(t, "curl", "-sS", "https://allowed.example/"); !strings.Contains(out, "allowed.example at") {
		t.Errorf("after the flood: %s", out)
	}
	if w.names.askedFor("flood-1.example") {
		t.Error("a refused question went to the name server")
	}
}

// askFlood asks for n refused names as the agent, each another one.
func (w *world) askFlood(t *testing.T, n int) {
	t.Helper()
	answered := 0
	asking(t, func(conn net.Conn) {
		buf := make([]byte, 1500)
		for i := range n {
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			conn.Write(question(fmt.Sprintf("flood-%d.example", i)))
			if _, err := conn.Read(buf); err == nil {
				answered++
			}
		}
	})
	if answered < n*99/100 {
		t.Errorf("%d of %d refused questions were answered", answered, n)
	}
}

// asking calls f as the agent, with a socket for questions to the name server.
func asking(t *testing.T, f func(net.Conn)) {
	t.Helper()
	asAgent(1, func() {
		conn, err := net.Dial("udp", dnsAddr+":53")
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		f(conn)
	})
}

// question packs a question for the IPv4 address of name.
func question(name string) []byte {
	msg := []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		msg = append(append(msg, byte(len(label))), label...)
	}
	return append(msg, 0, 0, 1, 0, 1)
}

// hold opens n connections as the agent, calls each with them, and keeps them
// until the test ends.
func (w *world) hold(t *testing.T, n int, addr func(int) string, each func(int, net.Conn)) {
	t.Helper()
	raise(t, 8192)
	asAgent(1, func() {
		for i := range n {
			conn, err := net.DialTimeout("tcp", addr(i), 10*time.Second)
			if err != nil {
				t.Errorf("connection %d: %v", i, err)
				return
			}
			t.Cleanup(func() { conn.Close() })
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			each(i, conn)
		}
	})
}

// TestManyOpen is that as many connections as are taken at once fit into the
// memory, that more are refused, and that those that show nothing take nobody
// else's place.
func TestManyOpen(t *testing.T) {
	w := needWorld(t)
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cmd, _ := w.process(t, "allowed.example")
	w.knows(t, "allowed.example")
	refused := 0
	w.hold(t, maxOpen+100, func(int) string { return allowedAddr + ":80" }, func(i int, conn net.Conn) {
		io.WriteString(conn, get("allowed.example", ""))
		resp, err := bufio.NewReaderSize(conn, 512).ReadString('\n')
		switch {
		case strings.Contains(resp, " 503 "):
			refused++
		case !strings.Contains(resp, " 200 "):
			t.Errorf("connection %d: %q, %v", i, resp, err)
		}
	})
	now, peak := memory(t, cmd.Process.Pid)
	t.Logf("%d open, %d refused; resident: %d kB, at its highest %d kB", maxOpen+100-refused, refused, now, peak)
	if peak > maxMemory {
		t.Errorf("%d kB were resident, want less than %d", peak, maxMemory)
	}
	if refused < 90 {
		t.Errorf("%d of 100 connections too many were refused", refused)
	}
}

// raise lets this process open n files.
func raise(t *testing.T, n uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: n, Max: n}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip("needs more open files: ", err)
	}
}

// TestManyRelayed is TestManyOpen for connections that are passed on as they are.
func TestManyRelayed(t *testing.T) {
	w := needWorld(t)
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cmd, _ := w.process(t, "allowed.example")
	w.knows(t, "allowed.example")
	hello := helloOf(t, &tls.Config{ServerName: "allowed.example"})
	answered := 0
	w.hold(t, maxOpen, func(int) string { return allowedAddr + ":443" }, func(_ int, conn net.Conn) {
		conn.Write(hello)
		if n, _ := conn.Read(make([]byte, 16)); n > 0 {
			answered++
		}
	})
	now, peak := memory(t, cmd.Process.Pid)
	t.Logf("%d open and answered; resident: %d kB, at its highest %d kB", answered, now, peak)
	if peak > maxMemory || answered != maxOpen {
		t.Errorf("%d kB were resident for %d connections, want less than %d for %d", peak, answered, maxMemory, maxOpen)
	}
}

// TestSlowlyLarge is that heads and hellos which never end, as many and as large
// as are taken, leave the process within what its unit allows, and cost those who
// come later a wait and no more.
func TestSlowlyLarge(t *testing.T) {
	w := needWorld(t)
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cmd, _ := w.process(t, "allowed.example")
	w.knows(t, "allowed.example")
	hello := fragment(append([]byte{22, 3, 1, 0, 0, 1, 0, 0xff, 0xff, 3, 3}, make([]byte, 20_000)...), 250)
	head := get("allowed.example", "")[:20] + strings.Repeat("X: y\r\n", 10) + strings.Repeat("x", 31_000)
	const n = maxUndecided - 20
	w.hold(t, n, func(i int) string { return allowedAddr + []string{":443", ":80"}[i%2] }, func(i int, conn net.Conn) {
		if i%2 == 0 {
			conn.Write(hello)
		} else {
			io.WriteString(conn, head)
		}
	})
	time.Sleep(300 * time.Millisecond)
	now, peak := memory(t, cmd.Process.Pid)
	t.Logf("%d unfinished ones; resident: %d kB, at its highest %d kB", n, now, peak)
	if peak > maxMemory {
		t.Errorf("%d kB were resident", peak)
	}
	if out, _ := w.agent(t, "curl", "-sS", "https://allowed.example/"); !strings.Contains(out, "allowed.example at") {
		t.Errorf("beside them: %s", out)
	}
}

// TestRoom is that no more than maxLarge connections have room for large heads at
// once, and that who waits gets the next.
func TestRoom(t *testing.T) {
	d := newDaemon(&netfilter.Policy{}, &log{}, "/dev/null", "/dev/null")
	first := &session{d: d}
	for i := range maxLarge {
		s := first
		if i > 0 {
			s = &session{d: d}
		}
		for range 2 { // asked twice is as once
			if err := s.room(); err != nil {
				t.Fatalf("connection %d has no room: %v", i, err)
			}
		}
	}
	got := make(chan error, 1)
	go func() { got <- (&session{d: d}).room() }()
	select {
	case err := <-got:
		t.Fatalf("one too many: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	first.leaveRoom()
	first.leaveRoom()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
