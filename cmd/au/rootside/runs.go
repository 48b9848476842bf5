// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"golang.org/x/sys/unix"
)

// EndRuns ends what a human runs as an agent, or, where an id is given, that run alone: the human's processes that wait for a run
// are another user's to whoever ends it. One run has some time to end by itself.
func (r *Root) EndRuns(agent, human uint32, id string) error {
	if agent < 1000 || human == 0 || agent == human {
		return fmt.Errorf("end runs: want the uid of an agent and that of a human, not %d and %d", agent, human)
	}
	grace, patience, ended := time.Duration(0), time.Duration(0), 0
	if id != "" {
		grace, patience = r.host.Patience/2, r.host.Patience
	}
	all := r.host.RunsOf(agent, human)
	runs := all[:0]
	for _, run := range all {
		if id == "" || run.ID == id {
			runs = append(runs, run)
		}
	}
	if id != "" && len(runs) > 1 {
		return fmt.Errorf("end run %q: %d runs have this id", id, len(runs))
	}
	for _, run := range runs {
		done, err := r.host.ForRun().End(run, grace, patience)
		if err != nil {
			return err
		}
		if done {
			ended++
		}
	}
	fmt.Fprintf(r.out, "# %d runs ended\n", ended)
	return nil
}

// kill ends a process, which is held before it is looked at again: its number may be another's by now. It returns how many it
// ended.
func kill(pid int, still func() bool) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if !still() {
		return 0, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("end process %d: %w", pid, err)
	}
	return 1, nil
}

// enteringTime is far more than a run takes to begin.
const enteringTime = 3 * time.Second

// EndEntering sees to it that nothing enters an agent by what its policy said before. An entrypoint that had read that becomes
// a run, which EndRuns finds, or is ended.
func (r *Root) EndEntering(agent string) error {
	if err := provision.CheckName(agent); err != nil {
		return err
	}
	entering := r.host.Entering(agent)
	for end := time.Now().Add(enteringTime); len(entering) > 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		entering = slices.DeleteFunc(entering, func(pid int) bool { return !r.host.IsEntering(pid, agent) })
	}
	ended := 0
	for _, pid := range entering {
		done, err := kill(pid, func() bool { return r.host.IsEntering(pid, agent) })
		if err != nil {
			return err
		}
		ended += done
	}
	if ended > 0 {
		fmt.Fprintf(r.out, "# %d ended before they ran anything\n", ended)
	}
	return nil
}

// Processes returns the processes of the uid that are still there, where only root sees them.
func (r *Root) Processes(uid uint32) []host.Survivor { return r.host.Survivors(uid) }
