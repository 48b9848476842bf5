// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/cmd/au/host"
	"golang.org/x/sys/unix"
)

// EndRuns ends what a human runs as an agent: the human's processes that wait for a run are another user's to whoever takes their right away.
func (r *Root) EndRuns(agent, human uint32) error {
	if agent < 1000 || human == 0 || agent == human {
		return fmt.Errorf("end runs: want the uid of an agent and that of a human, not %d and %d", agent, human)
	}
	ended := 0
	for _, run := range r.host.RunsOf(agent, human) {
		done, err := r.end(run, agent, human)
		if err != nil {
			return err
		}
		ended += done
	}
	fmt.Fprintf(r.out, "# %d runs ended\n", ended)
	return nil
}

// end ends a run by its waiter, with which everything in it ends. The waiter is held before it is looked at again: its number may be another's by now.
func (r *Root) end(run host.Run, agent, human uint32) (int, error) {
	fd, err := unix.PidfdOpen(run.Waiter, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end process %d: %w", run.Waiter, err)
	}
	defer unix.Close(fd)
	if !r.host.IsRun(run, agent, human) {
		return 0, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("end process %d: %w", run.Waiter, err)
	}
	return 1, nil
}

// Processes returns the processes of the uid that have not ended, where only root sees them.
func (r *Root) Processes(uid uint32) []host.Survivor { return r.host.Survivors(uid) }
