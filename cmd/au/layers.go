// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

// layerView is one layer. Holds is nil unless a packet was tried in this very call.
type layerView struct {
	Name  string `json:"name"`
	Up    bool   `json:"up"` // what makes it is there; whether it holds only a packet tells
	State string `json:"state"`
	Holds *bool  `json:"holds"`
	// Its program starts when it is needed.
	Asleep bool `json:"asleep,omitempty"`

	unknown bool // nobody could be asked
}

const nobodyToAsk = "systemd does not answer here, as in the agent's runs"

// layers says what systemd has of each layer. In a run of the agent's it cannot be asked; that says nothing of the layers.
func layers(h *host.Host, p netfilter.Policy, units map[string]provision.NetUnit, silent error) []layerView {
	unit := func(layer, name, does string) layerView {
		l := layerView{Name: layer, Up: units[name].Active, State: does + " by " + name}
		if silent != nil {
			l.State, l.unknown = nobodyToAsk, true
		} else if !l.Up {
			l.State = name + " does not run: sudo systemctl start " + name
			if units[name].Text == "" {
				l.State = name + " is not there: " + p.Again()
			}
		}
		return l
	}
	watcher := unit("watcher", p.WatchUnitName(), "rules that go are put back")
	if watcher.Up && !provision.WatchesItself(p, units) {
		watcher = unit("watcher", netfilter.WatchUnit, "rules that go are put back")
	}
	all := []layerView{unit("rules", p.RulesUnitName(), string(p.Backend)+" rules, loaded"), watcher}
	if p.HasDaemon() {
		does := fmt.Sprintf("names decided on ports %d and %d (DNS)", p.Proxy, p.DNS)
		daemon := unit("daemon", p.SocketUnitName(), does)
		if service := p.DaemonUnitName(); daemon.Up && units[service].Asleep {
			daemon.Asleep, daemon.State = true, does+" by "+service+", which starts when something is asked for"
		} else if daemon.Up {
			daemon = unit("daemon", service, does)
		}
		all = append(all, daemon)
	}
	return append(all, sliceLayer(h, p, silent))
}

// sliceLayer is the filter on the agent's slice.
func sliceLayer(h *host.Host, p netfilter.Policy, silent error) layerView {
	noSlice := h.NoSlice()
	slice := layerView{Name: "slice", State: "packets leave " + p.SliceName() + " by lo only, whoever sends them"}
	var out []byte
	if silent == nil {
		out, _ = h.SystemctlShow("--property=IPEgressFilterPath", "--value", p.SliceName())
	}
	switch {
	case silent != nil:
		slice.State, slice.unknown = nobodyToAsk, true
	case noSlice != "":
		slice.State = "does not hold: " + noSlice
	case strings.TrimSpace(string(out)) != p.EgressPath():
		slice.State = "not set: " + p.Again()
	default:
		slice.Up = true
	}
	return slice
}
