// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"encoding"
	"fmt"
	"strings"
)

// Limits are what an agent may use, together: all it ever starts. A nil field is not asked for, and
// stays as it is. There is no MemoryHigh: it slows a hog down, for ever where there is no swap,
// instead of letting it die at the limit.
type Limits struct {
	CPU       *CPU
	Memory    *Size
	Swap      *Swap
	Tasks     *Tasks
	CPUWeight *Weight
	IOWeight  *Weight
}

// Machine is what the limits of a machine are measured against.
type Machine struct {
	CPUs   int    // cores that are online
	Memory uint64 // bytes
	Swap   uint64 // bytes
}

// A Property is a resource-control property of a slice as D-Bus has it. All that we use are of type
// t, an unsigned number of 64 bits, where 18446744073709551615 is no limit, or for a weight: unset.
type Property struct {
	Name  string
	Value uint64
}

// The properties, as org.freedesktop.systemd1(5) names them on a slice; their meaning is in
// systemd.resource-control(5).
const (
	CPUQuota   = "CPUQuotaPerSecUSec" // t, microseconds of CPU time a second; CPUQuota= in a file
	MemoryMax  = "MemoryMax"          // t, bytes; a process dies where this cannot be kept
	SwapMax    = "MemorySwapMax"      // t, bytes; cgroup v2 only
	TasksMax   = "TasksMax"           // t, processes and threads
	CPUWeights = "CPUWeight"          // t, 1 to 10000
	IOWeights  = "IOWeight"           // t, 1 to 10000
)

// Names are the properties that au sets, in the order in which it shows them.
func Names() []string {
	return []string{CPUQuota, MemoryMax, SwapMax, TasksMax, CPUWeights, IOWeights}
}

// Setting returns the word of a property in a unit file, CPUQuota for CPUQuotaPerSecUSec.
func Setting(property string) string {
	return strings.TrimSuffix(property, "PerSecUSec")
}

// Option returns the option of `au limits set` that sets a property, --cpu for CPUQuotaPerSecUSec.
func Option(property string) string {
	return map[string]string{CPUQuota: "--cpu", MemoryMax: "--mem", SwapMax: "--swap",
		TasksMax: "--tasks", CPUWeights: "--cpu-weight", IOWeights: "--io-weight"}[property]
}

// Format writes a property's value as the option that sets it takes it.
func Format(p Property) string {
	switch p.Name {
	case CPUQuota:
		return CPU(p.Value).String()
	case MemoryMax, SwapMax:
		return FormatBytes(p.Value)
	case TasksMax:
		return Tasks(p.Value).String()
	}
	return Weight(p.Value).String()
}

// Empty reports whether nothing is asked for.
func (l Limits) Empty() bool { return l == Limits{} }

// Settable returns those limits that au itself sets, and names the others, which systemctl has set.
func (l Limits) Settable() (of Limits, odd []string) {
	return Limits{
		CPU: settable("cpu", l.CPU, &odd), Memory: settable("memory", l.Memory, &odd), Swap: settable("swap", l.Swap, &odd), Tasks: settable("tasks", l.Tasks, &odd),
		CPUWeight: settable("cpu_weight", l.CPUWeight, &odd), IOWeight: settable("io_weight", l.IOWeight, &odd),
	}, odd
}

// settable returns a limit, or nil where au does not take it: of a percent systemd keeps no part over a boot.
func settable[T any, P interface {
	*T
	encoding.TextUnmarshaler
	fmt.Stringer
}](key string, limit P, odd *[]string) P {
	if limit == nil || P(new(T)).UnmarshalText([]byte(limit.String())) == nil {
		return limit
	}
	*odd = append(*odd, fmt.Sprintf("%s = %q", key, limit.String()))
	return nil
}

// Properties returns what l asks for on that machine. Shares of it are turned into bytes here, once:
// a slice has no share of a machine that changes.
func (l Limits) Properties(m Machine) []Property {
	var p []Property
	add := func(asked bool, name string, value func() uint64) {
		if asked {
			p = append(p, Property{name, value()})
		}
	}
	add(l.CPU != nil, CPUQuota, func() uint64 { return uint64(*l.CPU) })
	add(l.Memory != nil, MemoryMax, func() uint64 { return l.Memory.Of(m.Memory) })
	add(l.Swap != nil, SwapMax, func() uint64 { return l.Swap.Of(m.Swap) })
	add(l.Tasks != nil, TasksMax, func() uint64 { return uint64(*l.Tasks) })
	add(l.CPUWeight != nil, CPUWeights, func() uint64 { return uint64(*l.CPUWeight) })
	add(l.IOWeight != nil, IOWeights, func() uint64 { return uint64(*l.IOWeight) })
	return p
}

// WithSwap returns l with no swap beside a memory limit that came without --swap, where nothing
// limits the swap yet, and reports whether it did. A hog would fill the swap otherwise, and the
// whole machine would grind before the agent noticed its limit. Taking the memory limit away gives
// the swap back.
func (l Limits) WithSwap(now map[string]uint64) (Limits, bool) {
	if l.Memory == nil || l.Swap != nil {
		return l, false
	}
	swap, known := now[SwapMax]
	switch {
	case l.Memory.Bytes != Infinity && (!known || swap == Infinity):
		l.Swap = &Swap{}
	case l.Memory.Bytes == Infinity && known && swap == 0:
		l.Swap = &Swap{Size{Bytes: Infinity}}
	default:
		return l, false
	}
	return l, true
}

// Missing returns the properties that are not yet what is wanted; none: all is set already.
func Missing(want []Property, now map[string]uint64) []Property {
	var missing []Property
	for _, p := range want {
		if have, known := now[p.Name]; !known || have != p.Value {
			missing = append(missing, p)
		}
	}
	return missing
}

// Warnings says what is allowed and probably not meant.
func (l Limits) Warnings(m Machine) []string {
	var w []string
	if l.CPU != nil && *l.CPU != Infinity && m.CPUs > 0 && l.CPU.Cores() > float64(m.CPUs) {
		w = append(w, fmt.Sprintf("cpu share %s is more than this machine's %s: it limits nothing (100%% is one core)", *l.CPU, count(m.CPUs, "core")))
	}
	if l.Memory != nil && l.Memory.Bytes != Infinity && m.Memory > 0 && l.Memory.Of(m.Memory) > m.Memory {
		w = append(w, fmt.Sprintf("memory size %s is more than this machine has: it limits nothing", *l.Memory))
	}
	return w
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
