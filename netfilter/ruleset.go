// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"time"
)

// The rules for the packets that this machine sends, as data. nft.go and iptables.go print it, egress.go and hold.go take from it
// what leaves. A rule that is added here is in all of them.

// packets says which packets a step means: those of which all is true that is set.
type packets struct {
	from     sender
	to       destination
	protocol protocol
	port     uint16
	ports    []uint16 // in place of port: one of these
	state    state
}

type sender int

const (
	anybody sender = iota
	theAgent
	root
)

// A destination is a place, or the one address.
type destination struct {
	place place
	addr  netip.Addr
}

type place int

const (
	anywhere    place = iota
	diverted          // 127.0.0.1 and ::1, where a diversion ends
	onLoopback        // 127.0.0.0/8 and ::1
	thisMachine       // any address of its own
	outside           // by another device than lo
	oneAddress
	places // how many there are
)

type protocol int

const (
	anyProtocol protocol = iota
	tcp
	udp
	tcpOrUDP
)

type state int

const (
	anyState     state = iota
	established        // of a connection that was let in
	reply              // to somebody on this machine, who began
	redirected         // diverted by a rule of the stage divert
	sourceRouted       // whose destination is not where they end
	states
)

// A verdict is what a step does with packets.
type verdict struct {
	do     action
	number uint16    // for divert the port, for track the zone
	chain  chainName // for jump
}

type action int

const (
	pass action = iota
	deny        // in a way that is seen at once
	drop
	jump
	divert
	track
	actions
)

// A step is one rule of a chain.
type step struct {
	packets
	verdict

	// Only for back ends whose packets go on in the next chain after they passed one, as those of iptables do.
	goesOn bool
}

// A stage is a point at which the kernel looks at packets that are sent, in this order.
type stage int

const (
	zoneStage stage = iota
	divertStage
	guardStage
	wireStage // after the last routing decision: what the agent's socket itself ties to another device, past the diversion
)

type chainName int

const (
	firstChain chainName = iota // of its stage
	refuseChain
	redirectChain
	portsChain
)

type chain struct {
	stage stage
	name  chainName
	steps []step
}

// chains returns all of the agent's chains. Rules whose time has passed at now are left out.
func (p *Policy) chains(now time.Time) []chain {
	agents := packets{from: theAgent}
	guard := []step{{packets: agents, verdict: verdict{do: jump, chain: refuseChain}}}
	for _, its := range p.daemonPorts() {
		guard = append(guard, step{packets: its, verdict: verdict{do: jump, chain: portsChain}})
	}
	chains := []chain{
		{zoneStage, firstChain, []step{{packets: packets{from: theAgent, protocol: udp}, verdict: verdict{do: track, number: p.Zone()}}}},
		{guardStage, firstChain, guard},
		{guardStage, refuseChain, p.refuseSteps(now)},
		{wireStage, firstChain, p.wireSteps()},
		{divertStage, firstChain, []step{{packets: agents, verdict: verdict{do: jump, chain: redirectChain}}}},
		{divertStage, redirectChain, p.redirectSteps(now)},
	}
	if p.HasDaemon() {
		chains = append(chains, chain{guardStage, portsChain, portsSteps()})
	}
	return chains
}

// daemonPorts are where the daemon listens.
func (p *Policy) daemonPorts() []packets {
	if !p.HasDaemon() {
		return nil
	}
	at := destination{place: diverted}
	return []packets{{to: at, protocol: tcp, ports: []uint16{p.Proxy, p.DNS}}, {to: at, protocol: udp, port: p.DNS}}
}

// resolvers are the DNS servers that the agent itself may ask: none where a daemon asks for it.
func (p *Policy) resolvers() (servers []packets) {
	for _, server := range p.Resolve {
		if !p.HasDaemon() {
			servers = append(servers, packets{to: destination{oneAddress, server.Addr()}, protocol: tcpOrUDP, port: server.Port()})
		}
	}
	return servers
}

// humansServers are the ports on loopback that are open to the agent.
func (p *Policy) humansServers(now time.Time) []packets {
	ports := p.LocalPorts(now)
	if len(ports) == 0 {
		return nil
	}
	at := destination{place: onLoopback}
	return []packets{{to: at, protocol: tcp, ports: ports}, {to: at, protocol: udp, ports: ports}}
}

// exceptions are what the agent's packets may reach, as they are after the diversion.
func (p *Policy) exceptions(now time.Time) []packets {
	all := p.daemonPorts()
	if !p.HasDaemon() {
		all = append(all, packets{to: destination{place: diverted}, protocol: tcp, ports: []uint16{p.Human.HTTP, p.Human.HTTPS}, state: redirected})
	}
	return append(append(all, p.resolvers()...), p.humansServers(now)...)
}

// refuseSteps are what the agent's packets meet last: the exceptions, then a refusal.
func (p *Policy) refuseSteps(now time.Time) []step {
	steps := []step{
		{packets: packets{state: reply}},
		{packets: packets{state: sourceRouted}, verdict: verdict{do: deny}},
	}
	for _, exception := range p.exceptions(now) {
		steps = append(steps, step{packets: exception})
	}
	return append(steps, step{verdict: verdict{do: deny}})
}

// wireSteps are what may leave the machine.
func (p *Policy) wireSteps() (steps []step) {
	for _, server := range p.resolvers() {
		server.from = theAgent
		steps = append(steps, step{packets: server})
	}
	return append(steps, step{packets: packets{from: theAgent, to: destination{place: outside}}, verdict: verdict{do: drop}})
}

// redirectSteps say where the agent's connections go instead. They match destinations, for at this stage the outgoing
// device is the one that the packet would have taken.
func (p *Policy) redirectSteps(now time.Time) (steps []step) {
	for _, open := range p.humansServers(now) {
		if open.protocol == tcp {
			steps = append(steps, step{packets: open})
		}
	}
	to := func(of protocol, port, instead uint16) step {
		return step{packets: packets{protocol: of, port: port}, verdict: verdict{do: divert, number: instead}}
	}
	if !p.HasDaemon() {
		own := step{packets: packets{to: destination{place: thisMachine}}}
		return append(steps, own, to(tcp, 80, p.Human.HTTP), to(tcp, 443, p.Human.HTTPS))
	}
	asked := step{packets: packets{to: destination{place: diverted}, protocol: tcp, port: p.Proxy}}
	return append(steps, to(udp, 53, p.DNS), to(tcp, 53, p.DNS), asked, to(tcp, 0, p.Proxy))
}

// portsSteps say who but the agent reaches the daemon: root alone, since the agent's set-uid helper may run as root. The last
// packets of a closed socket carry no uid, and belong to a connection that was let in.
func portsSteps() []step {
	return []step{
		{packets: packets{state: established}},
		{packets: packets{from: root}},
		{packets: packets{from: theAgent}, goesOn: true},
		{verdict: verdict{do: deny}},
	}
}
