// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures au beside what else runs a command as another user or behind walls, all in turn in one run, and prints ratios. It
// is started by e2e/bench/run as root in a quick machine of its own, whose users and files it changes. It writes the figures in
// Markdown to its standard output, and those of docs/comparison.md behind a line ===. It says on standard error how far it is.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter/proxy"
)

// roles are what this program is besides, in processes that it starts itself.
var roles = map[string]func(args []string) error{
	"work":   func(args []string) error { return work(args[0], args[1:]...) },
	"site":   func(args []string) error { return serveSite() },
	"client": func(args []string) error { return runClient(args[0]) },
	"daemon": func(args []string) error { os.Exit(proxy.Main(args)); return nil },
}

// sections are the parts of the figures, in their order.
var sections = []struct {
	name string
	run  func(*machine, *figures)
}{
	{"command", commands}, {"shares", sharesCost}, {"mount", mounts}, {"agents", newAndDelete}, {"show", show}, {"work", workInside}, {"drafts", draftRuns}, {"drafts", draftCommands},
	{"drafts", draftWork}, {"terminal", terminals}, {"memory", memory}, {"size", programs}, {"network", network}, {"growth", growth},
}

func main() {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		exitOn(roles[os.Args[1]](os.Args[2:]))
		return
	}
	short := flag.Bool("short", false, "few rounds and small trees: only to see that it works")
	only := flag.String("only", "", "one section, by name")
	flag.Parse()
	exitOn(known(*only))
	m, f, began := setUp(*short), newFigures(), time.Now()
	for _, section := range sections {
		if *only == "" || *only == section.name {
			fmt.Fprintf(os.Stderr, "%3.0f s  %s\n", time.Since(began).Seconds(), section.name)
			section.run(m, f)
		}
	}
	fmt.Fprintf(os.Stderr, "%3.0f s  done\n", time.Since(began).Seconds())
	f.write()
}

