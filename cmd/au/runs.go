// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// aRun is the process that waits for a run, as who started it, and the one that guards it, as the agent.
type aRun struct{ waiter, guard int }

// runsOf returns the runs that the human has in the agent.
func runsOf(agent, human uint32) (all []aRun) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		uid, parent := processOf(pid)
		if uid != agent || parent < 2 {
			continue
		}
		if by, _ := processOf(parent); by == human {
			all = append(all, aRun{parent, pid})
		}
	}
	return all
}

// processOf returns the real uid of a process and its parent; no process has uid 2^32-1.
func processOf(pid int) (uid uint32, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	uid = nobodyKnows
	if err != nil {
		return uid, 0
	}
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		switch {
		case len(words) > 1 && words[0] == "PPid:":
			parent, _ = strconv.Atoi(words[1])
		case len(words) > 1 && words[0] == "Uid:":
			if n, err := strconv.ParseUint(words[1], 10, 32); err == nil {
				uid = uint32(n)
			}
		}
	}
	return uid, parent
}

// end ends a run by its waiter, with which everything in it ends. The waiter is held before it is looked at again: its number may be another's by now.
func (r aRun) end(agent, human uint32) (int, error) {
	fd, err := unix.PidfdOpen(r.waiter, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end process %d: %w", r.waiter, err)
	}
	defer unix.Close(fd)
	uid, parent := processOf(r.guard)
	if by, _ := processOf(r.waiter); uid != agent || parent != r.waiter || by != human {
		return 0, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("end process %d: %w", r.waiter, err)
	}
	return 1, nil
}
