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
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"golang.org/x/sys/unix"
)

// The watcher looks by itself where nobody tells it of changes, or something ends by itself; else never.
func TestWatcherWaits(t *testing.T) {
	now := time.Now()
	machine := &host.Host{Now: func() time.Time { return now }}
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
		c.watcher.Root = &Root{host: machine}
		if got := c.watcher.wait(); got != c.want {
			t.Errorf("%s: it waits %v, want %v", name, got, c.want)
		}
	}
}

// watched returns the watcher of an agent whose rules are loaded where run lets it, and its mark that it is watched over.
func watched(t *testing.T, run func(args []string, input string) (shown string, err error)) (w *watcher, mark string) {
	t.Helper()
	h := as(t, 0, 0)
	h.FindProgram = func(string) (string, error) { return "", fs.ErrNotExist }
	h.Execute = func(cmd *exec.Cmd) error {
		input, _ := io.ReadAll(cmp.Or[io.Reader](cmd.Stdin, strings.NewReader("")))
		shown, err := run(cmd.Args, string(input))
		if cmd.Stdout != nil {
			io.WriteString(cmd.Stdout, shown)
		}
		return err
	}
	p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 1001, Backend: netfilter.NFT, Proxy: 61001, DNS: 61002}
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	mark = h.Root + netfilter.WatchedFolder + "/agent"
	for _, err := range []error{
		os.MkdirAll(h.Root+provision.NetDir, 0o755), os.WriteFile(h.Root+provision.NetPath("agent"), []byte(text), 0o644), os.MkdirAll(mark, 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &Root{host: h, out: io.Discard, err: io.Discard}
	return &watcher{Root: r, agent: "agent", holder: &netkernel.Holder{}}, mark
}

// Rules that are taken away while the watcher is busy with another agent's do not come back.
func TestWatcherLeavesWhoIsGone(t *testing.T) {
	loads := 0
	w, mark := watched(t, func(args []string, _ string) (string, error) {
		if slices.Contains(args, "-f") {
			loads++
		}
		return "", nil
	})
	if w.look(netkernel.AllTables()); loads != 1 || w.failed {
		t.Fatalf("who is watched over has its rules loaded %d times, failed: %v", loads, w.failed)
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if w.look(netkernel.AllTables()); loads != 1 {
		t.Error("rules of an agent that is watched over no more were loaded")
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
	w, _ := watched(t, func([]string, string) (string, error) { return "as loaded", nil })
	w.host.FindProgram = func(name string) (string, error) { return "/usr/sbin/" + name, nil }
	defer w.holder.Close()
	for _, uid := range []uint32{1001, 1002} {
		path := w.host.Root + provision.NetPath("agent")
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
	w, _ := watched(t, func(args []string, _ string) (string, error) {
		if slices.Contains(args, "-f") {
			if loads++; broken == nil {
				shown = "as loaded"
			}
			return "", broken
		}
		if slices.Contains(args, "list") {
			looks++
		}
		return shown, nil
	})
	own := netkernel.AllTables()
	w.look(own)
	if w.look(own); loads != 2 || !w.sure {
		t.Fatalf("its rules are loaded %d times, sure: %v", loads, w.sure)
	}
	looks = 0
	if w.look(netkernel.Tables{}); loads != 2 || looks != 0 {
		t.Errorf("a change of others: it looked %d times and loaded %d times", looks, loads-2)
	}
	shown, broken = "nothing", errors.New("no memory")
	if w.look(own); loads != 3 || !w.failed {
		t.Fatalf("a change of its own: it loaded %d times, failed: %v", loads-2, w.failed)
	}
	broken = nil
	if w.look(netkernel.Tables{}); loads != 4 || w.failed || shown != "as loaded" {
		t.Errorf("after a failed look it loaded %d times, failed: %v, shown: %s", loads-3, w.failed, shown)
	}
}

// A change that a look could not see is seen by the next one, in both tables.
func TestWatcherForgetsNoChange(t *testing.T) {
	answers := false // the table by which the agent's sockets seem closed
	own, inbound := netkernel.AllTables(), (&netfilter.Policy{UID: 1001}).InboundTable()
	w, mark := watched(t, func(args []string, input string) (string, error) {
		switch {
		case slices.Contains(args, "-f") && strings.Contains(input, inbound):
			answers = true
		case slices.Contains(args, inbound) && !answers:
			return "", errors.New("no such table")
		}
		return "as loaded", nil
	})
	groups := w.host.Root + "/sys/fs/cgroup/"
	files, err := netkernel.WatchFiles(t.Context(), nil)
	for _, err := range []error{err, os.MkdirAll(groups+"user.slice/user-1001.slice", 0o755), os.WriteFile(groups+"cgroup.procs", nil, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all := watch{Root: w.Root, files: files, agents: map[string]*watcher{"agent": w}}
	for range 3 {
		all.look(own)
	}
	if !answers || !w.sure {
		t.Fatalf("the table is loaded: %v, sure: %v", answers, w.sure)
	}
	for name, path := range map[string]string{
		"no_policy": w.host.Root + provision.NetPath("agent"), "no_folder": filepath.Dir(mark), "no_lock": w.host.Root + "/run/au.lock",
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
		if all.look(own); answers || w.wait() != lookAgain {
			t.Errorf("%s: it has looked, or does not look again", name)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if all.look(netkernel.Tables{}); !answers {
			t.Errorf("%s: the change is forgotten", name)
		}
	}
	// The mark goes between the list of those who are watched over and the look at one of them, and comes back.
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	answers = false
	w.look(own)
	if err := os.Mkdir(mark, 0o755); err != nil {
		t.Fatal(err)
	}
	if all.look(netkernel.Tables{}); !answers {
		t.Error("the change is forgotten while it was not watched over")
	}
}
