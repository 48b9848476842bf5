// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// blob is what goes through the terminal: lines of text that everybody may read.
const blob = "/opt/bench/blob"

// terminals measures bytes a second and the way of a key and back, directly and through those who put a terminal in between.
func terminals(m *machine, f *figures) error {
	line := append(bytes.Repeat([]byte("0123456789"), 8)[:79], '\n')
	if err := os.WriteFile(blob, bytes.Repeat(line, m.blob/len(line)), 0o644); err != nil {
		return err
	}
	ways := []struct {
		title string
		run   []string
	}{{"directly", nil}, {"`au run`", []string{"au", "run"}}, {"`sudo -u carol` (`use_pty`)", []string{"sudo", "-u", "carol"}}}
	var flow, keys []*cell
	for _, w := range ways {
		command := func(argv ...string) command { return m.human(append(append([]string{}, w.run...), argv...)...) }
		flow = append(flow, &cell{title: w.title, cmd: onTerminal(command("cat", blob))})
		keys = append(keys, &cell{title: w.title, cmd: command(m.self, "echo")})
	}
	if err := measure(min(m.slow, 3), alone(flow...)); err != nil {
		return err
	}
	for round := range 1 + min(m.slow, 5) {
		for i := range keys {
			c := keys[(i+round)%len(keys)]
			times, err := typeKeys(c.cmd, m.keys)
			if err != nil {
				return fmt.Errorf("%s: %w", c.title, err)
			}
			if round > 0 {
				c.costs = append(c.costs, times...)
			}
		}
	}
	f.terminals(flow, keys, m.blob)
	return os.Remove(blob)
}

// typeKeys types on a terminal and returns how long each key took to be shown. A pause before each lets everybody go to sleep, as a
// person's does.
func typeKeys(c command, keys int) ([]cost, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t, err := openTerminal()
	if err != nil {
		return nil, err
	}
	defer t.close()
	pid, err := t.start(c)
	if err != nil {
		return nil, err
	}
	times, err := t.types(keys)
	if err != nil {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	t.drain()
	wait(pid)
	return times, err
}

// types types keys, and at the end the one that ends the program.
func (t *ptyPair) types(keys int) (times []cost, err error) {
	buffer := make([]byte, 4096)
	if err := t.await(buffer, 'R'); err != nil {
		return nil, err
	}
	for i := range keys {
		time.Sleep(2 * time.Millisecond)
		key := byte('a' + i%16)
		start := time.Now()
		if _, err := syscall.Write(t.master, []byte{key}); err != nil {
			return nil, err
		}
		if err := t.await(buffer, key); err != nil {
			return nil, err
		}
		times = append(times, cost{wall: time.Since(start)})
	}
	_, err = syscall.Write(t.master, []byte("q"))
	return times, err
}

// await reads until the key is shown.
func (t *ptyPair) await(buffer []byte, key byte) error {
	var seen []byte
	for {
		n, err := t.readTimeout(buffer, 10*time.Second)
		if err != nil {
			return fmt.Errorf("waiting for %q after %q: %w", key, seen, err)
		}
		if seen = append(seen, buffer[:n]...); bytes.IndexByte(buffer[:n], key) >= 0 {
			return nil
		}
	}
}
