// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestAnswers(t *testing.T) {
	a := NewAnswers()
	now := time.Unix(1_000_000, 0)
	a.now = func() time.Time { return now }
	one, two, six := addrs("93.184.0.1")[0], addrs("93.184.0.2")[0], addrs("2606::1")[0]
	a.Remember("a", false, []netip.Addr{one, two}, addrs("10.0.0.1"), time.Minute)
	a.Remember("a", true, []netip.Addr{six}, nil, time.Minute)
	a.Remember("b", false, []netip.Addr{one}, nil, time.Second)
	check := func(when string, want map[string]bool) {
		t.Helper()
		got := map[string]bool{
			"a has one": a.Has("a", one), "a has six": a.Has("a", six), "b has two": a.Has("b", two),
			"one is a and b": slices.Equal(a.Names(one), []string{"a", "b"}), "mapped": a.Has("a", netip.AddrFrom16(one.As16())),
			"inside": slices.Equal(a.Inside("a"), addrs("10.0.0.1")), "all": len(a.All("a")) == 3,
		}
		_, got["fresh"] = a.Fresh("a", false)
		for what, w := range want {
			if got[what] != w {
				t.Errorf("%s: %s: %v", when, what, got[what])
			}
		}
	}
	check("at first", map[string]bool{"a has one": true, "a has six": true, "b has two": false, "one is a and b": true, "mapped": true, "inside": true, "fresh": true, "all": true})
	a.Stale()
	check("after a new policy", map[string]bool{"a has one": true, "fresh": false})
	a.Remember("a", false, []netip.Addr{two}, nil, time.Minute)
	check("after another answer", map[string]bool{"a has one": true, "inside": false, "fresh": true})
	now = now.Add(time.Second)
	a.Remember("a", false, []netip.Addr{two}, nil, time.Minute)
	if got, _ := a.Fresh("a", false); !slices.Equal(got, []netip.Addr{two}) {
		t.Errorf("the last answer is %v", got)
	}
	now = now.Add(time.Minute + time.Second)
	check("after the TTL", map[string]bool{"a has one": true, "fresh": false})
	now = now.Add(grace)
	check("after the grace", map[string]bool{"a has one": false, "a has six": false, "one is a and b": false, "all": false})
}

// TestAnswersAreBounded is that neither names nor addresses pile up.
func TestAnswersAreBounded(t *testing.T) {
	a := NewAnswers()
	for i := range 3 * maxNames {
		a.Remember(fmt.Sprint("name", i), false, addrs("93.184.0.1"), nil, time.Minute)
	}
	if n := len(a.names); n > maxNames {
		t.Errorf("%d names are remembered", n)
	}
	if n := len(a.byAddr[addrs("93.184.0.1")[0]]); n != len(a.names) {
		t.Errorf("%d names are with the address, %d are remembered", n, len(a.names))
	}
	for i := range 2 * maxPairs {
		a.Remember(fmt.Sprint("many", i/32), false, []netip.Addr{netip.AddrFrom4([4]byte{94, 1, byte(i >> 8), byte(i)})}, nil, time.Minute)
	}
	if a.pairs > maxPairs || len(a.byAddr) > maxPairs {
		t.Errorf("%d addresses are remembered, %d different ones", a.pairs, len(a.byAddr))
	}
	a = NewAnswers()
	for i := range 10 * maxAddresses {
		a.Remember("one", false, []netip.Addr{netip.AddrFrom4([4]byte{93, 0, byte(i >> 8), byte(i)})}, nil, time.Duration(i)*time.Second)
	}
	if n := len(a.names["one"].addrs); n > maxAddresses || len(a.byAddr) > maxAddresses+1 {
		t.Errorf("%d addresses of one name, %d in all", n, len(a.byAddr))
	}
	if last := (netip.AddrFrom4([4]byte{93, 0, byte((10*maxAddresses - 1) >> 8), byte((10*maxAddresses - 1) & 255)})); !a.Has("one", last) {
		t.Error("the newest address was dropped")
	}
}

