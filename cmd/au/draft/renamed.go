// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/quote"
)

// detachAll takes the folders that were renamed out of their places, the deepest first.
func (p *planner) detachAll() error {
	var lows []string
	for low, n := range p.detached {
		if p.reaches(n.path) && !p.takesAll(n.path) {
			return fmt.Errorf("%s was %s: a renamed folder is kept whole or not at all", quote.Name(n.path), quote.Name(low))
		}
		if in := p.staysIn(n.path); in != "" && p.takes(n.path) && n.merged {
			return fmt.Errorf("%s: a renamed folder in a new one, %s, is kept whole or not at all", quote.Name(n.path), quote.Name(in))
		}
		if p.takes(n.path) && n.merged {
			lows = append(lows, low)
		}
	}
	slices.SortFunc(lows, func(x, y string) int {
		return cmp.Or(strings.Count(y, "/")-strings.Count(x, "/"), strings.Compare(x, y))
	})
	for _, low := range lows {
		st, err := p.lower.stat(low)
		if err != nil {
			return p.lower.failed("stat", low, err)
		}
		dir, _ := split(low)
		if err := p.prepare(dir); err != nil {
			return err
		}
		p.vacated[dir] = true
		p.detach = append(p.detach, op{Act: move, From: spot{theFolder, low}, To: p.meanwhile(st.Ino), Ino: st.Ino, Was: vintageOf(st)})
	}
	return nil
}

// closeVacated plans that folders from which renamed ones went have their mode again where nothing else of them is kept.
func (p *planner) closeVacated() error {
	done, went := map[string]bool{}, map[string]bool{}
	for _, o := range p.last {
		done[o.To.Path] = true
	}
	for _, o := range p.detach {
		went[o.From.Path] = true
	}
	for _, o := range p.middle {
		if o.Low != "" {
			went[o.Low] = true
		}
	}
	for _, low := range sortedKeys(p.vacated) {
		if done[low] || hasAbove(went, low) {
			continue
		}
		if err := p.prepareToStay(low, low); err != nil {
			return err
		}
	}
	return nil
}

// stay notes which renamed folders are not kept.
func (p *planner) stay() {
	p.staying = nil
	for low, n := range p.detached {
		if n.merged && !p.takes(n.path) {
			p.staying = append(p.staying, low)
		}
	}
	slices.Sort(p.staying)
}

// skipOldPlaces also skips where the folders were that are renamed and skipped, and renamed folders of which a part is skipped.
func (p *planner) skipOldPlaces() error {
	for p.stay(); len(p.skip) > 0; p.stay() {
		before := len(p.skip)
		for _, n := range p.detached {
			if p.takes(n.path) && (!p.takesAll(n.path) || n.merged && p.staysIn(n.path) != "") {
				p.skip[n.path] = true
			}
		}
		p.stay()
		err := p.nodes(func(n *node) error {
			for _, it := range n.items {
				inPlace := it.dir != nil && it.dir.merged && !it.dir.moved
				if n.merged && !inPlace && p.leaves(join(n.low, it.name)) != nil {
					p.skip[join(n.path, it.name)] = true
				}
			}
			return nil
		})
		if err != nil || len(p.skip) == before {
			return err
		}
	}
	return nil
}

// staysIn returns a folder that the agent made, in which something is, and that stays in the draft; "" where there is none.
func (p *planner) staysIn(name string) string {
	n := p.top
	for part := range strings.SplitSeq(name, "/") {
		if (!n.merged || n.cleared) && !p.takesAll(n.path) {
			return n.path
		}
		it, ok := n.item(part)
		if !ok || it.dir == nil {
			break
		}
		n = it.dir
	}
	return ""
}

// leaves refuses to take a folder's old place, or one above it, and not the folder itself.
func (p *planner) leaves(low string) error {
	i, _ := slices.BinarySearch(p.staying, low)
	for ; i < len(p.staying) && strings.HasPrefix(p.staying[i], low); i++ {
		if at := p.staying[i]; at == low || at[len(low)] == '/' {
			return fmt.Errorf("%s was %s: a renamed folder is kept whole or not at all", quote.Name(p.detached[at].path), quote.Name(at))
		}
	}
	return nil
}

// meanwhile is where a folder is that is renamed, until what is in its new place is gone: on its own file system, so that it
// stays the same folder.
func (p *planner) meanwhile(ino uint64) spot {
	return p.near(spot{theStash, "moved-" + strconv.FormatUint(ino, 10)})
}
