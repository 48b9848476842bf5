// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"strconv"
	"strings"
)

// LogLine is what the entrypoint writes into the system's log about a run: at its beginning, or at its end.
type LogLine struct {
	Human          uint32
	Command, Agent string

	Begins bool
	Guard  int    // of one that begins: the process that ends it where its waiter cannot
	Began  uint64 // when its waiter did, in ticks after the boot; 0 where nobody said
	Dir    string // and where it starts, as the agent sees it; "" for one too long to write
	Shares []LoggedShare
	More   int // shares that there was no room for

	Status int
	Killed bool // with its waiter: there is no status
}

// LoggedShare is a share of a run. Access is "read-only", "read-write" or "draft".
type LoggedShare struct{ Source, Access string }

// ReadLogLine reads the text of such a line.
func ReadLogLine(text string) (l LogLine, ok bool) {
	who, rest, ok := strings.Cut(text, ` runs "`)
	if ran, after, found := strings.Cut(text, ` ran "`); found && (!ok || len(ran) < len(who)) {
		who, rest, ok = ran, after, true
	} else {
		l.Begins = ok
	}
	digits := strings.TrimSuffix(who, ")")
	digits = digits[strings.LastIndexByte(digits, ' ')+1:]
	uid, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || who != "uid "+digits && !strings.HasSuffix(who, " (uid "+digits+")") {
		return l, false
	}
	l.Human = uint32(uid)
	if l.Command, rest, ok = strings.Cut(rest, `" as `); !ok {
		return l, false
	}
	if l.Agent, rest, ok = strings.Cut(rest, ": "); !ok || !IsName(l.Agent) {
		return l, false
	}
	if l.Begins {
		return l, l.readBegin(rest)
	}
	if rest == "killed with its waiter" {
		l.Killed = true
		return l, true
	}
	rest, ok = strings.CutPrefix(rest, "exit ")
	l.Status, err = strconv.Atoi(rest)
	return l, ok && err == nil
}

// readBegin reads what follows the agent's name: guard 7, began 500, in "/dir", read-only "/a", draft "/b", 3 more
func (l *LogLine) readBegin(rest string) bool {
	for rest != "" {
		word, after, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(word); err == nil && after == "more" {
			l.More = n
			return true
		}
		if word == "guard" || word == "began" {
			number, next, _ := strings.Cut(after, ", ")
			n, err := strconv.ParseUint(number, 10, 63)
			if err != nil {
				return false
			}
			if rest = next; word == "guard" {
				l.Guard = int(n)
			} else {
				l.Began = n
			}
			continue
		}
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil {
			return false
		}
		path, err := strconv.Unquote(quoted)
		if err != nil || quoted[0] != '"' {
			return false
		}
		switch word {
		case "in":
			l.Dir = path
		case "read-only", "read-write", "draft":
			l.Shares = append(l.Shares, LoggedShare{path, word})
		default:
			return false
		}
		rest = strings.TrimPrefix(after[len(quoted):], ", ")
	}
	return true
}
