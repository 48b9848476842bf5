// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"path"
	stdslices "slices"
	"strings"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/slices"
)

// A HeldUnit is a unit of systemd that holds an agent, its limits or its network.
type HeldUnit struct {
	Name    string
	Own     string   // the name of au's own drop-in; empty: it has none
	Matters []string // the settings that count; nil: all do
}

// HeldUnits returns those of an agent; net is nil where its network is not restricted. The slice and the user's manager are the
// machine's: people may set there what au does not rest on.
func HeldUnits(agent string, uid uint32, net *netfilter.Policy) []HeldUnit {
	lock := noManager(agent, uid).Name
	units := []HeldUnit{
		{Name: slices.KeeperName(agent)},
		{Name: slices.TemporaryName(agent)},
		{strings.TrimSuffix(path.Base(path.Dir(lock)), ".d"), path.Base(lock), slices.Assigned(slices.NoManager(agent, ""))},
	}
	if net == nil {
		return units
	}
	units = append(units, HeldUnit{net.SliceName(), path.Base(SliceDropIn(*net)), slices.Assigned(net.SliceDropIn())})
	for _, name := range append(NetUnitNames(*net), netfilter.WatchUnit) {
		units = append(units, HeldUnit{Name: name})
	}
	return units
}

// Added says in one sentence what a drop-in changes in the unit; empty where it changes nothing that counts, or is au's own.
func (u HeldUnit) Added(file, text string) string {
	if path.Ext(file) != ".conf" || file == UnitDir+"/"+u.Name+".d/"+u.Own {
		return ""
	}
	settings := slices.Assigned(text)
	if u.Matters != nil {
		settings = stdslices.DeleteFunc(settings, func(s string) bool { return !stdslices.Contains(u.Matters, s) })
	}
	if len(settings) == 0 {
		return ""
	}
	return fmt.Sprintf("%s changes %s: %s", file, u.Name, strings.Join(settings, ", "))
}
