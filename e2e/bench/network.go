// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/netfilter"
	"golang.org/x/sys/unix"
)

// The one site, which /etc/hosts has.
const site, siteAddr = "site.example", "93.184.0.10"

// wiresDir has what the processes of this section need: settings, and the site's key and certificate.
const wiresDir = "/opt/bench/wires"

// The uids of the clients, whose connections go three ways, and of the daemon.
const direct, proxied, squid, daemon = 61002, 61001, 61004, 61003

// A way is what one of the clients measured, by key and round.
type way map[string][]spread

// netRows are the lines of the table, behind the key of what a client does for a moment.
var netRows = [][]string{
	{"https_new", "new TLS connection, median", "new TLS connection, 95th percentile"},
	{"https_parallel", "new TLS connections, 8 in parallel, rate"},
	{"https_bulk", "TLS, 1 stream, throughput"},
	{"https_upload", "TLS upload, 1 stream, throughput"},
	{"http_new", "new HTTP connection, median", "new HTTP connection, 95th percentile"},
	{"http_keep", "HTTP requests on one connection, rate"},
	{"http_bulk", "HTTP, 1 stream, throughput"},
}

// network measures what it costs an agent to go through the daemon, so many rounds after one to warm up.
func network(m *machine, f *figures) {
	p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: proxied, Backend: netfilter.NFT, Proxy: 41000, DNS: 41001,
		Allow: []netfilter.Entry{{Rule: netfilter.Rule{Host: site}}}}
	text, err := p.Text()
	exitOn(errors.Join(err, os.Mkdir(wiresDir, 0), os.Chmod(wiresDir, 0o777)))
	exitOn(errors.Join(os.WriteFile(wiresDir+"/agent.toml", []byte(text), 0o644), os.WriteFile(wiresDir+"/agent.nft", []byte(p.Ruleset(time.Now())), 0o644)))
	start := command{argv: []string{"bash", "-euc", wires, "sh", wiresDir, self, siteAddr, site, fmt.Sprint(squid), fmt.Sprint(daemon)}}
	defer heardOf(`for space in agent internet; do ip netns pids $space | xargs -r kill -9; ip netns del $space; done`)
	var au, other int // processes
	_, err = fmt.Sscan(start.output(), &au, &other)
	exitOn(err)
	uids, ways := []int{direct, proxied, squid}, []way{{}, {}, {}}
	for round := range m.turns + 1 {
		for _, row := range netRows {
			for i := range ways {
				w, key := (i+round)%len(ways), row[0]
				client := root(fmt.Sprintf("ip netns exec agent setpriv --reuid=%d --regid=%[1]d --clear-groups %s client %s", uids[w], self, key))
				if took := client.output(); round > 0 {
					ways[w][key] = append(ways[w][key], spreadOf(costsOf(took)))
				}
			}
		}
	}
	f.section("What an agent's network costs when it is restricted", "Client, daemon and servers are in network namespaces of the machine; client and servers are Go's net/http. The daemon is compared with no proxy at all, "+
		"and with Debian's squid-openssl with intercept, peek and splice, all in turn.")
	f.ways(ways[0], ways[1], ways[2], m.turns, highest(other)/highest(au))
}

// compared returns how much better one way is than another: the median over the rounds, each of which compares what was measured
// within a second, and between what the median lies with 95 % confidence.
func (w way) compared(key, title string, against way) (median, low, high float64) {
	var all []float64
	for i, took := range w[key] {
		other := against[key][i]
		if strings.HasSuffix(title, "95th percentile") {
			took.wall, other.wall = took.p95, other.p95
		}
		all = append(all, float64(other.wall)/float64(took.wall))
	}
	slices.Sort(all)
	off := int(math.Ceil(0.98 * math.Sqrt(float64(len(all))))) // of the binomial distribution that the median's rank has
	mid := len(all) / 2
	return all[mid], all[max(0, mid-off)], all[min(len(all)-1, mid+off)]
}

