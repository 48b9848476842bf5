// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/a4u2/au/cmd/au/host"
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
		return host.NetError(c.Agent, c.wait(a.host))
	}
	p, err := a.host.NetPolicy(c.Agent)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	program, err := a.host.Executable()
	if err != nil {
		return err
	}
	_, err = a.host.Output("systemd-run", "--quiet", "--collect", "--no-ask-password", "--slice=system.slice", "--property=Type=exec", "--property=OOMScoreAdjust=-900",
		"--description=Rules of the agent "+c.Agent+", until its policy is gone", program, "net", "depart", "--uid", num(p.UID), c.Agent)
	return host.NetError(c.Agent, err)
}

// wait returns when the rules are in the hands of their unit again, or when they have gone with their policy.
func (c *netDepartCmd) wait(h *host.Host) error {
	for gone := 0; ; time.Sleep(departPause) {
		p, err := h.NetPolicy(c.Agent)
		switch left := errors.Is(err, fs.ErrNotExist) || err == nil && p.UID != c.UID; {
		case !left && c.runs(h):
			return nil
		case !left:
			gone = 0
		default:
			gone++
		}
		if gone == departLooks {
			return alone(func() error { return c.unload(h) })
		}
	}
}

// runs reports whether the unit of the rules is active, and so has loaded them.
func (c *netDepartCmd) runs(h *host.Host) bool {
	_, err := h.Output("systemctl", "is-active", "--quiet", netfilter.Policy{Agent: c.Agent}.RulesUnitName())
	return err == nil
}

// unload takes the rules away, unless a policy for the same uid has come meanwhile: under the lock under which it would be loaded.
func (c *netDepartCmd) unload(h *host.Host) error {
	if p, err := h.NetPolicy(c.Agent); err == nil && p.UID == c.UID {
		return nil
	}
	if err := unloadRules(h, netfilter.Policy{Agent: c.Agent, UID: c.UID}); err != nil {
		return fmt.Errorf("take the rules away: %w", err)
	}
	return nil
}
