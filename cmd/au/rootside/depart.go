// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
)

// A policy is gone when it was not there in so many looks in a row: a switch replaces files, and what it mounts anew may not be
// there for a moment.
const (
	departLooks = 4
	departPause = 500 * time.Millisecond
)

// LeaveRules is what stops the unit of the rules on NixOS, where a switch stops a unit that is not in the new configuration before
// it removes its files. Rules go when the policy is gone, and not before: so it leaves a process behind that outlives the switch
// and looks.
func (r *Root) LeaveRules(agent string) error {
	p, err := r.host.NetPolicy(agent)
	if err != nil {
		return host.NetError(agent, err)
	}
	program, err := r.host.Executable()
	if err != nil {
		return err
	}
	_, err = r.host.Output("systemd-run", "--quiet", "--collect", "--no-ask-password", "--slice=system.slice", "--property=Type=exec", "--property=OOMScoreAdjust=-900",
		"--description=Rules of the agent "+agent+", until its policy is gone", program, "net", "depart", "--uid", fmt.Sprint(p.UID), agent)
	return host.NetError(agent, err)
}

// AwaitDeparture is that process: it returns when the rules for the uid are in the hands of their unit again, or when they have
// gone with their policy.
func (r *Root) AwaitDeparture(agent string, uid uint32) error {
	for gone := 0; ; time.Sleep(departPause) {
		p, err := r.host.NetPolicy(agent)
		switch left := errors.Is(err, fs.ErrNotExist) || err == nil && p.UID != uid; {
		case !left && r.rulesRun(agent):
			return nil
		case !left:
			gone = 0
		default:
			gone++
		}
		if gone == departLooks {
			return host.NetError(agent, r.alone(func() error { return r.unloadDeparted(agent, uid) }))
		}
	}
}

// rulesRun reports whether the unit of the rules is active, and so has loaded them.
func (r *Root) rulesRun(agent string) bool {
	_, err := r.host.Output("systemctl", "is-active", "--quiet", (&netfilter.Policy{Agent: agent}).RulesUnitName())
	return err == nil
}

// unloadDeparted takes the rules away, unless a policy for the same uid has come meanwhile: under the lock under which it would be
// loaded.
func (r *Root) unloadDeparted(agent string, uid uint32) error {
	if p, err := r.host.NetPolicy(agent); err == nil && p.UID == uid {
		return nil
	}
	if err := r.unloadRules(netfilter.Policy{Agent: agent, UID: uid}); err != nil {
		return fmt.Errorf("take the rules away: %w", err)
	}
	return nil
}
