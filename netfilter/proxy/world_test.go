// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/a4u2/au/internal/counted"
	"golang.org/x/sys/unix"
)

// The tests run in a network namespace of their own, which a second one, with
// servers in it, is the Internet of. The rules of netfilter are in the first
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
		counted.Exit(Main(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "net-flood" {
		flood(os.Args[2])
	}
	if len(os.Args) > 2 && os.Args[1] == "net-get" {
		goGet(os.Args[2])
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
	ech      []byte // the configuration of a key that the web servers have, as clients take it
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

const plainHosts = "127.0.0.1 localhost\n::1 localhost\n"

// pin adds lines to /etc/hosts until the test ends.
func (w *world) pin(t *testing.T, lines string) {
	t.Helper()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(w.dir, "hosts"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(plainHosts + lines)
	t.Cleanup(func() { write(plainHosts) })
}

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
	w.internet.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := startBound(w.internet); err != nil {
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
	if err := os.WriteFile(filepath.Join(w.dir, "hosts"), []byte(plainHosts), 0o644); err != nil {
		return err
	}
	return sh(fmt.Sprintf(`
mount --bind %[2]s /etc/resolv.conf
mount --bind %[6]s/hosts /etc/hosts
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

// startBound starts cmd, which ends with this process. A child is bound to the thread that started it (PR_SET_PDEATHSIG, prctl(2)),
// and threads end here: so one that never does starts them all.
func startBound(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	starting.Do(func() {
		go func() {
			runtime.LockOSThread()
			for start := range starts {
				start()
			}
		}()
	})
	started := make(chan error)
	starts <- func() { started <- cmd.Start() }
	return <-started
}

var (
	starts   = make(chan func())
	starting sync.Once
)

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
