// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// endRuns ends what somebody who was shut out runs in the agent, when that is asked for, and says so when it is not.
func (c *revokeCmd) endRuns(a *app, p csrc.Policy, who provision.User) error {
	runs := runsOf(p.UID, who.UID)
	if len(runs) == 0 && !c.Stop || c.DryRun && !c.Stop {
		return nil
	}
	stop := c.Stop
	if !stop && term.IsTerminal(0) {
		stop = a.confirm(fmt.Sprintf("What %s runs in agent %s goes on. End it? (%d)", c.Who, c.Agent, len(runs)), false) == nil
	}
	if !stop {
		fmt.Fprintf(a.out, "What %s runs in agent %s goes on until it ends. To end it: au revoke --agent %s --stop %s\n", c.Who, c.Agent, c.Agent, c.Who)
		return nil
	}
	self, err := a.host.OwnPath()
	if err != nil {
		return err
	}
	_, err = a.finish(&change{dryRun: c.DryRun, plan: planned(provision.PlanEndRuns(p, who, self))})
	return err
}

// endRunsCmd is root's part of it: the human's processes that wait for a run are another user's.
type endRunsCmd struct {
	AgentUID uint32 `name:"agent-uid" required:""`
	HumanUID uint32 `name:"human-uid" required:""`
}

func (c *endRunsCmd) Run(a *app) error {
	if os.Geteuid() != 0 {
		return errors.New("end runs: only root can")
	}
	if c.AgentUID < 1000 || c.HumanUID == 0 || c.AgentUID == c.HumanUID {
		return fmt.Errorf("end runs: want the uid of an agent and that of a human, not %d and %d", c.AgentUID, c.HumanUID)
	}
	ended := 0
	for _, run := range runsOf(c.AgentUID, c.HumanUID) {
		done, err := run.end(c.AgentUID, c.HumanUID)
		if err != nil {
			return err
		}
		ended += done
	}
	fmt.Fprintf(a.out, "# %d runs ended\n", ended)
	return nil
}

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
