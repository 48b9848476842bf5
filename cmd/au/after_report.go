// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
)

// reported is how many findings a report has at most.
const reported = 10

// sayChanged reports what the run changed among the things that run by themselves.
func (c *afterCmd) sayChanged(ctx context.Context, a *app) {
	var sources []config.Path
	if json.Unmarshal([]byte(c.Shares), &sources) != nil {
		return
	}
	all, err := c.look(a.host, ctx, sources)
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
			before := lastLook(a.host, a.Config, source)
			c.say(a, source, l.Result, before.Changed(l.Result, inspect.Began(c.Since, c.Booted)))
			before.Keep(l.Result)
		}
	}
}

// look returns what was found in folders, by the front program where that has looked.
func (c *afterCmd) look(h *host.Host, ctx context.Context, folders []config.Path) ([]*inspect.Looked, error) {
	if c.Found > 2 {
		if found, ok := inspect.Passed(c.Found, len(folders)); ok {
			return found, nil
		}
	}
	return lookAll(h, ctx, folders)
}

// say names what has changed, and says what was not looked at.
func (c *afterCmd) say(a *app, source string, l inspect.Result, changed []inspect.Found) {
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
	if !l.Whole {
		fmt.Fprintf(a.err, "au: not all of %s was looked at: there was time for %d files\n", show(source), l.Files)
	}
	if len(changed) > 0 || !l.Whole {
		a.hint(mountLine("check", c.Agent, source))
	}
}

// inWords says in one line what a finding is. Where a repository is, its path says.
func inWords(f risk.Finding) string {
	word := risk.KindWord(f.Kind)
	if f.Kind == "git-nested" && strings.HasPrefix(f.Detail, inspect.NestedIn) {
		return word
	}
	return strings.Trim(word+": "+f.Detail, ": ")
}
