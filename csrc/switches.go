// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import "slices"

// Switch is a word that a policy may allow, and what it costs.
type Switch struct {
	Word    string
	Gives   string   // what works again
	GivesUp string   // what no longer holds
	Opens   []string // what a policy does not hide for it, and shows of it in /run
}

// Switches are all the words there are. The entrypoint knows the same ones; only those without Opens change what it does.
var Switches = []Switch{
	{
		Word:    "setuid",
		Gives:   "set-uid programs work (sudo, ping of old systems, newuidmap)",
		GivesUp: "no_new_privs: the agent can use whatever a set-uid program of this machine lets any user do, or gets wrong; nor is /run sealed",
	},
	{
		Word:    "userns",
		Gives:   "user namespaces work (bubblewrap, the sandboxes of codex and Chromium)",
		GivesUp: "a smaller kernel to attack; and in a writable share the agent can make set-uid files of yours, by an ordinary call (openat2)",
	},
	{
		Word:    "i386",
		Gives:   "32-bit programs work",
		GivesUp: "the system call filter for such programs: they can leave set-uid files in a writable share, and reach AF_VSOCK and io_uring",
	},
	{
		Word:    "devices",
		Gives:   "the machine's devices are there, all of them (serial ports, sound, cameras, security keys; file modes and ACLs still decide)",
		GivesUp: "everything behind a device that is open to every user, now and later",
	},
	{
		Word:    "docker",
		Gives:   "the sockets of Docker, containerd, Podman, CRI-O, LXD and libvirt can be seen (file modes still decide)",
		GivesUp: "everything, for whoever may use one of them: it is root",
		Opens: []string{
			"/run/docker.sock", "/run/containerd", "/run/podman", "/run/crio", "/run/lxd.socket", "/var/lib/lxd",
			"/run/libvirt",
		},
	},
	{
		Word:    "nix",
		Gives:   "the nix daemon builds and downloads for the agent",
		GivesUp: "limits and network rules for what the daemon does in the agent's name: it is root's process, not the agent's",
		Opens:   []string{"/nix/var/nix/daemon-socket"},
	},
	{
		Word:    "resolver",
		Gives:   "names are resolved by systemd-resolved, nscd and avahi over their sockets",
		GivesUp: "network rules for DNS: a broker asks in the agent's place",
		Opens: []string{
			"/run/systemd/resolve/io.systemd.Resolve", "/run/systemd/resolve/io.systemd.Resolve.Monitor", "/run/nscd",
			"/run/avahi-daemon",
		},
	},
	{
		Word:    "sysbus",
		Gives:   "the system's D-Bus can be spoken to",
		GivesUp: "the work of its services for any user (name resolution, downloads of packages) happens outside limits and network rules",
		Opens:   []string{"/run/dbus"},
	},
	{
		Word:    "services",
		Gives:   "printing, smart cards, snaps, databases, screen and tmux of others, and RPC can be reached",
		GivesUp: "only those services' own care with strangers is left",
		Opens: []string{
			"/run/screen", "/run/tmux", "/run/cups", "/run/pcscd", "/run/snapd.socket", "/run/snapd-snap.socket",
			"/run/gssproxy.sock", "/run/rpcbind.sock", "/run/postgresql", "/run/mysqld", "/run/redis",
		},
	},
}

// FindSwitch returns the switch of that word, if there is one.
func FindSwitch(word string) (Switch, bool) {
	at := slices.IndexFunc(Switches, func(s Switch) bool { return s.Word == word })
	if at < 0 {
		return Switch{}, false
	}
	return Switches[at], true
}

func isSwitch(word string) bool {
	_, ok := FindSwitch(word)
	return ok
}
