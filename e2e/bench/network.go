// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
)

const (
	site     = "site.example"
	siteAddr = "93.184.0.10"
	dnsAddr  = "8.8.8.8"
)

// A way is how a client's connections go, by the uid of the client.
type way struct {
	uid  int
	took map[string][][]float64 // what was measured, by key and round
}

// The uids of the clients, and of the daemon.
const direct, proxied, squid, daemon = 61002, 61001, 61004, 61003

// netRows are the lines of the table: how the samples that a client takes for a key become one number, and whether more is better.
var netRows = []struct {
	key, title string
	part       float64 // the quantile
	more       bool
}{
	{"tls_new", "new TLS connection, median", 0.5, false},
	{"tls_new", "new TLS connection, 95th percentile", 0.95, false},
	{"tls_parallel", "new TLS connections, 8 in parallel, rate", 0.5, true},
	{"tls_bulk", "TLS, 1 stream, throughput", 0.5, false},
	{"tls_upload", "TLS upload, 1 stream, throughput", 0.5, false},
	{"http_new", "new HTTP connection, median", 0.5, false},
	{"http_new", "new HTTP connection, 95th percentile", 0.95, false},
	{"http_keep", "HTTP requests on one connection, rate", 0.5, true},
	{"http_bulk", "HTTP, 1 stream, throughput", 0.5, false},
}

// network measures what it costs an agent to go through the daemon, so many rounds after one to warm up.
func network(m *machine, f *figures) {
	dir, err := os.MkdirTemp("", "au-bench")
	exitOn(err)
	defer os.RemoveAll(dir)
	exitOn(os.Chmod(dir, 0o777))
	p := netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: proxied, Backend: netfilter.NFT, Proxy: 41000, DNS: 41001,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort(dnsAddr + ":53")}, Allow: []netfilter.Entry{{Rule: netfilter.Rule{Host: site}}},
	}
	text, err := p.Text()
	exitOn(errors.Join(err, os.WriteFile(dir+"/agent.toml", []byte(text), 0o644), os.WriteFile(dir+"/agent.nft", []byte(p.Ruleset(time.Now())), 0o644)))
	start := command{argv: []string{"bash", "-euc", wires, "sh", dir, m.self, siteAddr, dnsAddr, site, fmt.Sprint(proxied), fmt.Sprint(squid), fmt.Sprint(daemon)}}
	defer command{argv: []string{"sh", "-c", cutWires}}.once()
	var au, other int // processes
	_, err = fmt.Sscan(start.output(), &au, &other)
	exitOn(err)
	ways := []*way{{uid: direct}, {uid: proxied}, {uid: squid}}
	for round := range m.turns + 1 {
		for n, row := range netRows {
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				if n == 0 || netRows[n-1].key != row.key {
					w.measure(m, row.key, dir, round > 0)
				}
			}
		}
	}
	f.section("What an agent's network costs when it is restricted", "Client, daemon and servers are in network namespaces of the machine; client and servers are Go's net/http. The daemon is compared with no proxy at all, "+
		"and with Debian's squid-openssl with intercept, peek and splice, all in turn.")
	f.ways(ways[0], ways[1], ways[2], m.turns, highest(other)/highest(au))
}

