// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// serve runs the requests that arrive on device, one at a time, until it is killed.
func serve(device string) error {
	port, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	s := server{out: port, boot: strings.TrimSpace(string(boot))}
	for {
		// No host at the other end reads as an end of file.
		if err := lines(port, s.handle); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

type server struct {
	boot string
	last string // the ID of the request that runs, or ran last

	mu  sync.Mutex
	out io.Writer
}

func (s *server) handle(r request) {
	if r.ID == "" || r.ID == s.last || r.OtherBoot == s.boot || len(r.Argv) == 0 {
		return
	}
	s.last = r.ID
	s.answer(answer{ID: r.ID, Started: true})
	go s.run(r)
}

func (s *server) answer(a answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return send(s.out, a)
}

func (s *server) run(r request) {
	cmd := exec.Command(r.Argv[0], r.Argv[1:]...)
	cmd.Stdout = writer(func(p []byte) error { return s.answer(answer{ID: r.ID, Out: p}) })
	cmd.Stderr = writer(func(p []byte) error { return s.answer(answer{ID: r.ID, Err: p}) })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// A process that the command leaves running may hold its output open.
	cmd.WaitDelay = time.Second
	status := exitStatus(cmd.Run())
	s.answer(answer{ID: r.ID, Exit: &status})
}

// exitStatus says of a command what a shell would.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit):
		if wait, ok := exit.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
			return 128 + int(wait.Signal())
		}
		return exit.ExitCode()
	default:
		return 127
	}
}

// A writer passes on what is written to it.
type writer func([]byte) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(p) }
