// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/terminal"
)

// live shows the table on the terminal until q, Escape or Ctrl-C.
func (w *watch) live(h *host.Host, interval time.Duration) error {
	screen, err := terminal.OpenScreen()
	if err != nil {
		return fmt.Errorf("show a live table: %w", err)
	}
	defer screen.Close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := screen.Show(w.table(screen.Size())); err != nil {
			return fmt.Errorf("show a live table: %w", err)
		}
		event, err := screen.Wait(tick.C)
		if err != nil {
			return fmt.Errorf("show a live table: %w", err)
		}
		switch event {
		case terminal.Quit:
			return nil
		case terminal.Tick:
			if err := w.look(h); err != nil {
				return err
			}
		}
	}
}

// column is one of the live table. The first ones stay longest as the terminal gets narrow.
type column struct {
	heading string
	width   int // negative: text is at the left
	cell    func(row) (string, terminal.Style)
}

// heat colours a figure by how near its limit it is.
func heat(load float64) terminal.Style {
	switch {
	case !terminal.Coloured():
		return terminal.Plain
	case load >= 0.9:
		return terminal.BoldRed
	case load >= 0.7:
		return terminal.Yellow
	}
	return terminal.Plain
}

// fraction returns how much of its limit n is, 0 where there is none.
func fraction(n uint64, limit *uint64) float64 {
	if limit == nil || *limit == 0 {
		return 0
	}
	return min(1, float64(n)/float64(*limit))
}

var columns = [...]column{
	{"AGENT", -14, func(r row) (string, terminal.Style) { return r.Agent, terminal.Bold }},
	{"STATE", -8, func(r row) (string, terminal.Style) { return r.state(), terminal.Dim }},
	{"CPU", 6, func(r row) (string, terminal.Style) { return r.cells()[2], heat(load(r.CPUPercent, r.CPULimit)) }},
	{"OF", 6, func(r row) (string, terminal.Style) { return r.cells()[3], terminal.Dim }},
	{"MEMORY", 7, func(r row) (string, terminal.Style) { return r.cells()[4], heat(fraction(r.Memory, r.MemoryLimit)) }},
	{"OF", 6, func(r row) (string, terminal.Style) { return r.cells()[5], terminal.Dim }},
	{"TASKS", 6, func(r row) (string, terminal.Style) { return r.cells()[7], heat(fraction(r.Tasks, r.TasksLimit)) }},
	{"OF", 6, func(r row) (string, terminal.Style) { return r.cells()[8], terminal.Dim }},
	{"CPU, LAST MINUTE", -20, func(r row) (string, terminal.Style) {
		return spark(r.history, r.fullCPU(runtime.NumCPU()), 20), heat(load(r.CPUPercent, r.CPULimit))
	}},
	{"PROCS", 5, func(r row) (string, terminal.Style) { return r.cells()[9], terminal.Plain }},
	{"BUSIEST", -15, func(r row) (string, terminal.Style) { return r.cells()[11], terminal.Plain }},
	{"SWAP", 6, func(r row) (string, terminal.Style) { return r.cells()[6], heat(fraction(r.Swap, r.SwapLimit)) }},
	{"PRESSURE %", -24, func(r row) (string, terminal.Style) { return r.cells()[10], terminal.Dim }},
}

// table returns the lines of a screen of that size: as many columns and rows as there is room for, and how to read them in the last
// one.
func (w *watch) table(width, height int) []terminal.Line {
	lines := make([]terminal.Line, height)
	rows := w.rows[:min(len(w.rows), max(0, height-2))]
	x := 0
	for _, c := range columns {
		columnWidth := max(c.width, -c.width)
		if x+columnWidth > width {
			break
		}
		if x > 0 {
			for y := range 1 + len(rows) {
				lines[y] = append(lines[y], terminal.Text{Words: "  "})
			}
		}
		lines[0] = append(lines[0], terminal.Text{Words: fit(c.heading, c.width), Style: terminal.Reverse})
		for i, r := range rows {
			text, style := c.cell(r)
			lines[i+1] = append(lines[i+1], terminal.Text{Words: fit(text, c.width), Style: style})
		}
		x += columnWidth + 2
	}
	if len(w.rows) == 0 && height > 2 {
		lines[1] = terminal.Line{{Words: "no agents", Style: terminal.Dim}}
	}
	lines[height-1] = terminal.Line{{Words: "q: quit   OF: the limit, - for none", Style: terminal.Dim}}
	return lines
}

// fit cuts text to a column's width, or fills it up. The screen shows each character in one column.
func fit(text string, width int) string {
	runes := []rune(text)
	if room := max(width, -width); len(runes) > room {
		runes = append(runes[:room-1], '…')
	}
	return fmt.Sprintf("%*s", width, string(runes))
}
