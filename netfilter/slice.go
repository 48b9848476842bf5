// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"net/netip"
	"strings"
)

// The slice layer: systemd's address filter on the agent's slice (cgroup v2, systemd.resource-control(5)). What is diverted goes to
// loopback, so that everything that is not dies here as well: whose ever uid a set-uid helper has, and while no rules are loaded.

// AddressPrefix is one element of IPAddressAllow and IPAddressDeny as D-Bus has them: the struct of an array a(iayu).
type AddressPrefix struct {
	Family int32 // AF_INET 2, AF_INET6 10
	Addr   []byte
	Bits   uint32
}

// SliceProperty is a property of a systemd unit that holds address prefixes.
type SliceProperty struct {
	Name     string
	Prefixes []AddressPrefix
}

// SliceProperties returns what is to be set on the agent's slice in one SetUnitProperties call: everything denied but loopback
// and, where the agent asks DNS servers itself, those.
func (p Policy) SliceProperties() []SliceProperty {
	allow := []netip.Prefix{loopback4, loopback6}
	for _, server := range p.outsideResolvers() {
		allow = append(allow, netip.PrefixFrom(server, server.BitLen()))
	}
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	return []SliceProperty{{"IPAddressAllow", onBus(allow)}, {"IPAddressDeny", onBus(everything)}}
}

func onBus(prefixes []netip.Prefix) []AddressPrefix {
	var list []AddressPrefix
	for _, prefix := range prefixes {
		family := int32(2)
		if prefix.Addr().Is6() {
			family = 10
		}
		list = append(list, AddressPrefix{family, prefix.Addr().AsSlice(), uint32(prefix.Bits())})
	}
	return list
}

// outsideResolvers returns the DNS servers that the agent itself asks and that are not on loopback, each once.
func (p Policy) outsideResolvers() []netip.Addr {
	var servers []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, server := range p.Resolve {
		if addr := server.Addr(); !p.HasDaemon() && !addr.IsLoopback() && !seen[addr] {
			seen[addr] = true
			servers = append(servers, addr)
		}
	}
	return servers
}

// SliceDropIn returns the drop-in file of the agent's slice that keeps the filter over a reboot, and that keeps everything in
// the slice from starting while the rules are not loaded.
func (p Policy) SliceDropIn() string {
	rules := p.RulesUnitName()
	text := "[Unit]\n# No rules, no processes of the agent's.\nRequires=" + rules + "\nAfter=" + rules + "\n\n" +
		"[Slice]\nIPAddressAllow=localhost\n"
	for _, server := range p.outsideResolvers() {
		text += fmt.Sprintf("IPAddressAllow=%s\n", server)
	}
	return text + "IPAddressDeny=any\n"
}

// SliceName returns the slice of the agent.
func (p Policy) SliceName() string { return fmt.Sprintf("user-%d.slice", p.UID) }

// SliceSettings returns the filter as systemctl set-property takes it.
func (p Policy) SliceSettings() []string {
	settings := []string{"IPAddressAllow=localhost"}
	for _, server := range p.outsideResolvers() {
		settings[0] += " " + server.String()
	}
	return append(settings, "IPAddressDeny=any")
}

// SliceBusctl returns the command that makes the same D-Bus call as SetUnitProperties with p.SliceProperties, until the next boot.
func (p Policy) SliceBusctl() string {
	words := []string{"busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"SetUnitProperties", "'sba(sv)'", p.SliceName(), "true", "2"}
	for _, property := range p.SliceProperties() {
		words = append(words, property.Name, "'a(iayu)'", fmt.Sprint(len(property.Prefixes)))
		for _, prefix := range property.Prefixes {
			words = append(words, fmt.Sprint(prefix.Family), fmt.Sprint(len(prefix.Addr)))
			for _, b := range prefix.Addr {
				words = append(words, fmt.Sprint(b))
			}
			words = append(words, fmt.Sprint(prefix.Bits))
		}
	}
	return strings.Join(words, " ")
}
