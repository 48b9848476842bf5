// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A verdict is a target, what was seen, and whether that reaches it.
type verdict struct {
	target, seen string
	reached      bool
}

func verdicts(all []verdict) string {
	var out strings.Builder
	fmt.Fprint(&out, "| target | measured | |\n|---|---|---|\n")
	for _, v := range all {
		word := "reached"
		if !v.reached {
			word = "**not reached**"
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", v.target, v.seen, word)
	}
	return out.String()
}

// targets compares with what is aimed at; a section that was not run has none.
func (f *figures) targets() {
	f.against(f.bwrap, "`au run true` takes at most 1.5 times bubblewrap with pid, ipc and mount namespaces", 1.5)
	f.against(f.sudo, "less than half of `sudo -u`", 0.5)
	f.against(f.original, "less than a twentieth of agent-as-unix-user 2.x", 0.05)
	if f.largeShare != nil {
		a := apartOf("", f.largeShare.costs, f.smallShare.costs)
		f.verdicts = append(f.verdicts, verdict{"a share's cost does not depend on what is in it",
			fmt.Sprintf("%s files are %s times 10 files, by CPU %s; noise ±%.0f %%", count(f.m.large), ratio(a.ratio), ratio(a.cpu), 100*a.noise), a.within()})
	}
	if len(f.inShare) > 0 {
		worst := slices.MaxFunc(f.inShare, func(a, b apart) int {
			if a.ratio-a.noise < b.ratio-b.noise {
				return -1
			}
			return 1
		})
		f.verdicts = append(f.verdicts, verdict{"nothing measurable inside a share",
			fmt.Sprintf("farthest from the agent's home: %s, %s times, by CPU %s; noise ±%.0f %%", worst.title, ratio(worst.ratio), ratio(worst.cpu), 100*worst.noise), worst.within()})
	}
	if f.list != nil {
		s, b := f.list.spread(), f.listBare.spread()
		f.verdicts = append(f.verdicts, verdict{"`au list` takes less than 4 times a bare `true`",
			fmt.Sprintf("%s times; %s by the quickest tenth of each; %s by CPU", times(s.wall, b.wall), times(s.p10, b.p10), times(s.cpu, b.cpu)), s.wall < 4*b.wall})
	}
	if len(f.waiters) > 1 {
		plain, terminal := f.waiters[0], f.waiters[1]
		f.verdicts = append(f.verdicts,
			verdict{"no Go process waits where there is no terminal", "there wait " + strings.Join(plain.processes, ", "), !slices.ContainsFunc(plain.processes, func(p string) bool { return strings.HasPrefix(p, "au") })},
			verdict{"with one, what waits stays below 12 MB", fmt.Sprintf("the largest of %s had %s at most, all together %s PSS",
				strings.Join(terminal.processes, ", "), kB(terminal.high), kB(terminal.pss)), terminal.high < 12<<10})
	}
}

// against adds a target that is a part of what another takes.
func (f *figures) against(other *cell, target string, most float64) {
	if other == nil || f.au == nil {
		return
	}
	a, o := f.au.spread(), other.spread()
	f.verdicts = append(f.verdicts, verdict{target, fmt.Sprintf("%s times; %s by the quickest tenth of each; %s by the machine's CPU", times(a.wall, o.wall), times(a.p10, o.p10), times(a.whole, o.whole)),
		float64(a.wall) <= most*float64(o.wall)})
}
