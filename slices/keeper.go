// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strconv"
	"strings"
)

// KeeperName returns the unit that holds the agent's cgroup open, au-agent.service.
func KeeperName(agent string) string {
	return "au-" + agent + ".service"
}

// KeeperConfig is what the text of a keeper depends on.
type KeeperConfig struct {
	Agent string // name of the agent
	UID   uint32 // uid of the agent, which names the slice
	Sleep string // absolute path of the machine's sleep
}

// Keeper returns the text of /etc/systemd/system/au-NAME.service, for systemd 252 and later, with
// either cgroup version. The unit is there from boot on, survives the agent's sessions and
// `loginctl terminate-user`, and neither the agent nor an OOM kill among its processes can end it.
//
// Nothing in it asks for a namespace: a container may not give one, and a mount namespace of the
// keeper's would keep every device that is unmounted later busy.
func Keeper(k KeeperConfig) string {
	return fmt.Sprintf(keeperText, k.Agent, Name(k.UID), unitPath(k.Sleep), TemporaryFolder(k.Agent))
}

// The keeper is root's without any capability, rather than the agent's: the owner of a delegated
// cgroup may move processes out of it, and may signal the keeper.
//
// User=root: systemd 258 to 258.4, 259 and 259.1 keep no uid for a unit that names no user, and any user who asks
// them to attach a process to such a delegated unit freezes the machine's systemd (CVE-2026-40223).
// Type=exec: when the unit is up its process has reached its cgroups, which are read from it.
// OOMPolicy=continue: with the default a single OOM kill stops the whole unit.
// RefuseManualStop: what restarts services after an upgrade of a library (needrestart, tracer, zypper) takes the unit for
// one that needs it, because of the agent's own processes, and would end them. It still stops with its slice.
// The sleep is as long as one can be for every sleep(1): 68 years. Not all know "infinity".
// CollectMode: one that failed and is taken back is not remembered until the next boot.
// TasksMax=infinity: the slice's limit counts, not the manager's default for a service.
// TimeoutStopSec: what a stopped agent has between SIGTERM and SIGKILL.
const keeperText = `[Unit]
Description=Processes of the agent %[1]s
StartLimitIntervalSec=0
CollectMode=inactive-or-failed
RefuseManualStop=yes
RequiresMountsFor=%[4]s

[Service]
Type=exec
Slice=%[2]s
User=root
Delegate=yes
ExecStart=%[3]s 2147483647
Restart=always
KillMode=control-group
TimeoutStopSec=5s
OOMPolicy=continue
OOMScoreAdjust=-1000
TasksMax=infinity
StandardOutput=null
StandardError=null
CapabilityBoundingSet=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`

// unitPath writes a path for ExecStart=, where % starts a specifier and a quoted word is unescaped
// as in C (systemd.syntax(7)).
func unitPath(p string) string {
	p = strings.ReplaceAll(p, "%", "%%")
	if !strings.ContainsAny(p, " \t\"'\\;$") {
		return p
	}
	return strconv.Quote(strings.ReplaceAll(p, "$", "$$"))
}
