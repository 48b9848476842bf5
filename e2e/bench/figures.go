// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// figures are what the bench writes, section by section.
type figures struct {
	m        *machine
	kind     string
	began    time.Time
	load     string // when it began
	versions string
	out      strings.Builder
	files    map[string]string
	verdicts []verdict

	// What the targets are about; nil where the section was not run.
	bare, au, onTerminal, bwrap, sudo, original *cell
	smallShare, largeShare                      *cell
	listBare, list                              *cell
	waiters                                     []waiter
	inShare                                     []apart
	summary                                     []*cell
}

func newFigures(m *machine, kind string) *figures {
	return &figures{m: m, kind: kind, began: time.Now(), load: loadNow(), versions: versions(), files: map[string]string{}}
}

func (f *figures) section(title, words string) {
	fmt.Fprintf(&f.out, "\n### %s\n\n", title)
	if words != "" {
		fmt.Fprintf(&f.out, "%s\n\n", words)
	}
}

func (f *figures) text(words string) { fmt.Fprintf(&f.out, "%s\n", strings.TrimSpace(words)) }

// table writes a row a cell: the clock and the processors, as such and beside two others.
func (f *figures) table(cells []*cell, bare, ours *cell, oursIs string) {
	b, o := bare.spread(), ours.spread()
	columns := []string{"median", "quickest tenth", "× `true`", "× " + oursIs, "p95", "p95 × `true`", "p95 × " + oursIs, "CPU", "CPU × `true`", "CPU × " + oursIs}
	if b.whole > 0 {
		columns = append(columns, "machine's CPU", "× `true`", "× "+oursIs)
	}
	fmt.Fprintf(&f.out, "| | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("--:|", len(columns)))
	for _, c := range cells {
		s := c.spread()
		fmt.Fprintf(&f.out, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", c.full(), ms(s.wall), ms(s.p10), times(s.wall, b.wall), times(s.wall, o.wall),
			ms(s.p95), times(s.p95, b.p95), times(s.p95, o.p95), ms(s.cpu), times(s.cpu, b.cpu), times(s.cpu, o.cpu))
		if b.whole > 0 {
			fmt.Fprintf(&f.out, " %s | %s | %s |", ms(s.whole), times(s.whole, b.whole), times(s.whole, o.whole))
		}
		f.out.WriteByte('\n')
	}
	fmt.Fprintf(&f.out, "\n%s.\n", howMany(cells))
}

// howMany says how often the cells were measured.
func howMany(cells []*cell) string {
	low, high := len(cells[0].costs), len(cells[0].costs)
	for _, c := range cells {
		low, high = min(low, len(c.costs)), max(high, len(c.costs))
	}
	if low == high {
		return fmt.Sprintf("Runs a row: %d", low)
	}
	return fmt.Sprintf("Runs a row: %d to %d", low, high)
}

func (c *cell) full() string {
	if c.note == "" {
		return c.title
	}
	return c.title + " (" + c.note + ")"
}

// commands writes the first table.
func (f *figures) commands(cells []*cell) {
	f.summary = cells
	f.section("A command", "What it takes to run `true`, from its start until it is waited for. CPU is user and system time of the command and of what it waited for. That is not all: "+
		"bubblewrap does not wait for its child, and systemd and D-Bus work for those who call them. The machine's CPU is that of every process in it, a run.")
	f.table(cells, f.bare, f.au, "`au run`")
}

// head is the part before the first section.
func (f *figures) head() string {
	words := fmt.Sprintf("Measured on %s in %s.\n%s.\nLoad average when it began %s, when it ended %s; it took %s.\n",
		f.began.UTC().Format("2006-01-02"), where(f.kind), f.versions, f.load, loadNow(), time.Since(f.began).Round(time.Second))
	return words + "\n### Targets\n\n" + verdicts(f.verdicts)
}

// write writes all files as one tar.
func (f *figures) write(to io.Writer) error {
	f.files["figures.md"] = f.head() + f.out.String()
	f.files["short.md"] = f.quote()
	out := tar.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		text := f.files[name]
		if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: f.began}); err != nil {
			return err
		}
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
	}
	return out.Close()
}

// where says on what was measured.
func where(kind string) string {
	said := heardOf(`. /etc/os-release; echo "$PRETTY_NAME"; sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1`)
	system, processor, _ := strings.Cut(said, "\n")
	return fmt.Sprintf("a %s (%s) on Linux %s with %d cores (%s)", kind, system, release(), runtime.NumCPU(), cmp.Or(processor, "unknown"))
}

func release() string { return heardOf("uname -r") }

func loadNow() string { return heardOf(`read -r one five rest </proc/loadavg; echo "$one and $five"`) }

// versions names what was compared.
func versions() string {
	return heardOf(`
		printf 'au %s' "$(au --version | sed 's/^au //')"
		dpkg-query -W -f ', ${Package} ${Version}' bubblewrap firejail opendoas sudo util-linux systemd acl python3
		sed -n 's/^__version__ = "\(.*\)"/, agent-as-unix-user \1/p' /opt/original/agent_as_unix_user/version.py`)
}

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
