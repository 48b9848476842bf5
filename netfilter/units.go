// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"strings"
)

// Units are the systemd units of one restricted agent, for systemd 252 and later. Each is the text of a file in
// /etc/systemd/system. They name system.slice: a unit with an @ would otherwise leave a slice of its own behind.
//
//	au-net-rules@NAME.service  loads the rules, before there is a network
//	au-net-watch@NAME.service  says that they are to be put back when somebody flushes them
//	au-net-watch.service       does that, for all agents
//	au-net@NAME.socket         holds the daemon's ports, so that nobody else can take them
//	au-net6@NAME.socket        the same on ::1, where the kernel has IPv6, switched on or off
//	au-net@NAME.service        the daemon, which the sockets start, and which ends when nothing has been open for a while
type Units struct {
	Policy  Policy
	Program string // absolute path of an au that only root can write: /usr/local/libexec/au/NAME/au
	Watcher string // such a path of the au that watches, for all agents
	SHA256  string // of Program and Watcher; empty: the units do not say
	// Depart has the rules go when the policy does: for a machine whose configuration stops a unit that is in it no more, and
	// removes its files afterwards.
	Depart bool
}

// DaemonUser returns the system user that the agent's daemon runs as.
func (p *Policy) DaemonUser() string { return "aunet-" + p.Agent }

// LogDir returns the folder of the agent's network log: the daemon's to write, the humans' of the group to read.
func (p *Policy) LogDir() string { return "/var/log/au/" + p.Agent }

// Names of the agent's units.
func (p *Policy) RulesUnitName() string   { return "au-net-rules@" + p.Agent + ".service" }
func (p *Policy) WatchUnitName() string   { return "au-net-watch@" + p.Agent + ".service" }
func (p *Policy) SocketUnitName() string  { return "au-net@" + p.Agent + ".socket" }
func (p *Policy) Socket6UnitName() string { return "au-net6@" + p.Agent + ".socket" }
func (p *Policy) DaemonUnitName() string  { return "au-net@" + p.Agent + ".service" }

// WatchUnit is the unit that puts back the rules of all agents.
const WatchUnit = "au-net-watch.service"

// WatchedFolder is where systemd makes a folder for each agent whose rules are watched over, for as long as they are.
const WatchedFolder = "/run/au-net-watch"

// login returns the lines of the daemon's unit that bring it the login: systemd opens the file as root, and the daemon has it as
// its standard input. Root looks first whether the file is for root alone.
func (u Units) login() string {
	file := u.Policy.Upstream.Login
	if file == "" {
		return ""
	}
	return fmt.Sprintf("ExecStartPre=+%s net login %s\nStandardInput=file:%s\n", u.Program, file, file)
}

// Stamp returns the line of a unit that says which program it runs, by the SHA-256; systemd skips it. With another program the unit
// is another, and written anew: when that was says whether what runs is older.
func Stamp(sha256 string) string {
	if sha256 == "" {
		return ""
	}
	return "X-Program=" + sha256 + "\n"
}

// UnitFile is a unit with its name.
type UnitFile struct{ Name, Text string }

// Files returns the units, in the order in which they are to be started. The daemon and its socket are there only where a daemon
// decides.
func (u Units) Files() []UnitFile {
	p := u.Policy
	files := []UnitFile{{p.RulesUnitName(), u.rules()}, {WatchUnit, u.watch()}, {p.WatchUnitName(), u.watched()}}
	if p.HasDaemon() {
		files = append(files, UnitFile{p.SocketUnitName(), u.socket()}, UnitFile{p.Socket6UnitName(), u.socket6()}, UnitFile{p.DaemonUnitName(), u.daemon()})
	}
	return files
}

// firewalls are the services after whose start and reload the rules are loaded anew.
const firewalls = "nftables.service firewalld.service ufw.service netfilter-persistent.service iptables.service ip6tables.service docker.service"

// The rules come before any network, or the agent's slice does not come at all (SliceDropIn). Loading is one transaction, and a
// reload never takes them away in between: no ExecStop does.
func (u Units) rules() string {
	p, stop := u.Policy, ""
	if u.Depart {
		stop = fmt.Sprintf("ExecStop=-%s net depart %s\n", u.Program, p.Agent)
	}
	return fmt.Sprintf(`[Unit]
Description=What the agent %[1]s may reach: rules
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service systemd-sysctl.service nftables.service ufw.service netfilter-persistent.service iptables.service ip6tables.service
RequiresMountsFor=%[2]s /etc/au/net
Conflicts=shutdown.target
ReloadPropagatedFrom=%[3]s
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Service]
Slice=system.slice
Type=oneshot
RemainAfterExit=yes
ExecStart=%[2]s net load %[1]s
ExecReload=%[2]s net load %[1]s
%[5]s%[4]s
[Install]
WantedBy=sysinit.target
`, p.Agent, u.Program, firewalls, loaderHardening, stop)
}

