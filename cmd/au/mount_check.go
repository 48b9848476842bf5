// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
)

type mountCheckCmd struct {
	agentFlag
	JSON   bool   `name:"json" help:"Print JSON, with every finding."`
	Source string `arg:"" optional:"" help:"A folder or a file, shared or not (default: all that is shared with the agent)."`
}

// shownOfKind is how many findings of a kind are printed; --json has them all.
const shownOfKind = 20

// Run looks, as a linter does: 0 when nothing was found, 1 when something was.
func (c *mountCheckCmd) Run(a *app) error {
	if a.host.UID() == 0 {
		if err := a.leaveTerminal(); err != nil {
			return err
		}
		a.Human = ""
	}
	sources, err := c.sources(a)
	if err != nil {
		return err
	}
	results, found := []checked{}, false
	for _, source := range sources {
		result, err := inspectShare(a.host, source, a.err)
		if err != nil {
			return fmt.Errorf("check %q: %w", source, err)
		}
		results = append(results, result)
		found = found || len(result.Findings) > 0
		if !c.JSON {
			a.printChecked(result)
		}
	}
	if c.JSON {
		err = a.printJSON(results)
	} else if len(results) == 0 {
		fmt.Fprintf(a.out, "Nothing is shared with agent %s.\n", c.Agent)
	}
	if err == nil && found {
		return exitError(statusFailed)
	}
	return err
}

// sources returns what to look into: what is named, or all shares that are there.
func (c *mountCheckCmd) sources(a *app) ([]string, error) {
	human, known, err := a.humanAndConfig()
	if err != nil {
		return nil, err
	}
	if c.Source != "" {
		source, err := placeToCheck(c.Source, a.follower(human, known, c.Agent))
		return []string{source}, err
	}
	if err := a.host.WithDeclared(known, c.Agent, human); err != nil {
		return nil, err
	}
	entry := known.Agent(c.Agent)
	if entry == nil {
		return nil, hintError{fmt.Errorf("%s: no such agent in %s", c.Agent, a.configPath(human)), "au mount check FOLDER"}
	}
	var all []string
	for _, m := range entry.Mounts {
		if start.Vanished(m.Source) {
			fmt.Fprintf(a.err, "au: share %s is not there any more\n", show(m.Source))
			continue
		}
		all = append(all, m.Source)
	}
	return all, nil
}

// placeToCheck returns the folder or file that a word names, where no agent leads to another one.
func placeToCheck(word string, follow start.Follower) (string, error) {
	place, err := follow.Follow(word)
	if err != nil {
		return "", err
	}
	defer place.Close()
	switch {
	case len(place.Missing) > 0:
		return "", &os.PathError{Op: "check", Path: word, Err: unix.ENOENT}
	case place.File >= 0 && place.Stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return "", fmt.Errorf("check %q: want a folder, or a regular file", word)
	}
	return place.Path, nil
}

// printChecked prints what was found, by kind, the gravest first.
func (a *app) printChecked(c checked) {
	p := a.paint()
	if len(c.Findings) == 0 {
		fmt.Fprintf(a.out, "%s: %s, %d files\n", show(string(c.Source)), p.Green("nothing found"), c.Files)
		return
	}
	fmt.Fprintf(a.out, "%s: %d files\n", show(string(c.Source)), c.Files)
	for _, kind := range risk.Kinds {
		n := 0
		for _, f := range c.Findings {
			if f.Kind != kind.Name {
				continue
			}
			if n++; n == 1 {
				fmt.Fprintf(a.out, "  %s\n", p.Yellow(kind.Title))
			}
			if n <= shownOfKind {
				fmt.Fprintf(a.out, "    %s%s\n", show(f.Path), detail(f.Detail))
			}
		}
		if n > shownOfKind {
			fmt.Fprintf(a.out, "    … and %d more (--json has them all)\n", n-shownOfKind)
		}
	}
}
