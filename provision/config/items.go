// SPDX-License-Identifier: GPL-3.0-or-later

package config

import "bytes"

// align returns, for each entry wanted, the index of the same one in have,
// or -1. The indices rise: what cannot be kept in the order wanted is -1.
// It keeps as many as can be (a longest common subsequence).
func align(have, want []entry) []int {
	kept := make([]int, len(want))
	for w := range kept {
		kept[w] = -1
	}
	first := 0
	for first < len(have) && first < len(want) && have[first].id == want[first].id {
		kept[first] = first
		first++
	}
	h, w := len(have), len(want)
	for h > first && w > first && have[h-1].id == want[w-1].id {
		h, w = h-1, w-1
		kept[w] = h
	}
	alignMiddle(have[first:h], want[first:w], func(h, w int) { kept[first+w] = first + h })
	return kept
}

func alignMiddle(have, want []entry, keep func(h, w int)) {
	// length[h][w] is how many have[h:] and want[w:] have in common.
	length := make([][]int, len(have)+1)
	for h := range length {
		length[h] = make([]int, len(want)+1)
	}
	for h := len(have) - 1; h >= 0; h-- {
		for w := len(want) - 1; w >= 0; w-- {
			if have[h].id == want[w].id {
				length[h][w] = length[h+1][w+1] + 1
			} else {
				length[h][w] = max(length[h+1][w], length[h][w+1])
			}
		}
	}
	for h, w := 0, 0; h < len(have) && w < len(want); {
		switch {
		case have[h].id == want[w].id:
			keep(h, w)
			h, w = h+1, w+1
		case length[h+1][w] >= length[h][w+1]:
			h++
		default:
			w++
		}
	}
}

// removed returns for each of n items whether it is not kept.
func removed(n int, kept []int) []bool {
	gone := make([]bool, n)
	for i := range gone {
		gone[i] = true
	}
	for _, h := range kept {
		if h >= 0 {
			gone[h] = false
		}
	}
	return gone
}

// items removes and adds entries under headers. The first ones go to the
// place given, unless others stand before or after them.
func (e *editor) items(l *list, place int, kept []int, want []entry) {
	for h, gone := range removed(len(l.items), kept) {
		if gone {
			for _, s := range l.items[h].spans {
				e.removeLines(s)
			}
		}
	}
	for w := 0; w < len(kept); {
		if h := kept[w]; h >= 0 {
			place = e.commentsBelow(last(l.items[h].spans).end)
			w++
			continue
		}
		added := w
		for w < len(kept) && kept[w] < 0 {
			w++
		}
		at := place
		switch {
		case w == len(kept) && l == &e.top.list:
			at = len(e.text) // behind all comments and unknown tables
		case w < len(kept) && added == 0:
			at = l.items[kept[w]].spans[0].start
		}
		e.insertEntries(at, want[added:w])
	}
}

// nextKept returns the first item kept, or -1.
func nextKept(kept []int) int {
	for _, h := range kept {
		if h >= 0 {
			return h
		}
	}
	return -1
}

// insertEntries inserts entries; around agents there are empty lines.
func (e *editor) insertEntries(at int, entries []entry) {
	var lines []string
	for i, added := range entries {
		above := i > 0 || (at > 0 || len(e.changes) > 0) && !e.emptyBefore(at)
		if added.apart && above {
			lines = append(lines, "")
		}
		lines = append(lines, added.lines()...)
	}
	if entries[0].apart && at < len(e.text) && e.emptyAfter(at) == at {
		lines = append(lines, "")
	}
	e.insertLines(at, lines...)
}

// removeLines removes whole lines, and of the empty lines around them so
// many that what stood apart still does.
func (e *editor) removeLines(s span) {
	switch {
	case e.emptyAfter(s.end) == len(e.text):
		s.end = len(e.text)
		for s.start > 0 && e.emptyBefore(s.start) {
			s.start = bytes.LastIndexByte(e.text[:s.start-1], '\n') + 1
		}
	case s.start == 0 || e.emptyBefore(s.start):
		s.end = e.emptyAfter(s.end)
	}
	e.replace(s, "")
}

// commentsBelow returns where the comment lines that begin at offset end, but
// offset when a table follows at once: they are about that.
func (e *editor) commentsBelow(offset int) int {
	end := offset
	for end < len(e.text) {
		line := e.text[end:e.lines(span{end, end}).end]
		switch trimmed := bytes.TrimSpace(line); {
		case len(trimmed) == 0:
			return end
		case trimmed[0] != '#':
			return offset
		}
		end += len(line)
	}
	return end
}

// emptyBefore says whether the line that ends at offset is empty.
func (e *editor) emptyBefore(offset int) bool {
	if offset == 0 {
		return false
	}
	start := bytes.LastIndexByte(e.text[:offset-1], '\n') + 1
	return len(bytes.TrimSpace(e.text[start:offset])) == 0
}

// emptyAfter returns where the empty lines that begin at offset end.
func (e *editor) emptyAfter(offset int) int {
	for offset < len(e.text) {
		end := bytes.IndexByte(e.text[offset:], '\n') + 1
		if end == 0 {
			end = len(e.text) - offset
		}
		if len(bytes.TrimSpace(e.text[offset:offset+end])) > 0 {
			break
		}
		offset += end
	}
	return offset
}

// inlineItems removes and adds tables of an array.
func (e *editor) inlineItems(l *list, kept []int, want []entry) {
	if nextKept(kept) < 0 {
		if len(l.items)+len(want) > 0 {
			e.replace(l.span, inlineArray(want))
		}
		return
	}
	e.removeInline(l, removed(len(l.items), kept))
	place := -1
	for w, h := range kept {
		switch {
		case h >= 0:
			place = l.items[h].spans[0].end
		case place < 0:
			e.insert(l.items[nextKept(kept)].spans[0].start, want[w].inline()+", ")
		default:
			e.insert(place, ", "+want[w].inline())
		}
	}
}

// removeInline removes tables of an array of which at least one stays.
func (e *editor) removeInline(l *list, gone []bool) {
	n := len(l.items)
	for n > 0 && gone[n-1] {
		n--
	}
	if n < len(l.items) {
		e.replace(span{l.items[n-1].spans[0].end, last(l.items).spans[0].end}, "")
	}
	for i := range n {
		if gone[i] {
			e.replace(span{l.items[i].spans[0].start, l.items[i+1].spans[0].start}, "")
		}
	}
}
