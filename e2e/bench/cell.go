// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// A cell is one thing that is measured.
type cell struct {
	title string
	note  string
	cmd   command
	do    func() (cost, error) // instead of cmd
	costs []cost
	whole []time.Duration // the machine's processor time a run; not of every cell

	quoted bool // in the README
}

func (c *cell) once() (cost, error) {
	if c.do != nil {
		return c.do()
	}
	return c.cmd.once()
}

// take measures once; what is a warm-up does not count.
func (c *cell) take(counts bool) error {
	spent, err := c.once()
	if err != nil {
		return fmt.Errorf("%s: %w", c.title, err)
	}
	if counts {
		c.costs = append(c.costs, spent)
	}
	return nil
}

// A turn is cells that only make sense one after the other, such as adding a share and removing it.
type turn []*cell

// alone makes a turn of each cell.
func alone(cells ...*cell) []turn {
	var turns []turn
	for _, c := range cells {
		turns = append(turns, turn{c})
	}
	return turns
}

// patience is how long one measuring may go on; on a quiet machine none takes that long.
const patience = 50 * time.Second

// measure takes all turns, round after round, each round from another one on, so that noise and what a
// neighbour leaves behind fall on all alike. Of quick commands the first rounds do not count: one more for each ten.
// On a busy machine it ends with fewer rounds when its time is up; the tables say how many there were.
func measure(rounds int, turns []turn) error {
	// The thread that starts is the one that waits.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	warm, start := rounds/10, time.Now()
	for round := range warm + rounds {
		if round > warm && time.Since(start) > patience {
			break
		}
		runtime.GC()
		for i := range turns {
			for _, c := range turns[(i+round)%len(turns)] {
				if err := c.take(round >= warm); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// spread is what the costs of a cell come to.
type spread struct {
	wall, p10, p95, cpu, whole time.Duration
	n                          int
}

func (c *cell) spread() spread {
	s := spreadOf(c.costs)
	if len(c.whole) > 0 {
		s.whole = quantile(c.whole, 0.5)
	}
	return s
}

func spreadOf(costs []cost) spread {
	if len(costs) == 0 {
		return spread{}
	}
	walls, cpus := make([]time.Duration, len(costs)), make([]time.Duration, len(costs))
	for i, c := range costs {
		walls[i], cpus[i] = c.wall, c.cpu
	}
	return spread{wall: quantile(walls, 0.5), p10: quantile(walls, 0.1), p95: quantile(walls, 0.95), cpu: quantile(cpus, 0.5), n: len(costs)}
}

// quantile returns the value that a part q of all do not exceed, in between where it falls between two.
func quantile[T ~int64 | ~float64](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	return sorted[low] + T((at-float64(low))*float64(sorted[low+1]-sorted[low]))
}
