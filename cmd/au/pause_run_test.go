// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
)

// Five letters of 32 are one id for some pairs of runs. A person who types it means one of them, and nobody knows which.
func TestOfTwoRunsWithOneIDNoneIsEnded(t *testing.T) {
	one := start.Run{ID: "abcde", Agent: "agent", Command: "sleep", Human: "alice", PID: 100}
	two := start.Run{ID: "abcde", Agent: "other", Command: "sh", Human: "bob", PID: 90}
	if run, err := theRun([]start.Run{one}, "abcde"); err != nil || run.PID != 100 {
		t.Errorf("the run is %+v, %v", run, err)
	}
	run, err := theRun([]start.Run{one, two}, "abcde")
	want := `run "abcde": 2 runs have this id, so none is ended: process 100 is sleep of alice, in agent agent; process 90 is sh of bob, in agent other`
	if err == nil || err.Error() != want || run.PID != 0 {
		t.Errorf("of two it is %+v, and said is %v", run, err)
	}
	if _, err := theRun(nil, "abcde"); err == nil || !strings.Contains(err.Error(), "none of your agents has a run with this id") {
		t.Errorf("of none is said %v", err)
	}
}

// Some pair of processes has one id: that it is looked for is needed.
func TestTwoRunsCanHaveOneID(t *testing.T) {
	seen := map[string]int{}
	for pid := 2; pid < 1<<16; pid++ {
		id := start.RunID(pid, 500)
		if seen[id] > 0 {
			return
		}
		seen[id] = pid
	}
	t.Error("no two of 65536 runs have one id: then nobody needs to see whether there is another")
}

func TestADraftIsNamedByItsState(t *testing.T) {
	for _, name := range []string{"agent", "fix-it", "a-0123456789abcdef"} {
		if got := start.DraftName("/x/" + draft.KeyOf(name, "/home/alice/x")); got != name {
			t.Errorf("the draft %q is called %q", name, got)
		}
	}
}
