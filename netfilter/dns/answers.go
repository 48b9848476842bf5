// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The bounds of an Answers. An agent that asks for more evicts what it
// asked for itself: its connections are then checked by asking again.
const (
	maxNames     = 4096
	maxAddresses = 64   // of one name
	maxPairs     = 8192 // addresses of all names together
	maxRemember  = 24 * time.Hour
	// Clients keep an address past its TTL: a connection pool, a JVM.
	grace = 10 * time.Minute
)

// Answers remembers which addresses were answered for which name. The zero
// value is not usable; see NewAnswers. It is safe for concurrent use.
type Answers struct {
	mu     sync.Mutex
	now    func() time.Time // by a clock that is never set
	wall   func() time.Time // by the one that outlives a boot
	names  map[string]*entry
	byAddr map[netip.Addr][]string
	pairs  int
}

// An entry is what one name was answered with.
type entry struct {
	addrs  map[netip.Addr]time.Time // until when the name may be dialled there
	inside []netip.Addr             // taken out of the last answer
	fresh  [2]time.Time             // until when asking again is needless: v4, v6
}

// sinceBoot is the time by the clock that goes on while a machine sleeps, and that nobody sets. An answer from before a sleep is
// old, and may be of another network; one from before the clock was set back would be good for years by that clock.
func sinceBoot() time.Time {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) // every Linux that au runs on has it
	return time.Unix(now.Unix())
}

// NewAnswers returns an empty memory.
func NewAnswers() *Answers {
	return &Answers{now: sinceBoot, wall: time.Now, names: map[string]*entry{}, byAddr: map[netip.Addr][]string{}}
}

