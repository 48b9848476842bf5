// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"strings"
	"testing"
)

func ptr[T any](v T) *T { return &v }

var machine = Machine{CPUs: 2, Memory: 16 << 30, Swap: 4 << 30}

func TestPropertiesAreWhatSystemdTakes(t *testing.T) {
	l := Limits{CPU: ptr(CPU(1_500_000)), Memory: &Size{Percent: 50}, Swap: &Swap{Size{Percent: 25}},
		Tasks: ptr(Tasks(500)), CPUWeight: ptr(Weight(50)), IOWeight: ptr(Weight(20))}
	want := []Property{{"CPUQuotaPerSecUSec", 1_500_000}, {"MemoryMax", 8 << 30}, {"MemorySwapMax", 1 << 30},
		{"TasksMax", 500}, {"CPUWeight", 50}, {"IOWeight", 20}}
	got := l.Properties(machine)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v became %v, want %v", l, got, want)
	}
	call := "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager SetUnitProperties 'sba(sv)' user-1001.slice false 2 CPUQuotaPerSecUSec t 1500000 MemoryMax t 8589934592"
	if line := BusctlCall(Name(1001), false, got[:2]); line != call {
		t.Errorf("the line to paste is\n%s\nwant\n%s", line, call)
	}
	if got := (Limits{}).Properties(machine); got != nil {
		t.Errorf("nothing asked for sets %v", got)
	}
}

func TestSwapFollowsMemory(t *testing.T) {
	finite, none := &Size{Bytes: 1 << 30}, &Size{Bytes: Infinity}
	for _, c := range []struct {
		name string
		l    Limits
		now  map[string]uint64
		swap *Swap
	}{
		{"no limit on swap yet", Limits{Memory: finite}, map[string]uint64{SwapMax: Infinity}, &Swap{}},
		{"nothing known yet", Limits{Memory: finite}, nil, &Swap{}},
		{"the human limited it", Limits{Memory: finite}, map[string]uint64{SwapMax: 5}, nil},
		{"asked for", Limits{Memory: finite, Swap: &Swap{Size{Bytes: 7}}}, nil, &Swap{Size{Bytes: 7}}},
		{"memory not asked for", Limits{}, map[string]uint64{SwapMax: Infinity}, nil},
		{"memory limit taken away", Limits{Memory: none}, map[string]uint64{SwapMax: 0}, &Swap{Size{Bytes: Infinity}}},
		{"memory limit taken away, swap has its own", Limits{Memory: none}, map[string]uint64{SwapMax: 5}, nil},
	} {
		got, changed := c.l.WithSwap(c.now)
		if !reflect.DeepEqual(got.Swap, c.swap) || changed != !reflect.DeepEqual(c.l.Swap, c.swap) {
			t.Errorf("%s: swap is %v (changed: %v), want %v", c.name, got.Swap, changed, c.swap)
		}
	}
}

func TestWhatIsSetIsNotSetAgain(t *testing.T) {
	want := []Property{{CPUQuota, 5}, {MemoryMax, 6}}
	now := Current(map[string]any{CPUQuota: uint64(5), MemoryMax: uint64(7), "TasksMax": "no number", "Id": "x"})
	if got := Missing(want, now); !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("missing are %v, want %v", got, want[1:])
	}
	if got := Missing(want[:1], now); got != nil {
		t.Errorf("missing are %v, want none", got)
	}
}

func TestMoreThanTheMachineHasIsWarnedOf(t *testing.T) {
	warnings := Limits{CPU: ptr(CPU(15_000_000)), Memory: &Size{Bytes: 17 << 30}}.Warnings(machine)
	if len(warnings) != 2 || !strings.Contains(warnings[0], "1500%") || !strings.Contains(warnings[0], "2 cores") || !strings.Contains(warnings[1], "17G") {
		t.Errorf("warned of %q", warnings)
	}
	quiet := Limits{CPU: ptr(CPU(2_000_000)), Memory: &Size{Percent: 100}}.Warnings(machine)
	infinite := Limits{CPU: ptr(CPU(Infinity)), Memory: &Size{Bytes: Infinity}}.Warnings(machine)
	if len(quiet)+len(infinite) != 0 {
		t.Errorf("warned of %q, %q", quiet, infinite)
	}
}

func TestWordsForTheRootSide(t *testing.T) {
	for _, name := range Names() {
		p := Property{name, 42}
		if got, err := ParseWord(p.Word()); err != nil || got != p {
			t.Errorf("%v came back as %v (%v)", p, got, err)
		}
		if Option(name) == "" || !strings.HasSuffix(DropIn("x.slice", name, false), "/50-"+Setting(name)+".conf") {
			t.Errorf("%s has no option or no file", name)
		}
	}
	for _, word := range []string{"", "MemoryMax", "MemoryMax=", "MemoryMax=-1", "MemoryMax=1 ", "Delegate=1", "ExecStart=/bin/sh", "=5"} {
		if p, err := ParseWord(word); err == nil {
			t.Errorf("%q was taken for %v", word, p)
		}
	}
	if got := DropIn(Name(1001), CPUQuota, false); got != "/etc/systemd/system.control/user-1001.slice.d/50-CPUQuota.conf" {
		t.Errorf("the quota's file is %s", got)
	}
}
