// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/internal/newer"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
)

// NetError says what was being done when err came.
func NetError(agent string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("network of agent %q: %w", agent, err)
}

// NetPolicy returns the agent's network policy, and fs.ErrNotExist where it has none.
func (h *Host) NetPolicy(agent string) (netfilter.Policy, error) {
	if err := provision.CheckName(agent); err != nil {
		return netfilter.Policy{}, err
	}
	text, err := os.ReadFile(h.Root + provision.NetPath(agent))
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

// netPolicies returns the names of the agents of which there is a network policy, whatever is in it.
func (h *Host) netPolicies() (names []string) {
	files, _ := os.ReadDir(h.Root + provision.NetDir)
	for _, file := range files {
		if name, isPolicy := strings.CutSuffix(file.Name(), ".toml"); isPolicy {
			names = append(names, name)
		}
	}
	return names
}

// RequireNetPolicy returns the network policy of an agent that has one.
func (h *Host) RequireNetPolicy(agent string) (netfilter.Policy, error) {
	policy, err := h.AgentPolicy(agent)
	if err != nil {
		return netfilter.Policy{}, err
	}
	p, err := h.NetPolicy(agent)
	if errors.Is(err, fs.ErrNotExist) {
		if err := h.NoNetLeft(agent, policy.UID); err != nil {
			return p, NetError(agent, err)
		}
		return p, hinted{fmt.Errorf("agent %q is not restricted", agent), "au net restrict --agent " + agent + " --preset anthropic"}
	}
	if err != nil {
		return p, unreadableNet(agent, err)
	}
	return p, nil
}

// unreadableNet says why an agent's network policy cannot be read. It is written anew, except one of a newer au.
func unreadableNet(agent string, err error) error {
	if newer.Wrote(err) {
		return NetError(agent, err)
	}
	return hinted{NetError(agent, err), "au net restrict --agent " + agent}
}

// ObserveNet reads what the network's plans depend on. It changes nothing and asks for no password.
func (h *Host) ObserveNet(agent string) (provision.NetFacts, error) {
	f := provision.NetFacts{Systemd: h.Exists("/run/systemd/system"), Parents: map[string]provision.Path{}, Units: map[string]provision.NetUnit{}}
	f.Seen = step.See(h.Root, provision.NetDir, provision.NetPath(agent))
	f.NoSlice = h.NoSlice()
	var err error
	if f.Agent, err = h.AgentPolicy(agent); err != nil {
		return f, err
	}
	if err := h.observeNetPolicy(agent, &f); err != nil {
		return f, err
	}
	if err := h.observeNetPrograms(agent, &f); err != nil {
		return f, err
	}
	f.Others = slices.ContainsFunc(h.netPolicies(), func(name string) bool { return name != agent })
	p := netfilter.Policy{Agent: agent, UID: f.Agent.UID}
	f.LogDir = h.Path(p.LogDir())
	dropIn := provision.SliceDropIn(p)
	for _, dir := range []string{provision.EtcDir, provision.NetDir, provision.LogDir, provision.WatcherFolder, filepath.Dir(dropIn)} {
		f.Parents[dir] = h.Path(dir)
	}
	f.SliceText = h.text(dropIn)
	u, ok, err := h.UserNamed(p.DaemonUser())
	if ok {
		f.User = &u
	}
	if err != nil {
		return f, err
	}
	if f.Units, err = h.NetUnits(p); err != nil {
		return f, hinted{err, provision.AskHint}
	}
	files, folders := provision.NetHalf(p)
	f.Half = slices.DeleteFunc(files, func(file string) bool { return !h.Exists(file) })
	f.Empty = slices.DeleteFunc(folders, func(folder string) bool {
		entries, err := os.ReadDir(h.Root + folder)
		return err != nil || len(entries) > 0
	})
	return f, err
}

// observeNetPolicy reads the agent's network policy. One that cannot be read is text alone, unless a newer au wrote it.
func (h *Host) observeNetPolicy(agent string, f *provision.NetFacts) error {
	text, err := os.ReadFile(h.Root + provision.NetPath(agent))
	if err != nil {
		return nil
	}
	f.PolicyText = string(text)
	p, err := h.NetPolicy(agent)
	if newer.Wrote(err) { // what else it holds is not known here, and nothing of it is lost
		return NetError(agent, err)
	}
	if err == nil {
		f.Policy = &p
	}
	return nil
}

// observeNetPrograms reads which au this is, and which the units run.
func (h *Host) observeNetPrograms(agent string, f *provision.NetFacts) error {
	var err error
	if f.Self.Path, err = h.Executable(); err == nil {
		f.Au, err = h.OwnPath()
	}
	if err != nil {
		return err
	}
	f.Self.SHA256 = h.Fingerprint(f.Self.Path)
	f.Program = h.Path(provision.NetProgram(agent))
	f.Program.SHA256 = h.Fingerprint(h.Root + provision.NetProgram(agent))
	f.Watcher = h.Path(provision.WatcherProgram)
	f.Watcher.SHA256 = h.Fingerprint(h.Root + provision.WatcherProgram)
	f.Twin = h.netTwin(agent, f.Self)
	return nil
}

// NoSlice returns why the second layer cannot hold here; empty where it can.
func (h *Host) NoSlice() string {
	switch {
	case !h.Exists("/sys/fs/cgroup/cgroup.controllers"):
		return "cgroup v2 does not rule this machine"
	case !h.HasBPF():
		return netkernel.ErrNoBPF.Error()
	}
	return ""
}

// NoSeal returns why sockets in /run are hidden from a run as it begins, and not whenever they appear; empty where nothing in /run
// can be used by it.
func (h *Host) NoSeal() string {
	mounts, err := h.mountinfo()
	if err != nil {
		return err.Error()
	}
	k, err := h.Kernel()
	if err != nil {
		return err.Error()
	}
	namespaces, _ := os.ReadFile(h.Root + "/proc/sys/user/max_user_namespaces")
	return provision.Unsealed(share.ParseMountinfo(string(mounts)), k, strings.TrimSpace(string(namespaces)))
}

// NetUnits asks systemd for the units of the agent's network. Where it does not answer, only their files say something.
func (h *Host) NetUnits(p netfilter.Policy) (map[string]provision.NetUnit, error) {
	units, systemd := map[string]provision.NetUnit{}, h.Exists("/run/systemd/system")
	var silent error
	for _, name := range append(provision.NetUnitNames(p), netfilter.WatchUnit) {
		u := provision.NetUnit{Text: h.text(provision.UnitDir + "/" + name)}
		if systemd && silent == nil { // whoever does not answer is not asked again
			out, err := h.SystemctlShow("--timestamp=us+utc", "--property=ActiveState,SubState,LoadState,NRestarts,UnitFileState,ExecMainStartTimestamp", name)
			if err != nil {
				silent = fmt.Errorf("systemd does not answer (systemctl show %s: %w)", name, err)
			}
			state := string(out)
			u.Active = strings.Contains(state, "ActiveState=active") || strings.Contains(state, "ActiveState=reloading")
			u.Enabled = strings.Contains(state, "UnitFileState=enabled")
			u.Asleep = u.Text != "" && !u.Active && asleep(state)
			began, known := startedAt(state)
			u.Stale = u.Active && known && began.Before(h.changed(provision.UnitDir+"/"+name))
		}
		units[name] = u
	}
	return units, silent
}

// text returns a file that only root writes; empty where there is none.
func (h *Host) text(path string) string {
	text, _ := os.ReadFile(h.Root + path)
	return string(text)
}

// changed returns when a file was put in its place; the zero time where there is none.
func (h *Host) changed(path string) time.Time {
	info, err := os.Stat(h.Root + path)
	if err != nil {
		return time.Time{}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}

// netTwin returns the program of another agent's network that is as self, and that only root can write; empty where there is none.
func (h *Host) netTwin(agent string, self provision.Source) string {
	want, err := os.Stat(self.Path)
	if err != nil {
		return ""
	}
	for _, name := range h.netPolicies() {
		program := provision.NetProgram(name)
		is, err := os.Lstat(h.Root + program)
		if name == agent || provision.CheckName(name) != nil || err != nil || is.Mode() != 0o755 || is.Size() != want.Size() {
			continue
		}
		if st, ok := is.Sys().(*syscall.Stat_t); ok && st.Uid == 0 && h.Fingerprint(h.Root+program) == self.SHA256 {
			return program
		}
	}
	return ""
}

// asleep reports whether a service, of which systemctl show printed this, is at rest, or comes or goes just now; not whether it
// failed, and is to be tried again.
func asleep(state string) bool {
	again := strings.Contains(state, "ActiveState=activating") && !strings.Contains(state, "NRestarts=0\n")
	fails := strings.Contains(state, "SubState=auto-restart") || strings.Contains(state, "SubState=failed")
	return !again && !fails && strings.Contains(state, "LoadState=loaded")
}

// OutdatedNet says what of a restricted agent's network is of another au than this one; empty where nothing is.
func (h *Host) OutdatedNet(p netfilter.Policy, units map[string]provision.NetUnit) string {
	if p.Declared { // a switch brings up to date what it changes
		return ""
	}
	self, _ := h.Executable()
	f := provision.NetFacts{Units: units, Program: h.Path(provision.NetProgram(p.Agent)), Watcher: h.Path(provision.WatcherProgram)}
	f.Self.SHA256, f.SliceText = h.Fingerprint(self), h.text(provision.SliceDropIn(p))
	f.Program.SHA256, f.Watcher.SHA256 = h.Fingerprint(h.Root+provision.NetProgram(p.Agent)), h.Fingerprint(h.Root+provision.WatcherProgram)
	return f.Outdated(p)
}

// startedAt reads when a unit's process began, out of what systemctl show printed.
func startedAt(state string) (time.Time, bool) {
	_, at, _ := strings.Cut(state, "ExecMainStartTimestamp=")
	at, _, _ = strings.Cut(at, "\n")
	began, err := time.Parse("Mon 2006-01-02 15:04:05.000000 MST", at)
	return began, err == nil
}

// HasIPv6 reports whether the kernel has IPv6, which must be filtered even while it is switched off: it can be switched on.
func (h *Host) HasIPv6() bool { return h.Exists("/proc/net/if_inet6") }

// SubUIDs returns the ranges that subuid(5) gives a user, by name or by uid.
func (h *Host) SubUIDs(agent string, uid uint32) ([]netfilter.Range, error) {
	text, err := os.ReadFile(h.Root + "/etc/subuid")
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

// Resolvers returns the DNS servers of resolv.conf(5).
func (h *Host) Resolvers() []netip.AddrPort {
	text, _ := os.ReadFile(h.Root + "/etc/resolv.conf")
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

// FreePorts returns two ports for the daemon of an agent that no other agent has and on which nobody listens. They lie above those
// that the kernel gives to outgoing connections.
func (h *Host) FreePorts(agent string) (proxy, dns uint16, err error) {
	taken := map[uint16]bool{}
	for _, name := range h.netPolicies() {
		if p, err := h.NetPolicy(name); err == nil && name != agent {
			taken[p.Proxy], taken[p.DNS] = true, true
		}
	}
	var found []uint16
	for port := uint16(61001); port < 65000 && len(found) < 2; port++ {
		if !taken[port] && !h.Listens(port) {
			found = append(found, port)
		}
	}
	if len(found) < 2 {
		return 0, 0, errors.New("no two free ports between 61001 and 65000 for the daemon")
	}
	return found[0], found[1], nil
}

// listens reports whether somebody listens on a port of loopback, or nobody can tell.
func listens(port uint16) bool {
	for _, loopback := range []string{"127.0.0.1", "::1"} {
		at := net.JoinHostPort(loopback, strconv.Itoa(int(port)))
		tcp, err := net.Listen("tcp", at)
		if err != nil && !strings.Contains(err.Error(), "cannot assign") && !strings.Contains(err.Error(), "not supported") {
			return true
		}
		if err == nil {
			tcp.Close()
		}
		udp, err := net.ListenPacket("udp", at)
		if err == nil {
			udp.Close()
		} else if errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "in use") {
			return true
		}
	}
	return false
}

// backend chooses the program that loads the rules, and refuses one that would leave a half open.
func (h *Host) ChooseBackend(word string) (netfilter.Backend, error) {
	has := func(name string) bool { _, err := h.FindOnHost(name); return err == nil }
	switch {
	case word != "iptables" && has("nft"):
		return netfilter.NFT, nil
	case word == "nft":
		return "", errors.New("nft is not installed: install nftables, or --backend iptables")
	case !has("iptables-restore") && word == "iptables":
		return "", errors.New("iptables is not installed: install iptables, or --backend nft")
	case !has("iptables-restore"):
		return "", errors.New("neither nft nor iptables is installed: install nftables")
	case h.HasIPv6() && !has("ip6tables-restore"):
		return "", errors.New("the kernel has IPv6, switched on or off, and there is no ip6tables, so that the agent would get out over IPv6: install nftables")
	}
	return netfilter.Iptables, nil
}

// WithSubUIDs returns the policy with the sub-uids that the agent was given since: they are as little its way out. Ones that were
// taken away stay, for processes may still have them.
func (h *Host) WithSubUIDs(p netfilter.Policy) (netfilter.Policy, error) {
	added, err := h.SubUIDs(p.Agent, p.UID)
	p.SubUIDs = append(slices.Clone(p.SubUIDs), added...)
	return p, errors.Join(err, p.Check())
}

// NoNetLeft returns an error where an agent without a policy is restricted all the same: somebody removed the file.
func (h *Host) NoNetLeft(agent string, uid uint32) error {
	p := netfilter.Policy{Agent: agent, UID: uid}
	units, _ := h.NetUnits(p) // their files say it, too
	for _, name := range slices.Backward(provision.NetUnitNames(p)) {
		if units[name].Active || units[name].Text != "" {
			return hinted{fmt.Errorf("%s is gone, and %s is still there", provision.NetPath(agent), name), "au net off --agent " + agent}
		}
	}
	return nil
}