// Remember records that name was answered with addrs for ttl, and that inside
// were left out of that answer.
func (a *Answers) Remember(name string, v6 bool, addrs, inside []netip.Addr, ttl time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	a.makeRoom(now)
	e := a.names[name]
	if e == nil {
		e = &entry{addrs: map[netip.Addr]time.Time{}}
		a.names[name] = e
	}
	e.inside = keepFamily(e.inside, inside, v6)
	e.fresh[family(v6)] = now.Add(min(ttl, maxRemember))
	for _, addr := range addrs {
		a.add(name, e, addr.Unmap(), now.Add(min(ttl, maxRemember)+grace), now)
	}
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// keepFamily returns old with the addresses of one family replaced by fresh.
func keepFamily(old, fresh []netip.Addr, v6 bool) []netip.Addr {
	kept := slices.DeleteFunc(slices.Clone(old), func(a netip.Addr) bool { return a.Is6() == v6 })
	return append(kept, fresh[:min(len(fresh), maxAddresses)]...)
}

// add lets name be dialled at addr until then. a.mu is held.
func (a *Answers) add(name string, e *entry, addr netip.Addr, then, now time.Time) {
	old, known := e.addrs[addr]
	if known {
		if then.After(old) {
			e.addrs[addr] = then
		}
		return
	}
	if len(e.addrs) >= maxAddresses {
		a.dropSoonest(name, e)
	}
	e.addrs[addr] = then
	a.pairs++
	a.byAddr[addr] = append(a.byAddr[addr], name)
}

func (a *Answers) dropSoonest(name string, e *entry) {
	var soonest netip.Addr
	for addr, until := range e.addrs {
		if !soonest.IsValid() || until.Before(e.addrs[soonest]) {
			soonest = addr
		}
	}
	a.forget(name, e, soonest)
}

func (a *Answers) forget(name string, e *entry, addr netip.Addr) {
	delete(e.addrs, addr)
	a.pairs--
	rest := slices.DeleteFunc(a.byAddr[addr], func(n string) bool { return n == name })
	if len(rest) == 0 {
		delete(a.byAddr, addr)
		return
	}
	a.byAddr[addr] = rest
}

// makeRoom drops names that are over, and when that is not enough arbitrary ones,
// until an eighth is free: a full memory is not searched for each new name.
func (a *Answers) makeRoom(now time.Time) {
	if len(a.names) < maxNames && a.pairs <= maxPairs-maxAddresses {
		return
	}
	for name, e := range a.names {
		if e.over(now) {
			a.dropName(name, e)
		}
	}
	for name, e := range a.names {
		if len(a.names) <= maxNames-maxNames/8 && a.pairs <= maxPairs-maxPairs/8 {
			return
		}
		a.dropName(name, e)
	}
}

func (a *Answers) dropName(name string, e *entry) {
	for addr := range e.addrs {
		a.forget(name, e, addr)
	}
	delete(a.names, name)
}

func (e *entry) over(now time.Time) bool {
	for _, until := range e.addrs {
		if now.Before(until) {
			return false
		}
	}
	return now.After(e.fresh[0]) && now.After(e.fresh[1])
}

// Has reports whether addr was answered for name and the answer still holds.
func (a *Answers) Has(name string, addr netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.names[name]
	return e != nil && a.now().Before(e.addrs[addr.Unmap()])
}

// Names returns the names that addr was answered for, sorted.
func (a *Answers) Names(addr netip.Addr) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	addr = addr.Unmap()
	var names []string
	for _, name := range a.byAddr[addr] {
		if a.now().Before(a.names[name].addrs[addr]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Fresh returns the addresses of one family that the last answer for name had, and
// whether that answer is within its TTL; it may be an empty one.
func (a *Answers) Fresh(name string, v6 bool) ([]netip.Addr, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, now := a.names[name], a.now()
	if e == nil || !now.Before(e.fresh[family(v6)]) {
		return nil, false
	}
	last := e.fresh[family(v6)].Add(grace)
	var addrs []netip.Addr
	for addr, until := range e.addrs {
		if addr.Is6() == v6 && !until.Before(last) {
			addrs = append(addrs, addr)
		}
	}
	return addrs, true
}

// All returns the addresses of both families that name may be dialled at, IPv4
// first.
func (a *Answers) All(name string) []netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.names[name]
	if e == nil {
		return nil
	}
	var addrs []netip.Addr
	for addr, until := range e.addrs {
		if a.now().Before(until) {
			addrs = append(addrs, addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// Inside returns the addresses that were taken out of the last answers for name,
// because they are inside and no rule for a network allows them.
func (a *Answers) Inside(name string) []netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.names[name]; e != nil {
		return slices.Clone(e.inside)
	}
	return nil
}

// Stale makes every answer one to ask for anew. An address that was answered stays good to dial. One that was taken out may pass
// next time, after a change of rules.
func (a *Answers) Stale() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.names {
		e.fresh = [2]time.Time{}
	}
}

// Kept is what is kept of one name's answers while nobody remembers them.
type Kept struct {
	Name   string               `json:"name"`
	Until  map[netip.Addr]int64 `json:"until,omitempty"`  // in seconds since 1970: until when the name may be dialled there
	Inside []netip.Addr         `json:"inside,omitempty"` // taken out of the last answer; some of them
}

// keptInside is how many addresses inside are kept of a name: they say why it is refused, and one says it.
const keptInside = 2

// Keep returns what is to be kept of the answers that still hold. When to ask anew is not: what the machine asks may be others by
// then.
func (a *Answers) Keep() []Kept {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, wall, all := a.now(), a.wall(), []Kept(nil)
	for name, e := range a.names {
		k := Kept{Name: name, Until: map[netip.Addr]int64{}, Inside: e.inside[:min(len(e.inside), keptInside)]}
		for addr, until := range e.addrs {
			if now.Before(until) {
				k.Until[addr] = wall.Add(until.Sub(now)).Unix()
			}
		}
		if len(k.Until)+len(k.Inside) > 0 {
			all = append(all, k)
		}
	}
	return all
}

// Restore remembers what was kept, as far as it still holds, no longer than an answer of now would, and without the addresses that
// stays does not want.
func (a *Answers) Restore(all []Kept, stays func(netip.Addr) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, wall := a.now(), a.wall()
	last := now.Add(maxRemember + grace)
	for _, k := range all {
		if len(a.names) >= maxNames || a.pairs > maxPairs-maxAddresses {
			return
		}
		e := a.names[k.Name]
		if e == nil {
			e = &entry{addrs: map[netip.Addr]time.Time{}}
			a.names[k.Name] = e
		}
		e.inside = k.Inside[:min(len(k.Inside), keptInside)]
		for addr, until := range k.Until {
			if left := time.Unix(until, 0).Sub(wall); addr.IsValid() && left > 0 && stays(addr) {
				a.add(k.Name, e, addr.Unmap(), earlier(now.Add(left), last), now)
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
