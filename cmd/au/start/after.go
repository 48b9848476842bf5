// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"encoding/json"
	"math"
	"os"
	"strconv"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// invocation is the link in which systemd keeps the id of a unit from its start to its end (systemd.exec(5), INVOCATION_ID).
func invocation(agent string) string {
	return "/run/systemd/units/invocation:" + auslices.KeeperName(agent)
}

// after returns the command that looks, when a run of command has ended, for what runs by itself in the folders that the agent
// could write, and when it is to. Where it could write none there is only something to say if somebody else has ended it, or the
// kernel, or it was not found. Nothing is looked at before the run: a file's ctime, which nobody can set, says whether it changed
// since. The waiter sees by itself where none has. Of drafts there is something to say in any case, and of a command that the
// policy refuses what it needs.
func (o Order) after(p csrc.Policy, command []string, shares []config.Mount, drafts []Draft) (argv []string, when csrc.When) {
	var sources []config.Path
	for _, m := range shares {
		if !m.ReadOnly {
			sources = append(sources, config.Path(m.Source))
		}
	}
	argv = []string{o.Complete, "after", "--agent", p.Name, "--command=" + command[0], "--path=" + os.Getenv("PATH")}
	if id, err := os.Readlink(invocation(p.Name)); err == nil {
		argv = append(argv, "--unit", id)
	}
	if nests(p, command) {
		argv = append(argv, "--nests")
	} else if len(drafts) == 0 {
		when = csrc.IfKills
	}
	if list, err := json.Marshal(drafts); err == nil && len(drafts) > 0 {
		argv = append(argv, "--drafts", string(list))
	}
	var now, booted unix.Timespec
	if len(sources) == 0 || unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &booted) != nil {
		return argv, when
	}
	list, err := json.Marshal(sources)
	if err != nil {
		return argv, when
	}
	return append(argv, "--config", o.Config, "--since", strconv.FormatInt(now.Nano(), 10), "--booted", strconv.FormatInt(booted.Nano(), 10), "--shares", string(list)), o.afterChange(when, sources)
}

// seen is what was remembered first of the shares that the agent can write: what has changed in one since then is to be looked at.
func (o Order) seen(shares []config.Mount) (record string) {
	oldest := int64(math.MaxInt64)
	for _, m := range shares {
		if m.ReadOnly {
			continue
		}
		var st unix.Stat_t
		at := inspect.RecordPath(o.Config, m.Source)
		if unix.Stat(at, &st) != nil {
			return at
		}
		if changed := st.Mtim.Nano(); changed < oldest {
			record, oldest = at, changed
		}
	}
	return record
}

// afterChange is when to look at shares, of a run that has something to say or not.
func (o Order) afterChange(when csrc.When, sources []config.Path) csrc.When {
	mounts, err := o.mountinfo()
	if when == "" || err != nil || !share.AreLocal(mounts, sources) {
		return ""
	}
	return csrc.IfChanged
}
