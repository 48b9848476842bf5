// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// A series is what one program takes, for each number of something.
type series struct {
	title string
	at    []int
	cells []*cell
}

// quickest returns the quickest tenth at each number, in milliseconds: what is left of a curve's noise on a busy machine.
func (s series) quickest() []float64 {
	var all []float64
	for _, c := range s.cells {
		all = append(all, float64(c.spread().p10)/1e6)
	}
	return all
}

// growth measures how the cost of a run grows with shares, agents, and runs at once.
func growth(m *machine, f *figures) error {
	f.section("How cost grows", "Each plot is of the quickest tenth; a straight line is a cost that grows as the work does. \"The last half\" is what one more costs on average in the upper half "+
		"of the range, \"the first half\" in the lower: nothing may grow faster than its work, so the quotient may not be much above 1.")
	for _, part := range []func(*machine, *figures) error{growShares, growAgents, growParallel} {
		if err := part(m, f); err != nil {
			return err
		}
	}
	return nil
}

func growShares(m *machine, f *figures) error {
	readOnly, writable := series{title: "au run, read-only shares", at: m.shares}, series{title: "au run, writable shares", at: m.shares}
	var cells []*cell
	for _, n := range m.shares {
		for _, s := range []*series{&readOnly, &writable} {
			shares, err := m.sharesOf(n, s == &readOnly)
			if err != nil {
				return err
			}
			c, err := m.runWith(fmt.Sprintf("%d shares", n), shares)
			if err != nil {
				return err
			}
			s.cells, cells = append(s.cells, c), append(cells, c)
		}
	}
	if err := measure(max(1, m.rounds/3), alone(cells...)); err != nil {
		return err
	}
	return f.plot("shares", "`au run true` by the number of shares", "shares", "ms a run", readOnly, writable)
}

func growAgents(m *machine, f *figures) error {
	all := []series{{title: "au run", at: m.agents}, {title: "au list", at: m.agents}, {title: "au mount list", at: m.agents}}
	words := [][]string{{"run", "true"}, {"list"}, {"mount", "list"}}
	var cells []*cell
	for _, n := range m.agents {
		home, err := m.homeWith(nil, n-1, 2)
		if err != nil {
			return err
		}
		for i := range all {
			c := &cell{title: fmt.Sprintf("%d agents", n), cmd: m.at(home, append([]string{"au"}, words[i]...)...)}
			if words[i][0] == "mount" {
				c.cmd = m.human(append([]string{"au", "-C", home + configName}, words[i]...)...)
			}
			all[i].cells, cells = append(all[i].cells, c), append(cells, c)
		}
	}
	if err := measure(max(1, m.rounds/3), alone(cells...)); err != nil {
		return err
	}
	return f.plot("agents", "Commands by the number of agents in the config, two shares each", "agents", "ms a command", all...)
}

func growParallel(m *machine, f *figures) error {
	all := []series{{title: "au run", at: m.parallel}, {title: "bubblewrap", at: m.parallel}, {title: "sudo -u", at: m.parallel}}
	starts := []command{m.human("au", "run", "true"), {argv: append(append([]string{}, bwrapWalls...), "true")}, m.human("sudo", "-u", "carol", "true")}
	var cells []*cell
	for _, n := range m.parallel {
		for i := range all {
			c := &cell{title: fmt.Sprintf("%s, %d at once", all[i].title, n)}
			c.do = func() (cost, error) { return atOnce(starts[i], n) }
			all[i].cells, cells = append(all[i].cells, c), append(cells, c)
		}
	}
	if err := measure(max(2, m.rounds/5), alone(cells...)); err != nil {
		return err
	}
	return f.plot("parallel", fmt.Sprintf("Runs of `true` that start at once on %d processors: until all have ended", runtime.NumCPU()), "runs at once", "ms until all have ended", all...)
}

// atOnce starts n of a command and waits for all.
func atOnce(c command, n int) (cost, error) {
	path, err := c.program()
	if err != nil {
		return cost{}, err
	}
	attr := c.attr([3]uintptr{null.Fd(), null.Fd(), null.Fd()})
	var pids []int
	var failed error
	start := time.Now()
	for range n {
		pid, err := syscall.ForkExec(path, c.argv, attr)
		if err != nil {
			failed = err
			break
		}
		pids = append(pids, pid)
	}
	var total cost
	for _, pid := range pids {
		status, cpu, err := wait(pid)
		total.cpu += cpu
		if err == nil && status.ExitStatus() != 0 {
			err = fmt.Errorf("one of %d: status %d", n, status.ExitStatus())
		}
		if err != nil {
			failed = err
		}
	}
	total.wall = time.Since(start)
	return total, failed
}
