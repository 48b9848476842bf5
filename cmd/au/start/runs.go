// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// Run is a run that goes on.
type Run struct {
	ID      string      `json:"id"` // for `au stop`: the same for as long as the run goes on
	Agent   string      `json:"agent"`
	Command string      `json:"command"` // its name alone: arguments may be secret
	Human   string      `json:"human"`
	Since   time.Time   `json:"since"`
	Dir     config.Path `json:"dir"` // where it started, as the agent sees it
	Shares  []RunShare  `json:"shares"`
	PID     int         `json:"pid"` // of the process that waits for it, as the human

	HumanUID uint32 `json:"-"`
	agentUID uint32
	home     string
	waiter   auslices.Process
	guard    auslices.Process
}

// RunShare is a folder of the human that a run has.
type RunShare struct {
	Folder config.Path `json:"folder"`
	Access string      `json:"access"`          // "read-only", "read-write" or "draft"
	Draft  string      `json:"draft,omitempty"` // the draft's name
	target string
}

// access is how the run has the folder, as a person reads it.
func (s RunShare) access() string {
	if s.Draft != "" {
		return s.Access + " " + quote.Name(s.Draft)
	}
	return s.Access
}

// ErrHidden is a machine on which users do not see each other's processes.
var ErrHidden = errors.New("runs are not shown: /proc hides the processes of others (hidepid), so only root sees them")

// maxArguments is how much is read of a process's arguments: what the kernel takes of a command line.
const maxArguments = 6 << 20

// Runs returns the runs of these agents that go on, the oldest first. Everything about one is the kernel's word, or that of the
// human whose process waits for it: the agent can change neither.
func (m Machine) Runs(agents ...csrc.Policy) ([]Run, error) {
	if os.Getuid() != 0 && m.HidesProcesses() {
		return nil, ErrHidden
	}
	proc := os.DirFS(m.Root + "/proc")
	all, _ := auslices.All(proc, 0)
	byPID := map[int]auslices.Process{}
	for _, p := range all {
		byPID[p.PID] = p
	}
	var runs []Run
	for _, guard := range all {
		at := slices.IndexFunc(agents, func(p csrc.Policy) bool { return isGuard(guard, p.UID) })
		if at < 0 {
			continue
		}
		waiter := byPID[guard.Parent]
		if human, ok := waits(waiter, guard, agents[at].UID); ok {
			runs = append(runs, m.describe(Run{Agent: agents[at].Name, HumanUID: human, agentUID: agents[at].UID, home: agents[at].Home, waiter: waiter, guard: guard}))
		}
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Compare(a.waiter.Started, b.waiter.Started) })
	return runs, nil
}

// isGuard reports whether a process may be the first of a run: it is the agent's, and number 1 in a pid namespace. An
// agent can make such a process only as a child of its own.
func isGuard(p auslices.Process, agent uint32) bool {
	return !p.Ended() && len(p.PIDs) > 1 && p.PIDs[len(p.PIDs)-1] == "1" && isAll(p.UIDs, agent)
}

// waits returns whose process the parent of such a one is: a user's in every id, neither root's nor the agent's, and in the pid
// namespace above.
func waits(p, guard auslices.Process, agent uint32) (human uint32, ok bool) {
	if p.Ended() || len(p.PIDs) != len(guard.PIDs)-1 || len(p.UIDs) == 0 {
		return 0, false
	}
	id, err := strconv.ParseUint(p.UIDs[0], 10, 32)
	human = uint32(id)
	return human, err == nil && human != 0 && human != agent && isAll(p.UIDs, human)
}

func isAll(ids []string, uid uint32) bool {
	want := strconv.FormatUint(uint64(uid), 10)
	return len(ids) == 4 && !slices.ContainsFunc(ids, func(id string) bool { return id != want })
}

// describe fills in what a run is called, whose it is, and what it has.
func (m Machine) describe(r Run) Run {
	proc := os.DirFS(m.Root + "/proc")
	r.PID, r.ID, r.Since, r.Shares = r.waiter.PID, RunID(r.waiter.PID, r.waiter.Started), r.waiter.StartedAt(proc), []RunShare{}
	r.Human, r.Command, r.Dir = fmt.Sprintf("uid %d", r.HumanUID), "?", config.Path(r.home)
	if u, err := m.Human(int(r.HumanUID)); err == nil {
		r.Human = u.Name
	}
	text := bounded.Start(fmt.Sprintf("%s/proc/%d/cmdline", m.Root, r.PID), maxArguments)
	run, ok := csrc.ReadArgv(strings.Split(string(bytes.TrimSuffix(text, []byte{0})), "\x00"))
	if !ok || run.Agent != r.Agent {
		return r
	}
	r.Command = path.Base(run.Command[0])
	if run.Dir != "" {
		r.Dir = config.Path(run.Dir)
	}
	for _, s := range run.Shares {
		share := RunShare{Folder: config.Path(s.Source), Access: "read-write", target: r.home + "/" + s.Target}
		switch {
		case s.ReadOnly:
			share.Access = "read-only"
		case s.Draft != "":
			share.Access, share.Draft = "draft", DraftName(s.Draft)
		}
		r.Shares = append(r.Shares, share)
	}
	return r
}

