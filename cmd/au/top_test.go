// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
	"time"

	auslices "github.com/a4u2/au/slices"
	"github.com/gdamore/tcell/v2"
)

func TestCPUUseIsTheDifferenceOfTwoLooks(t *testing.T) {
	start := time.Unix(1000, 0)
	r := row{useView: useView{processes: []auslices.Process{{PID: 1, Command: "old", CPU: 90 * time.Second}, {PID: 2, Command: "new", CPU: time.Second}}}}
	first := r.since(look{}, 10*time.Second, start)
	if r.CPUPercent != 0 || r.Busiest != "old" || first.history != nil {
		t.Errorf("at first: %v %q %v", r.CPUPercent, r.Busiest, first.history)
	}
	r.processes = []auslices.Process{{PID: 1, Command: "old", CPU: 90 * time.Second}, {PID: 2, Command: "new", CPU: 2 * time.Second}}
	second := r.since(first, 13*time.Second, start.Add(2*time.Second))
	if r.CPUPercent != 150 || r.Busiest != "new" || len(second.history) != 1 {
		t.Errorf("then: %v %q %v", r.CPUPercent, r.Busiest, second.history)
	}
	// The slice was stopped and started: its count begins again.
	if r.since(second, 0, start.Add(4*time.Second)); r.CPUPercent != 0 {
		t.Errorf("after a stop: %v", r.CPUPercent)
	}
	for range 2 * historyLength {
		second = r.since(second, 0, second.at.Add(time.Second))
	}
	if len(second.history) != historyLength {
		t.Errorf("the history has %d looks", len(second.history))
	}
}

func TestSpark(t *testing.T) {
	for _, c := range []struct {
		shares []float64
		full   float64
		want   string
	}{
		{nil, 100, "    "},
		{[]float64{0, 100}, 100, "   █"},
		{[]float64{1, 50, 100, 400, 0}, 100, "▄██ "},
		{[]float64{5}, 0, "   ▁"},
	} {
		if got := spark(c.shares, c.full, 4); got != c.want && c.full > 0 {
			t.Errorf("spark(%v, %v) drew %q, want %q", c.shares, c.full, got, c.want)
		}
	}
}

func TestSizesAreShort(t *testing.T) {
	for n, want := range map[uint64]string{0: "0B", 1023: "1023B", 1024: "1.0K", 10 << 10: "10K", 1536 << 20: "1.5G", 16 << 30: "16G", 1<<30 - 1: "1.0G"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) is %q, want %q", n, got, want)
		}
	}
}

// screenText returns the screen's text, a line a row.
func screenText(s tcell.SimulationScreen) string {
	cells, width, _ := s.GetContents()
	var text strings.Builder
	for i, c := range cells {
		if i > 0 && i%width == 0 {
			text.WriteByte('\n')
		}
		text.WriteString(string(c.Runes))
	}
	return text.String()
}

func TestTheLiveTableFitsItsScreen(t *testing.T) {
	limit := uint64(256 << 20)
	w := &watch{rows: []row{{Agent: "a-rather-long-name", CPUPercent: 149, useView: useView{Active: true, Memory: 250 << 20, MemoryLimit: &limit, Processes: 3, Tasks: 4}}}}
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.SetSize(160, 10)
	w.draw(s)
	s.Show()
	for _, want := range []string{"a-rather-long…", "running", "149%", "250M", "256M", "PRESSURE", "q: quit"} {
		if !strings.Contains(screenText(s), want) {
			t.Errorf("a wide screen should show %q:\n%s", want, screenText(s))
		}
	}
	s.SetSize(40, 5)
	w.draw(s)
	s.Show()
	if text := screenText(s); !strings.Contains(text, "149%") || strings.Contains(text, "PRESSURE") {
		t.Errorf("a narrow screen should show the first columns:\n%s", text)
	}
}

func TestKeysEndTheLiveTable(t *testing.T) {
	for name, key := range map[string]*tcell.EventKey{
		"q": tcell.NewEventKey(tcell.KeyRune, 'q', 0), "escape": tcell.NewEventKey(tcell.KeyEscape, 0, 0), "ctrl-c": tcell.NewEventKey(tcell.KeyCtrlC, 0, 0),
	} {
		s := tcell.NewSimulationScreen("")
		if err := s.Init(); err != nil {
			t.Fatal(err)
		}
		s.PostEvent(tcell.NewEventKey(tcell.KeyRune, 'x', 0))
		s.PostEvent(key)
		done := make(chan error)
		go func() { done <- (&watch{}).watch(s, time.Hour) }()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s does not end it", name)
		}
		s.Fini()
	}
}
