// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// as runs a command as uid, and returns what it wrote, both ways, and its status.
func (w *world) as(t testing.TB, uid uint32, argv ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
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
