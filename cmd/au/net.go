// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

// netCmd is everything about what an agent may reach.
type netCmd struct {
	Restrict netRestrictCmd `cmd:"" help:"Let the agent reach what is allowed and nothing else."`
	Allow    netAllowCmd    `cmd:"" help:"Allow the agent more."`
	Deny     netDenyCmd     `cmd:"" help:"Deny the agent something; this wins over all that is allowed."`
	Status   netStatusCmd   `cmd:"" help:"Show what the agent may reach, and which layers see to it."`
	Log      netLogCmd      `cmd:"" help:"Show what the agent reached, and what it was refused."`
	Why      netWhyCmd      `cmd:"" help:"Say whether the agent may reach a host, and because of which rule."`
	Show     netShowCmd     `cmd:"" help:"Print what is applied: rules, units, policy."`
	Off      netOffCmd      `cmd:"" help:"Let the agent reach everything again, and take all of this away."`

	Load   netLoadCmd   `cmd:"" hidden:"" help:"Load the rules, as root."`
	Unload netUnloadCmd `cmd:"" hidden:"" help:"Take the rules away, as root."`
	Depart netDepartCmd `cmd:"" hidden:"" help:"Take the rules away once their policy is gone, as root."`
	Watch  netWatchCmd  `cmd:"" hidden:"" help:"Put the rules back when they go, as root."`
	Cut    netCutCmd    `cmd:"" hidden:"" help:"End the agent's open connections, as root."`
	Probe  netProbeCmd  `cmd:"" hidden:"" help:"Try to get out, as whoever runs it."`
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

// unitFiles returns the units of a policy as they are or would be installed.
func unitFiles(p netfilter.Policy) []netfilter.UnitFile {
	files := (netfilter.Units{Policy: p, Program: provision.NetProgram(p.Agent)}).Files()
	return append(files, netfilter.UnitFile{Name: path.Join(p.SliceName()+".d", "au-net.conf"), Text: p.SliceDropIn()})
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
