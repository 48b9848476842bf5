// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/netfilter"
)

const (
	site     = "site.example"
	siteAddr = "93.184.0.10"
	dnsAddr  = "8.8.8.8"
)

// network measures what it costs an agent to go through the daemon.
func network(m *machine, f *figures) {
	out := root("unshare", "--net", m.self, "network", map[bool]string{true: "1", false: "25"}[m.short]).output()
	f.section("What an agent's network costs when it is restricted", "Client, daemon and servers are in network namespaces of the machine. The daemon is compared with no proxy at all, "+
		"and with Debian's squid-openssl with intercept, peek and splice, all in turn.")
	fmt.Fprintln(&f.out, strings.TrimSpace(out))
}

// A way is how a client's connections go. The first is the one without a proxy.
type way struct {
	name  string
	uid   uint32
	proxy int // its process
	ask   io.Writer
	reply *bufio.Reader
	took  map[string][][]float64 // what was measured, by key and round
}

// netRows are the lines of the table: how the samples that a client takes for a key become one number, and whether more is better.
var netRows = []struct {
	key, title string
	part       float64 // the quantile
	more       bool
}{
	{"tls_new", "new TLS connection, median", 0.5, false},
	{"tls_new", "new TLS connection, 95th percentile", 0.95, false},
	{"tls_parallel", "new TLS connections, 8 in parallel, rate", 0.5, true},
	{"tls_bulk", "TLS, 1 stream, throughput", 0.5, true},
	{"tls_upload", "TLS upload, 1 stream, throughput", 0.5, true},
	{"http_new", "new HTTP connection, median", 0.5, false},
	{"http_new", "new HTTP connection, 95th percentile", 0.95, false},
	{"http_keep", "HTTP requests on one connection, rate", 0.5, true},
	{"http_bulk", "HTTP, 1 stream, throughput", 0.5, true},
}

// benchNetwork measures in the namespace that it is in, so many rounds after one to warm up, and prints the table.
func benchNetwork(number string) error {
	rounds, err := strconv.Atoi(number)
	exitOn(err)
	dir, err := os.MkdirTemp("", "au-bench")
	exitOn(err)
	defer os.RemoveAll(dir)
	w := &wires{dir: dir}
	defer w.end()
	ways := w.ways()
	for round := range rounds + 1 {
		for n, row := range netRows {
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				if n > 0 && netRows[n-1].key == row.key {
					continue
				}
				w.measure(row.key, round > 0)
			}
		}
	}
	printNetwork(ways, rounds)
	return nil
}

// measure has the way's client do key for a moment.
func (w *way) measure(key string, counts bool) {
	fmt.Fprintln(w.ask, key)
	line, err := w.reply.ReadBytes('\n')
	exitOn(err)
	var got []float64
	exitOn(json.Unmarshal(line, &got))
	if counts {
		w.took[key] = append(w.took[key], got)
	}
}

// compared returns how much better one way is than another: the median over the rounds, each of which compares what was measured
// within a second, and between what the median lies with 95 % confidence.
func (w *way) compared(key string, part float64, more bool, against *way) (median, low, high float64) {
	var all []float64
	for i, a := range w.took[key] {
		x := quantile(a, part) / quantile(against.took[key][i], part)
		if !more {
			x = 1 / x
		}
		all = append(all, x)
	}
	slices.Sort(all)
	off := int(math.Ceil(0.98 * math.Sqrt(float64(len(all))))) // of the binomial distribution that the median's rank has
	mid := len(all) / 2
	return all[mid], all[max(0, mid-off)], all[min(len(all)-1, mid+off)]
}

// printNetwork prints the table. Higher is better in all of it; what is no better than squid is not reached.
func printNetwork(ways []*way, rounds int) {
	var rows [][]string
	for _, row := range netRows {
		direct, au := ways[0], ways[1]
		x, _, _ := au.compared(row.key, row.part, row.more, direct)
		cells := []string{row.title, fmt.Sprintf("×%.2f", x), "", ""}
		if len(ways) > 2 {
			x, _, _ := ways[2].compared(row.key, row.part, row.more, direct)
			y, low, high := au.compared(row.key, row.part, row.more, ways[2])
			cells[2], cells[3] = fmt.Sprintf("×%.2f", x), fmt.Sprintf("**×%.2f** (%.2f–%.2f)%s", y, low, high, map[bool]string{true: ", not reached"}[y < 1])
		}
		rows = append(rows, cells)
	}
	version := "none"
	if len(ways) > 2 {
		version = heardOf("/usr/sbin/squid -v | sed -n '1s/.*Version //p'")
		rows = append(rows, []string{"memory, resident at its highest", "", "", fmt.Sprintf("**×%.2f**", highest(ways[2].proxy)/highest(ways[1].proxy))})
	}
	table(os.Stdout, " | au, of direct | squid, of direct | au, of squid ", 4, rows,
		fmt.Sprintf("Times as good (×2: twice the rate, half the time, half the memory). Client, server and proxy share %d CPUs; %d turns each, compared\n"+
			"turn by turn: the median, and its 95 %% confidence interval in brackets. Linux %s, %s, squid %s, %s",
			runtime.NumCPU(), rounds, release(), runtime.Version(), version, time.Now().Format("2006-01-02")))
}

// highest returns what a process and all below it had resident at their highest, added up.
func highest(pid int) (sum float64) {
	for _, p := range family(pid) {
		sum += float64(field(p, "status", "VmHWM:"))
	}
	return sum
}

// wires are what is measured, and the processes of it.
type wires struct {
	dir     string
	started []*exec.Cmd
}

