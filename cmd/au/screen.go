// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/gdamore/tcell/v2"
)

// live shows the table on the terminal until q, Escape or Ctrl-C.
func (w *watch) live(interval time.Duration) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("show a live table: %w", err)
	}
	defer screen.Fini()
	return w.watch(screen, interval)
}

// watch draws, looks again when it is time, and acts on keys.
func (w *watch) watch(screen tcell.Screen, interval time.Duration) error {
	events, quit := make(chan tcell.Event), make(chan struct{})
	defer close(quit)
	go screen.ChannelEvents(events, quit)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		w.draw(screen)
		screen.Show()
		select {
		case <-tick.C:
			if err := w.look(); err != nil {
				return err
			}
		case event, open := <-events:
			if !open || ends(event) {
				return nil
			}
			if _, ok := event.(*tcell.EventResize); ok {
				screen.Sync()
			}
		}
	}
}

func ends(event tcell.Event) bool {
	key, ok := event.(*tcell.EventKey)
	return ok && (key.Rune() == 'q' || key.Key() == tcell.KeyCtrlC || key.Key() == tcell.KeyEscape)
}

// column is one of the live table. The first ones stay longest as the terminal gets narrow.
type column struct {
	heading string
	width   int // negative: text stands at the left
	cell    func(row) (string, tcell.Style)
}

var (
	plain = tcell.StyleDefault
	dim   = plain.Dim(true)
	bold  = plain.Bold(true)
)

// heat colours a figure by how near its limit it is.
func heat(load float64) tcell.Style {
	switch {
	case os.Getenv("NO_COLOR") != "":
		return plain
	case load >= 0.9:
		return plain.Foreground(tcell.ColorRed).Bold(true)
	case load >= 0.7:
		return plain.Foreground(tcell.ColorYellow)
	}
	return plain
}

// fraction returns how much of its limit n is, 0 where there is none.
func fraction(n uint64, limit *uint64) float64 {
	if limit == nil || *limit == 0 {
		return 0
	}
	return min(1, float64(n)/float64(*limit))
}

var columns = []column{
	{"AGENT", -14, func(r row) (string, tcell.Style) { return r.Agent, bold }},
	{"STATE", -8, func(r row) (string, tcell.Style) { return r.state(), dim }},
	{"CPU", 6, func(r row) (string, tcell.Style) { return r.cells()[2], heat(load(r.CPUPercent, r.CPULimit)) }},
	{"OF", 6, func(r row) (string, tcell.Style) { return r.cells()[3], dim }},
	{"MEMORY", 7, func(r row) (string, tcell.Style) { return r.cells()[4], heat(fraction(r.Memory, r.MemoryLimit)) }},
	{"OF", 6, func(r row) (string, tcell.Style) { return r.cells()[5], dim }},
	{"TASKS", 6, func(r row) (string, tcell.Style) { return r.cells()[7], heat(fraction(r.Tasks, r.TasksLimit)) }},
	{"OF", 6, func(r row) (string, tcell.Style) { return r.cells()[8], dim }},
	{"CPU, LAST MINUTE", -20, func(r row) (string, tcell.Style) {
		return spark(r.history, r.fullCPU(runtime.NumCPU()), 20), heat(load(r.CPUPercent, r.CPULimit))
	}},
	{"PROCS", 5, func(r row) (string, tcell.Style) { return r.cells()[9], plain }},
	{"BUSIEST", -15, func(r row) (string, tcell.Style) { return r.cells()[11], plain }},
	{"SWAP", 6, func(r row) (string, tcell.Style) { return r.cells()[6], heat(fraction(r.Swap, r.SwapLimit)) }},
	{"PRESSURE %", -24, func(r row) (string, tcell.Style) { return r.cells()[10], dim }},
}

// draw puts the table on the screen, as many columns and rows as there is room for.
func (w *watch) draw(screen tcell.Screen) {
	screen.Clear()
	width, height := screen.Size()
	x := 0
	for _, c := range columns {
		columnWidth := max(c.width, -c.width)
		if x+columnWidth > width {
			break
		}
		put(screen, x, 0, c.width, c.heading, plain.Reverse(true))
		for i, r := range w.rows {
			text, style := c.cell(r)
			put(screen, x, i+1, c.width, text, style)
		}
		x += columnWidth + 2
	}
	if len(w.rows) == 0 {
		screen.PutStrStyled(0, 1, "no agents: au new makes one", dim)
	}
	screen.PutStrStyled(0, height-1, "q: quit   OF: the limit, - for none", dim)
}

// put writes text into a column, cut to its width.
func put(screen tcell.Screen, x, y, width int, text string, style tcell.Style) {
	runes := []rune(text)
	room := max(width, -width)
	if len(runes) > room {
		runes = append(runes[:room-1], '…')
	}
	pad := "%*s"
	screen.PutStrStyled(x, y, fmt.Sprintf(pad, width, string(runes)), style)
}
