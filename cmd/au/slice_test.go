// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// fakeSystemd does with files what systemd does: a property that is set goes to the kernel and into a drop-in file, and a reload
// reads the files and leaves the kernel as it is.
type fakeSystemd struct {
	host           *host.Host
	root           string
	kernel, loaded map[string]uint64
	broken         error // of SetProperties
	readOnly       bool  // nothing can be written to disk for good
}

func (f *fakeSystemd) Close() {}

func (f *fakeSystemd) UnitState(context.Context, string) (step.UnitState, error) {
	return step.UnitState{}, nil
}

func (f *fakeSystemd) SliceProperties(context.Context, string) (map[string]any, error) {
	all := map[string]any{"Id": "x"}
	for name, value := range f.loaded {
		all[name] = value
	}
	return all, nil
}

func (f *fakeSystemd) SetProperties(_ context.Context, slice string, runtime bool, properties map[string]uint64) error {
	if f.broken != nil {
		return f.broken
	}
	for name, value := range properties {
		file := f.root + auslices.DropIn(slice, name, runtime)
		f.kernel[name], f.loaded[name] = value, value
		if f.readOnly && !runtime {
			continue
		}
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, fmt.Appendf(nil, "[Slice]\n%s=%d\n", auslices.Setting(name), value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeSystemd) Reload(context.Context) error {
	for _, name := range auslices.Names() {
		f.loaded[name] = auslices.Infinity
		if name == auslices.TasksMax {
			f.loaded[name] = 33
		}
		for _, runtime := range []bool{true, false} { // the file in /etc wins
			if text, err := os.ReadFile(f.root + auslices.DropIn("user-1001.slice", name, runtime)); err == nil {
				var value uint64
				fmt.Sscanf(string(text), "[Slice]\n"+auslices.Setting(name)+"=%d", &value)
				f.loaded[name] = value
			}
		}
	}
	return nil
}

// limitsMachine is a machine with an agent, where au is root.
func limitsMachine(t *testing.T) *fakeSystemd {
	f := &fakeSystemd{root: t.TempDir(), kernel: map[string]uint64{}, loaded: map[string]uint64{}}
	f.Reload(context.Background())
	f.kernel = maps.Clone(f.loaded)
	policy := csrc.Policy{Name: "agent", UID: 1001, GID: 1001, Group: 1002, Home: "/home/agent", Shell: "/bin/sh", Tag: "0123456789abcdef"}
	for _, folder := range []string{csrc.PolicyDir, "/run", "/sys/fs/cgroup", "/proc", "/etc/systemd", "/run/systemd"} {
		if err := os.MkdirAll(f.root+folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(f.root+csrc.PolicyPath("agent"), []byte(policy.Text()), 0o644); err != nil {
		t.Fatal(err)
	}
	f.host = host.Real("")
	f.host.Root, f.host.RootUID = f.root, uint32(os.Getuid())
	f.host.UID = func() int { return 0 }
	f.host.EffectiveUID = f.host.UID
	f.host.OpenSystemd = func(context.Context) (host.Systemd, error) { return f, nil }
	return f
}

// files returns every file and folder below /etc and /run, with the files' texts.
func (f *fakeSystemd) files(t *testing.T) string {
	var all strings.Builder
	for _, top := range []string{"/etc", "/run"} {
		err := filepath.WalkDir(f.root+top, func(path string, e fs.DirEntry, err error) error {
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&all, "%s %q\n", strings.TrimPrefix(path, f.root), text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// auSays runs the program and fails the test when it does not exit as wanted.
func auSays(t *testing.T, f *fakeSystemd, status int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := run(f.host, args, &out, &out); got != status {
		t.Fatalf("au %s exited %d, want %d:\n%s", strings.Join(args, " "), got, status, &out)
	}
	return out.String()
}

const mib = 1 << 20

// A memory limit that systemctl set leaves the swap free, and `au limits set --mem` does not: what is written down says so.
func TestAMemoryLimitIsStatedWithTheSwapBesideIt(t *testing.T) {
	f := limitsMachine(t)
	p, err := f.host.AgentPolicy("agent")
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value uint64) {
		if err := f.SetProperties(context.Background(), auslices.Name(p.UID), false, map[string]uint64{name: value}); err != nil {
			t.Fatal(err)
		}
	}
	set(auslices.CPUQuota, 500_000)
	if l := currentLimits(f.host, p); l.CPU == nil || l.Memory != nil || l.Swap != nil {
		t.Errorf("without a memory limit: %+v", l)
	}
	set(auslices.MemoryMax, 1<<30)
	if l := currentLimits(f.host, p); l.Memory == nil || l.Swap == nil || l.Swap.Bytes != auslices.Infinity {
		t.Errorf("with one: %+v", l)
	}
	set(auslices.SwapMax, 0)
	if l := currentLimits(f.host, p); l.Swap == nil || l.Swap.Bytes != 0 {
		t.Errorf("with one of swap: %+v", l)
	}
}

func TestRestoreLeavesNothingBehind(t *testing.T) {
	f := limitsMachine(t)
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax") // makes the lock, which stays until the next boot
	before, kernel := f.files(t), maps.Clone(f.kernel)
	auSays(t, f, 0, "slice", "set", "--agent", "agent", "MemoryMax=5242880", "TasksMax=9", "CPUQuotaPerSecUSec=1500000")
	if f.kernel[auslices.MemoryMax] != 5*mib || f.kernel[auslices.TasksMax] != 9 {
		t.Fatalf("the kernel has %v", f.kernel)
	}
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
	if f.kernel[auslices.MemoryMax] != auslices.Infinity || f.kernel[auslices.TasksMax] != 9 {
		t.Errorf("with one limit restored the kernel has %v", f.kernel)
	}
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "TasksMax", "CPUQuotaPerSecUSec", "IOWeight")
	if after := f.files(t); after != before {
		t.Errorf("files before:\n%safter:\n%s", before, after)
	}
	if !maps.Equal(f.kernel, kernel) {
		t.Errorf("the kernel has %v, want %v", f.kernel, kernel)
	}
}

func TestRestoreGivesTheHumansLimitsBack(t *testing.T) {
	for _, runtime := range []bool{false, true} {
		f := limitsMachine(t)
		auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
		f.SetProperties(context.Background(), "user-1001.slice", runtime, map[string]uint64{auslices.MemoryMax: 7 * mib})
		before := f.files(t)
		auSays(t, f, 0, "slice", "set", "--agent", "agent", "MemoryMax=5242880")
		auSays(t, f, 0, "slice", "set", "--agent", "agent", "MemoryMax=6291456")
		auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
		if f.kernel[auslices.MemoryMax] != 7*mib || f.files(t) != before {
			t.Errorf("until the next boot: %v: the kernel has %d; files before:\n%safter:\n%s", runtime, f.kernel[auslices.MemoryMax], before, f.files(t))
		}
	}
}

func TestWhatTheHumanSetSinceStays(t *testing.T) {
	f := limitsMachine(t)
	auSays(t, f, 0, "slice", "set", "--agent", "agent", "MemoryMax=5242880")
	f.SetProperties(context.Background(), "user-1001.slice", false, map[string]uint64{auslices.MemoryMax: 7 * mib})
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
	if f.kernel[auslices.MemoryMax] != 7*mib || f.loaded[auslices.MemoryMax] != 7*mib {
		t.Errorf("the kernel has %d, systemd %d", f.kernel[auslices.MemoryMax], f.loaded[auslices.MemoryMax])
	}
}

func TestARefusedSetLeavesNothing(t *testing.T) {
	f := limitsMachine(t)
	f.broken = errors.New("Access denied")
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
	before := f.files(t)
	if out := auSays(t, f, 1, "slice", "set", "--agent", "agent", "MemoryMax=5242880"); !strings.Contains(out, "Access denied") {
		t.Errorf("it says %q", out)
	}
	if after := f.files(t); after != before {
		t.Errorf("files before:\n%safter:\n%s", before, after)
	}
}

func TestALimitThatWouldNotLastIsTakenBack(t *testing.T) {
	f := limitsMachine(t)
	auSays(t, f, 0, "slice", "restore", "--agent", "agent", "MemoryMax")
	before, kernel := f.files(t), maps.Clone(f.kernel)
	f.readOnly = true
	if out := auSays(t, f, 1, "slice", "set", "--agent", "agent", "MemoryMax=5242880"); !strings.Contains(out, "cannot write") {
		t.Errorf("it says %q", out)
	}
	if after := f.files(t); after != before || !maps.Equal(f.kernel, kernel) {
		t.Errorf("the kernel has %v, want %v; files before:\n%safter:\n%s", f.kernel, kernel, before, after)
	}
}

func TestOnlyRootTouchesASlice(t *testing.T) {
	f := limitsMachine(t)
	f.host.UID = func() int { return 1001 }
	before := f.files(t)
	auSays(t, f, 1, "slice", "set", "--agent", "agent", "MemoryMax=5242880")
	auSays(t, f, 1, "slice", "restore", "--agent", "agent", "MemoryMax")
	if after := f.files(t); after != before {
		t.Errorf("files before:\n%safter:\n%s", before, after)
	}
}

func TestShowSaysWhoSetWhat(t *testing.T) {
	f := limitsMachine(t)
	auSays(t, f, 0, "slice", "set", "--agent", "agent", "MemoryMax=5242880")
	f.SetProperties(context.Background(), "user-1001.slice", false, map[string]uint64{auslices.CPUQuota: 500_000})
	shown := strings.Join(strings.Fields(auSays(t, f, 0, "limits", "show")), " ")
	for _, want := range []string{"cpu 50% human 0.0 s so far", "mem 5M au 0B", "tasks 33 system 0"} {
		if !strings.Contains(shown, want) {
			t.Errorf("it should say %q:\n%s", want, shown)
		}
	}
	if out := auSays(t, f, 0, "limits", "set", "--mem", "5M", "--swap", "infinity", "--cpu", "50%"); out != "Agent agent already has these limits; nothing to do\n" {
		t.Errorf("what is set already is set again:\n%s", out)
	}
}
