// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// A command is something to start.
type command struct {
	argv   []string
	dir    string // "": its person's home
	human  bool   // alice, else root
	config string // what is alice's config meanwhile
	env    []string
	pty    bool      // on a terminal of its own
	out    io.Writer // nil: nowhere
}

// root, says and at are commands in words without spaces: of root, of alice, and of alice with another config.
func root(words string) command { return command{argv: strings.Fields(words)} }
func says(words string) command { return command{argv: strings.Fields(words), human: true} }
func at(config, words string) command {
	return command{argv: strings.Fields(words), human: true, config: config}
}

// inFolder is a command of alice in one of her folders.
func inFolder(name, words string) command {
	return command{argv: strings.Fields(words), human: true, dir: path(name)}
}

// script is a script of alice that begins in dir, which is made if need be; run is what runs it.
func script(run, dir, text string) command {
	c := says(run + "sh -euc")
	c.argv = append(c.argv, "umask 022; mkdir -p \"$1\"; cd \"$1\"\n"+filesScript+text, "sh", dir)
	return c
}

func onTerminal(c command) command {
	c.pty = true
	return c
}

// origin is a command of agent-as-unix-user; its run needs a terminal.
func origin(words string) command {
	return onTerminal(says(theirs + " -C " + path("original.toml") + " " + words))
}

// cmd returns the command as a process to start. It reads null, and complains into said.
func (c command) cmd() *exec.Cmd {
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	name, home := "root", "/root"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: c.pty, Setctty: c.pty}
	if c.human {
		name, home = "alice", homeDir
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: alice, Gid: alice, Groups: []uint32{alice, 27}}
	}
	cmd.Dir = cmp.Or(c.dir, home)
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "PWD=" + cmd.Dir, "USER=" + name, "LOGNAME=" + name, "LANG=C.UTF-8", "TERM=xterm", "SHELL=/bin/bash",
	}, c.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, cmp.Or[io.Writer](c.out, null), said
	return cmd
}

var null, said = func() (*os.File, *os.File) {
	null, wrong := os.OpenFile("/dev/null", os.O_RDWR, 0)
	said, err := os.CreateTemp("", "said")
	exitOn(errors.Join(wrong, err, os.Remove(said.Name())))
	return null, said
}()

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// place puts the command's config where alice's is, and returns what puts hers back.
func (c command) place() func() {
	if c.config == "" {
		return func() {}
	}
	exitOn(errors.Join(os.Rename(configPath, configPath+".hers"), os.Link(c.config, configPath)))
	return func() { exitOn(os.Rename(configPath+".hers", configPath)) }
}

// A running is a command that was started.
type running struct {
	*exec.Cmd
	terminal *os.File // what a window has of it; nil: none
	began    time.Time
}

// start starts the command, with all that has to be there for it: that is not in the time that is measured.
func (c command) start() *running {
	r := &running{Cmd: c.cmd()}
	if c.pty {
		terminal, slave, err := pty.Open()
		exitOn(err)
		defer slave.Close()
		// A login gives it to the human; here it is anybody's. It is read as a window does, not by way of Go's poller.
		exitOn(errors.Join(slave.Chmod(0o666), pty.Setsize(terminal, &pty.Winsize{Rows: 50, Cols: 120}), syscall.SetNonblock(int(terminal.Fd()), false)))
		r.terminal, r.Stdin, r.Stdout, r.Stderr = terminal, slave, slave, slave
	}
	r.began = time.Now()
	exitOn(r.Start())
	return r
}

// drain reads what is shown, beside what follows, until the terminal is gone.
func (r *running) drain() *running {
	if r.terminal != nil {
		go io.Copy(io.Discard, r.terminal)
	}
	return r
}

// A cost is what a command took: on the clock, and on the processors, by itself and those it waited for.
type cost struct{ wall, cpu time.Duration }

// wait waits for the end, and returns what it took. All ends where a command fails.
func (r *running) wait() cost {
	err := r.Wait()
	spent := cost{wall: time.Since(r.began), cpu: r.ProcessState.UserTime() + r.ProcessState.SystemTime()}
	if err != nil {
		text, _ := io.ReadAll(io.NewSectionReader(said, 0, 1<<30))
		exitOn(fmt.Errorf("%s: %w: %s", strings.Join(r.Args, " "), err, tail(string(text))))
	}
	if r.terminal != nil {
		r.terminal.Close()
	}
	return spent
}

