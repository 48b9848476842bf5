// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// blob is what goes through the terminal: lines of text that everybody may read.
const blob = "/opt/bench/blob"

// echo is a program that shows each key at once, and ends with Ctrl-C.
const echo = `stty -icanon -echo -opost; printf R; exec cat`

// terminals measures bytes a second and the way of a key and back, directly and through those who put a terminal in between.
func terminals(m *machine, f *figures) {
	line := []byte(strings.Repeat("0123456789", 8)[:79] + "\n")
	exitOn(os.WriteFile(blob, bytes.Repeat(line, m.blob/len(line)), 0o644))
	defer os.Remove(blob)
	var flow, keys []*cell
	for _, w := range [][2]string{{"directly", ""}, {"`au run`", "au run "}, {"`sudo -u carol` (`use_pty`)", "sudo -u carol "}} {
		shell := m.human(append(strings.Fields(w[1]), "sh", "-c", echo)...)
		flow = append(flow, &cell{title: w[0], cmd: onTerminal(m.says(w[1] + "cat " + blob))})
		keys = append(keys, &cell{title: w[0], cmd: onTerminal(shell)})
	}
	measure(min(m.slow, 3), alone(flow...))
	for round := range 1 + min(m.slow, 5) {
		for i := range keys {
			c := keys[(i+round)%len(keys)]
			if times := typeKeys(c.cmd, m.keys); round > 0 {
				c.costs = append(c.costs, times...)
			}
		}
	}
	var rows [][]string
	d, k := flow[0].spread(), keys[0].spread()
	for i := range flow {
		s, t := flow[i].spread(), keys[i].spread()
		rows = append(rows, []string{flow[i].title, fmt.Sprintf("%.0f", float64(m.blob)/(1<<20)/s.wall.Seconds()), times(s.wall, d.wall), times(s.cpu, d.cpu),
			us(t.wall), times(t.wall, k.wall), us(t.p95), times(t.p95, k.p95)})
	}
	f.section("A terminal in between", fmt.Sprintf("`cat` of %d MB to a terminal, from the command's start to its end. Then the time from a typed key until a "+
		"program that shows each key at once shows it.", m.blob>>20))
	table(&f.out, " | MB/s | time × directly | CPU × directly | a key, median | × directly | a key, p95 | × directly ", 1, rows,
		fmt.Sprintf("%d runs and %d keys a row", len(flow[0].costs), len(keys[0].costs)))
}

// typeKeys types on a terminal and returns how long each key took to be shown. A pause before each lets everybody go to sleep, as a
// person's does.
func typeKeys(c command, keys int) (times []cost) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, err := c.start()
	exitOn(err)
	stuck := time.AfterFunc(time.Minute, func() { exitOn(fmt.Errorf("%v: a key is not shown", c.argv)) })
	defer stuck.Stop()
	r.shows('R')
	for i := range keys {
		time.Sleep(2 * time.Millisecond)
		key, start := byte('a'+i%16), time.Now()
		r.types(key)
		r.shows(key)
		times = append(times, cost{wall: time.Since(start)})
	}
	r.types(3)
	r.drain().wait() // Ctrl-C ended it
	return times
}

func (r *running) types(key byte) {
	_, err := r.terminal.Write([]byte{key})
	exitOn(err)
}

// shows reads until the key is shown.
func (r *running) shows(key byte) {
	for buffer := make([]byte, 4096); ; {
		n, err := r.terminal.Read(buffer)
		exitOn(err)
		if slices.Contains(buffer[:n], key) {
			return
		}
	}
}
