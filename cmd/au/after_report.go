// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// reported is how many findings a report has at most.
const reported = 10

// sayChanged reports what the run changed among the things that run by themselves.
func (c *afterCmd) sayChanged(ctx context.Context, a *app) {
	var sources []config.Path
	if json.Unmarshal([]byte(c.Shares), &sources) != nil {
		return
	}
	all, err := lookAll(a.host, ctx, sources)
	if err != nil {
		fmt.Fprintf(a.err, "au: could not look at the run's changes: %s\n", quote.Error(err))
		return
	}
	for i, folder := range sources {
		source, l := string(folder), all[i]
		switch {
		case l == nil && ctx.Err() != nil:
			fmt.Fprintf(a.err, "au: not all of %s was looked at\n", show(source))
			a.hint(mountLine("check", c.Agent, source))
		case l == nil:
			fmt.Fprintf(a.err, "au: %s was not looked at: %s did not answer\n", show(source), silent(a.host, source))
		case l != nil && l.Err == "":
			before := remembered(a.host, a.Config, source)
			c.say(a, source, l.inspected, before.changed(l.inspected, c.since()))
			before.keep(l.inspected)
		}
	}
}

// since is when the run began, by the clock as it is now: what was changed since then may be older by the clock, if that was set
// back.
func (c *afterCmd) since() int64 {
	began := host.Clock(unix.CLOCK_REALTIME_COARSE) - (host.Clock(unix.CLOCK_BOOTTIME) - c.Booted)
	if c.Booted == 0 || c.Since-began < int64(100*time.Millisecond) { // the clock of files has ticks
		return c.Since
	}
	return began
}

// say names what has changed, and says what was not looked at.
func (c *afterCmd) say(a *app, source string, l inspected, changed []found) {
	if len(changed) > 0 {
		fmt.Fprintf(a.err, "au: new or changed files that run by themselves on your side, in %s:\n", show(source))
	}
	for i, f := range changed {
		if i == reported {
			fmt.Fprintf(a.err, "au:   … and %d more\n", len(changed)-i)
			break
		}
		fmt.Fprintf(a.err, "au:   %s%s\n", show(f.Path), detail(inWords(f.Finding)))
	}
	if !l.whole {
		fmt.Fprintf(a.err, "au: not all of %s was looked at: there was time for %d files\n", show(source), l.files)
	}
	if len(changed) > 0 || !l.whole {
		a.hint(mountLine("check", c.Agent, source))
	}
}

// inWords says in one line what a finding is. Where a repository is, its path says.
func inWords(f provision.Finding) string {
	word := provision.KindWord(f.Kind)
	if f.Kind == "git-nested" && strings.HasPrefix(f.Detail, nestedIn) {
		return word
	}
	return strings.Trim(word+": "+f.Detail, ": ")
}
