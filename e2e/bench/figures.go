// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// figures are what the bench writes, section by section.
type figures struct {
	m        *machine
	began    time.Time
	load     string // when it began
	versions string
	out      strings.Builder
	verdicts [][]string

	// What the targets are about; nil where the section was not run.
	first                                  []*cell // of the first table
	smallShare, largeShare, listBare, list *cell
	ownPaths                               []*cell // of 10 and of 64 shares, at targets alone and at their own paths
	waiters                                []waiter
	inShare                                []apart
}

func newFigures(m *machine) *figures {
	return &figures{m: m, began: time.Now(), load: loadNow(), versions: heardOf(`
		printf 'au %s' "$(au --version | sed 's/^au //')"
		dpkg-query -W -f ', ${Package} ${Version}' bubblewrap firejail opendoas sudo util-linux systemd acl python3
		sed -n 's/^__version__ = "\(.*\)"/, agent-as-unix-user \1/p' /opt/original/agent_as_unix_user/version.py`)}
}

func (f *figures) section(title, words string) {
	fmt.Fprintf(&f.out, "\n### %s\n\n%s\n\n", title, strings.TrimSpace(words))
}

// table writes a table, and a sentence below it where there is one. Columns from right on are numbers.
func table(out io.Writer, columns string, right int, rows [][]string, below string) {
	fmt.Fprintf(out, "|%s|\n|%s%s\n", columns, strings.Repeat("---|", right), strings.Repeat("--:|", strings.Count(columns, "|")+1-right))
	for _, row := range rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
	if below != "" {
		fmt.Fprintf(out, "\n%s.\n", below)
	}
}

// compare writes a section with a row a cell: the clock and the processors, as such and beside two others.
func (f *figures) compare(title, words string, cells []*cell, bare, ours *cell, oursIs string) {
	f.section(title, words)
	b, o := bare.spread(), ours.spread()
	columns := strings.ReplaceAll(" | median | quickest tenth | × `true` | × OURS | p95 | p95 × `true` | p95 × OURS | CPU | CPU × `true` | CPU × OURS ", "OURS", oursIs)
	if b.whole > 0 {
		f.first, columns = cells, columns+"| machine's CPU | × `true` | × "+oursIs+" "
	}
	var rows [][]string
	for _, c := range cells {
		s := c.spread()
		row := []string{c.full(), ms(s.wall), ms(s.p10), times(s.wall, b.wall), times(s.wall, o.wall),
			ms(s.p95), times(s.p95, b.p95), times(s.p95, o.p95), ms(s.cpu), times(s.cpu, b.cpu), times(s.cpu, o.cpu)}
		if b.whole > 0 {
			row = append(row, ms(s.whole), times(s.whole, b.whole), times(s.whole, o.whole))
		}
		rows = append(rows, row)
	}
	table(&f.out, columns, 1, rows, howMany(cells))
}

// howMany says how often the cells were measured.
func howMany(cells []*cell) string {
	times := func(a, b *cell) int { return len(a.costs) - len(b.costs) }
	low, high := len(slices.MinFunc(cells, times).costs), len(slices.MaxFunc(cells, times).costs)
	if low == high {
		return fmt.Sprintf("Runs a row: %d", low)
	}
	return fmt.Sprintf("Runs a row: %d to %d", low, high)
}

// grows writes how much one more costs at the beginning and at the end.
func (f *figures) grows(title, what string, at []int, all []series) {
	last, half := len(at)-1, 0
	for half < last && 2*at[half] < at[last] {
		half++
	}
	if half == last {
		half = last / 2
	}
	var rows [][]string
	for _, s := range all {
		y := func(i int) float64 { return float64(s.cells[i].spread().p10) / 1e6 }
		step := func(from, to int) float64 { return (y(to) - y(from)) / float64(at[to]-at[from]) }
		first, second, word := step(0, half), step(half, last), "flat"
		if y(last) > 1.25*y(0) {
			word = ratio(second / first)
		}
		rows = append(rows, []string{s.title, fmt.Sprintf("%.2f ms", y(0)), fmt.Sprintf("%.2f ms", y(last)), fmt.Sprintf("%.1f µs", first*1000), fmt.Sprintf("%.1f µs", second*1000), word})
	}
	fmt.Fprintf(&f.out, "%s:\n\n", title)
	table(&f.out, fmt.Sprintf(" %s | with %d | with %d | one more, first half | one more, last half | last ÷ first ", what, at[0], at[last]), 1, rows, howMany(all[0].cells))
	f.out.WriteByte('\n')
}

func (f *figures) target(target, seen string, reached bool) {
	f.verdicts = append(f.verdicts, []string{target, seen, map[bool]string{true: "reached", false: "**not reached**"}[reached]})
}

// named returns a cell of the first table.
func (f *figures) named(title string) *cell {
	i := slices.IndexFunc(f.first, func(c *cell) bool { return c.title == title })
	if i < 0 {
		return nil
	}
	return f.first[i]
}