// end ends them. Not all would be ended with this process: squid has changed its user since.
func (s *wires) end() {
	for _, cmd := range s.started {
		cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
	}
	sh("ip netns del internet")
}

// start starts a program as uid, and returns its process and what asks it.
func (s *wires) start(uid uint32, argv ...string) (pid int, ask io.Writer, reply *bufio.Reader) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Stderr = os.Stderr
	ask, err := cmd.StdinPipe()
	exitOn(err)
	out, err := cmd.StdoutPipe()
	exitOn(err)
	exitOn(cmd.Start())
	s.started = append(s.started, cmd)
	return cmd.Process.Pid, ask, bufio.NewReader(out)
}

func (s *wires) path(name string) string { return filepath.Join(s.dir, name) }

// ways starts the Internet and the proxies, and a client for each way.
func (s *wires) ways() []*way {
	s.internet()
	ways := []*way{{name: "direct", uid: 61002}, {name: "au", uid: 61001}}
	s.daemon(ways[1])
	if _, err := os.Stat("/usr/sbin/squid"); err == nil {
		ways = append(ways, &way{name: "squid", uid: 61004})
		s.squid(ways[2])
	}
	for _, w := range ways {
		w.took = map[string][][]float64{}
		_, w.ask, w.reply = s.start(w.uid, s.path("bench"), "client", s.path("ca.pem"))
	}
	return ways
}

func sh(script string, words ...any) {
	out, err := exec.Command("sh", "-ec", fmt.Sprintf(script, words...)).CombinedOutput()
	if err != nil {
		exitOn(fmt.Errorf("%w: %s", err, out))
	}
}

// internet starts the servers in a namespace of their own, and the wire to it. A connection leaves its port in use for a minute:
// without tw_reuse the later ones of a run would look for one for longer than all else takes.
func (s *wires) internet() {
	sh(`
chmod 755 %[1]s; cp /proc/%[2]d/exe %[1]s/bench
ip netns add internet
ip link set lo up
sysctl -qw net.ipv4.tcp_tw_reuse=1
ip link add veth0 type veth peer name veth1 netns internet
ip addr add 198.51.100.2/24 dev veth0; ip link set veth0 up
ip netns exec internet sh -ec 'ip link set lo up; ip addr add 198.51.100.1/24 dev veth1; ip link set veth1 up
	for a in %[3]s %[4]s; do ip addr add $a/32 dev lo; done'
ip route add default via 198.51.100.1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%[5]s -addext subjectAltName=DNS:%[5]s -keyout %[1]s/key.pem -out %[1]s/ca.pem 2>/dev/null
chmod 644 %[1]s/ca.pem`, s.dir, os.Getpid(), siteAddr, dnsAddr, site)
	s.start(0, "ip", "netns", "exec", "internet", s.path("bench"), "site", s.dir)
	reachable(siteAddr + ":443")
}

func reachable(addr string) {
	for tries := 0; ; tries++ {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if tries == 200 {
			exitOn(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// daemon starts the agent's daemon, and the rules that divert its user to it.
func (s *wires) daemon(w *way) {
	p := netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: w.uid, Backend: netfilter.NFT, Proxy: 41000, DNS: 41001,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort(dnsAddr + ":53")}, Allow: []netfilter.Entry{{Rule: netfilter.Rule{Host: site}}},
	}
	text, err := p.Text()
	exitOn(err)
	exitOn(os.WriteFile(s.path("agent.toml"), []byte(text), 0o644))
	sh("mkdir -m 777 %[1]s/log; nft -f - <<'IN'\n%[2]sIN", s.dir, p.Ruleset(time.Now()))
	w.proxy, _, _ = s.start(61003, s.path("bench"), "daemon", "--policy", s.path("agent.toml"), "--log", s.path("log/net.jsonl"), "agent")
	reachable("127.0.0.1:41000")
}

// squid starts Debian's squid, and the rules that divert its user to it.
func (s *wires) squid(w *way) {
	sh(`
cat > %[1]s/squid.conf <<'IN'
http_port 127.0.0.1:3130
http_port 127.0.0.1:3128 intercept
https_port 127.0.0.1:3129 intercept ssl-bump tls-cert=%[1]s/squid.pem
sslcrtd_program /usr/lib/squid/security_file_certgen -s %[1]s/certs -M 4MB
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump splice all
http_access allow all
cache deny all
access_log none
cache_log %[1]s/cache.log
pid_filename %[1]s/squid.pid
dns_nameservers %[3]s
error_directory /usr/share/squid-langpack/templates
mime_table /usr/share/squid/mime.conf
pinger_enable off
shutdown_lifetime 1 second
cache_effective_user nobody
cache_effective_group nogroup
IN
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=squid -keyout %[1]s/squid.pem -out %[1]s/squid.crt 2>/dev/null
cat %[1]s/squid.crt >> %[1]s/squid.pem; chmod 644 %[1]s/squid.pem; chmod 777 %[1]s
/usr/lib/squid/security_file_certgen -c -s %[1]s/certs -M 4MB >/dev/null; chown -R nobody %[1]s/certs
nft -f - <<'IN'
table inet squid {
	chain divert {
		type nat hook output priority -100; policy accept;
		meta skuid %[2]d tcp dport 80 redirect to :3128
		meta skuid %[2]d tcp dport 443 redirect to :3129
	}
}
IN`, s.dir, w.uid, dnsAddr)
	w.proxy, _, _ = s.start(0, "/usr/sbin/squid", "-N", "-f", s.path("squid.conf"))
	reachable("127.0.0.1:3129")
}