// ways writes the table. Higher is better in all of it; what is no better than squid is not reached.
func (f *figures) ways(direct, au, squid way, turns int, memory float64) {
	var rows [][]string
	for _, row := range netRows {
		for _, title := range row[1:] {
			x, _, _ := au.compared(row[0], title, direct)
			y, _, _ := squid.compared(row[0], title, direct)
			z, low, high := au.compared(row[0], title, squid)
			missed := map[bool]string{true: ", not reached"}[z < 1]
			rows = append(rows, []string{title, fmt.Sprintf("×%.2f", x), fmt.Sprintf("×%.2f", y), fmt.Sprintf("**×%.2f** (%.2f–%.2f)%s", z, low, high, missed)})
		}
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

// wires makes two namespaces, with the site in one of them, and the daemon and squid in the other, and the rules that divert to
// each the client that is its own. It prints the processes of both. A connection leaves its port in use for a minute: without
// tw_reuse the later ones of a run would look for one for longer than all else takes. The kernel forgets where a port's connection
// went before it gives the port to another: if not, the next one that has it goes the way of the one before, and is refused.
// Timestamps have no random part (2). With one, the daemon's side of a connection that is over takes the first packet of the next
// one from that port, to another server, for an old one, and the kernel sends it again two ticks later. squid has a socket for each
// port of servers, so that this client, which asks two of them, never meets that there.
const wires = `
exec 3>&1 >/dev/null
dir=$1 self=$2 site=$3 name=$4 squid=$5 daemon=$6
here() { ip netns exec agent "$@"; }
for space in agent internet; do ip netns add $space; ip -n $space link set lo up; done
mkdir -p /etc/netns/agent; echo "$site $name" >/etc/netns/agent/hosts
ip -n agent link add veth0 type veth peer name veth1 netns internet
ip -n agent addr add 198.51.100.2/24 dev veth0; ip -n agent link set veth0 up; ip -n agent route add default via 198.51.100.1
ip -n internet addr add 198.51.100.1/24 dev veth1; ip -n internet link set veth1 up
ip -n internet addr add $site/32 dev lo
here sysctl -qew net.ipv4.tcp_tw_reuse=1 net.ipv4.tcp_tw_reuse_delay=3000 net.ipv4.tcp_timestamps=2 # the delay since Linux 6.14; a second before
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$name -addext subjectAltName=DNS:$name -keyout $dir/key.pem -out $dir/ca.pem 2>/dev/null
cat $dir/key.pem $dir/ca.pem >$dir/squid.pem
/usr/lib/squid/security_file_certgen -c -s $dir/certs -M 4MB; chown -R proxy $dir/certs
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
pinger_enable off
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
ip netns exec internet $self site 3>&- &
ip netns exec agent setpriv --reuid=$daemon --regid=$daemon --clear-groups $self daemon --policy $dir/agent.toml --log $dir/net.jsonl agent 3>&- & au=$!
ip netns exec agent /usr/sbin/squid -N -f $dir/squid.conf 3>&- & other=$!
for at in $site/443 127.0.0.1/41000 127.0.0.1/3129; do
	for try in $(seq 200); do ! here bash -c "exec 4<>/dev/tcp/$at" 2>/dev/null || break; sleep 0.02; done
done
echo $au $other >&3`

// filler is as many bytes as are asked for.
type filler struct{}

func (filler) Read(p []byte) (int, error) { return len(p), nil }

// copied copies n bytes, and hides what else both sides can do, so that its buffer is used.
func copied(to io.Writer, from io.Reader, n int64) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, min(n, 256<<10)+1))
}

// serveSite serves the site until it is killed: /N is N bytes.
func serveSite() error {
	answer := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		copied(io.Discard, r.Body, r.ContentLength)
		n, _ := strconv.ParseInt(r.URL.Path[1:], 10, 64)
		rw.Header().Set("Content-Length", fmt.Sprint(n))
		copied(rw, io.LimitReader(filler{}, n), n)
	})
	go func() { exitOn(http.ListenAndServe(":80", answer)) }()
	return http.ListenAndServeTLS(":443", wiresDir+"/ca.pem", wiresDir+"/key.pem", answer)
}

// A client asks the site at url.
type client struct {
	url       string
	transport http.Transport
}

// runClient prints how long it takes for what a key stands for.
func runClient(key string) error {
	pem, err := os.ReadFile(wiresDir + "/ca.pem")
	exitOn(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	scheme, kind, _ := strings.Cut(key, "_")
	c := client{scheme + "://" + site + "/", http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, DisableKeepAlives: kind == "new" || kind == "parallel"}}
	small := func() error { return c.ask("GET", 0, 5) }
	exitOn(small()) // what is kept is connected
	switch kind {
	case "new":
		return timed(200, small)
	case "parallel":
		return timed(1, func() error { return atOnce(8, 50, small) })
	case "keep":
		return timed(1, func() error { return atOnce(1, 3000, small) })
	case "upload":
		return timed(1, func() error { return c.ask("POST", bulk, 0) })
	}
	return timed(1, func() error { return c.ask("GET", 0, bulk) })
}

// bulk is how much goes over one connection where its rate is measured.
const bulk = 96 << 20

// ask sends so many bytes, and reads so many.
func (c *client) ask(method string, up, down int64) error {
	req, err := http.NewRequest(method, fmt.Sprint(c.url, down), io.LimitReader(filler{}, up))
	exitOn(err)
	req.ContentLength = up
	resp, err := c.transport.RoundTrip(req)
	for tries := 3; errors.Is(err, unix.ECONNREFUSED) && tries > 0; tries-- { // the port of a connection that went another way
		resp, err = c.transport.RoundTrip(req)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := copied(io.Discard, resp.Body, down)
	if err == nil && (resp.StatusCode != 200 || n != down) {
		err = fmt.Errorf("status %s, %d bytes", resp.Status, n)
	}
	return err
}

// timed prints how long f took each of n times, as the worker does.
func timed(n int, f func() error) error {
	for range n {
		began := time.Now()
		if err := f(); err != nil {
			return err
		}
		fmt.Println(int64(time.Since(began)), 0)
	}
	return nil
}

// atOnce has n do f so many times.
func atOnce(n, times int, f func() error) error {
	var wait sync.WaitGroup
	failed := make([]error, n)
	for i := range n {
		wait.Go(func() {
			for done := 0; done < times && failed[i] == nil; done++ {
				failed[i] = f()
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}
