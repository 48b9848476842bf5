// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A cell is one thing that is measured. docs/comparison.md has its title up to " (".
type cell struct {
	title string
	cmd   command
	do    func() (cost, error) // instead of cmd
	costs []cost
	whole []time.Duration // the machine's processor time a run; not of every cell

	quoted bool // in docs/comparison.md
}

// take measures once; what is a warm-up does not count.
func (c *cell) take(counts bool) {
	do := c.do
	if do == nil {
		do = c.cmd.once
	}
	spent, err := do()
	if err != nil {
		exitOn(fmt.Errorf("%s: %w", c.title, err))
	}
	if counts {
		c.costs = append(c.costs, spent)
	}
}

func (c *cell) name() string {
	name, _, _ := strings.Cut(c.title, " (")
	return name
}

// A turn is cells that only make sense one after the other, such as adding a share and removing it.
type turn []*cell

// alone makes a turn of each cell.
func alone(cells ...*cell) (turns []turn) {
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
func measure(rounds int, turns []turn) {
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
				c.take(round >= warm)
			}
		}
	}
}

// spread is what the costs of a cell come to.
type spread struct{ wall, p10, p95, cpu, whole time.Duration }

func (c *cell) spread() spread {
	s := spreadOf(c.costs)
	s.whole = quantile(c.whole, 0.5)
	return s
}

func spreadOf(costs []cost) spread {
	walls, cpus := split(costs)
	return spread{wall: quantile(walls, 0.5), p10: quantile(walls, 0.1), p95: quantile(walls, 0.95), cpu: quantile(cpus, 0.5)}
}

func split(costs []cost) (walls, cpus []time.Duration) {
	for _, c := range costs {
		walls, cpus = append(walls, c.wall), append(cpus, c.cpu)
	}
	return walls, cpus
}

// quantile returns the value that a part q of all do not exceed, in between where it falls between two.
func quantile[T ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + T((at-float64(low))*float64(sorted[high]-sorted[low]))
}

// An apart is how far two measurements are apart, and how far they would be by chance.
type apart struct {
	title             string
	ratio, cpu, noise float64
}

// apartOf compares a with b. The noise is the middle half of the values, as a part of the median, on average of the two.
func apartOf(title string, a, b []cost) apart {
	width := func(costs []cost) float64 {
		walls, _ := split(costs)
		return float64(quantile(walls, 0.75)-quantile(walls, 0.25)) / float64(quantile(walls, 0.5))
	}
	x, y := spreadOf(a), spreadOf(b)
	return apart{title, float64(x.wall) / float64(y.wall), float64(x.cpu) / float64(y.cpu), (width(a) + width(b)) / 2}
}

// within reports that nothing can be seen: no more than the noise, or three hundredths where there is hardly any, and no more than
// a tenth by the processors, which are steadier.
func (a apart) within() bool { return a.ratio-1 <= max(a.noise, 0.03) && a.cpu <= 1.1 }

func (a apart) String() string {
	return fmt.Sprintf("%s times, by CPU %s; noise ±%.0f %%", ratio(a.ratio), ratio(a.cpu), 100*a.noise)
}

// spent returns the processor time of everything in the machine since its boot, in ns: of the services that a command calls, too.
func spent() time.Duration {
	var n int64
	fmt.Sscan(heardOf(`cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n 's/^usage_usec \(.*\)/\1000/p' /sys/fs/cgroup/cpu.stat`), &n)
	return time.Duration(n)
}

// machineCPU measures what one run of each cell costs all processes of the machine together. Services go on for a moment
// after the command has ended, so a few runs and a rest are taken as one, and what the machine uses anyway is taken off.
func (m *machine) machineCPU(cells []*cell) {
	passes, runs, rest := 3, 10, 250*time.Millisecond
	if m.short {
		passes, runs, rest = 1, 1, 20*time.Millisecond
	}
	for began, pass := time.Now(), 0; pass < passes && time.Since(began) < patience/2; pass++ {
		before, start := spent(), time.Now()
		time.Sleep(4 * rest)
		idle := float64(spent()-before) / float64(time.Since(start))
		for _, c := range cells {
			before, start := spent(), time.Now()
			for range runs {
				c.take(false)
			}
			time.Sleep(rest)
			used := spent() - before - time.Duration(idle*float64(time.Since(start)))
			c.whole = append(c.whole, max(0, used)/time.Duration(runs))
		}
	}
}
