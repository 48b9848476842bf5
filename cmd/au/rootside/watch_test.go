// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"golang.org/x/sys/unix"
)

// The watcher looks by itself where nobody tells it of changes, or something ends by itself; else never.
func TestWatcherWaits(t *testing.T) {
	now := time.Now()
	until := func(left time.Duration) []netfilter.Entry { return []netfilter.Entry{{Until: now.Add(left)}} }
	for name, c := range map[string]struct {
		watcher watcher
		want    time.Duration
	}{
		"all_is_well": {watcher{policy: netfilter.Policy{Backend: netfilter.NFT}}, never},
		"iptables":    {watcher{policy: netfilter.Policy{Backend: netfilter.Iptables}}, lookAgain},
		"failed":      {watcher{policy: netfilter.Policy{Backend: netfilter.NFT}, failed: true}, lookAgain},
		"no_policy":   {watcher{}, lookAgain},
		"ends_soon":   {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Allow: until(5 * time.Second)}}, 5*time.Second + 10*time.Millisecond},
		"ends_later":  {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Deny: until(2 * time.Hour)}}, time.Minute},
		"is_over":     {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Allow: until(-time.Second)}}, never},
	} {
		if got := c.watcher.wait(now); got != c.want {
			t.Errorf("%s: it waits %v, want %v", name, got, c.want)
		}
	}
}

