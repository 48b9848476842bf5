// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
)

// waiting starts a process that ends with its child, as the waiter of a run does with the first process of the run.
func waiting(t *testing.T) (waiter, guard int) {
	cmd := exec.Command("sh", "-c", `sleep 60 & trap 'kill $!; exit' TERM; echo $!; wait`)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		guard, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, guard
}

// showRun has /proc show both as a run of the human 1000 in the agent 1005, whose waiter began at that tick.
func showRun(t *testing.T, h *host.Host, waiter, guard int, began uint64) {
	for pid, p := range map[int]struct {
		parent, uid int
		numbers     string
	}{waiter: {1, 1000, fmt.Sprint(waiter)}, guard: {waiter, 1005, fmt.Sprint(guard, "\t1")}} {
		for name, text := range map[string]string{
			"stat":    fmt.Sprintf("%d (x) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n", pid, p.parent, began),
			"status":  fmt.Sprintf("Name:\tx\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nNSpid:\t%[2]s\n", p.uid, p.numbers),
			"cmdline": "su_as_agent\x00agent\x00--\x00sleep\x00",
		} {
			path := filepath.Join(h.Root, "proc", fmt.Sprint(pid), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// oneID returns when two processes have to begin for their runs to have one id.
func oneID(t *testing.T, one, two int) (first, second uint64) {
	seen := map[string]uint64{}
	for began := range uint64(1 << 14) {
		seen[start.RunID(one, began)] = began
	}
	for second = range uint64(1 << 20) {
		if first, ok := seen[start.RunID(two, second)]; ok {
			return first, second
		}
	}
	t.Fatal("no two runs have one id")
	return 0, 0
}

// Root ends the one run that has the id, and neither of two: whoever asked may have seen one alone.
func TestOfTwoRunsWithOneIDRootEndsNone(t *testing.T) {
	h := as(t, 0, 0)
	h.Patience = 10 * time.Second
	one, guard := waiting(t)
	two, guard2 := waiting(t)
	first, second := oneID(t, one, two)
	showRun(t, h, one, guard, first)
	showRun(t, h, two, guard2, second)
	id := start.RunID(one, first)
	var out strings.Builder
	r, err := Enter(h, &out, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("end run %q: 2 runs have this id", id)
	if err := r.EndRuns(1005, 1000, id); err == nil || err.Error() != want {
		t.Errorf("of two runs it says %v, want %s", err, want)
	}
	for _, pid := range []int{one, guard, two, guard2} {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/root", pid)); err != nil || out.Len() > 0 {
			t.Errorf("process %d is gone: %v, %s", pid, err, out.String())
		}
	}
	for _, pid := range []int{two, guard2} {
		if err := os.RemoveAll(filepath.Join(h.Root, "proc", fmt.Sprint(pid))); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.EndRuns(1005, 1000, id); err != nil || out.String() != "# 1 runs ended\n" {
		t.Errorf("of one run it says %v, %s", err, out.String())
	}
}
