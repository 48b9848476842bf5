// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/internal/fakehost"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// program returns au as a process of its own on a machine below a fresh folder.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	root := filepath.Join(t.TempDir(), "host")
	if err := newHost(root, fakehost.Config{}).Save(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{
		Path: self, Args: append([]string{"au"}, args...),
		Env: []string{"FAKE_ROOT=" + root, "HOME=" + root + "/home/alice", "PATH=" + root + "/usr/bin", "TERM=xterm"},
	}
}

// onTerminal runs cmd on a terminal of its own, and returns what it shows.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	shown, _ := io.ReadAll(terminal) // ends with EIO when nobody has it open any more
	cmd.Wait()
	return string(shown)
}

func TestColourOnATerminalOnly(t *testing.T) {
	list := func(env ...string) *exec.Cmd {
		cmd := program(t, "list")
		config := filepath.Join(strings.TrimPrefix(cmd.Env[1], "HOME="), ".config/agent-as-unix-user.toml")
		if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(config, []byte("[[agents]]\nuser_name = \"agent\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, env...)
		return cmd
	}
	const plain = "agent (default) (not on this machine)"
	if got := onTerminal(t, list()); got != "agent (\x1b[32mdefault\x1b[0m) (\x1b[31mnot on this machine\x1b[0m)\r\n" {
		t.Errorf("on a terminal au list shows %q", got)
	}
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		if got := onTerminal(t, list(env)); got != plain+"\r\n" {
			t.Errorf("with %s au list shows %q", env, got)
		}
	}
	if got, err := list().Output(); err != nil || string(got) != plain+"\n" {
		t.Errorf("in a pipe au list prints %q, %v", got, err)
	}
}

// hold locks the config that cmd will change, as another au does, and returns what lets it go.
func hold(t *testing.T, cmd *exec.Cmd) io.Closer {
	t.Helper()
	config := filepath.Join(strings.TrimPrefix(cmd.Env[1], "HOME="), ".config/agent-as-unix-user.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(config + ".lock")
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

const waits = "waiting for another au to finish with"

func TestWaitsForTheConfigWithASpinnerOnATerminal(t *testing.T) {
	cmd := program(t, "new", "-y")
	lock := hold(t, cmd)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var shown bytes.Buffer
	for buffer := make([]byte, 4096); ; {
		n, err := terminal.Read(buffer)
		if err != nil {
			break
		}
		if shown.Write(buffer[:n]); lock != nil && strings.Contains(shown.String(), waits) {
			lock.Close()
			lock = nil
		}
	}
	if err := cmd.Wait(); err != nil || lock != nil || !strings.Contains(shown.String(), "Created agent agent\r\n") {
		t.Errorf("au new while another au has the config: %v\n%s", err, &shown)
	}
}

func TestWaitsForTheConfigSilentlyInAPipe(t *testing.T) {
	cmd := program(t, "new", "-y")
	lock := hold(t, cmd)
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("au new did not wait for the config: %v\n%s", err, &printed)
	case <-time.After(500 * time.Millisecond):
	}
	lock.Close()
	if err := <-ended; err != nil || strings.Contains(printed.String(), waits) || !strings.Contains(printed.String(), "\nCreated agent agent\n") {
		t.Errorf("au new while another au had the config: %v\n%s", err, &printed)
	}
}
