// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// passedFiles opens sockets as systemd does, and returns their files.
func passedFiles(t *testing.T, kinds ...string) (files []*os.File, ports []uint16) {
	t.Helper()
	for _, kind := range kinds {
		var f *os.File
		var addr netip.AddrPort
		network, port, _ := strings.Cut(kind, ":")
		if network == "udp" {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:"+port)))
			if err != nil {
				t.Skip(err)
			}
			f, _ = conn.File()
			addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
			conn.Close()
		} else {
			ln, err := listenTCP(netip.MustParseAddrPort("127.0.0.1:" + port))
			if err != nil {
				t.Skip(err)
			}
			f, _ = ln.File()
			addr = addrOf(ln.Addr())
			ln.Close()
		}
		files, ports = append(files, f), append(ports, addr.Port())
	}
	return files, ports
}

// TestPassed is that systemd's sockets are told apart, and those of another agent
// are not served.
func TestPassed(t *testing.T) {
	p := &netfilter.Policy{Agent: "agent", Proxy: 42000, DNS: 42001}
	files, _ := passedFiles(t, "udp:42001", "tcp:42001", "tcp:42000")
	s, err := Passed(files, p)
	if err != nil || len(s.Proxy) != 1 || len(s.DNS) != 1 || len(s.UDP) != 1 {
		t.Fatalf("%v: %+v", err, s)
	}
	if port := addrOf(s.Proxy[0].Addr()).Port(); port != 42000 {
		t.Errorf("the proxy listens on %d", port)
	}
	s.Close()
	for name, kinds := range map[string][]string{
		"other_port": {"udp:42001", "tcp:42001", "tcp:42000", "tcp:42005"}, "other_udp": {"udp:42000", "tcp:42001", "tcp:42000"},
		"one_missing": {"tcp:42001", "tcp:42000"},
	} {
		files, _ := passedFiles(t, kinds...)
		if s, err := Passed(files, p); err == nil {
			t.Errorf("%s: taken as %+v", name, s)
		}
		if s, err := Listen(p); err != nil {
			t.Errorf("%s: something is still open: %v", name, err)
		} else {
			s.Close()
		}
	}
}

// TestWatch is that a file is noticed however it comes, and others are not.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "agent.toml")
	changed := make(chan struct{}, 1)
	if err := watch(t.Context(), path, changed); err != nil {
		t.Fatal(err)
	}
	seen := func() bool {
		select {
		case <-changed:
			return true
		case <-time.After(300 * time.Millisecond):
			return false
		}
	}
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("agent.toml")
	if !seen() {
		t.Error("a written file is not noticed")
	}
	write("other.toml")
	if seen() {
		t.Error("another file is")
	}
	if err := os.Rename(filepath.Join(dir, "other.toml"), path); err != nil {
		t.Fatal(err)
	}
	if !seen() {
		t.Error("a file that is renamed into place is not noticed")
	}
}

// TestStartsClosed is that without a good policy, or a log, nothing is served.
func TestStartsClosed(t *testing.T) {
	dir := t.TempDir()
	good := "version = 1\nagent = 'agent'\nuid = 61001\nbackend = 'nft'\nproxy-port = 42000\ndns-port = 42001\ndns = ['8.8.8.8:53']\n"
	for name, c := range map[string]struct{ policy, log, want string }{
		"missing":     {"", dir + "/log", "no such file"},
		"bad":         {"version = 2", dir + "/log", "version 2"},
		"no_log":      {good, dir + "/missing/log", "network log"},
		"human_proxy": {"version = 1\nagent = 'agent'\nuid = 61001\nbackend = 'nft'\ndns = ['8.8.8.8:53']\n[human-proxy]\nhttp = 1\nhttps = 2\n", dir + "/log", "human's own proxy"},
	} {
		path := filepath.Join(dir, name)
		if c.policy != "" {
			if err := os.WriteFile(path, []byte(c.policy), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := Serve(t.Context(), Config{PolicyPath: path, LogPath: c.log, Stderr: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if status := Main([]string{"--nonsense"}); status != 2 {
		t.Errorf("wrong usage ends with %d", status)
	}
}
