// SPDX-License-Identifier: GPL-3.0-or-later

package draft

// countNames counts how many names of each file are kept.
func (p *planner) countNames() error {
	p.names = map[uint64]uint64{}
	return p.nodes(func(n *node) error {
		for _, it := range n.items {
			if name := join(n.path, it.name); it.dir == nil && !it.whiteout && it.st.Nlink > 1 && p.takes(name) && !p.leave[name] {
				p.names[it.st.Ino]++
			}
		}
		return nil
	})
}

// isShared reports whether a file of the draft has a name that stays there. The writes of the agent to that name must not reach the
// folder, so a copy is kept.
func (p *planner) isShared(it item) bool {
	return !p.whole && it.st.Nlink > 1 && p.names[it.st.Ino] < uint64(it.st.Nlink)
}
