// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
	"time"
)

// An apart is how far two measurements are apart, and how far they would be by chance.
type apart struct {
	title             string
	ratio, cpu, noise float64
}

// apartOf compares a with b. The noise is the middle half of the values, as a part of the median, on average of the two.
func apartOf(title string, a, b []cost) apart {
	width := func(costs []cost) float64 {
		walls := make([]time.Duration, len(costs))
		for i, c := range costs {
			walls[i] = c.wall
		}
		return float64(quantile(walls, 0.75)-quantile(walls, 0.25)) / float64(quantile(walls, 0.5))
	}
	x, y := spreadOf(a), spreadOf(b)
	return apart{title, float64(x.wall) / float64(y.wall), float64(x.cpu) / float64(y.cpu), (width(a) + width(b)) / 2}
}

// within reports that nothing can be seen: no more than the noise, or three hundredths where there is hardly any, and no more than a tenth
// by the processors, which are steadier.
func (a apart) within() bool { return a.ratio-1 <= max(a.noise, 0.03) && a.cpu <= 1.1 }

// work writes what work costs in the three places.
func (f *figures) work(places []place, cells worked) {
	f.section("Work inside a share", "The same work, each in a folder of its own, on one file system: by the human outside, by the agent in its home (the walls of a run), "+
		"and by the agent in a share (the walls, and the share). Measured by the worker, so that the start of the run is not in it.")
	fmt.Fprintf(&f.out, "| | %s | %s | × outside | %s | × outside | × home | CPU × home | noise |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n", places[0].title, places[1].title, places[2].title)
	for _, t := range tasks {
		outside, home, share := cells[t.name][places[0].title], cells[t.name][places[1].title], cells[t.name][places[2].title]
		title := strings.Replace(t.title, "small files", count(f.m.files)+" small files", 1)
		title = strings.Replace(title, "status`", "status` on "+count(f.m.repo)+" files", 1)
		a := apartOf(title, share, home)
		f.inShare = append(f.inShare, a)
		o, h, s := spreadOf(outside), spreadOf(home), spreadOf(share)
		fmt.Fprintf(&f.out, "| %s | %s | %s | %s | %s | %s | %s | %s | ±%.0f %% |\n", title, ms(o.wall), ms(h.wall), times(h.wall, o.wall), ms(s.wall), times(s.wall, o.wall),
			ratio(a.ratio), ratio(a.cpu), 100*a.noise)
	}
	fmt.Fprintf(&f.out, "\n%d runs a cell.\n", len(cells["stat"][places[0].title]))
}

// terminals writes what a terminal in between costs.
func (f *figures) terminals(flow, keys []*cell, blob int) {
	f.section("A terminal in between", fmt.Sprintf("`cat` of %d MB to a terminal, from the command's start to its end; and the time from a key typed to the key shown by a "+
		"program that shows each at once.", blob>>20))
	fmt.Fprint(&f.out, "| | MB/s | time × directly | CPU × directly | a key, median | × directly | a key, p95 | × directly |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	d, k := flow[0].spread(), keys[0].spread()
	for i := range flow {
		s, t := flow[i].spread(), keys[i].spread()
		fmt.Fprintf(&f.out, "| %s | %.0f | %s | %s | %s | %s | %s | %s |\n", flow[i].title, float64(blob)/(1<<20)/s.wall.Seconds(), times(s.wall, d.wall), times(s.cpu, d.cpu),
			us(t.wall), times(t.wall, k.wall), us(t.p95), times(t.p95, k.p95))
	}
	fmt.Fprintf(&f.out, "\n%d runs and %d keys a row.\n", len(flow[0].costs), len(keys[0].costs))
}

func us(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }

// memory writes who waits.
func (f *figures) memory(waiters []waiter) {
	f.waiters = waiters
	f.section("Who waits while a command runs", "All processes but the command itself. PSS counts what several share once; the highest is the largest resident size that one of them ever had.")
	fmt.Fprint(&f.out, "| | processes | PSS | private, written to | resident, added up | highest of one |\n|---|---|--:|--:|--:|--:|\n")
	for _, w := range waiters {
		fmt.Fprintf(&f.out, "| %s | %s | %s | %s | %s | %s |\n", w.title, strings.Join(w.processes, ", "), kB(w.pss), kB(w.private), kB(w.rss), kB(w.high))
	}
}

func kB(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1024) }

// sizes writes what is on the disk.
func (f *figures) sizes(rows [][3]string) {
	f.section("On the disk", "Programs and their own libraries and settings, and the same with all that they load or run on.")
	fmt.Fprint(&f.out, "| | its own | with what it needs |\n|---|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(&f.out, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
}

// quote is the table that the README quotes.
func (f *figures) quote() string {
	if f.au == nil {
		return ""
	}
	var out strings.Builder
	fmt.Fprint(&out, "| to run `true` | time | × `true` | × `au run` | CPU × `au run` |\n|---|--:|--:|--:|--:|\n")
	b, o := f.bare.spread(), f.au.spread()
	for _, c := range f.summary {
		if !c.quoted {
			continue
		}
		s := c.spread()
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", c.title, ms(s.wall), times(s.wall, b.wall), times(s.wall, o.wall), times(s.whole, o.whole))
	}
	fmt.Fprintf(&out, "\n%s, %s; medians of %d, in turn. %s.\n", f.began.UTC().Format("2006-01-02"), where(f.kind), o.n, f.versions)
	return out.String()
}
