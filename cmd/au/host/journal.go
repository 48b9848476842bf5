// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/programs"
	"golang.org/x/sys/unix"
)

// JournalEntry is what the journal has of a line about a run.
type JournalEntry struct {
	Time   time.Time
	UID    uint32 // of who sent it: the kernel's word
	PID    int    // and of what process
	Exe    string // journald's word; empty where the process had ended before it looked
	Claims int    // the process that the line names by itself
	Text   string
	Cursor string
}

// Journal calls show for the lines that call themselves the entrypoint's: those since then, as journalctl understands it, or those
// behind a cursor, and, to follow, as they come until ctx ends.
func (h *Host) Journal(ctx context.Context, since, cursor string, follow bool, show func(JournalEntry) error) error {
	words := []string{"journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE,_UID,_PID,_EXE,SYSLOG_PID", "SYSLOG_IDENTIFIER=su_as_agent", "_TRANSPORT=syslog"}
	if since != "" {
		words = append(words, "--since="+since)
	}
	if cursor != "" {
		words = append(words, "--after-cursor="+cursor)
	}
	if follow {
		words = append(words, "--follow", "--no-tail")
	}
	if _, err := h.FindProgram("journalctl"); err != nil {
		return errors.New("this machine has no journalctl, so there is no journal to read")
	}
	var complaint bytes.Buffer
	cmd := programs.CommandContext(ctx, words...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &eachLine{show: show}, &complaint, time.Second
	err := h.Execute(cmd)
	if ctx.Err() != nil {
		return nil
	}
	if text := strings.TrimSpace(complaint.String()); err != nil && text != "" {
		return fmt.Errorf("journalctl: %s", text)
	}
	if err != nil {
		return fmt.Errorf("journalctl: %w", err)
	}
	return nil
}

// eachLine takes what journalctl prints, and shows an entry a line.
type eachLine struct {
	rest []byte
	show func(JournalEntry) error
}

func (w *eachLine) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.rest = rest
		if e, ok := parseEntry(line); ok {
			if err := w.show(e); err != nil {
				return len(p), err
			}
		}
	}
}

// parseEntry reads a line of journalctl's JSON (systemd.journal-fields(7)). A field that is twice in an entry is a list, and one
// that holds more than text is a list of numbers: what the entrypoint writes is neither.
func parseEntry(line []byte) (e JournalEntry, ok bool) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		return e, false
	}
	text := func(name string) string { s, _ := fields[name].(string); return s }
	number := func(name string, bits int) uint64 {
		n, err := strconv.ParseUint(text(name), 10, bits)
		ok = ok && err == nil
		return n
	}
	ok = true
	micros := number("__REALTIME_TIMESTAMP", 62)
	e = JournalEntry{
		Time: time.UnixMicro(int64(micros)).UTC(), UID: uint32(number("_UID", 32)), PID: int(number("_PID", 31)), Claims: int(number("SYSLOG_PID", 31)),
		Exe: strings.TrimSuffix(text("_EXE"), " (deleted)"), Text: text("MESSAGE"), Cursor: text("__CURSOR"),
	}
	return e, ok && e.Text != ""
}

// ReadsJournal reports whether the caller can read the journal of the system, in which the lines of all others are.
func (h *Host) ReadsJournal() bool {
	for _, folder := range []string{"/var/log/journal", "/run/log/journal"} {
		found, _ := filepath.Glob(h.Root + folder + "/*/system.journal")
		for _, path := range found {
			if unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK, 0) == nil {
				return true
			}
		}
	}
	return h.UID() == 0
}

// FromEntrypoint reports whether an entry is from the entrypoint of that agent, for that human. Only the kernel and journald are
// believed: what an agent sends has the agent's uid, and what a human sends by another program has that program's path.
func (h *Host) FromEntrypoint(e JournalEntry, agent string, human uint32, policies []csrc.Policy) bool {
	if e.UID != human || e.PID != e.Claims {
		return false
	}
	if e.Exe != "" {
		return e.Exe == h.EntrypointPath(agent)
	}
	for _, p := range policies {
		if p.UID == human {
			return false
		}
	}
	_, err := h.ForRun().Human(int(human))
	return err == nil
}
