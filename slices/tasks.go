// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strconv"
)

// Tasks is a number of processes and threads, the unit of TasksMax.
type Tasks uint64

// fewestTasks lets one command run: the keeper, the run's first process, the command and its shell.
const fewestTasks = 8

// mostTasks is PID_MAX_LIMIT of the kernel's include/linux/threads.h: it takes no larger number for a limit.
const mostTasks = 4 << 20

// UnmarshalText reads a number of tasks, or infinity.
func (t *Tasks) UnmarshalText(text []byte) error {
	n, ok := digits(string(text))
	switch {
	case string(text) == "infinity":
		n = Infinity
	case !ok:
		return fmt.Errorf("tasks %q: want a number of processes and threads such as 500, or infinity", text)
	case n < fewestTasks:
		return fmt.Errorf("tasks %q: too few to run anything: want %d or more", text, fewestTasks)
	case n > mostTasks:
		return fmt.Errorf("tasks %q: more than any kernel runs: want %d or fewer, or infinity", text, mostTasks)
	}
	*t = Tasks(n)
	return nil
}

func (t Tasks) String() string {
	if t == Infinity {
		return "infinity"
	}
	return strconv.FormatUint(uint64(t), 10)
}
