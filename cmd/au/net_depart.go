// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
)

// netDepartCmd is what stops the unit of the rules on NixOS, where a switch stops a unit that is not in the new configuration before it removes its files. Rules
// go when the policy is gone, and not before: so it leaves a process behind that outlives the switch and looks.
type netDepartCmd struct {
	Agent string `arg:""`
	UID   uint32 `name:"uid" help:"Be that process, for the rules of this uid."`
}

// A policy is gone when it was not there in so many looks in a row: a switch replaces files, and what it mounts anew may not be there for a moment.
const (
	departLooks = 4
	departPause = 500 * time.Millisecond
)

func (c *netDepartCmd) Run(a *app) error {
	if c.UID != 0 {
		return restricting(c.Agent, c.wait())
	}
	p, err := netPolicy(c.Agent)
	if err != nil {
		return restricting(c.Agent, err)
	}
	program, err := executable()
	if err != nil {
		return err
	}
	_, err = programs.Output("systemd-run", "--quiet", "--collect", "--no-ask-password", "--slice=system.slice", "--property=Type=exec", "--property=OOMScoreAdjust=-900",
		"--description=Rules of the agent "+c.Agent+", until its policy is gone", program, "net", "depart", "--uid", num(p.UID), c.Agent)
	return restricting(c.Agent, err)
}

// wait returns when the rules are in the hands of their unit again, or when they have gone with their policy.
func (c *netDepartCmd) wait() error {
	for gone := 0; ; time.Sleep(departPause) {
		p, err := netPolicy(c.Agent)
		switch left := errors.Is(err, fs.ErrNotExist) || err == nil && p.UID != c.UID; {
		case !left && c.runs():
			return nil
		case !left:
			gone = 0
		default:
			gone++
		}
		if gone == departLooks {
			return alone(c.unload)
		}
	}
}

// runs reports whether the unit of the rules is active, and so has loaded them.
func (c *netDepartCmd) runs() bool {
	_, err := output("systemctl", "is-active", "--quiet", netfilter.Policy{Agent: c.Agent}.RulesUnitName())
	return err == nil
}

// unload takes the rules away, unless a policy for the same uid has come meanwhile: under the lock under which it would be loaded.
func (c *netDepartCmd) unload() error {
	if p, err := netPolicy(c.Agent); err == nil && p.UID == c.UID {
		return nil
	}
	if err := unloadRules(netfilter.Policy{Agent: c.Agent, UID: c.UID}); err != nil {
		return fmt.Errorf("take the rules away: %w", err)
	}
	return nil
}
