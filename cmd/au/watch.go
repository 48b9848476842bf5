// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"time"

	"github.com/a4u2/au/cmd/au/host"
)

// row is one agent of the table.
type row struct {
	Agent      string  `json:"agent"`
	UID        uint32  `json:"uid"`
	CPUPercent float64 `json:"cpu_percent"` // of one core, since the look before
	useView
	history []float64 // CPU shares of the looks so far, oldest first
}

// watch looks at all agents again and again.
type watch struct {
	rows []row
	seen map[string]look
}

// look is what is remembered of an agent until the next.
type look struct {
	at      time.Time
	cpu     time.Duration
	pids    map[int]time.Duration
	history []float64
}

// historyLength is how many looks the history line can show.
const historyLength = 60

// look reads what each agent uses now.
func (w *watch) look(h *host.Host) error {
	policies, err := h.Policies()
	if err != nil {
		return err
	}
	now := map[string]look{}
	rows := make([]row, 0, len(policies))
	for _, p := range policies {
		u, err := h.CgroupTree().Usage(p.UID)
		if err != nil {
			return fmt.Errorf("read what agent %q uses: %w", p.Name, err)
		}
		r := row{Agent: p.Name, UID: p.UID, useView: use(h, p, u)}
		now[p.Name] = r.since(w.seen[p.Name], u.CPU, time.Now())
		rows = append(rows, r)
	}
	w.rows, w.seen = rows, now
	return nil
}

// since fills in what only two looks tell, and returns what the next one needs.
func (r *row) since(before look, cpu time.Duration, at time.Time) look {
	next := look{at: at, cpu: cpu, pids: map[int]time.Duration{}, history: before.history}
	most := time.Duration(-1)
	for _, p := range r.processes {
		next.pids[p.PID] = p.CPU
		if spent := p.CPU - before.pids[p.PID]; spent > most {
			most, r.Busiest = spent, p.Command
		}
	}
	if !before.at.IsZero() {
		// A slice that was stopped starts again from nothing.
		r.CPUPercent = max(0, float64(cpu-before.cpu)/float64(at.Sub(before.at))*100)
		next.history = append(append([]float64{}, before.history...), r.CPUPercent)
	}
	if extra := len(next.history) - historyLength; extra > 0 {
		next.history = next.history[extra:]
	}
	r.history = next.history
	return next
}

func (r row) state() string {
	switch {
	case !r.Active:
		return "no unit"
	case r.Paused:
		return "paused"
	case r.Tasks <= 1: // the keeper
		return "idle"
	}
	return "running"
}