// RunID is the id of the run that this process waits for, which began so many ticks after the boot. It is short enough to type. A
// process's number comes back, and an agent that starts many can bring that about; the number with the time does not. Two runs may
// have one id: whoever ends one by it checks for another.
func RunID(waiter int, began uint64) string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", waiter, began))
	id := []byte{}
	for _, b := range sum[:5] {
		id = append(id, letters[b%32])
	}
	return string(id)
}

// Text is the run as a person reads it.
func (r Run) Text() string {
	return fmt.Sprintf("run %s: %s of %s, since %s, in %s", r.ID, quote.Name(r.Command), quote.Name(r.Human), r.Since.Local().Format("2 Jan 2006 15:04"), r.where())
}

// where says where a run started, and how it has that.
func (r Run) where() string {
	dir := string(r.Dir)
	if dir == r.home {
		return "its home"
	}
	in, length := "", 0
	for _, s := range r.Shares {
		for _, at := range []string{string(s.Folder), s.target} {
			if rest, ok := share.Within(at, dir); ok && len(at) > length {
				in, length = fmt.Sprintf("%s (%s)", quote.Name(path.Join(string(s.Folder), rest)), s.access()), len(at)
			}
		}
	}
	if in == "" {
		return quote.Name(dir)
	}
	return in
}

// PrintRuns prints a line for each run.
func PrintRuns(w io.Writer, indent string, runs []Run) {
	for _, r := range runs {
		fmt.Fprintf(w, "%s%s\n", indent, r.Text())
	}
}

// GoesOn reports whether both processes are still the same.
func (m Machine) GoesOn(r Run) bool {
	proc := os.DirFS(m.Root + "/proc")
	guard, ok := auslices.One(proc, r.guard.PID)
	waiter, ok2 := auslices.One(proc, r.waiter.PID)
	if !ok || !ok2 || guard.Started != r.guard.Started || waiter.Started != r.waiter.Started || guard.Parent != waiter.PID || !isGuard(guard, r.agentUID) {
		return false
	}
	human, ok := waits(waiter, guard, r.agentUID)
	return ok && human == r.HumanUID
}

// End ends a run by its waiter, with which everything in it ends: where there is grace by SIGTERM, which reaches the command, and
// after that by SIGKILL. It returns false where the run has ended before, and an error where it goes on after patience.
func (m Machine) End(r Run, grace, patience time.Duration) (bool, error) {
	waiter, err := held(r.waiter.PID)
	if waiter < 0 || err != nil {
		return false, err
	}
	defer unix.Close(waiter)
	guard, err := held(r.guard.PID)
	if guard < 0 || err != nil {
		return false, err
	}
	defer unix.Close(guard)
	if !m.GoesOn(r) { // a number may be another's by now; from here on it cannot be
		return false, nil
	}
	if grace > 0 {
		if err := send(waiter, unix.SIGTERM); err != nil || ended(guard, grace) {
			return err == nil, about(r, err)
		}
	}
	if err := send(waiter, unix.SIGKILL); err != nil || patience == 0 || ended(guard, patience) {
		return err == nil, about(r, err)
	}
	return false, about(r, errors.New("it is still running"))
}

func send(process int, signal unix.Signal) error {
	if err := unix.PidfdSendSignal(process, signal, nil, 0); !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

func about(r Run, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("end run %s: %w", r.ID, err)
}

// held returns a process by a descriptor, which never is another's; -1 for one that has ended.
func held(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("end process %d: %w", pid, err)
	}
	return fd, nil
}

// ended waits for the end of a process, that long at most.
func ended(fd int, most time.Duration) bool {
	events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := time.Now().Add(most); ; {
		n, err := unix.Poll(events, int(max(0, time.Until(end)).Milliseconds()))
		if n > 0 || !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// HidesProcesses reports whether /proc shows users nothing of each other (proc(5), hidepid).
func (m Machine) HidesProcesses() bool {
	text, _ := os.ReadFile(m.Root + "/proc/self/mountinfo")
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
