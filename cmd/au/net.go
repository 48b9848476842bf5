// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
)

// netCmd is everything about what an agent may reach.
type netCmd struct {
	Restrict netRestrictCmd `cmd:"" help:"Let the agent reach what is allowed and nothing else."`
	Allow    netAllowCmd    `cmd:"" help:"Allow the agent more."`
	Deny     netDenyCmd     `cmd:"" help:"Deny the agent something; this wins over all that is allowed."`
	Status   netStatusCmd   `cmd:"" help:"Show what the agent may reach, and which layers see to it."`
	Log      netLogCmd      `cmd:"" help:"Show what the agent reached, and what it was refused."`
	Why      netWhyCmd      `cmd:"" help:"Say whether the agent may reach a host, and because of which rule."`
	Show     netShowCmd     `cmd:"" help:"Print what is applied: rules, units, policy."`
	Off      netOffCmd      `cmd:"" help:"Let the agent reach everything again, and take all of this away."`

	Load   netLoadCmd   `cmd:"" hidden:"" help:"Load the rules, as root."`
	Unload netUnloadCmd `cmd:"" hidden:"" help:"Take the rules away, as root."`
	Depart netDepartCmd `cmd:"" hidden:"" help:"Take the rules away once their policy is gone, as root."`
	Watch  netWatchCmd  `cmd:"" hidden:"" help:"Put the rules back when they go, as root."`
	Cut    netCutCmd    `cmd:"" hidden:"" help:"End the agent's open connections, as root."`
	Probe  netProbeCmd  `cmd:"" hidden:"" help:"Try to get out, as whoever runs it."`
}

// restricting says what was being done when err came.
func restricting(agent string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("network of agent %q: %w", agent, err)
}

// netPolicy returns the agent's network policy, and fs.ErrNotExist where it has none.
func netPolicy(agent string) (netfilter.Policy, error) {
	if err := provision.CheckName(agent); err != nil {
		return netfilter.Policy{}, err
	}
	text, err := os.ReadFile(hostRoot + provision.NetPath(agent))
	if err != nil {
		return netfilter.Policy{}, err
	}
	p, err := netfilter.ParsePolicy(text)
	if err != nil {
		return p, fmt.Errorf("%s: %w", provision.NetPath(agent), err)
	}
	if p.Agent != agent {
		return p, fmt.Errorf("%s: is the policy of agent %q", provision.NetPath(agent), p.Agent)
	}
	return p, nil
}

// restricted returns the network policy of an agent that has one.
func restricted(agent string) (netfilter.Policy, error) {
	policy, err := made(agent)
	if err != nil {
		return netfilter.Policy{}, err
	}
	p, err := netPolicy(agent)
	if errors.Is(err, fs.ErrNotExist) {
		if err := nothingLeft(agent, policy.UID); err != nil {
			return p, restricting(agent, err)
		}
		return p, hintError{fmt.Errorf("agent %q is not restricted", agent), "au net restrict --agent " + agent + " --preset anthropic"}
	}
	if err != nil {
		return p, hintError{restricting(agent, err), "au net restrict --agent " + agent}
	}
	return p, nil
}

// observeNet reads what the network's plans depend on. It changes nothing and asks for no password.
func observeNet(agent string) (provision.NetFacts, error) {
	f := provision.NetFacts{Systemd: exists("/run/systemd/system"), Parents: map[string]provision.Path{}, Units: map[string]provision.NetUnit{}}
	f.NoSlice = noSlice()
	var err error
	if f.Agent, err = made(agent); err != nil {
		return f, err
	}
	if text, err := os.ReadFile(hostRoot + provision.NetPath(agent)); err == nil {
		f.PolicyText = string(text)
		if p, err := netPolicy(agent); err == nil {
			f.Policy = &p
		}
	}
	if f.Self.Path, err = os.Executable(); err == nil {
		f.Au, err = self()
	}
	if err != nil {
		return f, err
	}
	f.Self.SHA256 = fingerprint(f.Self.Path)
	f.Program = lstat(provision.NetProgram(agent))
	f.Program.SHA256 = fingerprint(provision.NetProgram(agent))
	p := netfilter.Policy{Agent: agent, UID: f.Agent.UID}
	f.LogDir = lstat(p.LogDir())
	dropIn := provision.UnitDir + "/" + p.SliceName() + ".d"
	for _, dir := range []string{provision.EtcDir, provision.NetDir, provision.LogDir, dropIn} {
		f.Parents[dir] = lstat(dir)
	}
	text, _ := os.ReadFile(hostRoot + dropIn + "/au-net.conf")
	f.SliceText = string(text)
	u, ok, err := userNamed(p.DaemonUser())
	if ok {
		f.User = &u
	}
	f.Units = netUnits(p, f.Systemd)
	files, folders := provision.NetHalf(p)
	f.Half = slices.DeleteFunc(files, func(file string) bool { return !exists(file) })
	f.Empty = slices.DeleteFunc(folders, func(folder string) bool {
		entries, err := os.ReadDir(hostRoot + folder)
		return err != nil || len(entries) > 0
	})
	return f, err
}

