// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/term"
)

// agentFlag names the agent, in every command about one.
type agentFlag struct {
	Agent string `short:"a" default:"${agent}" placeholder:"NAME" help:"The agent (default: ${default})."`
}

// planFlags are those of the commands that change an agent.
type planFlags struct {
	DryRun  bool `help:"Print what would be done, and do nothing."`
	Verbose bool `short:"v" help:"Also print the files that commands read. Otherwise each command is one line."`
}

// limitFlags are what an agent may use, in `au new` and `au limits set`.
type limitFlags struct {
	CPU       *cpuFlag         `placeholder:"SHARE" help:"CPU time: 150% of a core, or 1.5 cores; or infinity."`
	Mem       *auslices.Size   `placeholder:"SIZE" help:"Memory: 512M, 16G, 50% of this machine's memory; or infinity. Also sets --swap 0 where nothing limits the swap."`
	Swap      *auslices.Swap   `placeholder:"SIZE" help:"Swap: 0, 2G, 50% of this machine's swap; or infinity."`
	Tasks     *auslices.Tasks  `placeholder:"N" help:"Processes and threads; or infinity."`
	CPUWeight *auslices.Weight `name:"cpu-weight" placeholder:"N" help:"Share of a busy CPU: 1 to 10000, where others have 100."`
	IOWeight  *auslices.Weight `name:"io-weight" placeholder:"N" help:"Share of a busy disk: 1 to 10000, where others have 100."`
}

// cpuFlag is a share of the CPU as it is typed.
type cpuFlag struct {
	share auslices.CPU
	cores uint64 // many more than there are, which limit nothing, and are percents that lack their sign; 0: there is no doubt
}

// UnmarshalText reads what slices.CPU does.
func (c *cpuFlag) UnmarshalText(text []byte) error {
	*c = cpuFlag{}
	if err := c.share.UnmarshalText(text); err != nil {
		return err
	}
	if cores, err := strconv.ParseUint(string(text), 10, 32); err == nil && cores >= 10 {
		c.cores = cores
	}
	return nil
}

// settle asks what is meant by far too many cores. Without a terminal it refuses them.
func (l limitFlags) settle(a *app) error {
	n := a.host.Capacity().CPUs
	if l.CPU == nil || l.CPU.cores <= uint64(n) {
		return nil
	}
	cores := l.CPU.cores
	question := fmt.Sprintf("--cpu %d is %d cores, and this machine has %d. Do you mean %d%% of one core?", cores, cores, n, cores)
	if term.IsTerminal(0) && a.ask(a.err, question) {
		l.CPU.cores = 0
		return l.CPU.share.UnmarshalText(fmt.Appendf(nil, "%d%%", cores))
	}
	a.say(fmt.Errorf("cpu share \"%d\": that number of cores is more than the %d of this machine: want %d%% for a share of one, or infinity", cores, n, cores))
	return exitError(statusUsage)
}

func (l limitFlags) limits() auslices.Limits {
	var cpu *auslices.CPU
	if l.CPU != nil {
		cpu = &l.CPU.share
	}
	return auslices.Limits{CPU: cpu, Memory: l.Mem, Swap: l.Swap, Tasks: l.Tasks, CPUWeight: l.CPUWeight, IOWeight: l.IOWeight}
}

// span is a duration as people write it: 90s, 30m, 2h, 7d.
type span time.Duration

// UnmarshalText reads a span.
func (s *span) UnmarshalText(text []byte) error {
	word := string(text)
	d, err := time.ParseDuration(word)
	if days, ok := strings.CutSuffix(word, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(n, 10*366+1)) * 24 * time.Hour
	}
	if err != nil || d < time.Second || d > 10*366*24*time.Hour {
		return fmt.Errorf("duration %q: want 30m, 2h or 7d", word)
	}
	*s = span(d)
	return nil
}

// until returns the end of a span that starts now, in whole seconds.
func until(now time.Time, s span) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(s)).UTC().Truncate(time.Second)
}

// presetNames returns the names of the presets for the help; none for commands that have no such option.
func presetNames(args []string) string {
	if !slices.Contains(args, "net") {
		return ""
	}
	presets, err := netfilter.Presets()
	if err != nil {
		panic(err) // the file is part of the program
	}
	var names []string
	for _, p := range presets {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
