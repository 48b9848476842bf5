// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type logCmd struct {
	Agent  string `short:"a" placeholder:"NAME" help:"Only the runs of this agent (default: those of all your agents, and all that you ran)."`
	Follow bool   `short:"f" help:"Begin with the last ten lines, and show each new one until Ctrl-C."`
	Lines  *uint  `short:"n" placeholder:"N" help:"Only the last N lines."`
	Since  string `placeholder:"TIME" help:"Only lines since then, as journalctl understands it: today, '2026-11-29 10:00', --since=-2h."`
	JSON   bool   `name:"json" help:"Print JSON: an object a line."`
}

// logView is a line of `au log --json`.
type logView struct {
	Time     time.Time        `json:"time"`
	Event    string           `json:"event"` // "started" or "ended"
	Agent    string           `json:"agent"`
	Human    string           `json:"human"`
	HumanUID uint32           `json:"human_uid"`
	Command  string           `json:"command"`       // its name alone
	Run      string           `json:"run,omitempty"` // its id, as in `au list`; none where its start is not seen
	PID      int              `json:"pid"`           // of the process that waits for the run
	Dir      config.Path      `json:"dir,omitempty"`
	Shares   []start.RunShare `json:"shares,omitempty"`
	More     int              `json:"more_shares,omitempty"` // for which the line had no room
	Status   *int             `json:"status,omitempty"`      // none where the run was killed
	Seconds  *float64         `json:"seconds,omitempty"`     // how long it took; none where its start is not seen
}