// measure has a client do key for a moment.
func (w *way) measure(m *machine, key, dir string, counts bool) {
	said := root(fmt.Sprintf("ip netns exec agent setpriv --reuid=%d --regid=%d --clear-groups %s client %s %s/ca.pem", w.uid, w.uid, m.self, key, dir)).output()
	var got []float64
	for _, word := range strings.Fields(said) {
		var v float64
		_, err := fmt.Sscan(word, &v)
		exitOn(err)
		got = append(got, v)
	}
	if w.took == nil {
		w.took = map[string][][]float64{}
	}
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

// ways writes the table. Higher is better in all of it; what is no better than squid is not reached.
func (f *figures) ways(direct, au, squid *way, turns int, memory float64) {
	var rows [][]string
	for _, row := range netRows {
		x, _, _ := au.compared(row.key, row.part, row.more, direct)
		y, _, _ := squid.compared(row.key, row.part, row.more, direct)
		z, low, high := au.compared(row.key, row.part, row.more, squid)
		rows = append(rows, []string{row.title, fmt.Sprintf("×%.2f", x), fmt.Sprintf("×%.2f", y), fmt.Sprintf("**×%.2f** (%.2f–%.2f)%s", z, low, high, map[bool]string{true: ", not reached"}[z < 1])})
	}
	rows = append(rows, []string{"memory, resident at its highest", "", "", fmt.Sprintf("**×%.2f**", memory)})
	table(&f.out, " | au, of direct | squid, of direct | au, of squid ", 4, rows,
		fmt.Sprintf("Times as good (×2: twice the rate, half the time, half the memory). Client, server and proxy share %d CPUs; %d turns each, compared\n"+
			"turn by turn: the median, and its 95 %% confidence interval in brackets. Linux %s, %s, squid %s, %s",
			runtime.NumCPU(), turns, release(), runtime.Version(), heardOf("/usr/sbin/squid -v | sed -n '1s/.*Version //p'"), time.Now().Format("2006-01-02")))
}

// highest returns what a process and all below it had resident at their highest, added up.
func highest(pid int) (sum float64) {
	_, err := fmt.Sscan(heardOf(familyScript+fmt.Sprintf(`
		for p in $(family %d); do cat "/proc/$p/status"; done | awk '/^VmHWM:/ { n += $2 } END { print n + 0 }'`, pid)), &sum)
	exitOn(err)
	return sum
}

// wires makes two namespaces, with the servers in one of them, and the daemon and squid in the other, and the rules that divert to
// each the client that is its own. It prints the processes of both. A connection leaves its port in use for a minute: without
// tw_reuse the later ones of a run would look for one for longer than all else takes. The kernel forgets where a port's connection
// went before it gives the port to another: if not, the next one that has it goes the way of the one before, and is refused.
const wires = `
exec 3>&1 >/dev/null
dir=$1 self=$2 site=$3 dns=$4 name=$5 proxied=$6 squid=$7 daemon=$8
here() { ip netns exec agent "$@"; }
for space in agent internet; do ip netns add $space; ip -n $space link set lo up; done
ip -n agent link add veth0 type veth peer name veth1 netns internet
ip -n agent addr add 198.51.100.2/24 dev veth0; ip -n agent link set veth0 up; ip -n agent route add default via 198.51.100.1
ip -n internet addr add 198.51.100.1/24 dev veth1; ip -n internet link set veth1 up
for a in $site $dns; do ip -n internet addr add $a/32 dev lo; done
here sysctl -qw net.ipv4.tcp_tw_reuse=1
here sysctl -qew net.ipv4.tcp_tw_reuse_delay=3000 # since Linux 6.14; a second before
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$name -addext subjectAltName=DNS:$name -keyout $dir/key.pem -out $dir/ca.pem 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=squid -keyout $dir/squid.key -out $dir/squid.crt 2>/dev/null
cat $dir/squid.key $dir/squid.crt >$dir/squid.pem
chmod 644 $dir/*.pem
/usr/lib/squid/security_file_certgen -c -s $dir/certs -M 4MB; chown -R nobody $dir/certs
cat >$dir/squid.conf <<IN
http_port 127.0.0.1:3130
http_port 127.0.0.1:3128 intercept
https_port 127.0.0.1:3129 intercept ssl-bump tls-cert=$dir/squid.pem
sslcrtd_program /usr/lib/squid/security_file_certgen -s $dir/certs -M 4MB
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump splice all
http_access allow all
cache deny all
access_log none
cache_log $dir/cache.log
pid_filename $dir/squid.pid
dns_nameservers $dns
error_directory /usr/share/squid-langpack/templates
mime_table /usr/share/squid/mime.conf
pinger_enable off
shutdown_lifetime 1 second
cache_effective_user nobody
cache_effective_group nogroup
IN
here nft -f $dir/agent.nft
here nft -f - <<IN
table inet squid {
	chain divert {
		type nat hook output priority -100; policy accept;
		meta skuid $squid tcp dport 80 redirect to :3128
		meta skuid $squid tcp dport 443 redirect to :3129
	}
}
IN
for state in close close_wait fin_wait last_ack time_wait; do here sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_$state=1; done
mkdir -m 777 $dir/log
ip netns exec internet $self site $dir 3>&- &
ip netns exec agent setpriv --reuid=$daemon --regid=$daemon --clear-groups $self daemon --policy $dir/agent.toml --log $dir/log/net.jsonl agent 3>&- & au=$!
ip netns exec agent /usr/sbin/squid -N -f $dir/squid.conf 3>&- & other=$!
for at in $site/443 127.0.0.1/41000 127.0.0.1/3129; do
	for try in $(seq 200); do ! here bash -c "exec 4<>/dev/tcp/$at" 2>/dev/null || break; sleep 0.02; done
done
echo $au $other >&3`

const cutWires = `for space in agent internet; do ip netns pids $space | xargs -r kill -9; ip netns del $space; done`
