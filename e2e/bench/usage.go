// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// spent returns the processor time of everything in the machine since its boot: of the services that a command calls, too.
func spent() (time.Duration, error) {
	if text, err := os.ReadFile("/sys/fs/cgroup/cpuacct/cpuacct.usage"); err == nil {
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(ns), err
	}
	text, err := os.ReadFile("/sys/fs/cgroup/cpu.stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if us, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(us), 10, 64)
			return time.Duration(n) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("no usage_usec in cpu.stat")
}

// machineCPU measures what one run of each cell costs all processes of the machine together. Services go on for a moment
// after the command has ended, so a few runs and a rest are taken as one, and what the machine uses anyway is taken off.
func (m *machine) machineCPU(cells []*cell) error {
	passes, runs, rest := 3, 10, 250*time.Millisecond
	if m.short {
		passes, runs, rest = 1, 1, 20*time.Millisecond
	}
	began := time.Now()
	for range passes {
		if time.Since(began) > patience/2 {
			break
		}
		idle, err := during(func() error { time.Sleep(4 * rest); return nil })
		if err != nil {
			return err
		}
		perSecond := float64(idle) / (4 * rest).Seconds()
		for _, c := range cells {
			start := time.Now()
			used, err := during(func() error {
				for range runs {
					if err := c.take(false); err != nil {
						return err
					}
				}
				time.Sleep(rest)
				return nil
			})
			if err != nil {
				return err
			}
			used -= time.Duration(perSecond * time.Since(start).Seconds())
			c.whole = append(c.whole, max(0, used)/time.Duration(runs))
		}
	}
	return nil
}

// during returns the processor time that the machine spent while f ran.
func during(f func() error) (time.Duration, error) {
	before, err := spent()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := spent()
	return after - before, err
}
