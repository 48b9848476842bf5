// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// survivor is a process that is still there, and why.
type survivor struct {
	Process   string // "454 sleep"
	Own       bool   // it is in the agent's slice
	Why, Mend string
}

// processes returns those of the uid that have not ended, as far as this user sees them.
func processes(h *host.Host, uid uint32) []auslices.Process {
	_, alive := auslices.All(os.DirFS(h.Root+"/proc"), uid)
	return alive
}

// survivors returns the processes of the uid that are still there when it has waited for them that long. Where /proc shows users nothing of each other it is root
// who looks.
func survivors(h *host.Host, r *step.Runner, uid uint32, wait time.Duration) ([]survivor, error) {
	pause := 20 * time.Millisecond
	for deadline := time.Now().Add(wait); ; time.Sleep(pause) {
		all, err := survivorsNow(h, r, uid)
		if err != nil || len(all) == 0 || time.Now().After(deadline) {
			return all, err
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

func survivorsNow(h *host.Host, r *step.Runner, uid uint32) ([]survivor, error) {
	if h.UID() == 0 || !procHidden(h) {
		return stillThere(h, uid), nil
	}
	path, err := h.OwnPath()
	if err != nil {
		return nil, err
	}
	c := step.Root(path, "processes", strconv.FormatUint(uint64(uid), 10))
	fmt.Fprintf(r.Out, "$ %s\n", c.Shell(r.Elevate))
	words := append(slices.Clone(r.Elevate), c.Argv...)
	out, err := h.Output(words[0], words[1:]...)
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
	}
	var all []survivor
	return all, json.Unmarshal(out, &all)
}

// processesCmd is the half of `au stop` and `au delete` that looks as root at what still runs.
type processesCmd struct {
	UID uint32 `arg:""`
}

func (c *processesCmd) Run(a *app) error {
	return json.NewEncoder(a.out).Encode(stillThere(a.host, c.UID))
}

// maxMounts is how much is read of the mounts that a process sees: what is behind it goes unnamed.
const maxMounts = 1 << 20

// stillThere returns the processes of the uid that have not ended, and what may hold each.
func stillThere(h *host.Host, uid uint32) []survivor {
	all, alive := auslices.All(os.DirFS(h.Root+"/proc"), uid)
	var found []survivor
	for _, p := range provision.Holders(alive) {
		u := provision.Undead{Process: p}
		folder := fmt.Sprintf("%s/proc/%d/", h.Root, p.PID)
		groups, _ := os.ReadFile(folder + "cgroup")
		u.Freezer = h.CgroupTree().FrozenV1(groups)
		own := strings.Contains(string(groups), "/"+auslices.Name(uid)+"/")
		if !own {
			u.Unit = auslices.UnitOf(groups)
		}
		if p.State == 'D' {
			theirs := bounded.Start(folder+"mountinfo", maxMounts) // a run can mount 100,000 times in a namespace of its own
			ours, _ := os.ReadFile(h.Root + "/proc/self/mountinfo")
			u.Remote = provision.RemoteMounts(theirs, ours)
		}
		why, mend := u.Why(all)
		found = append(found, survivor{p.String(), own, why, mend})
	}
	return found
}

// procHidden reports whether /proc shows users nothing of each other (proc(5), hidepid).
func procHidden(h *host.Host) bool {
	text, _ := os.ReadFile(h.Root + "/proc/self/mountinfo")
	hidden := false
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) > 4 && mount[4] == "/proc" && len(super) > 2 {
			hidden = strings.Contains(super[2], "hidepid=") && !strings.Contains(super[2], "hidepid=0") && !strings.Contains(super[2], "hidepid=off")
		}
	}
	return hidden
}

// undying says what would not die, and the command that mends the first of them before then is run.
func undying(agent string, all []survivor, then string) error {
	var said []string
	for _, s := range all {
		said = append(said, quote.Name(s.Process)+" "+s.Why)
	}
	return hintError{errors.New("processes of agent \"" + agent + "\" will not die: " + strings.Join(said, ", ")), all[0].Mend + " && " + then}
}