// noSlice returns why the second layer cannot hold here; empty where it can.
func noSlice() string {
	switch {
	case !exists("/sys/fs/cgroup/cgroup.controllers"):
		return "cgroup v2 does not rule this machine"
	case !netkernel.HasBPF():
		return netkernel.ErrNoBPF.Error()
	}
	return ""
}

// noSeal returns why sockets in /run are hidden from a run as it begins, and not whenever they appear; empty where nothing in /run can be used by it.
func noSeal() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err.Error()
	}
	k, err := kernel()
	if err != nil {
		return err.Error()
	}
	namespaces, _ := os.ReadFile("/proc/sys/user/max_user_namespaces")
	return provision.Unsealed(share.ParseMountinfo(string(mounts)), k, strings.TrimSpace(string(namespaces)))
}

// netUnits asks systemd for the units of the agent's network.
func netUnits(p netfilter.Policy, systemd bool) map[string]provision.NetUnit {
	units := map[string]provision.NetUnit{}
	var replaced time.Time // when the program that they run was put in its place
	if info, err := os.Stat(hostRoot + provision.NetProgram(p.Agent)); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			replaced = time.Unix(st.Ctim.Unix())
		}
	}
	for _, name := range provision.NetUnitNames(p) {
		text, _ := os.ReadFile(hostRoot + provision.UnitDir + "/" + name)
		u := provision.NetUnit{Text: string(text)}
		if systemd {
			out, err := systemctlShow("--timestamp=us+utc", "--property=ActiveState,UnitFileState,ExecMainStartTimestamp", name)
			systemd = err == nil // whoever does not answer is not asked again
			state := string(out)
			u.Active = strings.Contains(state, "ActiveState=active") || strings.Contains(state, "ActiveState=reloading")
			u.Enabled = strings.Contains(state, "UnitFileState=enabled")
			began, known := startedAt(state)
			u.Stale = u.Active && known && began.Before(replaced)
		}
		units[name] = u
	}
	return units
}

// outdatedNet says what of a restricted agent's network is of another au than this one; empty where nothing is.
func outdatedNet(p netfilter.Policy) string {
	self, _ := os.Executable()
	f := provision.NetFacts{Units: netUnits(p, exists("/run/systemd/system")), Program: lstat(provision.NetProgram(p.Agent))}
	f.Self.SHA256, f.Program.SHA256 = fingerprint(self), fingerprint(provision.NetProgram(p.Agent))
	return f.Outdated(p)
}

// startedAt reads when a unit's process began, out of what systemctl show printed.
func startedAt(state string) (time.Time, bool) {
	_, at, _ := strings.Cut(state, "ExecMainStartTimestamp=")
	at, _, _ = strings.Cut(at, "\n")
	began, err := time.Parse("Mon 2006-01-02 15:04:05.000000 MST", at)
	return began, err == nil
}

// hasIPv6 reports whether the kernel has IPv6, which must be filtered even while it is switched off: it can be switched on.
func hasIPv6() bool { return exists("/proc/net/if_inet6") }

// subUIDs returns the ranges that subuid(5) gives a user, by name or by uid.
func subUIDs(agent string, uid uint32) ([]netfilter.Range, error) {
	text, err := os.ReadFile(hostRoot + "/etc/subuid")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ranges []netfilter.Range
	for line := range strings.Lines(string(text)) {
		w := strings.Split(strings.TrimSpace(line), ":")
		if len(w) != 3 || w[0] != agent && w[0] != strconv.FormatUint(uint64(uid), 10) {
			continue
		}
		first, err1 := strconv.ParseUint(w[1], 10, 32)
		count, err2 := strconv.ParseUint(w[2], 10, 32)
		if err1 != nil || err2 != nil || count == 0 || first+count > 1<<32-1 {
			return nil, fmt.Errorf("/etc/subuid: %q: want NAME:FIRST:COUNT", strings.TrimSpace(line))
		}
		ranges = append(ranges, netfilter.Range{First: uint32(first), Last: uint32(first + count - 1)})
	}
	return ranges, err
}

