// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// checkMachine looks at what concerns all agents: the human's home and config, the machine, and what agents that are gone have
// left.
func (a *app) checkMachine(d *diagnosis, human provision.User, known *config.Config) error {
	a.checkHuman(d, human, known)
	a.checkFolders(d)
	a.checkKernel(d)
	a.checkSystem(d)
	a.checkPrograms(d)
	left, err := a.host.LeftBehind()
	a.leftBehind(d, left, "belongs to an agent that is gone")
	a.leftBehind(d, a.host.LimitsLeft(), "limits a uid that no user has")
	a.leftBehind(d, a.host.WatcherLeft(), "is for agents with a restricted network, and there is none")
	if a.host.UID() != 0 {
		d.needsRoot("network rules of agents that are gone")
		return err
	}
	gone, err2 := a.host.RulesLeft()
	for _, uid := range gone {
		d.advise(a.host, "", "left-behind", fmt.Sprintf("network rules for uid %d, which no agent has, are loaded", uid), fmt.Sprintf("sudo au net unload --uid %d", uid))
	}
	return errors.Join(err, err2)
}

// leftBehind advises to remove these files and folders.
func (a *app) leftBehind(d *diagnosis, paths []string, why string) {
	for _, path := range paths {
		d.advise(a.host, "", "left-behind", show(path)+" "+why, step.Root("rm", "-r", "--", path).Shell([]string{"sudo"}))
	}
}

func (a *app) checkHuman(d *diagnosis, human provision.User, known *config.Config) {
	open, _ := a.host.ForRun().HomeOpenings(human, known)
	for _, way := range open { // each has its own command
		d.advise(a.host, "", "home-open", fmt.Sprintf("others can enter %s (%s)", show(human.Home), way.Who()), way.Shut(human.Home))
	}
	for _, key := range known.Unknown {
		if !known.IsOfShare(key) {
			d.advise(a.host, "", "config-key", fmt.Sprint(key), "")
		}
	}
	for _, word := range known.Silence {
		id, _, _ := strings.Cut(word, ":")
		if _, ok := provision.FaultOf(id); !ok {
			d.advise(a.host, "", "config-key", fmt.Sprintf("the config silences %s, and no fault has that ID", show(word)), "")
		}
	}
	if own, err := a.host.OwnPath(); err == nil && a.host.UID() != 0 {
		if rival, _ := a.host.FindRival(human.Home, own); rival != "" {
			d.advise(a.host, "", "rival-au", fmt.Sprintf("%s is another program called au than this one, %s", show(rival), show(own)), a.host.Uninstall(rival))
		}
	}
}

// checkFolders looks at the folders that everything rests on.
func (a *app) checkFolders(d *diagnosis) {
	for _, path := range provision.Foundations {
		if problem, mend := provision.FolderFault(path, a.host.Path(path)); problem != "" {
			d.advise(a.host, "", "machine-folder", problem, mend)
		}
	}
}

// checkKernel looks for what walls and limits need of the kernel.
func (a *app) checkKernel(d *diagnosis) {
	for _, lack := range a.host.KernelLacks() {
		d.advise(a.host, "", "machine-kernel", lack, "")
	}
	if why := a.host.NoSeal(); why != "" {
		d.advise(a.host, "", "machine-sockets", "sockets that appear in /run during a run can be reached: "+why, "")
	}
	if !a.host.HasScopes() {
		d.advise(a.host, "", "machine-sockets", "abstract sockets can be reached: the kernel has no Landlock scopes (Linux 6.12)", "")
	}
	if missing := a.host.MissingControllers(); len(missing) > 0 {
		d.advise(a.host, "", "machine-controllers", "the kernel has no cgroup controller for "+strings.Join(missing, ", "), "")
	}
	if a.host.LegacyTIOCSTI() {
		d.advise(a.host, "", "machine-tiocsti", "the kernel lets programs type into their terminal (dev.tty.legacy_tiocsti)", "sudo sysctl --write dev.tty.legacy_tiocsti=0")
	}
	if a.host.HidesProcesses() {
		d.advise(a.host, "", "machine-hidepid", "/proc is mounted with hidepid", "")
	}
}

func (a *app) checkSystem(d *diagnosis) {
	version, runs := a.host.SystemdVersion()
	switch {
	case !runs:
		d.advise(a.host, "", "machine-units", "systemd does not run this machine", "")
	case provision.FreezableSystemd(version):
		d.advise(a.host, "", "machine-systemd", "systemd "+show(version)+" can be stopped by any user", "")
	}
}

func (a *app) checkPrograms(d *diagnosis) {
	if whose := a.host.OtherCoreutils(); whose != "" {
		d.advise(a.host, "", "machine-coreutils", "the coreutils are not GNU's: "+show(whose), "")
	}
}