// The watcher hears of every change to nftables rules from the kernel, and looks every few seconds for what older iptables does. It
// starts with the first agent's unit and ends with the last one's. It needs some 20 MB itself. nft, which it runs, needs a megabyte
// for each table on the machine (measured with 1.0.6 and 1.1.3), and a hundred agents have two hundred.
func (u Units) watch() string {
	return fmt.Sprintf(`[Unit]
Description=What restricted agents may reach: puts the rules back
StopWhenUnneeded=yes
StartLimitIntervalSec=0
CollectMode=inactive-or-failed
%[3]s
[Service]
Slice=system.slice
Type=notify
ExecStart=%[1]s net watch
Restart=always
RestartSec=100ms
OOMScoreAdjust=-900
MemoryMax=2G
%[2]s`, u.Watcher, loaderHardening, Stamp(u.SHA256))
}

// watched is the unit by which one agent's rules are watched over. It loads them, as the watcher would. Where that fails the unit
// stays all the same, and the watcher tries on.
func (u Units) watched() string {
	p := u.Policy
	return fmt.Sprintf(`[Unit]
Description=What the agent %[1]s may reach: the rules are watched over
Requires=%[3]s
After=%[3]s
Wants=%[5]s
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Service]
Slice=system.slice
Type=oneshot
RemainAfterExit=yes
RuntimeDirectory=%[6]s/%[1]s
ExecStart=-%[2]s net load %[1]s
%[4]s
[Install]
WantedBy=multi-user.target
`, p.Agent, u.Program, p.RulesUnitName(), loaderHardening, WatchUnit, strings.TrimPrefix(WatchedFolder, "/run/"))
}

// loaderHardening leaves what nft and iptables need: the right to change rules and to end sockets, and netlink; CAP_BPF is for the
// slice's program. iptables-legacy locks /run/xtables.lock and opens a raw socket.
const loaderHardening = `CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_BPF
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/run
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_NETLINK AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
`

func (u Units) socket() string {
	return u.listen("127.0.0.1", "Wants="+u.Policy.Socket6UnitName(), "") + `
[Install]
WantedBy=sockets.target
`
}

// IPv6 may be off, and go on and off while the machine runs: the address need not be there to listen on it. A kernel without IPv6
// has no such file. A stop or restart of the one socket is meant for both.
func (u Units) socket6() string {
	return u.listen("[::1]", "PartOf="+u.Policy.SocketUnitName()+"\nConditionPathExists=/proc/net/if_inet6", "FreeBind=yes\n")
}

func (u Units) listen(host, unit, socket string) string {
	p := u.Policy
	return fmt.Sprintf(`[Unit]
Description=What the agent %[1]s may reach: ports of the daemon
%[5]s
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Socket]
ListenStream=%[2]s:%[3]d
ListenStream=%[2]s:%[4]d
ListenDatagram=%[2]s:%[4]d
%[6]sSlice=system.slice
Backlog=4096
Service=%[7]s
TriggerLimitIntervalSec=0
`, p.Agent, host, p.Proxy, p.DNS, unit, socket, p.DaemonUnitName())
}

// The daemon has no capability and nothing to write but its log and what it keeps beside that. Its ports are above 1023 and come
// from the socket; to whom a socket belongs the kernel tells anybody. It comes and goes: only its own words and failures are for
// the journal.
func (u Units) daemon() string {
	p, pause := u.Policy, "100ms"
	if p.Upstream.Login != "" {
		pause = "1s" // a file that is not fit stays so for longer
	}
	return fmt.Sprintf(`[Unit]
Description=What the agent %[1]s may reach: names
Requires=%[4]s
After=%[4]s %[6]s network.target
StartLimitIntervalSec=0
CollectMode=inactive-or-failed
%[10]s
[Service]
Slice=system.slice
Type=notify
User=%[3]s
%[8]sExecStart=%[2]s net serve %[1]s
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=%[9]s
SyslogLevel=notice
LogLevelMax=notice
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
UMask=0027
ProtectSystem=strict
ReadWritePaths=%[5]s
%[7]sLimitNOFILE=65536
LimitCORE=0
MemoryMax=64M
TasksMax=128
`, p.Agent, u.Program, p.DaemonUser(), p.SocketUnitName(), p.LogDir(), p.Socket6UnitName(), daemonWalls, u.login(), pause, Stamp(u.SHA256))
}

// daemonWalls are what the daemon has no use for. Each property with mounts or a filter of its own delays the first connection
// after a rest. So the folders of the kernel, devices and temporary files are covered as they are, and one filter has all calls.
// Only what looks at arguments has others.
const daemonWalls = `ProtectHome=yes
InaccessiblePaths=/dev /proc /sys /tmp -/var/tmp -/usr/lib/modules
DevicePolicy=closed
PrivateIPC=yes
RemoveIPC=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @clock @module @raw-io personality syslog
SystemCallErrorNumber=EPERM
`
