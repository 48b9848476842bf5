// SPDX-License-Identifier: GPL-3.0-or-later

package host

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

	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// Systemd is what limits need of systemd; tests have one made of files.
type Systemd interface {
	UnitState(ctx context.Context, unit string) (step.UnitState, error)
	SliceProperties(ctx context.Context, slice string) (map[string]any, error)
	SetProperties(ctx context.Context, unit string, runtime bool, properties map[string]uint64) error
	Reload(ctx context.Context) error
	Close()
}

// SliceProperties returns what systemd has for the slice of a uid.
func (h *Host) SliceProperties(uid uint32) (map[string]uint64, error) {
	ctx := context.Background()
	systemd, err := h.OpenSystemd(ctx)
	if err != nil {
		return nil, err
	}
	defer systemd.Close()
	all, err := systemd.SliceProperties(ctx, auslices.Name(uid))
	return auslices.Current(all), err
}

// Unheld returns those of the properties that the kernel does not hold, though systemd has them, and what it holds instead: read
// where they bind, in the cgroup that systemd names.
func (h *Host) Unheld(uid uint32, want []auslices.Property) []auslices.Property {
	ctx := context.Background()
	systemd, err := h.OpenSystemd(ctx)
	if err != nil {
		return nil
	}
	defer systemd.Close()
	all, err := systemd.SliceProperties(ctx, auslices.Name(uid))
	group, ok := all["ControlGroup"].(string)
	if err != nil || !ok || group == "" {
		return nil
	}
	return h.CgroupTree().Unheld(want, group)
}

// settling is how long systemd is given to hand the kernel what it has been told: it answers before it does.
const settling = 5 * time.Second

// NotHeld says what the kernel does not hold; nil where it holds all.
func (h *Host) NotHeld(agent string, uid uint32, want []auslices.Property) error {
	left := h.Unheld(uid, want)
	for end := time.Now().Add(settling); left != nil && time.Now().Before(end); left = h.Unheld(uid, want) {
		time.Sleep(settling / 50)
	}
	if left == nil {
		return nil
	}
	var words []string
	for _, p := range left {
		words = append(words, fmt.Sprintf("%s (the kernel has %s)", auslices.Option(p.Name), auslices.Format(p)))
	}
	return hinted{fmt.Errorf("set, but without effect until all processes of the agent have ended: %s", strings.Join(words, ", ")), "au stop --agent " + agent}
}

// DropIns returns the texts of the files in which systemd keeps our properties of a slice, by property.
func (h *Host) DropIns(slice string, runtime bool) map[string]string {
	files := map[string]string{}
	for _, name := range auslices.Names() {
		if text, err := os.ReadFile(h.Root + auslices.DropIn(slice, name, runtime)); err == nil {
			files[name] = string(text)
		}
	}
	return files
}

// AllDropIns returns the texts of all files that say something of a slice, by path.
func (h *Host) AllDropIns(slice string) map[string]string {
	return h.texts(auslices.DropInFolders(slice))
}

// texts returns the texts of all files in folders, by path.
func (h *Host) texts(folders []string) map[string]string {
	files := map[string]string{}
	for _, folder := range folders {
		entries, _ := os.ReadDir(h.Root + folder)
		for _, e := range entries {
			if text, err := os.ReadFile(h.Root + folder + "/" + e.Name()); err == nil {
				files[folder+"/"+e.Name()] = string(text)
			}
		}
	}
	return files
}

// LimitsRecord returns what au has set for an agent; nothing, where there is no record.
func (h *Host) LimitsRecord(agent string) (auslices.Record, error) {
	path := h.Root + auslices.RecordPath(agent)
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

func (h *Host) CgroupTree() auslices.Tree {
	return auslices.Tree{FS: os.DirFS(h.Root + "/sys/fs/cgroup")}
}

// Capacity reads what limits are measured against, from /proc/meminfo (proc_meminfo(5)).
func (h *Host) Capacity() auslices.Machine {
	m := auslices.Machine{CPUs: runtime.NumCPU()}
	text, _ := os.ReadFile(h.Root + "/proc/meminfo")
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
