// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strconv"
	"strings"
)

// BusctlCall returns the command that sets the properties as au does, in a call of
// SetUnitProperties on systemd's manager (signature sba(sv): the unit, whether only until the next
// boot, names and values). It is for a shell to paste: every word is plain.
func BusctlCall(slice string, runtime bool, properties []Property) string {
	words := []string{"busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "SetUnitProperties", "'sba(sv)'",
		slice, strconv.FormatBool(runtime), strconv.Itoa(len(properties))}
	for _, p := range properties {
		words = append(words, p.Name, "t", strconv.FormatUint(p.Value, 10))
	}
	return strings.Join(words, " ")
}

// Current picks our properties out of all those of a slice, as D-Bus gave them.
func Current(all map[string]any) map[string]uint64 {
	now := map[string]uint64{}
	for _, name := range Names() {
		if v, ok := all[name].(uint64); ok {
			now[name] = v
		}
	}
	return now
}

// Word writes a property for a command line, MemoryMax=17179869184.
func (p Property) Word() string {
	return p.Name + "=" + strconv.FormatUint(p.Value, 10)
}

// ParseWord reads what Word wrote, and no property that au does not set.
func ParseWord(word string) (Property, error) {
	name, number, _ := strings.Cut(word, "=")
	value, ok := digits(number)
	if !ok || Option(name) == "" {
		return Property{}, fmt.Errorf("property %q: want one of %s, = and a number", word, strings.Join(Names(), ", "))
	}
	return Property{name, value}, nil
}

// DropIn returns the file to which systemd writes a property of a unit that is set over D-Bus: in
// /etc for good, in /run until the next boot. Anybody else who sets that property over D-Bus, with
// `systemctl set-property` too, shares the file.
func DropIn(slice, property string, runtime bool) string {
	return DropInFolder(slice, runtime) + "/50-" + Setting(property) + ".conf"
}

// DropInFolder returns the folder of DropIn.
func DropInFolder(slice string, runtime bool) string {
	base := "/etc"
	if runtime {
		base = "/run"
	}
	return base + "/systemd/system.control/" + slice + ".d"
}