// resolvers returns the DNS servers of resolv.conf(5).
func resolvers() []netip.AddrPort {
	text, _ := os.ReadFile(hostRoot + "/etc/resolv.conf")
	var servers []netip.AddrPort
	for line := range strings.Lines(string(text)) {
		w := strings.Fields(line)
		if len(w) < 2 || w[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(w[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr.WithZone(""), 53))
		}
	}
	return servers
}

// freePorts returns two ports for the daemon of an agent that no other agent has and on which nobody listens. They lie above those that
// the kernel gives to outgoing connections.
func freePorts(agent string) (proxy, dns uint16, err error) {
	taken := map[uint16]bool{}
	files, _ := os.ReadDir(hostRoot + provision.NetDir)
	for _, file := range files {
		name, isPolicy := strings.CutSuffix(file.Name(), ".toml")
		if p, err := netPolicy(name); isPolicy && err == nil && name != agent {
			taken[p.Proxy], taken[p.DNS] = true, true
		}
	}
	var found []uint16
	for port := uint16(61001); port < 65000 && len(found) < 2; port++ {
		if !taken[port] && nobodyListens(port) {
			found = append(found, port)
		}
	}
	if len(found) < 2 {
		return 0, 0, errors.New("no two free ports between 61001 and 65000 for the daemon")
	}
	return found[0], found[1], nil
}

func nobodyListens(port uint16) bool {
	for _, host := range []string{"127.0.0.1", "::1"} {
		at := net.JoinHostPort(host, strconv.Itoa(int(port)))
		tcp, err := net.Listen("tcp", at)
		if err != nil && !strings.Contains(err.Error(), "cannot assign") && !strings.Contains(err.Error(), "not supported") {
			return false
		}
		if err == nil {
			tcp.Close()
		}
		udp, err := net.ListenPacket("udp", at)
		if err == nil {
			udp.Close()
		} else if errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "in use") {
			return false
		}
	}
	return true
}

// span is a duration as people write it: 90s, 30m, 2h, 7d.
type span time.Duration

// UnmarshalText reads a span.
func (s *span) UnmarshalText(text []byte) error {
	word := string(text)
	d, err := time.ParseDuration(word)
	if days, ok := strings.CutSuffix(word, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(n, 10*366+1)) * 24 * time.Hour
	}
	if err != nil || d < time.Second || d > 10*366*24*time.Hour {
		return fmt.Errorf("duration %q: want 30m, 2h or 7d", word)
	}
	*s = span(d)
	return nil
}

// until returns the end of a span that starts now, in whole seconds.
func until(s span) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(s)).UTC().Truncate(time.Second)
}

// backend chooses the program that loads the rules, and refuses one that would leave a half open.
func chooseBackend(word string) (netfilter.Backend, error) {
	has := func(name string) bool { _, err := findProgram(name); return err == nil }
	switch {
	case word != "iptables" && has("nft"):
		return netfilter.NFT, nil
	case word == "nft":
		return "", errors.New("nft is not installed: install nftables, or --backend iptables")
	case !has("iptables-restore") && word == "iptables":
		return "", errors.New("iptables is not installed: install iptables, or --backend nft")
	case !has("iptables-restore"):
		return "", errors.New("neither nft nor iptables is installed: install nftables")
	case hasIPv6() && !has("ip6tables-restore"):
		return "", errors.New("the kernel has IPv6, switched on or off, and there is no ip6tables, so that the agent would get out over IPv6: install nftables")
	}
	return netfilter.Iptables, nil
}

// unitFiles returns the units of a policy as they are or would be installed.
func unitFiles(p netfilter.Policy) []netfilter.UnitFile {
	files := (netfilter.Units{Policy: p, Program: provision.NetProgram(p.Agent)}).Files()
	return append(files, netfilter.UnitFile{Name: path.Join(p.SliceName()+".d", "au-net.conf"), Text: p.SliceDropIn()})
}

// presetNames returns the names of the presets for the help; none for commands that have no such option.
func presetNames(args []string) string {
	if !slices.Contains(args, "net") {
		return ""
	}
	presets, err := netfilter.Presets()
	if err != nil {
		panic(err) // the file is part of the program
	}
	var names []string
	for _, p := range presets {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
