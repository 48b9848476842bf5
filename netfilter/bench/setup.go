// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/netfilter"
)

// A setup is the machine and its Internet, and what runs in them.
type setup struct {
	dir     string
	program string
	started []*exec.Cmd
}

func (s *setup) end() {
	for _, cmd := range s.started {
		cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
	}
}

func (s *setup) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	s.started = append(s.started, cmd)
	return nil
}

func sh(script string) error {
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// internet starts the servers in a second namespace, and the wire to it.
func (s *setup) internet() error {
	s.program = filepath.Join(s.dir, "bench")
	if err := sh(fmt.Sprintf("cp /proc/%d/exe %s && chmod 755 %s", os.Getpid(), s.program, s.program)); err != nil {
		return err
	}
	cmd := exec.Command(s.program, "internet", filepath.Join(s.dir, "ca.pem"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := s.start(cmd); err != nil {
		return err
	}
	// A connection leaves its port in use for a minute: without tw_reuse the later ones of a run would look for one
	// for longer than all else takes, and pay for what others left.
	err := sh(fmt.Sprintf(`
ip link set lo up
sysctl -qw net.ipv4.tcp_tw_reuse=1
ip link add veth0 type veth peer name veth1 netns %[1]d
ip addr add 198.51.100.2/24 dev veth0; ip link set veth0 up
nsenter -t %[1]d -n sh -ec 'ip link set lo up; ip addr add 198.51.100.1/24 dev veth1; ip link set veth1 up
	for a in %[2]s %[3]s; do ip addr add $a/32 dev lo; done'
ip route add default via 198.51.100.1`, cmd.Process.Pid, siteAddr, dnsAddr))
	if err != nil {
		return err
	}
	return reachable(siteAddr + ":443")
}

func reachable(addr string) error {
	var err error
	for range 200 {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", addr, time.Second); err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// daemon starts program's daemon for agent, and the rules that divert uid to it.
// It listens at port and the next.
func (s *setup) daemon(program, agent string, uid uint32, port uint16) (int, error) {
	rule, err := netfilter.ParseRule(site)
	if err != nil {
		return 0, err
	}
	p := netfilter.Policy{
		Version: netfilter.Version, Agent: agent, UID: uid, Backend: netfilter.NFT, Proxy: port, DNS: port + 1,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort(dnsAddr + ":53")}, Allow: []netfilter.Entry{{Rule: rule}},
	}
	text, err := p.Text()
	if err != nil {
		return 0, err
	}
	path := filepath.Join(s.dir, agent+".toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return 0, err
	}
	if err := sh("nft -f - <<'IN'\n" + p.Ruleset(time.Now()) + "IN\n"); err != nil {
		return 0, err
	}
	logs := filepath.Join(s.dir, agent)
	if err := os.Mkdir(logs, 0o777); err != nil {
		return 0, err
	}
	os.Chmod(logs, 0o777)
	cmd := exec.Command(program, "daemon", "--policy", path, "--log", filepath.Join(logs, "net.jsonl"), agent)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61003, Gid: 61003}}
	if err := s.start(cmd); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, reachable(fmt.Sprintf("127.0.0.1:%d", port))
}

// squid starts the squid that is unpacked at root, and the rules that divert its
// user to it.
func (s *setup) squid(unpacked, more string) (int, error) {
	// Squid has its paths compiled in: it is laid over /usr, in this mount namespace alone.
	if err := sh("mount -t overlay squid -o lowerdir=" + unpacked + "/usr:/usr /usr"); err != nil {
		return 0, err
	}
	conf := filepath.Join(s.dir, "squid.conf")
	text := fmt.Sprintf(`
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
dns_nameservers %[2]s
error_directory /usr/share/squid-langpack/templates
mime_table /usr/share/squid/mime.conf
pinger_enable off
shutdown_lifetime 1 second
cache_effective_user nobody
cache_effective_group nogroup
%[3]s
`, s.dir, dnsAddr, more)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return 0, err
	}
	err := sh(fmt.Sprintf(`
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
IN`, s.dir, squidUID))
	if err != nil {
		return 0, err
	}
	cmd := exec.Command("/usr/sbin/squid", "-N", "-f", conf)
	if err := s.start(cmd); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, reachable("127.0.0.1:3129")
}

// family returns pid and its children, which helpers of squid's are.
func family(pid int) []int {
	pids := []int{pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return pids
	}
	for _, word := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(word); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// memory returns the sum of what pids had resident at their highest, in MB.
func memory(pids []int) float64 {
	sum := 0.0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "VmHWM:" {
				kb, _ := strconv.ParseFloat(words[1], 64)
				sum += kb / 1024
			}
		}
	}
	return sum
}
