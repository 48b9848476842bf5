// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// checkMachine looks at what concerns all agents: the human's home and config, the machine, and what agents that are gone have left.
func (a *app) checkMachine(d *diagnosis, human provision.User, known *config.Config) error {
	a.checkHuman(d, human, known)
	a.checkSystem(d)
	left, err := a.host.LeftBehind()
	for _, path := range left {
		d.advise(a.host, "", "left-behind", fmt.Sprintf("%s is of an agent that is gone", show(path)), step.Root("rm", "-r", "--", path).Shell([]string{"sudo"}))
	}
	return err
}

func (a *app) checkHuman(d *diagnosis, human provision.User, known *config.Config) {
	if open, err := a.host.ForRun().HomeOpenings(human, known); err == nil && len(open) > 0 {
		d.advise(a.host, "", "home-open", fmt.Sprintf("others can enter %s (%s)", show(human.Home), open[0].Who()), open[0].Shut(human.Home))
	}
	for _, key := range known.Unknown {
		d.advise(a.host, "", "config-key", fmt.Sprint(key), "")
	}
	if own, err := a.host.OwnPath(); err == nil && a.host.UID() != 0 {
		if rival, _ := a.host.FindRival(human.Home, own); rival != "" {
			d.advise(a.host, "", "rival-au", fmt.Sprintf("%s is another program called au than this one, %s", show(rival), show(own)), a.host.Uninstall(rival))
		}
	}
}

func (a *app) checkSystem(d *diagnosis) {
	if a.host.LegacyTIOCSTI() {
		d.advise(a.host, "", "machine-tiocsti", "the kernel lets programs type into their terminal (dev.tty.legacy_tiocsti)", "sudo sysctl --write dev.tty.legacy_tiocsti=0")
	}
	version, runs := a.host.SystemdVersion()
	switch {
	case !runs:
		d.advise(a.host, "", "machine-units", "systemd does not run this machine", "")
	case provision.FreezableSystemd(version):
		d.advise(a.host, "", "machine-systemd", "systemd "+show(version)+" can be stopped by any user", "")
	}
}
