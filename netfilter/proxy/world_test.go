// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// The tests run in a network namespace of their own, which a second one, with
// servers in it, is the Internet of. The rules of netfilter stand in the first
// one. Both end with the process.

const (
	agentUID  = 61001
	humanUID  = 61002
	proxyPort = 41000
	dnsPort   = 41001
	inWorld   = "AU_TEST_NETNS"
)

var theWorld *world

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "net-daemon" {
		os.Exit(Main(os.Args[2:]))
	}
	// Fuzzing starts processes of its own, and needs no world.
	fuzzing := slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.fuzz") && !strings.HasPrefix(a, "-test.fuzzcachedir")
	})
	if fuzzing {
		os.Exit(m.Run())
	}
	if os.Geteuid() == 0 && os.Getenv(inWorld) == "" {
		if err := reexec(); err != nil {
			fmt.Fprintln(os.Stderr, "no namespaces here, tests that need them are skipped:", err)
		}
	}
	status := 1
	err := error(nil)
	if os.Getenv(inWorld) != "" {
		theWorld, err = newWorld()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the test's world:", err)
	} else {
		status = m.Run()
	}
	if theWorld != nil {
		theWorld.close()
	}
	os.Exit(status)
}

// reexec becomes this program again in new network and mount namespaces.
func reexec() error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), inWorld+"=1"))
}

func needWorld(t testing.TB) *world {
	t.Helper()
	if theWorld == nil {
		t.Skip("needs root, for network namespaces of its own")
	}
	return theWorld
}

type world struct {
	dir      string
	internet *exec.Cmd
	ca       *authority
	names    *nameServer

	mu   sync.Mutex
	hits map[string]int // "HOST ADDR" that a web server was asked for
}

// Addresses of the Internet.
const (
	dnsAddr      = "8.8.8.8"
	allowedAddr  = "93.184.0.10"
	allowedAddr6 = "2606:4700:1::10"
	attackerAddr = "93.184.0.66"
	insideAddr   = "10.77.0.5"
	sshAddr      = "93.184.0.22"
)

func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "au-net-test")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, hits: map[string]int{}}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	w.internet = exec.Command("sleep", "infinity")
	w.internet.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := w.internet.Start(); err != nil {
		return nil, err
	}
	if err := w.wire(); err != nil {
		return nil, err
	}
	return w, w.serve()
}

func (w *world) close() {
	w.internet.Process.Kill()
	w.internet.Wait()
	os.RemoveAll(w.dir)
}

// wire connects the two namespaces.
func (w *world) wire() error {
	resolv := filepath.Join(w.dir, "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver "+dnsAddr+"\noptions timeout:2 attempts:2\n"), 0o644); err != nil {
		return err
	}
	return sh(fmt.Sprintf(`
mount --bind %[2]s /etc/resolv.conf
{ cat /etc/passwd; echo 'auagent:x:%[5]d:%[5]d::%[6]s/home:/bin/sh'; } > %[6]s/passwd
mount --bind %[6]s/passwd /etc/passwd
ip link set lo up
ip link add veth0 type veth peer name veth1 netns %[1]d
sysctl -qw net.ipv6.conf.veth0.accept_dad=0 net.ipv4.ip_unprivileged_port_start=0
ip addr add 198.51.100.2/24 dev veth0; ip addr add 2606:4700:ff::2/64 dev veth0 nodad
ip link set veth0 up
nsenter -t %[1]d -n sh -e <<'IN'
ip link set lo up
ip addr add 198.51.100.1/24 dev veth1; ip addr add 2606:4700:ff::1/64 dev veth1 nodad
ip link set veth1 up
for a in %[3]s; do ip addr add $a/32 dev lo; done
for a in %[4]s 2606:4700:1::66; do ip addr add $a/128 dev lo nodad; done
IN
ip route add default via 198.51.100.1
ip -6 route add default via 2606:4700:ff::1
`, w.internet.Process.Pid, resolv,
		strings.Join([]string{dnsAddr, allowedAddr, attackerAddr, insideAddr, sshAddr, "93.184.0.11"}, " "),
		allowedAddr6, agentUID, w.dir))
}

