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
func network(m *machine, f *figures) error {
	cmd := exec.Command(m.self, "network", map[bool]string{true: "1", false: "25"}[m.short])
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("network: %w: %s", err, tail(words.String()))
	}
	f.section("What an agent's network costs when it is restricted", "Client, daemon and servers in network namespaces of the machine, the daemon beside no proxy at all "+
		"and beside Debian's squid-openssl with intercept, peek and splice, all in turn.")
	f.text(string(out))
	return nil
}

// A way is how a client's connections go. The first is the one without a proxy.
type way struct {
	name  string
	uid   uint32
	proxy int // its process
	ask   io.Writer
	reply *bufio.Reader
}

// A netRow is a line of the table: how the samples that a client takes for key become one number, and whether more is better.
type netRow struct {
	key, title string
	part       float64 // the quantile
	more       bool
}

var netRows = []netRow{
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

// samples are what was measured, by key, way and round.
type samples map[string]map[string][][]float64

// benchNetwork measures in the namespace that it is in, rounds times after one to warm up, and prints the table.
func benchNetwork(rounds int) error {
	dir, err := os.MkdirTemp("", "au-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := &wires{dir: dir}
	defer w.end()
	ways, err := w.ways()
	if err != nil {
		return err
	}
	all := samples{}
	for round := range rounds + 1 {
		for n, row := range netRows {
			if n > 0 && netRows[n-1].key == row.key {
				continue
			}
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				got, err := w.measure(row.key)
				if err != nil {
					return fmt.Errorf("%s by %s: %w", row.key, w.name, err)
				}
				if all[row.key] == nil {
					all[row.key] = map[string][][]float64{}
				}
				if round > 0 {
					all[row.key][w.name] = append(all[row.key][w.name], got)
				}
			}
		}
	}
	all.print(ways, rounds)
	return nil
}

// measure has the way's client do key for a moment.
func (w *way) measure(key string) (got []float64, err error) {
	if _, err := fmt.Fprintln(w.ask, key); err != nil {
		return nil, err
	}
	line, err := w.reply.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return got, json.Unmarshal(line, &got)
}

// compared returns how much better one way is than another: the median over the rounds, each of which compares what was measured within a
// second, and between what the median lies with 95 % confidence.
func (s samples) compared(row netRow, way, against string) (median, low, high float64) {
	var all []float64
	for i, a := range s[row.key][way] {
		x := quantile(a, row.part) / quantile(s[row.key][against][i], row.part)
		if !row.more {
			x = 1 / x
		}
		all = append(all, x)
	}
	slices.Sort(all)
	off := int(math.Ceil(0.98 * math.Sqrt(float64(len(all))))) // of the binomial distribution that the median's rank has
	mid := len(all) / 2
	return all[mid], all[max(0, mid-off)], all[min(len(all)-1, mid+off)]
}

// print prints the table. Higher is better in all of it; what is no better than squid is not reached.
func (s samples) print(ways []*way, rounds int) {
	fmt.Print("| | au, of direct | squid, of direct | au, of squid |\n|---|---|---|---|\n")
	for _, row := range netRows {
		au, _, _ := s.compared(row, "au", "direct")
		squid, beside := "", ""
		if len(ways) > 2 {
			x, _, _ := s.compared(row, "squid", "direct")
			squid = fmt.Sprintf("×%.2f", x)
			x, low, high := s.compared(row, "au", "squid")
			beside = fmt.Sprintf("**×%.2f** (%.2f–%.2f)%s", x, low, high, map[bool]string{true: ", not reached"}[x < 1])
		}
		fmt.Printf("| %s | ×%.2f | %s | %s |\n", row.title, au, squid, beside)
	}
	version := "none"
	if len(ways) > 2 {
		out, _ := exec.Command("/usr/sbin/squid", "-v").Output()
		first, _, _ := strings.Cut(string(out), "\n")
		_, version, _ = strings.Cut(first, "Version ")
		fmt.Printf("| memory, resident at its highest | | | **×%.2f** |\n", highest(ways[2].proxy)/highest(ways[1].proxy))
	}
	fmt.Printf("\nTimes as good (×2: twice the rate, half the time, half the memory). Client, server and proxy share %d CPUs; %d turns each, compared\n"+
		"turn by turn: the median, and its 95 %% confidence interval in brackets. Linux %s, %s, squid %s, %s.\n",
		runtime.NumCPU(), rounds, release(), runtime.Version(), version, time.Now().Format("2006-01-02"))
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
}

// start starts a program as uid, in a network namespace of its own where apart says so, and returns its process.
func (s *wires) start(cmd *exec.Cmd, uid uint32, apart bool) (int, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if apart {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	s.started = append(s.started, cmd)
	return cmd.Process.Pid, nil
}

func (s *wires) path(name string) string { return filepath.Join(s.dir, name) }

// ways starts the Internet and the proxies, and a client for each way.
func (s *wires) ways() ([]*way, error) {
	if err := s.internet(); err != nil {
		return nil, err
	}
	ways := []*way{{name: "direct", uid: 61002}, {name: "au", uid: 61001}}
	if err := s.daemon(ways[1]); err != nil {
		return nil, err
	}
	if _, err := os.Stat("/usr/sbin/squid"); err == nil {
		ways = append(ways, &way{name: "squid", uid: 61004})
		if err := s.squid(ways[2]); err != nil {
			return nil, err
		}
	}
	for _, w := range ways {
		cmd := exec.Command(s.path("bench"), "client", s.path("ca.pem"))
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		w.ask, w.reply = in, bufio.NewReader(out)
		if _, err := s.start(cmd, w.uid, false); err != nil {
			return nil, err
		}
	}
	return ways, nil
}

func sh(script string, words ...any) error {
	out, err := exec.Command("sh", "-ec", fmt.Sprintf(script, words...)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// internet starts the servers in a namespace of their own, and the wire to it. A connection leaves its port in use for a minute: without
// tw_reuse the later ones of a run would look for one for longer than all else takes.
func (s *wires) internet() error {
	if err := sh("chmod 755 %[1]s; cp /proc/%[2]d/exe %[1]s/bench", s.dir, os.Getpid()); err != nil {
		return err
	}
	pid, err := s.start(exec.Command(s.path("bench"), "site", s.path("ca.pem")), 0, true)
	if err != nil {
		return err
	}
	err = sh(`
ip link set lo up
sysctl -qw net.ipv4.tcp_tw_reuse=1
ip link add veth0 type veth peer name veth1 netns %[1]d
ip addr add 198.51.100.2/24 dev veth0; ip link set veth0 up
nsenter -t %[1]d -n sh -ec 'ip link set lo up; ip addr add 198.51.100.1/24 dev veth1; ip link set veth1 up
	for a in %[2]s %[3]s; do ip addr add $a/32 dev lo; done'
ip route add default via 198.51.100.1`, pid, siteAddr, dnsAddr)
	if err != nil {
		return err
	}
	return reachable(siteAddr + ":443")
}

func reachable(addr string) (err error) {
	for range 200 {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", addr, time.Second); err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// daemon starts the agent's daemon, and the rules that divert its user to it.
func (s *wires) daemon(w *way) (err error) {
	p := netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: w.uid, Backend: netfilter.NFT, Proxy: 41000, DNS: 41001,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort(dnsAddr + ":53")}, Allow: []netfilter.Entry{{Rule: netfilter.Rule{Host: site}}},
	}
	text, err := p.Text()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("agent.toml"), []byte(text), 0o644); err != nil {
		return err
	}
	if err := sh("mkdir -m 777 %[1]s/log; nft -f - <<'IN'\n%[2]sIN", s.dir, p.Ruleset(time.Now())); err != nil {
		return err
	}
	cmd := exec.Command(s.path("bench"), "daemon", "--policy", s.path("agent.toml"), "--log", s.path("log/net.jsonl"), "agent")
	if w.proxy, err = s.start(cmd, 61003, false); err != nil {
		return err
	}
	return reachable("127.0.0.1:41000")
}

// squid starts Debian's squid, and the rules that divert its user to it.
func (s *wires) squid(w *way) error {
	err := sh(`
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
	if err != nil {
		return err
	}
	if w.proxy, err = s.start(exec.Command("/usr/sbin/squid", "-N", "-f", s.path("squid.conf")), 0, false); err != nil {
		return err
	}
	return reachable("127.0.0.1:3129")
}
