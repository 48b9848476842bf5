// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/terminal"
	auslices "github.com/a4u2/au/slices"
	"github.com/creack/pty"
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

// screenText returns the table's text, a line a row.
func screenText(lines []terminal.Line) string {
	var text strings.Builder
	for _, line := range lines {
		for _, t := range line {
			text.WriteString(t.Words)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func TestTheLiveTableFitsItsScreen(t *testing.T) {
	limit := uint64(256 << 20)
	r := row{Agent: "a-rather-long-name", CPUPercent: 149, useView: useView{Active: true, Memory: 250 << 20, MemoryLimit: &limit, Processes: 3, Tasks: 4}}
	w := &watch{rows: []row{r}}
	wide := screenText(w.table(160, 10))
	want := `AGENT           STATE        CPU      OF   MEMORY      OF   TASKS      OF  CPU, LAST MINUTE      PROCS  BUSIEST            SWAP  PRESSURE %              
a-rather-long…  running     149%       -     250M    256M       4       -                            3  -                    0B  -                       
` + strings.Repeat("\n", 7) + "q: quit   OF: the limit, - for none\n"
	if wide != want {
		t.Errorf("a wide screen shows\n%q\nwant\n%q", wide, want)
	}
	if narrow := screenText(w.table(40, 5)); !strings.Contains(narrow, "149%") || strings.Contains(narrow, "MEMORY") {
		t.Errorf("a narrow screen should show the first columns:\n%s", narrow)
	}
	for range 20 {
		w.rows = append(w.rows, r)
	}
	for height := 1; height < 10; height++ {
		lines := w.table(80, height)
		text := screenText(lines)
		if len(lines) != height || !strings.HasSuffix(text, "for none\n") || strings.Count(text, "149%") != max(0, height-2) {
			t.Errorf("%d lines show 21 agents as\n%s", height, text)
		}
	}
	for _, line := range w.table(3, 3)[:2] {
		if len(line) > 0 {
			t.Errorf("a screen without room for a column has %q", line)
		}
	}
	if text := screenText((&watch{}).table(80, 24)); !strings.Contains(text, "\nno agents\n") {
		t.Errorf("without agents there is\n%s", text)
	}
}

func TestTheLiveTableIsColouredByHowNearALimitIs(t *testing.T) {
	limit := uint64(100)
	style := func(used uint64) terminal.Style {
		w := &watch{rows: []row{{useView: useView{Memory: used, MemoryLimit: &limit}}}}
		return w.table(160, 10)[1][8].Style // after four columns, and the gaps between them
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	for used, want := range map[uint64]terminal.Style{69: terminal.Plain, 70: terminal.Yellow, 90: terminal.BoldRed} {
		if got := style(used); got != want {
			t.Errorf("%d of 100 have the style %q, want %q", used, got, want)
		}
	}
	t.Setenv("NO_COLOR", "1")
	if got := style(99); got != terminal.Plain {
		t.Errorf("with NO_COLOR the style is %q", got)
	}
}

// A column is as wide as it is, whatever a name holds: the screen shows each character in one column.
func TestColumnsAreFilledUpOrCut(t *testing.T) {
	for text, want := range map[string]string{"": "     ", "ab": "ab   ", "abcde": "abcde", "abcdef": "abcd…", "世é": "世é   ", "e\u0301\u0301\u0301\u0301\u0301": "e\u0301\u0301\u0301…"} {
		if got := fit(text, -5); got != want {
			t.Errorf("fit(%q) is %q, want %q", text, got, want)
		}
	}
	if got := fit("ab", 5); got != "   ab" {
		t.Errorf("at the right it is %q", got)
	}
}

func TestLiveTableNeedsATerminalThatUnderstands(t *testing.T) {
	for _, kind := range []string{"TERM=dumb", "TERM="} {
		cmd := program(t, "top")
		cmd.Env = append(cmd.Env, kind)
		if shown := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(shown, "au: hint: au top --once") || strings.Contains(shown, "\x1b") {
			t.Errorf("with %s au top exits %d: %q", kind, cmd.ProcessState.ExitCode(), shown)
		}
	}
}

func TestKeysEndTheLiveTable(t *testing.T) {
	for name, key := range map[string]string{"q": "xq", "escape": "\x1b[A\x1b", "ctrl-c": "\x03"} {
		cmd := program(t, "top", "--interval", "1h")
		side, err := pty.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		var shown strings.Builder
		for buffer, typed := make([]byte, 4096), false; ; {
			n, err := side.Read(buffer)
			if err != nil {
				break
			}
			shown.Write(buffer[:n])
			if !typed && strings.Contains(shown.String(), "no agents") {
				typed = true
				side.WriteString(key)
			}
		}
		if err := cmd.Wait(); err != nil || !strings.HasSuffix(shown.String(), "\x1b[?1049l") {
			t.Errorf("%s: %v, after %q", name, err, shown.String())
		}
		side.Close()
	}
}
