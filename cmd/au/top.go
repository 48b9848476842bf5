// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

type topCmd struct {
	Once     bool          `help:"Print one table, without a terminal, and end."`
	JSON     bool          `name:"json" help:"Print one table as JSON: an array with an object for each agent."`
	Interval time.Duration `default:"1s" placeholder:"TIME" help:"The time between two tables (default: ${default})."`
}

func (c *topCmd) Run(a *app) error {
	if c.Interval < 100*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("interval %q: want a time from 100ms to 1h", c.Interval)
	}
	w := &watch{}
	if err := w.look(a.host); err != nil {
		return err
	}
	if !c.Once && !c.JSON {
		// Without TERM there is no telling what the terminal understands.
		if kind := os.Getenv("TERM"); !term.IsTerminal(0) || !term.IsTerminal(1) || kind == "dumb" || kind == "" {
			return hintError{errors.New("no terminal to show a live table on"), "au top --once"}
		}
		return w.live(a.host, c.Interval)
	}
	// CPU use is a difference of two looks.
	time.Sleep(c.Interval)
	if err := w.look(a.host); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(w.rows)
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(headings, "\t"))
	for _, r := range w.rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	return t.Flush()
}

var headings = []string{"AGENT", "STATE", "CPU", "LIMIT", "MEMORY", "LIMIT", "SWAP", "TASKS", "LIMIT", "PROCS", "PRESSURE", "BUSIEST"}

// cells are the words of the table, beneath the headings.
func (r row) cells() []string {
	pressure := "-"
	if r.Pressure != nil {
		pressure = fmt.Sprintf("cpu %.0f mem %.0f io %.0f", r.Pressure.CPU, r.Pressure.Memory, r.Pressure.IO)
	}
	return []string{r.Agent, r.state(), fmt.Sprintf("%.0f%%", r.CPUPercent), or(r.cpuLimitText), size(r.Memory), limitText(r.MemoryLimit, size),
		size(r.Swap), fmt.Sprint(r.Tasks), limitText(r.TasksLimit, func(n uint64) string { return fmt.Sprint(n) }), fmt.Sprint(r.Processes), pressure, or(r.Busiest)}
}

func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func limitText(n *uint64, format func(uint64) string) string {
	if n == nil {
		return "-"
	}
	return format(*n)
}

// load returns how much of its limit an agent uses, 0 to 1; 0 where there is none.
func load(used float64, limit *float64) float64 {
	if limit == nil || *limit <= 0 {
		return 0
	}
	return min(1, used/(*limit))
}

// spark draws shares of full, one block each, the newest last, in as many columns.
func spark(shares []float64, full float64, columns int) string {
	if len(shares) > columns {
		shares = shares[len(shares)-columns:]
	}
	line := strings.Repeat(" ", columns-len(shares))
	for _, s := range shares {
		level := 0
		if full > 0 && s > 0 {
			level = min(8, 1+int(s/full*7.999))
		}
		line += string([]rune(" ▁▂▃▄▅▆▇█")[level])
	}
	return line
}

// fullCPU is the share that fills a history block: the limit, or all cores.
func (r row) fullCPU(cores int) float64 {
	if r.CPULimit != nil {
		return *r.CPULimit
	}
	return float64(cores) * 100
}
