// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// noAnswer is the exit status when it is the machine that failed, and not the command.
const noAnswer = 125

// run sends r to the machine behind socket and returns the command's exit status.
func run(socket string, r request, within time.Duration) (int, error) {
	r.ID = rand.Text()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return noAnswer, err
	}
	defer conn.Close()
	return talk(conn, r, within, os.Stdout, os.Stderr)
}

func talk(conn io.ReadWriter, r request, within time.Duration, out, errOut io.Writer) (int, error) {
	answers, ended := make(chan answer), make(chan error, 1)
	go func() { ended <- lines(conn, func(a answer) { answers <- a }) }()
	deadline, again := time.After(within), time.NewTicker(2*time.Second)
	defer again.Stop()
	if err := send(conn, r); err != nil {
		return noAnswer, err
	}
	for {
		select {
		case a := <-answers:
			if a.ID != r.ID {
				continue
			}
			again.Stop()
			deadline = nil
			if status, err := pass(a, out, errOut); status != nil || err != nil {
				return *status, err
			}
		case err := <-ended:
			return noAnswer, fmt.Errorf("the machine is gone: %w", err)
		case <-again.C:
			if err := send(conn, r); err != nil {
				return noAnswer, err
			}
		case <-deadline:
			return noAnswer, errors.New("the machine does not answer")
		}
	}
}

// pass writes what a holds to out and errOut; the status is nil until the command has ended.
func pass(a answer, out, errOut io.Writer) (*int, error) {
	failed := noAnswer
	if _, err := out.Write(a.Out); err != nil {
		return &failed, err
	}
	if _, err := errOut.Write(a.Err); err != nil {
		return &failed, err
	}
	return a.Exit, nil
}

// monitor writes in to socket and what comes back to out, until the other side hangs up.
func monitor(socket string, in io.Reader, out io.Writer) (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return noAnswer, err
	}
	defer conn.Close()
	if _, err := io.Copy(conn, in); err != nil {
		return noAnswer, err
	}
	if _, err := io.Copy(out, conn); err != nil {
		return noAnswer, err
	}
	return 0, nil
}