// targets compares with what is aimed at; a section that was not run has none.
func (f *figures) targets() {
	for _, t := range []struct {
		target, other string
		most          float64
	}{
		{"`au run true` takes at most 1.5 times bubblewrap with pid, ipc and mount namespaces", "bubblewrap, the nearest walls", 1.5},
		{"less than half of `sudo -u`", "`sudo -u carol`", 0.5},
		{"less than a twentieth of agent-as-unix-user 2.x", "agent-as-unix-user 2.x, `au run true`", 0.05},
	} {
		if other := f.named(t.other); other != nil {
			a, o := f.named("**`au run true`**").spread(), other.spread()
			f.target(t.target, fmt.Sprintf("%s times; %s by the quickest tenth of each; %s by the machine's CPU", times(a.wall, o.wall), times(a.p10, o.p10), times(a.whole, o.whole)),
				float64(a.wall) <= t.most*float64(o.wall))
		}
	}
	if f.largeShare != nil {
		a := apartOf("", f.largeShare.costs, f.smallShare.costs)
		f.target("a share's cost does not depend on what is in it",
			fmt.Sprintf("%s files are %s times 10 files, by CPU %s; noise ±%.0f %%", count(f.m.large), ratio(a.ratio), ratio(a.cpu), 100*a.noise), a.within())
	}
	for i, most := range []float64{1.1, 1.3} {
		if len(f.ownPaths) > 2*i+1 {
			own, alone := f.ownPaths[2*i+1].spread(), f.ownPaths[2*i].spread()
			f.target(fmt.Sprintf("%s take at most %v times the time of the same at their targets alone", f.ownPaths[2*i+1].title, most),
				fmt.Sprintf("%s times; %s by the quickest tenth of each; %s by CPU", times(own.wall, alone.wall), times(own.p10, alone.p10), times(own.cpu, alone.cpu)),
				float64(own.wall) <= most*float64(alone.wall))
		}
	}
	if len(f.inShare) > 0 {
		worst := slices.MaxFunc(f.inShare, func(a, b apart) int { return cmp.Compare(a.ratio-a.noise, b.ratio-b.noise) })
		f.target("nothing measurable inside a share",
			fmt.Sprintf("farthest from the agent's home: %s, %s times, by CPU %s; noise ±%.0f %%", worst.title, ratio(worst.ratio), ratio(worst.cpu), 100*worst.noise), worst.within())
	}
	if f.list != nil {
		s, b := f.list.spread(), f.listBare.spread()
		f.target("`au list` takes less than 4 times a bare `true`",
			fmt.Sprintf("%s times; %s by the quickest tenth of each; %s by CPU", times(s.wall, b.wall), times(s.p10, b.p10), times(s.cpu, b.cpu)), s.wall < 4*b.wall)
	}
	if len(f.waiters) > 1 {
		plain, terminal := f.waiters[0], f.waiters[1]
		f.target("no Go process waits where there is no terminal", "there wait "+strings.Join(plain.processes, ", "),
			!slices.ContainsFunc(plain.processes, func(p string) bool { return strings.HasPrefix(p, "au") }))
		f.target("with one, what waits stays below 12 MB", fmt.Sprintf("the largest of %s had %s at most, all together %s PSS",
			strings.Join(terminal.processes, ", "), kB(terminal.high), kB(terminal.pss)), terminal.high < 12<<10)
	}
}

// quote is the table of docs/comparison.md.
func (f *figures) quote() string {
	if f.first == nil {
		return ""
	}
	var out strings.Builder
	var rows [][]string
	b, o := f.first[0].spread(), f.first[1].spread()
	for _, c := range f.first {
		if s := c.spread(); c.quoted {
			rows = append(rows, []string{c.title, ms(s.wall), times(s.wall, b.wall), times(s.wall, o.wall), times(s.whole, o.whole)})
		}
	}
	table(&out, " to run `true` | time | × `true` | × `au run` | CPU × `au run` ", 1, rows,
		fmt.Sprintf("%s, %s; medians of %d, in turn. %s", f.began.UTC().Format("2006-01-02"), where(), len(f.first[1].costs), f.versions))
	return out.String()
}

// write writes the figures, and the table of docs/comparison.md, as one tar.
func (f *figures) write(to io.Writer) error {
	var head strings.Builder
	fmt.Fprintf(&head, "Measured on %s in %s.\n%s.\nLoad average when it began %s, when it ended %s; it took %s.\n\n### Targets\n\n",
		f.began.UTC().Format("2006-01-02"), where(), f.versions, f.load, loadNow(), time.Since(f.began).Round(time.Second))
	table(&head, " target | measured | ", 3, f.verdicts, "")
	out := tar.NewWriter(to)
	for _, file := range [][2]string{{"figures.md", head.String() + f.out.String()}, {"short.md", f.quote()}} {
		err := out.WriteHeader(&tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1])), ModTime: f.began})
		if _, wrong := io.WriteString(out, file[1]); errors.Join(err, wrong) != nil {
			return errors.Join(err, wrong)
		}
	}
	return out.Close()
}

// where says on what was measured.
func where() string {
	system, processor, _ := strings.Cut(heardOf(`. /etc/os-release; echo "$PRETTY_NAME"; sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1`), "\n")
	return fmt.Sprintf("a quick machine (%s) on Linux %s with %d cores (%s)", system, release(), runtime.NumCPU(), cmp.Or(processor, "unknown"))
}

func release() string { return heardOf("uname -r") }

func loadNow() string { return heardOf(`read -r one five rest </proc/loadavg; echo "$one and $five"`) }

// heardOf returns what a shell prints, on a line of its own or several.
func heardOf(script string) string {
	out, _ := exec.Command("sh", "-c", script).Output()
	return strings.TrimSpace(string(out))
}

// ms writes a time in milliseconds, with as many digits as mean something.
func ms(d time.Duration) string {
	v := float64(d) / 1e6
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f ms", v)
	case v < 100:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.0f ms", v)
}

func us(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }

// times writes a as a multiple of b.
func times(a, b time.Duration) string {
	if b <= 0 {
		return "–"
	}
	return ratio(float64(a) / float64(b))
}

func ratio(v float64) string {
	switch {
	case v < 0.095:
		return fmt.Sprintf("%.3f", v)
	case v < 1.95:
		return fmt.Sprintf("%.2f", v)
	case v < 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// count writes a number with its thousands apart.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}

// size writes bytes.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d kB", (n+1023)/1024)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

func kB(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1024) }