func sh(script string) error {
	cmd := exec.Command("sh", "-ec", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// inInternet runs f on a thread that is in the second namespace: sockets that f
// opens stay there.
func (w *world) inInternet(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", w.internet.Process.Pid))
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func (w *world) listen(addr string, port int) (net.Listener, error) {
	var ln net.Listener
	err := w.inInternet(func() (err error) {
		ln, err = net.Listen("tcp", net.JoinHostPort(addr, fmt.Sprint(port)))
		return err
	})
	return ln, err
}

// hit counts that a web server was asked for host at addr.
func (w *world) hit(host, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hits[host+" "+addr]++
}

func (w *world) hitsOf(host, addr string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hits[host+" "+addr]
}

// A running daemon and what it is told.
type running struct {
	t      testing.TB
	w      *world
	policy netfilter.Policy
	path   string
	log    string
	stderr *bytes.Buffer
	hup    chan os.Signal
}

// start runs a daemon with the rules of allow, and of deny where they start with
// "!", until the test ends.
func (w *world) start(t testing.TB, rules ...string) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{
		t: t, w: w, path: filepath.Join(dir, "agent.toml"), log: filepath.Join(dir, "net.jsonl"),
		stderr: &bytes.Buffer{}, hup: make(chan os.Signal),
	}
	r.policy = w.policy()
	r.rules(rules...)
	r.write()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	c := Config{
		PolicyPath: r.path, LogPath: r.log, Reload: r.hup, Stderr: r.stderr,
		Notify: func(state string) {
			if state == "READY=1" {
				once.Do(func() { close(ready) })
			}
		},
	}
	go func() { done <- Serve(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("daemon: %v", err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(r.log)
			t.Logf("network log:\n%s\nstderr: %s", text, r.stderr)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("daemon: %v", err)
	case <-time.After(5 * time.Second):
		t.Fatal("daemon not ready")
	}
	return r
}

func (w *world) policy() netfilter.Policy {
	return netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: agentUID, Backend: netfilter.NFT, Proxy: proxyPort, DNS: dnsPort,
		Resolve: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(dnsAddr), 53)},
	}
}

// rules replaces the rules of r.
func (r *running) rules(rules ...string) {
	r.t.Helper()
	r.policy.Allow, r.policy.Deny = nil, nil
	for _, text := range rules {
		plain, deny := strings.CutPrefix(text, "!")
		rule, err := netfilter.ParseRule(plain)
		if err != nil {
			r.t.Fatal(err)
		}
		if deny {
			r.policy.Deny = append(r.policy.Deny, netfilter.Entry{Rule: rule})
		} else {
			r.policy.Allow = append(r.policy.Allow, netfilter.Entry{Rule: rule})
		}
	}
}

// write puts the policy in its file as au does, renamed into place, and loads its
// rules.
func (r *running) write() {
	r.t.Helper()
	text, err := r.policy.Text()
	if err == nil {
		err = os.WriteFile(r.path+".new", []byte(text), 0o644)
	}
	if err == nil {
		err = os.Rename(r.path+".new", r.path)
	}
	if err == nil {
		err = sh("nft -f - <<'IN'\n" + r.policy.Ruleset(time.Now()) + "IN\n")
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// records returns what the log has, after what is still being counted.
func (r *running) records() []netfilter.Record {
	r.t.Helper()
	file, err := os.Open(r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	var list []netfilter.Record
	err = netfilter.ReadRecords(file, func(rec netfilter.Record) error {
		list = append(list, rec)
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return list
}

// wantRecord fails the test unless the log has a record of this kind and code
// about name, soon.
func (r *running) wantRecord(kind string, code netfilter.Code, name string) {
	r.t.Helper()
	for range 40 {
		for _, rec := range r.records() {
			if rec.Kind == kind && rec.Code == code && rec.Name == name {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	r.t.Errorf("no record %s %s about %q in the log", kind, code, name)
}

// as runs a command as uid, and returns what it wrote, both ways, and its status.
func (w *world) as(t testing.TB, uid uint32, argv ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + w.home(t), "LANG=C.UTF-8", "GIT_TERMINAL_PROMPT=0",
		"SSL_CERT_FILE=" + w.ca.file, "NODE_EXTRA_CA_CERTS=" + w.ca.file, "CURL_CA_BUNDLE=" + w.ca.file,
		"GIT_SSL_CAINFO=" + w.ca.file, "REQUESTS_CA_BUNDLE=" + w.ca.file, "PIP_CERT=" + w.ca.file,
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (w *world) home(t testing.TB) string {
	home := filepath.Join(w.dir, "home")
	if err := os.MkdirAll(home, 0o777); err != nil {
		t.Fatal(err)
	}
	os.Chmod(home, 0o777)
	return home
}

// agent runs a command as the agent.
func (w *world) agent(t testing.TB, argv ...string) (string, int) {
	t.Helper()
	return w.as(t, agentUID, argv...)
}

// need skips the test where a program is missing.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s", program)
	}
}

// dial connects as the agent would: from a thread with its uid.
func (w *world) dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	conn, err := w.dialAs(agentUID, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (w *world) dialAs(uid int, addr string) (*net.TCPConn, error) {
	var conn net.Conn
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		// The raw call changes this thread alone; syscall.Setresuid would change all.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- errno
			return
		}
		var err error
		conn, err = net.DialTimeout("tcp", addr, 5*time.Second)
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn.(*net.TCPConn), nil
}

// knows asks the daemon's forwarder for name, as a program does before it dials.
func (w *world) knows(t testing.TB, name string) {
	t.Helper()
	if out, status := w.agent(t, "getent", "ahosts", name); status != 0 {
		t.Fatalf("getent ahosts %s ended with %d: %s", name, status, out)
	}
}

// reload writes the policy and waits until the daemon has taken it.
func (r *running) reload() {
	r.t.Helper()
	before := len(r.news("policy taken"))
	r.write()
	for range 200 {
		if len(r.news("policy taken")) > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatal("the daemon does not take a new policy")
}

// news returns the daemon's own records with this detail, as often as they stand
// for.
func (r *running) news(detail string) []netfilter.Record {
	var list []netfilter.Record
	for _, rec := range r.records() {
		if rec.Kind == "policy" && strings.HasPrefix(rec.Detail, detail) {
			list = append(list, rec)
		}
	}
	return list
}

// waitRecords waits until a record fits, and returns those that do.
func (r *running) waitRecords(fits func(netfilter.Record) bool) []netfilter.Record {
	r.t.Helper()
	for range 100 {
		var list []netfilter.Record
		for _, rec := range r.records() {
			if fits(rec) {
				list = append(list, rec)
			}
		}
		if len(list) > 0 {
			return list
		}
		time.Sleep(25 * time.Millisecond)
	}
	r.t.Error("no such record in the log")
	return nil
}
