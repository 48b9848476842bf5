// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/step"
	"github.com/a4u2/au/slices"
)

// ManagerFolder returns the folder of the drop-in by which systemd starts no services of the agent's own.
func ManagerFolder(uid uint32) string { return UnitDir + "/" + slices.ManagerFolder(uid) }

// noManager returns that drop-in.
func noManager(agent string, uid uint32) File {
	return File{ManagerFolder(uid) + "/au.conf", slices.NoManager(agent, csrc.PolicyPath(agent))}
}

// BesideKeeper returns the files that systemd has of the agent besides its keeper, with what they hold: that it has no services of
// its own, where its temporary files are, and how long.
func BesideKeeper(agent string, uid uint32) []File {
	return append([]File{noManager(agent, uid)}, temporary(agent, uid)...)
}

// temporary returns those of its temporary files.
func temporary(agent string, uid uint32) []File {
	return []File{
		{UnitDir + "/" + slices.TemporaryName(agent), slices.Temporary(agent, uid)},
		{AgesDir + "/au-" + agent + ".conf", slices.TemporaryAge(agent)},
	}
}

// planUnit installs what systemd has of the agent, the keeper first, and starts the keeper of its cgroup, where systemd runs the
// machine.
func planUnit(p csrc.Policy, f Facts) []step.Step {
	if !f.Unit.Systemd {
		return nil
	}
	keeper := slices.KeeperName(p.Name)
	text := slices.Keeper(slices.KeeperConfig{Agent: p.Name, UID: p.UID, Sleep: f.Unit.Sleep})
	plan := append(folder(AgesDir, f.AgesFolder), planManagerFolder(p, f)...)
	if f.Unit.Text != text {
		write := step.WriteFile(UnitDir+"/"+keeper, "0644", text, f.Unit.Text)
		write[len(write)-1].Undo = append(write[len(write)-1].Undo, step.Root("systemctl", "daemon-reload"))
		plan = append(plan, write...)
	}
	for _, file := range BesideKeeper(p.Name, p.UID) {
		if old := f.Unit.Beside[file.Name]; old != file.Text {
			plan = append(plan, step.WriteFile(file.Name, "0644", file.Text, old)...)
		}
	}
	running := f.Unit.Enabled && f.Unit.Active
	if len(plan) == 0 && running {
		return nil
	}
	reload := step.Step{Do: step.Root("systemctl", "daemon-reload")}
	if !f.Unit.Enabled {
		reload = enable(keeper)
	}
	if !running {
		plan = append(plan, folder(StateDir, f.StateFolder)...)
		// Here and not beside the start: one that fails has done the half of it.
		reload.Undo = append(reload.Undo, step.Root("systemctl", "stop", slices.Name(p.UID)), remove(f.Self, slices.TemporaryFolder(p.Name)))
	}
	// One that runs already is started again for the sake of what it has come to require.
	return append(plan, reload, step.Step{Do: step.Root("systemctl", "start", keeper)})
}

// enable has the boot start the units, and systemd read all units, as a daemon-reload does.
func enable(units ...string) step.Step {
	return step.Step{
		Do:   step.Root(append([]string{"systemctl", "enable", "--quiet"}, units...)...),
		Undo: step.Undo(disable(units...)),
	}
}

// disable keeps the boot from starting them, and has systemd read all units, too.
func disable(units ...string) step.Command {
	return step.Root(append([]string{"systemctl", "disable", "--quiet"}, units...)...)
}

// disableUnread leaves that to a daemon-reload, which is to follow before any unit is started or stopped: until then systemctl
// warns of each unit on the machine that it changed on disk.
func disableUnread(units ...string) step.Command {
	c := disable(units...)
	c.Argv = append(c.Argv, "--no-reload")
	return c
}

// planManagerFolder makes the folder of the lock. The one that is known is of the uid that the agent has had. Where it gets another
// one, the old lock goes: it would keep the services from whoever has that uid now.
func planManagerFolder(p csrc.Policy, f Facts) []step.Step {
	if f.Policy == nil {
		return folder(ManagerFolder(p.UID), Path{})
	}
	if f.Policy.UID == p.UID {
		return folder(ManagerFolder(p.UID), f.ManagerFolder)
	}
	var plan remover
	if lock := noManager(p.Name, f.Policy.UID).Name; f.Unit.Beside[lock] != "" {
		plan.do("rm", "-f", lock, lock+".new")
	}
	plan.folder(ManagerFolder(f.Policy.UID), f.ManagerFolder)
	return append(plan, folder(ManagerFolder(p.UID), Path{})...)
}

// LacksManagerLock reports whether the drop-in is missing by which systemd starts no services of the agent's own. An older au wrote
// none.
func LacksManagerLock(f Facts) bool {
	return f.Unit.Systemd && f.Ours() && f.Unit.Beside[noManager(f.Name, f.Policy.UID).Name] == ""
}

// KeeperIsOld reports whether the unit of the agent's processes is another than this au would write. The au that wrote it may have
// had other files beside it, or none.
func KeeperIsOld(f Facts) bool {
	return f.Unit.Text != "" && f.Unit.Text != slices.Keeper(slices.KeeperConfig{Agent: f.Name, UID: f.Policy.UID, Sleep: f.Unit.Sleep})
}