// watched returns the watch over agents whose rules are loaded where run lets it, and the folder of the marks that they are watched
// over. Tables are shown as shown says.
func watched(t *testing.T, agents int, run func(args []string, input string) error, shown func(table string) string) (w *watch, marks string) {
	t.Helper()
	h := as(t, 0, 0)
	h.FindProgram = func(string) (string, error) { return "", fs.ErrNotExist }
	h.Execute = func(cmd *exec.Cmd) error {
		input, _ := io.ReadAll(cmp.Or[io.Reader](cmd.Stdin, strings.NewReader("")))
		return run(cmd.Args, string(input))
	}
	h.ShownTables = func(tables ...string) (map[string]string, error) {
		all := map[string]string{}
		for _, table := range tables {
			if text := shown(table); text != "" {
				all[table] = text
			}
		}
		return all, nil
	}
	marks = h.Root + netfilter.WatchedFolder
	if err := os.MkdirAll(h.Root+provision.NetDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range agents {
		p := netfilter.Policy{Version: netfilter.Version, Agent: fmt.Sprintf("agent%d", i), UID: uint32(1001 + i), Backend: netfilter.NFT, Proxy: 61001, DNS: 61002}
		text, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(h.Root+provision.NetPath(p.Agent), []byte(text), 0o644), os.MkdirAll(marks+"/"+p.Agent, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := netkernel.WatchFiles(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &watch{Root: &Root{host: h, out: io.Discard, err: io.Discard}, files: files, agents: map[string]*watcher{}}, marks
}

func asLoaded(string) string { return "as loaded" }

// All agents are looked at together: a hundred take as many runs of programs as one.
func TestWatcherLooksAtAllAtOnce(t *testing.T) {
	counts := map[int]int{}
	for _, agents := range []int{1, 10, 100} {
		runs, loaded := 0, 0
		w, _ := watched(t, agents, func(args []string, input string) error {
			runs++
			loaded += strings.Count(input, "comment \"au net: agent")
			return nil
		}, asLoaded)
		w.host.FindProgram = func(name string) (string, error) { return "/usr/sbin/" + name, nil }
		w.host.HasBPF = func() bool { return true }
		for _, path := range []string{"cgroup.controllers", "cgroup.procs"} {
			if err := errors.Join(os.MkdirAll(w.host.Root+"/sys/fs/cgroup", 0o755), os.WriteFile(w.host.Root+"/sys/fs/cgroup/"+path, nil, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range agents {
			if err := os.MkdirAll(fmt.Sprintf("%s/sys/fs/cgroup/user.slice/user-%d.slice", w.host.Root, 1001+i), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			w.look(netkernel.AllTables())
		}
		if counts[agents] = runs; loaded != 2*agents || runs > 10 || runs != counts[1] {
			t.Errorf("%d agents: rules were loaded %d times in %d runs of programs; %d with one", agents, loaded, runs, counts[1])
		}
	}
}

// One agent's rules that nft refuses hold up no other's.
func TestWatcherLoadsWhatItCan(t *testing.T) {
	loaded := ""
	w, _ := watched(t, 5, func(_ []string, input string) error {
		if strings.Contains(input, "agent3") {
			return errors.New("no memory")
		}
		loaded += input
		return nil
	}, asLoaded)
	w.look(netkernel.AllTables())
	for name, one := range w.agents {
		if bad := name == "agent3"; one.failed != bad || strings.Contains(loaded, "agent "+name+"\"") == bad {
			t.Errorf("%s: failed %v, of\n%s", name, one.failed, loaded)
		}
	}
}

// Rules that are taken away while the watcher is busy with another agent's do not come back.
func TestWatcherLeavesWhoIsGone(t *testing.T) {
	loads := 0
	w, marks := watched(t, 1, func(args []string, _ string) error {
		if slices.Contains(args, "-f") {
			loads++
		}
		return nil
	}, asLoaded)
	if w.look(netkernel.AllTables()); loads != 1 || w.agents["agent0"].failed {
		t.Fatalf("who is watched over has its rules loaded %d times", loads)
	}
	if err := os.Remove(marks + "/agent0"); err != nil {
		t.Fatal(err)
	}
	if w.look(netkernel.AllTables()); loads != 1 || len(w.agents) != 0 {
		t.Error("rules of an agent that is watched over no more were loaded")
	}
	// The mark goes and comes back while the watcher waits for the lock.
	unlock, err := w.lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(marks+"/agent0", 0o755); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() { w.look(netkernel.AllTables()); close(done) }()
	time.Sleep(50 * time.Millisecond)
	if err := os.Remove(marks + "/agent0"); err != nil {
		t.Fatal(err)
	}
	unlock()
	if <-done; loads != 1 {
		t.Error("rules of an agent that has gone meanwhile were loaded")
	}
}

// An agent that was made again with another uid leaves no table for the old one, which may be somebody's by then.
func TestWatcherHoldsForOneUID(t *testing.T) {
	runtime.LockOSThread() // the thread ends with the test, and its network namespace with that
	if _, err := exec.LookPath("nft"); err != nil || os.Getuid() != 0 {
		t.Skip("only root can make a network, and nft shows what is in it")
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	w, _ := watched(t, 1, func([]string, string) error { return nil }, asLoaded)
	w.host.FindProgram = func(name string) (string, error) { return "/usr/sbin/" + name, nil }
	defer w.holder.Close()
	for _, uid := range []uint32{1001, 1002} {
		path := w.host.Root + provision.NetPath("agent0")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "uid = 1001\n", fmt.Sprintf("uid = %d\n", uid))), 0o644); err != nil {
			t.Fatal(err)
		}
		w.look(netkernel.Tables{})
		tables, err := exec.Command("nft", "list", "tables").CombinedOutput()
		if want := fmt.Sprintf("table inet au_held_%d\n", uid); err != nil || string(tables) != want {
			t.Errorf("there is %q, not %q: %v", tables, want, err)
		}
	}
}

// A change of others' tables costs no look at an agent's. After a look that failed, the next one sees the change.
func TestWatcherLooksAtItsOwnTables(t *testing.T) {
	loads, looks, shown, broken := 0, 0, "as loaded", error(nil)
	w, _ := watched(t, 1, func(args []string, _ string) error {
		if !slices.Contains(args, "-f") {
			return nil
		}
		if loads++; broken == nil {
			shown = "as loaded"
		}
		return broken
	}, func(string) string {
		looks++
		return shown
	})
	own := netkernel.AllTables()
	w.look(own)
	one := w.agents["agent0"]
	if w.look(own); loads != 2 || !one.sure {
		t.Fatalf("its rules are loaded %d times, sure: %v", loads, one.sure)
	}
	looks = 0
	if w.look(netkernel.Tables{}); loads != 2 || looks != 0 {
		t.Errorf("a change of others: it looked %d times and loaded %d times", looks, loads-2)
	}
	shown, broken = "nothing", errors.New("no memory")
	if w.look(own); loads != 3 || !one.failed {
		t.Fatalf("a change of its own: it loaded %d times, failed: %v", loads-2, one.failed)
	}
	broken = nil
	if w.look(netkernel.Tables{}); loads != 4 || one.failed || shown != "as loaded" {
		t.Errorf("after a failed look it loaded %d times, failed: %v, shown: %s", loads-3, one.failed, shown)
	}
}

// A change that a look could not see is seen by the next one, in both tables.
func TestWatcherForgetsNoChange(t *testing.T) {
	answers := false // the table by which the agent's sockets seem closed
	own, inbound := netkernel.AllTables(), (&netfilter.Policy{UID: 1001}).InboundTable()
	w, marks := watched(t, 1, func(args []string, input string) error {
		answers = answers || slices.Contains(args, "-f") && strings.Contains(input, inbound)
		return nil
	}, func(table string) string {
		if table == inbound && !answers {
			return ""
		}
		return "as loaded"
	})
	groups := w.host.Root + "/sys/fs/cgroup/"
	if err := errors.Join(os.MkdirAll(groups+"user.slice/user-1001.slice", 0o755), os.WriteFile(groups+"cgroup.procs", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.look(own)
	}
	one := w.agents["agent0"]
	if !answers || !one.sure {
		t.Fatalf("the table is loaded: %v, sure: %v", answers, one.sure)
	}
	for name, path := range map[string]string{
		"no_policy": w.host.Root + provision.NetPath("agent0"), "no_folder": marks, "no_lock": w.host.Root + "/run/au.lock",
	} {
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if name == "no_lock" {
			if err := os.Symlink("elsewhere", path); err != nil {
				t.Fatal(err)
			}
		}
		answers = false
		if w.look(own); answers || one.wait(time.Now()) != lookAgain {
			t.Errorf("%s: it has looked, or does not look again", name)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if w.look(netkernel.Tables{}); !answers {
			t.Errorf("%s: the change is forgotten", name)
		}
	}
	// The mark is gone for a while, and nobody looks at what becomes of the tables.
	if err := os.Remove(marks + "/agent0"); err != nil {
		t.Fatal(err)
	}
	answers = false
	w.look(own)
	if err := os.Mkdir(marks+"/agent0", 0o755); err != nil {
		t.Fatal(err)
	}
	if w.look(netkernel.Tables{}); !answers {
		t.Error("the change is forgotten while it was not watched over")
	}
}
