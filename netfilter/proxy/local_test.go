// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// server starts a web server as uid at addr, which says who it is, and at /slow
// goes on without an end.
func (w *world) server(t *testing.T, uid uint32, addr string, port int, who string, only6 bool) {
	t.Helper()
	script := fmt.Sprintf(`
import http.server, socket, time
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"%s")
        while self.path == "/slow":
            self.wfile.write(b"\ntick\n"); time.sleep(0.02)
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in %q else socket.AF_INET
    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, %d)
        super().server_bind()
S((%q, %d), H).serve_forever()
`, who, addr, map[bool]int{true: 1}[only6], addr, port)
	cmd := exec.Command("/usr/bin/python3", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := startBound(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	at := net.JoinHostPort(addr, fmt.Sprint(port))
	for range 100 {
		if conn, err := net.Dial("tcp", at); err == nil {
			conn.Close()
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
	t.Fatalf("the server at %s does not start", at)
}

// TestLocal is what an agent reaches on its own machine: its own servers, the
// human's where a rule opens the port, and nothing else, whatever the address.
func TestLocal(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	need(t, "/usr/bin/python3")
	r := w.start(t, "localhost:3002", "self.example", "198.51.100.0/24")
	w.server(t, agentUID, "127.0.0.1", 3000, "own", false)
	w.server(t, humanUID, "0.0.0.0", 3001, "human", false)
	w.server(t, humanUID, "0.0.0.0", 3002, "opened", false)
	w.server(t, agentUID, "::", 3003, "own6", true)
	w.server(t, humanUID, "0.0.0.0", 3003, "human4", false)
	w.server(t, agentUID, "::1", 3004, "own6", true)
	w.server(t, humanUID, "0.0.0.0", 80, "human80", false)
	cases := map[string]struct {
		url, want string
		args      []string
	}{
		"own":                  {url: "http://127.0.0.1:3000/", want: "own"},
		"own_by_name":          {url: "http://localhost:3000/", want: "own"},
		"own_by_the_other":     {url: "http://[::1]:3000/", want: "own"},
		"own6_by_the_other":    {url: "http://127.0.0.1:3004/", want: "own6"},
		"human_by_the_other":   {url: "http://[::1]:3001/", want: "localhost-port"},
		"nobody_on_another":    {url: "http://127.9.9.9:3004/", want: "curl: ("},
		"human":                {url: "http://127.0.0.1:3001/", want: "au net allow --agent agent localhost:3001"},
		"human_other_loopback": {url: "http://127.9.9.9:3001/", want: "localhost-port"},
		"human_lan_address":    {url: "http://198.51.100.2:3001/", want: "localhost-port"},
		"human_by_zero":        {url: "http://0.0.0.0:3001/", want: "localhost-port"},
		"human_mapped":         {url: "http://[::ffff:127.0.0.1]:3001/", want: "localhost-port"},
		"opened":               {url: "http://127.0.0.1:3002/", want: "opened"},
		"v6_only_is_own":       {url: "http://[::1]:3003/", want: "own6"},
		"v4_is_the_humans":     {url: "http://127.0.0.1:3003/", want: "localhost-port"},
		"name_of_own_address":  {url: "http://self.example/", want: "localhost-port"},
		"nobody":               {url: "http://127.0.0.1:3999/", want: "curl: ("},
		"own_by_proxy":         {url: "http://127.0.0.1:3000/", want: "own", args: []string{"-x", "http://127.0.0.1:41000"}},
		"human_by_proxy":       {url: "http://127.0.0.1:3001/", want: "localhost-port", args: []string{"-x", "http://127.0.0.1:41000"}},
		"human_by_connect":     {url: "http://127.0.0.1:3001/", want: "403", args: []string{"-p", "-x", "http://127.0.0.1:41000"}},
		"own_by_connect":       {url: "http://localhost:3000/", want: "own", args: []string{"-p", "-x", "http://127.0.0.1:41000"}},
		"proxy_by_connect":     {url: "http://127.0.0.1:41000/", want: "403", args: []string{"-p", "-x", "http://127.0.0.1:41000"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, _ := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8", c.url}, c.args...)...)
			if !strings.Contains(out, c.want) {
				t.Errorf("curl %s %v said:\n%s\nwant %q", c.url, c.args, out, c.want)
			}
		})
	}
	r.wantRecord("local", netfilter.Own, "")
	r.wantRecord("local", netfilter.NotLocal, "")
}

// TestOwnServerIsDenied is that a denial counts for the agent's own servers as
// well, and ends what is open to them: the one to the port that it names.
func TestOwnServerIsDenied(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	need(t, "/usr/bin/python3")
	r := w.start(t, "!localhost:3009")
	for _, port := range []int{3000, 3001} {
		w.server(t, agentUID, "127.0.0.1", port, "own", false)
	}
	goes, stays := w.slow(t, "127.0.0.1:3000", "localhost"), w.slow(t, "127.0.0.1:3001", "localhost")
	r.rules("!localhost:3000")
	r.reload()
	if goesOn(goes) {
		t.Error("a connection to the agent's own server goes on that a rule denies")
	}
	if !goesOn(stays) {
		t.Error("a connection to another server of the agent's was ended")
	}
	for url, want := range map[string]string{"http://localhost:3000/": "denied-by-rule", "http://localhost:3001/": "own"} {
		if out, _ := w.agent(t, "curl", "-sS", "--max-time", "8", url); !strings.Contains(out, want) {
			t.Errorf("curl %s said:\n%s\nwant %q", url, out, want)
		}
	}
}

// TestOthersDoNotUseThePort is that nobody but the agent goes out by what the
// agent is allowed, or writes into its log.
func TestOthersDoNotUseThePort(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	r := w.start(t, "allowed.example")
	r.openPorts()
	out, status := w.as(t, humanUID, "curl", "-sS", "-x", "http://127.0.0.1:41000", "http://allowed.example/")
	if status == 0 {
		t.Errorf("another user got through: %s", out)
	}
	for _, rec := range r.records() {
		if rec.Kind != "policy" {
			t.Errorf("another user wrote %+v into the log", rec)
		}
	}
}
