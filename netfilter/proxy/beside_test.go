// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// offered is how many connections a second the flood asks for.
const offered = 10_000

// flood opens connections to where nobody may go, and shows each the hello, until
// it is killed.
func flood(helloHex string) {
	hello, err := hex.DecodeString(helloHex)
	if err != nil {
		panic(err)
	}
	at := &net.TCPAddr{IP: net.ParseIP(attackerAddr), Port: 443}
	var tried, connected atomic.Int64
	began := time.Now()
	for range 64 {
		go func() {
			for {
				n := tried.Add(1)
				time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / offered)))
				if conn, err := net.DialTCP("tcp", nil, at); err == nil {
					connected.Add(1)
					conn.Write(hello)
					conn.Close()
				}
			}
		}()
	}
	for range time.Tick(time.Second) {
		fmt.Println(tried.Load(), connected.Load())
	}
}

// TestBesideFlood is that 10,000 connections a second which are to be refused
// leave the human's own connections alone, and the daemon small and below a core.
func TestBesideFlood(t *testing.T) {
	w := needWorld(t)
	if testing.Short() || underRace {
		t.Skip("takes seconds, and measures")
	}
	daemon, _ := w.process(t, "allowed.example")
	w.knows(t, "allowed.example")
	alone := w.asHuman(t, 300)
	flooding := exec.Command(daemon.Path, "net-flood", hex.EncodeToString(helloOf(t, &tls.Config{ServerName: "attacker.example"})))
	flooding.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agentUID, Gid: agentUID}}
	var counts strings.Builder
	flooding.Stdout = &counts
	if err := startBound(flooding); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	before, began := used(t, daemon.Process.Pid), time.Now()
	beside := w.asHuman(t, 1000)
	share := float64(used(t, daemon.Process.Pid)-before) / float64(time.Since(began))
	flooding.Process.Kill()
	flooding.Wait()
	now, peak := memory(t, daemon.Process.Pid)
	t.Logf("tried and connected, second by second: %s", strings.ReplaceAll(strings.TrimSpace(counts.String()), "\n", ", "))
	t.Logf("the human's new TLS connections: median ×%.2f, 95th percentile ×%.2f of those without the flood", beside(0.5)/alone(0.5), beside(0.95)/alone(0.95))
	t.Logf("daemon: %.2f of a core, %d kB resident, at its highest %d kB", share, now, peak)
	if peak > maxMemory {
		t.Errorf("%d kB were resident, want less than %d", peak, maxMemory)
	}
	if share > 0.6 {
		t.Errorf("the daemon used %.2f of a core, want a part of one", share)
	}
	if p95 := beside(0.95); p95 > max(0.2, 5*alone(0.95)) { // on a busy machine the human waits without the flood, too
		t.Errorf("the human waits %.3f s", p95)
	}
}

// used returns the CPU time of a process so far.
func used(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		var ns time.Duration
		fmt.Sscan(string(text), &ns)
		sum += ns
	}
	return sum
}

// asHuman makes n TLS connections as the human, each of which must succeed, and
// returns the quantiles of how long they took, in seconds.
func (w *world) asHuman(t *testing.T, n int) func(q float64) float64 {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.cert)
	times := make([]float64, 0, n)
	asUser(humanUID, 1, func() {
		for range n {
			began := time.Now()
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", allowedAddr+":443", &tls.Config{ServerName: "allowed.example", RootCAs: pool})
			if err != nil {
				t.Errorf("the human's connection: %v", err)
				continue
			}
			io.WriteString(conn, get("allowed.example", ""))
			if _, err := conn.Read(make([]byte, 16)); err != nil {
				t.Errorf("the human's request: %v", err)
			}
			conn.Close()
			times = append(times, time.Since(began).Seconds())
			time.Sleep(2 * time.Millisecond)
		}
	})
	slices.Sort(times)
	return func(q float64) float64 { return times[int(q*float64(len(times)))] }
}