func (c *logCmd) Run(a *app) error {
	human, known, err := a.humanAndConfig()
	if err != nil {
		return err
	}
	r, err := a.logReader(c, human, known)
	if err != nil {
		return err
	}
	if !a.host.ReadsJournal() {
		fmt.Fprintln(a.err, "au: you can read only your own part of the journal, if there is one, so runs of others are missing here. sudo au log shows all. To read all yourself, run the line below, and log in again")
		a.hint("sudo usermod --append --groups systemd-journal " + quote.Word(human.Name))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	last, cursor, err := r.written(ctx, c.Since)
	if err != nil {
		return err
	}
	for _, v := range last[len(last)-c.wanted(len(last)):] {
		if err := c.show(a, v); err != nil {
			return err
		}
	}
	if len(last) == 0 && !c.Follow && !c.JSON {
		fmt.Fprintln(a.out, "No run is in the journal.")
	}
	if !c.Follow || ctx.Err() != nil {
		return nil
	}
	return a.host.Journal(ctx, "", cursor, true, func(e host.JournalEntry) error {
		if v, ok := r.read(e); ok {
			return c.show(a, v)
		}
		return nil
	})
}

// written returns the lines that are in the journal, and where it ends.
func (r *logReader) written(ctx context.Context, since string) (all []logView, cursor string, err error) {
	err = r.host.Journal(ctx, since, "", false, func(e host.JournalEntry) error {
		cursor = e.Cursor
		if v, ok := r.read(e); ok {
			all = append(all, v)
		}
		return nil
	})
	return all, cursor, err
}

// wanted returns how many of the lines that there are to show.
func (c *logCmd) wanted(there int) int {
	switch {
	case c.Lines != nil:
		return int(min(uint(there), *c.Lines))
	case c.Follow:
		return min(there, 10)
	}
	return there
}

func (c *logCmd) show(a *app, v logView) error {
	if !c.JSON {
		_, err := fmt.Fprintln(a.out, v.text())
		return err
	}
	line, err := json.Marshal(v)
	if err == nil {
		_, err = a.out.Write(append(quote.JSON(line), '\n'))
	}
	return err
}

// text is the line as a person reads it.
func (v logView) text() string {
	what := "started"
	switch {
	case v.Event == "ended" && v.Status == nil:
		what = "killed"
	case v.Event == "ended":
		what = fmt.Sprintf("exit %d", *v.Status)
	}
	text := fmt.Sprintf("%s  %-8s  %s  %s  %s", v.Time.Local().Format("2006-01-02 15:04:05"), what, v.Agent, show(v.Human), show(v.Command))
	if v.Dir != "" {
		text += "  in " + show(string(v.Dir))
	}
	if v.Seconds != nil {
		text += "  after " + (time.Duration(*v.Seconds*1000) * time.Millisecond).Round(100*time.Millisecond).String()
	}
	var shares []string
	for _, s := range v.Shares {
		shares = append(shares, s.Access+" "+show(string(s.Folder)))
	}
	if v.More > 0 {
		shares = append(shares, fmt.Sprintf("%d more shares", v.More))
	}
	if len(shares) > 0 {
		text += "  " + strings.Join(shares, ", ")
	}
	if v.Run != "" {
		text += "  run " + v.Run
	}
	return text
}

// logReader tells the lines of entrypoints from all others, and the runs of one from another.
type logReader struct {
	host     *host.Host
	policies []csrc.Policy
	wanted   func(csrc.LogLine) bool
	names    map[uint32]string
	begun    map[int]begun // by the number of the process that waits for the run
}

// begun is the start of a run that goes on.
type begun struct {
	csrc.LogLine
	at time.Time
	id string
}

func (a *app) logReader(c *logCmd, human provision.User, known *config.Config) (*logReader, error) {
	r := &logReader{host: a.host, names: map[uint32]string{}, begun: map[int]begun{}}
	var err error
	if r.policies, err = a.host.Policies(); err != nil {
		return nil, err
	}
	if c.Agent != "" {
		r.wanted = func(l csrc.LogLine) bool { return l.Agent == c.Agent }
		return r, provision.CheckName(c.Agent)
	}
	agents, err := listAgents(a.host, known, human)
	r.wanted = func(l csrc.LogLine) bool {
		return l.Human == human.UID || slices.ContainsFunc(agents, func(g start.Listed) bool { return g.Name == l.Agent })
	}
	return r, err
}

// read returns what an entry says of a run; ok is false where it is not the entrypoint's, or not of a run that is wanted.
func (r *logReader) read(e host.JournalEntry) (v logView, ok bool) {
	l, ok := csrc.ReadLogLine(e.Text)
	if !ok || !r.wanted(l) || !r.believes(e, l) {
		return v, false
	}
	v = logView{Time: e.Time, Event: "started", Agent: l.Agent, Human: r.name(l.Human), HumanUID: l.Human, Command: path.Base(l.Command), PID: e.Claims}
	if l.Begins {
		if l.Began > 0 {
			v.Run = start.RunID(e.Claims, l.Began)
		}
		r.begun[e.Claims] = begun{l, e.Time, v.Run}
		v.Dir, v.More = config.Path(l.Dir), l.More
		for _, s := range l.Shares {
			v.Shares = append(v.Shares, start.RunShare{Folder: config.Path(s.Source), Access: s.Access})
		}
		return v, true
	}
	v.Event = "ended"
	if !l.Killed {
		v.Status = &l.Status
	}
	if b, ok := r.begun[e.Claims]; ok && b.Human == l.Human && b.Agent == l.Agent {
		seconds := e.Time.Sub(b.at).Seconds()
		v.Seconds, v.Run = &seconds, b.id
		delete(r.begun, e.Claims)
	}
	return v, true
}

// believes reports whether the entrypoint wrote a line. Where a run was killed with its waiter, its guard says so, as the agent: it
// is known from the start of the run, or by its program. The program alone says nothing: in a mount namespace of their own anybody
// gives a program any path.
func (r *logReader) believes(e host.JournalEntry, l csrc.LogLine) bool {
	if !l.Killed {
		return r.host.FromEntrypoint(e, l.Agent, l.Human, r.policies)
	}
	of := slices.IndexFunc(r.policies, func(p csrc.Policy) bool { return p.Name == l.Agent })
	if of >= 0 && r.policies[of].UID != e.UID {
		return false
	}
	b, ok := r.begun[e.Claims]
	return ok && b.Guard == e.PID && b.Human == l.Human && b.Agent == l.Agent || of >= 0 && e.Exe == r.host.EntrypointPath(l.Agent)
}

func (r *logReader) name(uid uint32) string {
	if _, known := r.names[uid]; !known {
		r.names[uid] = fmt.Sprintf("uid %d", uid)
		if u, err := r.host.ForRun().Human(int(uid)); err == nil {
			r.names[uid] = u.Name
		}
	}
	return r.names[uid]
}