// once runs the command to its end; what it prints is thrown away unless it fails.
func (c command) once() cost {
	_, err := said.Seek(0, io.SeekStart)
	exitOn(errors.Join(err, said.Truncate(0)))
	defer c.place()()
	return c.start().drain().wait()
}

// output runs the command without a terminal and returns what it printed on standard output.
func (c command) output() string {
	var out strings.Builder
	c.pty, c.out = false, &out
	c.once()
	return out.String()
}

// atOnce starts n of a command and waits for all.
func (c command) atOnce(n int) (total cost) {
	began := time.Now()
	var all []*running
	for range n {
		all = append(all, c.start())
	}
	for _, r := range all {
		total.cpu += r.wait().cpu
	}
	total.wall = time.Since(began)
	return total
}

// A cell is one thing that is measured. docs/comparison.md has its title up to " (".
type cell struct {
	title string
	cmd   command
	do    func() []cost // instead of cmd
	costs []cost
	whole []time.Duration // the machine's processor time a run; not of every cell

	quoted bool   // in docs/comparison.md
	waits  string // its name in the table of who waits; "": it is not there
}

// take measures once; what is a warm-up does not count.
func (c *cell) take(counts bool) {
	do := c.do
	if do == nil {
		do = func() []cost { return []cost{c.cmd.once()} }
	}
	if spent := do(); counts {
		c.costs = append(c.costs, spent...)
	}
}

func (c *cell) name() string {
	return strings.Split(c.title, " (")[0]
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
const patience = 80 * time.Second

// measure takes all turns, round after round, each round from another one on, so that noise and what a neighbour leaves fall on all
// alike. Some rounds come first and do not count: one for each ten. On a busy machine it ends with fewer rounds when its time is
// up; the tables say how many there were.
func measure(rounds int, turns []turn) {
	// The thread that starts is the one that waits.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	warm, start := (rounds+5)/10, time.Now()
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

// spread is what costs come to.
type spread struct{ wall, p10, p95, middle, cpu, whole time.Duration }

func (c *cell) spread() spread {
	s := spreadOf(c.costs)
	s.whole = quantile(c.whole, 0.5)
	return s
}

func spreadOf(costs []cost) spread {
	var walls, cpus []time.Duration
	for _, c := range costs {
		walls, cpus = append(walls, c.wall), append(cpus, c.cpu)
	}
	at := func(q float64) time.Duration { return quantile(walls, q) }
	return spread{wall: at(0.5), p10: at(0.1), p95: at(0.95), middle: at(0.75) - at(0.25), cpu: quantile(cpus, 0.5)}
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
	part := func(a, b time.Duration) float64 { return float64(a) / float64(b) }
	x, y := spreadOf(a), spreadOf(b)
	return apart{title, part(x.wall, y.wall), part(x.cpu, y.cpu), (part(x.middle, x.wall) + part(y.middle, y.wall)) / 2}
}

// within reports that nothing can be seen: no more than the noise, or three hundredths where there is hardly any, and no more than
// a tenth by the processors, which are steadier.
func (a apart) within() bool { return a.ratio-1 <= max(a.noise, 0.03) && a.cpu <= 1.1 }

func (a apart) String() string {
	return fmt.Sprintf("%s times, by CPU %s; noise %s", ratio(a.ratio), ratio(a.cpu), a.width())
}

func (a apart) width() string { return fmt.Sprintf("±%.0f %%", 100*a.noise) }

// spent returns the processor time of everything in the machine since its boot, in ns: of the services that a command calls, too.
func spent() time.Duration {
	var n int64
	fmt.Sscan(heardOf(`cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n 's/^usage_usec \(.*\)/\1000/p' /sys/fs/cgroup/cpu.stat`), &n)
	return time.Duration(n)
}

// machineCPU measures what one run of each cell costs all processes of the machine together. Services go on for a moment
// after the command has ended, so a few runs and a rest are taken as one, and what the machine uses anyway is taken off.
func (m *machine) machineCPU(cells []*cell) {
	const rest = 250 * time.Millisecond
	for began, pass := time.Now(), 0; pass < m.passes && time.Since(began) < patience/3; pass++ {
		before, start := spent(), time.Now()
		time.Sleep(4 * rest)
		idle := float64(spent()-before) / float64(time.Since(start))
		for _, c := range cells {
			before, start := spent(), time.Now()
			for range m.batch {
				c.take(false)
			}
			time.Sleep(rest)
			used := spent() - before - time.Duration(idle*float64(time.Since(start)))
			c.whole = append(c.whole, max(0, used)/time.Duration(m.batch))
		}
	}
}
