// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/near"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// made returns the policy of an agent that au made on this machine.
func made(agent string) (csrc.Policy, error) {
	p, err := readPolicy(agent)
	if errors.Is(err, fs.ErrNotExist) {
		return p, noSuchAgent(agent)
	}
	return p, err
}

// noSuchAgent says that au has made no agent of that name, and which was probably meant.
func noSuchAgent(name string) error {
	entries, _ := readDir(hostRoot + csrc.PolicyDir) // nobody may be there yet
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	meant := near.Asked(name, names)
	if meant == "" {
		return hintError{fmt.Errorf("%s: no such agent", name), "au new --agent " + name}
	}
	return hintError{fmt.Errorf("%s: no such agent%s", name, meant), "au list"}
}

// bus is what limits need of systemd; tests have one made of files.
type bus interface {
	UnitState(ctx context.Context, unit string) (step.UnitState, error)
	SliceProperties(ctx context.Context, slice string) (map[string]any, error)
	SetProperties(ctx context.Context, unit string, runtime bool, properties map[string]uint64) error
	Reload(ctx context.Context) error
	Close()
}

var openBus = func(ctx context.Context) (bus, error) { return step.OpenBus(ctx) }

// sliceProperties returns what systemd has for the slice of a uid.
func sliceProperties(uid uint32) (map[string]uint64, error) {
	ctx := context.Background()
	systemd, err := openBus(ctx)
	if err != nil {
		return nil, err
	}
	defer systemd.Close()
	all, err := systemd.SliceProperties(ctx, auslices.Name(uid))
	return auslices.Current(all), err
}

// unheld returns those of the properties that the kernel does not hold, though systemd has them, and what it holds instead: read where they bind, in the cgroup
// that systemd names.
func unheld(uid uint32, want []auslices.Property) []auslices.Property {
	ctx := context.Background()
	systemd, err := openBus(ctx)
	if err != nil {
		return nil
	}
	defer systemd.Close()
	all, err := systemd.SliceProperties(ctx, auslices.Name(uid))
	group, ok := all["ControlGroup"].(string)
	if err != nil || !ok || group == "" {
		return nil
	}
	return tree().Unheld(want, group)
}

// settling is how long systemd is given to hand the kernel what it has been told: it answers before it does.
const settling = 5 * time.Second

// notHeld says what the kernel does not hold; nil where it holds all.
func notHeld(agent string, uid uint32, want []auslices.Property) error {
	left := unheld(uid, want)
	for end := time.Now().Add(settling); left != nil && time.Now().Before(end); left = unheld(uid, want) {
		time.Sleep(settling / 50)
	}
	if left == nil {
		return nil
	}
	var words []string
	for _, p := range left {
		words = append(words, fmt.Sprintf("%s (the kernel has %s)", auslices.Option(p.Name), auslices.Format(p)))
	}
	return hintError{fmt.Errorf("set, and not held until all that the agent runs has ended: %s", strings.Join(words, ", ")), "au stop --agent " + agent}
}

// dropIns returns the texts of the files in which systemd keeps our properties of a slice, by property.
func dropIns(slice string, runtime bool) map[string]string {
	files := map[string]string{}
	for _, name := range auslices.Names() {
		if text, err := os.ReadFile(hostRoot + auslices.DropIn(slice, name, runtime)); err == nil {
			files[name] = string(text)
		}
	}
	return files
}

// allDropIns returns the texts of all files that say something of a slice, by path.
func allDropIns(slice string) map[string]string {
	files := map[string]string{}
	for _, folder := range auslices.DropInFolders(slice) {
		entries, _ := os.ReadDir(hostRoot + folder)
		for _, e := range entries {
			if text, err := os.ReadFile(hostRoot + folder + "/" + e.Name()); err == nil {
				files[folder+"/"+e.Name()] = string(text)
			}
		}
	}
	return files
}

// readRecord returns what au has set for an agent; nothing, where there is no record.
func readRecord(agent string) (auslices.Record, error) {
	path := hostRoot + auslices.RecordPath(agent)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return auslices.Record{}, err
	}
	r, err := auslices.ParseRecord(text)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func tree() auslices.Tree { return auslices.Tree{FS: os.DirFS(hostRoot + "/sys/fs/cgroup")} }

// thisMachine reads what limits are measured against, from /proc/meminfo (proc_meminfo(5)).
func thisMachine() auslices.Machine {
	m := auslices.Machine{CPUs: runtime.NumCPU()}
	text, _ := os.ReadFile(hostRoot + "/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		var kilobytes uint64
		words := strings.Fields(line)
		if len(words) < 2 || !slices.Contains([]string{"MemTotal:", "SwapTotal:"}, words[0]) {
			continue
		}
		fmt.Sscan(words[1], &kilobytes)
		if words[0] == "MemTotal:" {
			m.Memory = kilobytes << 10
		} else {
			m.Swap = kilobytes << 10
		}
	}
	return m
}