// known is an error for a name that no section has.
func known(only string) error {
	var names []string
	for _, section := range sections {
		if section.name == only {
			return nil
		}
		if !slices.Contains(names, section.name) {
			names = append(names, section.name)
		}
	}
	if only == "" {
		return nil
	}
	return fmt.Errorf("no section is called %q: want one of %s", only, strings.Join(names, ", "))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figures are what the bench writes, section by section.
type figures struct {
	began    time.Time
	load     string // when it began
	versions string
	out      strings.Builder
	quoted   strings.Builder // the table of docs/comparison.md
	verdicts [][]string
}

func newFigures() *figures {
	return &figures{began: time.Now(), load: loadNow(), versions: heardOf(`
		printf 'au %s' "$(au --version | sed 's/^au //')"
		dpkg-query -W -f ', ${Package} ${Version}' bubblewrap firejail opendoas sudo util-linux systemd acl python3
		sed -n 's/^__version__ = "\(.*\)"/, agent-as-unix-user \1/p' /opt/original/agent_as_unix_user/version.py 2>/dev/null || true`)}
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
	columns := " | median | quickest tenth | × `true` | × OURS | p95 | p95 × `true` | p95 × OURS | CPU | CPU × `true` | CPU × OURS "
	b, o, width := bare.spread(), ours.spread(), 11
	if b.whole > 0 {
		columns, width = columns+"| machine's CPU | × `true` | × OURS ", 14
	}
	var rows [][]string
	for _, c := range cells {
		s := c.spread()
		row := []string{c.title, ms(s.wall), ms(s.p10), times(s.wall, b.wall), times(s.wall, o.wall),
			ms(s.p95), times(s.p95, b.p95), times(s.p95, o.p95), ms(s.cpu), times(s.cpu, b.cpu), times(s.cpu, o.cpu),
			ms(s.whole), times(s.whole, b.whole), times(s.whole, o.whole)}
		rows = append(rows, row[:width])
	}
	table(&f.out, strings.ReplaceAll(columns, "OURS", oursIs), 1, rows, howMany(cells))
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

// grows measures commands at growing sizes, and writes how much one more costs at the beginning and at the end.
func (f *figures) grows(title, what string, at []int, rounds int, names []string, of func(name string, n int) *cell) {
	all := map[string][]*cell{}
	var turns []turn
	for _, n := range at {
		for _, name := range names {
			c := of(name, n)
			all[name], turns = append(all[name], c), append(turns, turn{c})
		}
	}
	measure(rounds, turns)
	last := len(at) - 1
	half, _ := slices.BinarySearch(at, at[last]/2)
	half = min(half, last-1)
	var lines [][]string
	for _, name := range names {
		y := func(i int) float64 { return float64(all[name][i].spread().p10) / 1e6 }
		step := func(from, to int) float64 { return (y(to) - y(from)) / float64(at[to]-at[from]) }
		first, second, word := step(0, half), step(half, last), "flat"
		if y(last) > 1.25*y(0) {
			word = ratio(second / first)
		}
		lines = append(lines, []string{name, fmt.Sprintf("%.2f ms", y(0)), fmt.Sprintf("%.2f ms", y(last)), fmt.Sprintf("%.1f µs", first*1000), fmt.Sprintf("%.1f µs", second*1000), word})
	}
	fmt.Fprintf(&f.out, "%s:\n\n", title)
	table(&f.out, fmt.Sprintf(" %s | with %d | with %d | one more, first half | one more, last half | last ÷ first ", what, at[0], at[last]), 1, lines, howMany(all[names[0]]))
	f.out.WriteByte('\n')
}

// target is something that is aimed at, and whether it was reached.
func (f *figures) target(target, seen string, reached bool) {
	f.verdicts = append(f.verdicts, []string{target, seen, map[bool]string{true: "reached", false: "**not reached**"}[reached]})
}

// atMost is a target by the clock: a takes at most so many times as long as b.
func (f *figures) atMost(target string, a, b *cell, most float64) {
	x, y := a.spread(), b.spread()
	cpu := times(x.cpu, y.cpu) + " by CPU"
	if y.whole > 0 {
		cpu = times(x.whole, y.whole) + " by the machine's CPU"
	}
	f.target(target, fmt.Sprintf("%s times; %s by the quickest tenth of each; %s", times(x.wall, y.wall), times(x.p10, y.p10), cpu), float64(x.wall) <= most*float64(y.wall))
}

// quote writes the table of docs/comparison.md.
func (f *figures) quote(cells []*cell) {
	var rows [][]string
	b, o := cells[0].spread(), cells[1].spread()
	for _, c := range cells {
		if s := c.spread(); c.quoted {
			rows = append(rows, []string{c.name(), ms(s.wall), times(s.wall, b.wall), times(s.wall, o.wall), times(s.whole, o.whole)})
		}
	}
	table(&f.quoted, " to run `true` | time | × `true` | × `au run` | CPU × `au run` ", 1, rows,
		fmt.Sprintf("%s, %s; medians of %d, in turn. %s", f.began.UTC().Format("2006-01-02"), where(), len(cells[1].costs), f.versions))
}

func (f *figures) write() {
	fmt.Printf("Measured on %s in %s.\n%s.\nLoad average when it began %s, when it ended %s; it took %s.\n\n### Targets\n\n",
		f.began.UTC().Format("2006-01-02"), where(), f.versions, f.load, loadNow(), time.Since(f.began).Round(time.Second))
	table(os.Stdout, " target | measured | ", 3, f.verdicts, "")
	fmt.Print(f.out.String(), "===\n", f.quoted.String())
}

// where says on what was measured.
func where() string {
	system, processor, _ := strings.Cut(heardOf(`. /etc/os-release; echo "$PRETTY_NAME"; sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1`), "\n")
	return fmt.Sprintf("a quick machine (%s) on Linux %s with %d cores (%s)", system, release(), runtime.NumCPU(), cmp.Or(processor, "unknown"))
}

func release() string { return heardOf("uname -r") }
func loadNow() string { return heardOf(`read -r one five rest </proc/loadavg; echo "$one and $five"`) }

// heardOf returns what a shell prints, on a line of its own or several.
func heardOf(script string, args ...string) string {
	cmd := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Stderr = os.Stderr
	out, _ := cmd.Output()
	return strings.TrimSpace(string(out))
}

// ms, us, mB and ratio write numbers with as many digits as mean something.
func ms(d time.Duration) string { return digits(float64(d)/1e6, 0, 10, 100) + " ms" }
func us(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }
func mB(kB int) string          { return fmt.Sprintf("%.1f MB", float64(kB)/1024) }
func ratio(v float64) string    { return digits(v, 0.095, 1.95, 10) }

// digits writes a number with three, two or one digit after the point where it is below these bounds.
func digits(v, three, two, one float64) string {
	for n, bound := range []float64{three, two, one} {
		if v < bound {
			return fmt.Sprintf("%.*f", 3-n, v)
		}
	}
	return fmt.Sprintf("%.0f", v)
}

// times writes a as a multiple of b.
func times(a, b time.Duration) string {
	if b <= 0 {
		return "–"
	}
	return ratio(float64(a) / float64(b))
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