// TestRestore is that what is kept is remembered for as long as it was to be, and no longer than an answer of now.
func TestRestore(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	clock := func() time.Time { return now }
	one, two, inside := addrs("93.184.0.1")[0], addrs("93.184.0.2")[0], addrs("10.0.0.1")
	a, b := NewAnswers(), NewAnswers()
	a.now, b.now, a.wall, b.wall = clock, clock, clock, clock
	a.Remember("a", false, []netip.Addr{one, two}, inside, time.Minute)
	a.Remember("gone", false, []netip.Addr{one}, nil, 0)
	now = now.Add(grace)
	kept := a.Keep()
	if len(kept) != 1 {
		t.Errorf("kept are %+v", kept)
	}
	b.Restore(kept, func(addr netip.Addr) bool { return addr != two })
	if !b.Has("a", one) || b.Has("a", two) || b.Has("gone", one) || !slices.Equal(b.Inside("a"), inside) || !slices.Equal(b.Names(one), []string{"a"}) {
		t.Errorf("remembered is %+v", b.Keep())
	}
	if _, fresh := b.Fresh("a", false); fresh {
		t.Error("nobody would be asked anew")
	}
	now = now.Add(time.Minute)
	if b.Has("a", one) {
		t.Error("an answer outlives its time because it was kept")
	}

	b.Restore([]Kept{{Name: "b", Until: map[netip.Addr]int64{one: now.Add(1000 * time.Hour).Unix(), {}: now.Add(time.Hour).Unix()}}}, func(netip.Addr) bool { return true })
	now = now.Add(maxRemember + grace - time.Second)
	if !b.Has("b", one) || len(b.All("b")) != 1 {
		t.Errorf("remembered is %+v", b.Keep())
	}
	if now = now.Add(time.Second); b.Has("b", one) {
		t.Error("a clock that was set lets an answer hold for years")
	}

	full := NewAnswers()
	var many []Kept
	for i := range 2 * maxNames {
		many = append(many, Kept{Name: fmt.Sprint(i), Until: map[netip.Addr]int64{one: time.Now().Add(time.Hour).Unix()}})
	}
	full.Restore(many, func(netip.Addr) bool { return true })
	if len(full.names) > maxNames || full.pairs > maxPairs {
		t.Errorf("%d names with %d addresses are remembered", len(full.names), full.pairs)
	}
}

// An answer ages by the clock that goes on while a machine sleeps and that nobody sets: /proc/uptime is of that one.
func TestAnswersAgeInSleep(t *testing.T) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	var up float64
	if _, err := fmt.Sscan(string(text), &up); err != nil {
		t.Fatal(err)
	}
	a, n := NewAnswers(), translation{}
	a.Remember("a", false, addrs("93.184.0.1"), nil, time.Minute)
	<-n.learn(t.Context(), nil, func([]netip.Prefix) {})
	for what, c := range map[string]struct {
		until time.Time
		want  time.Duration
	}{
		"an address": {a.names["a"].addrs[addrs("93.184.0.1")[0]], time.Minute + grace}, "an answer": {a.names["a"].fresh[0], time.Minute},
		"a prefix": {n.until, translationRetry},
	} {
		left := c.until.Sub(time.Unix(0, int64(up*float64(time.Second))))
		if c.until != c.until.Round(0) || left < c.want-time.Second || left > c.want+10*time.Second {
			t.Errorf("%s is good for %v, want %v (%v)", what, left, c.want, c.until)
		}
	}
}

// The clock that people read is asked for what is kept alone: for how long an answer was good then, it is good now.
func TestKeptByTheOtherClock(t *testing.T) {
	a, b, one := NewAnswers(), NewAnswers(), addrs("93.184.0.1")[0]
	up, wall := time.Unix(100, 0), time.Unix(2_000_000_000, 0)
	a.now, a.wall = func() time.Time { return up }, func() time.Time { return wall }
	a.Remember("a", false, []netip.Addr{one}, nil, time.Minute)
	kept := a.Keep()
	up, wall = time.Unix(7, 0), wall.Add(time.Minute) // after a boot
	b.now, b.wall = a.now, a.wall
	b.Restore(kept, func(netip.Addr) bool { return true })
	if up = up.Add(grace - time.Second); !b.Has("a", one) {
		t.Error("an answer that was kept has ended too early")
	}
	if up = up.Add(time.Second); b.Has("a", one) {
		t.Error("an answer that was kept outlives its time")
	}
}
