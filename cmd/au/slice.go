// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// sliceCmd is the half of `au limits` that runs as root: it changes the agent's slice and remembers what was there before.
type sliceCmd struct {
	Set     sliceSetCmd     `cmd:"" help:"Set properties of the agent's slice."`
	Restore sliceRestoreCmd `cmd:"" help:"Give properties of the agent's slice back as they were before au."`
}

type sliceSetCmd struct {
	agentFlag
	Words []string `arg:"" name:"property" help:"NAME=NUMBER, as D-Bus has it."`
}

func (c *sliceSetCmd) Run(a *app) error {
	var names []string
	properties := map[string]uint64{}
	for _, word := range c.Words {
		p, err := auslices.ParseWord(word)
		if err != nil {
			return err
		}
		names, properties[p.Name] = append(names, p.Name), p.Value
	}
	s, err := openSlice(a.host, c.Agent)
	if err != nil {
		return err
	}
	defer s.close()
	before := s.record
	// Written before it is so: whoever is killed in between leaves a record of what to give back.
	if err := s.remember(before.Begin(s.name, names, a.host.DropIns(s.name, false))); err != nil {
		return err
	}
	if err := s.bus.SetProperties(s.ctx, s.name, false, properties); err != nil {
		return errors.Join(err, s.remember(before))
	}
	written := a.host.DropIns(s.name, false)
	for _, name := range names {
		if written[name] == "" { // systemd only logs that
			err := fmt.Errorf("systemd cannot write %s, so the limit would end with the next boot", auslices.DropIn(s.name, name, false))
			return errors.Join(err, s.restore(a, names))
		}
	}
	return s.remember(s.record.Done(written))
}

type sliceRestoreCmd struct {
	agentFlag
	Names []string `arg:"" name:"property" help:"NAME, as D-Bus has it."`
}

func (c *sliceRestoreCmd) Run(a *app) error {
	s, err := openSlice(a.host, c.Agent)
	if err != nil {
		return err
	}
	defer s.close()
	return s.restore(a, c.Names)
}

// restore makes the named properties what they were before au, in the files and in the kernel.
func (s *slice) restore(a *app, names []string) error {
	var restored []string
	for _, f := range s.record.Restore(names, a.host.DropIns(s.name, false)) {
		if err := step.ReplaceFile(a.host.Root+f.Path, f.Text); err != nil {
			return err
		}
		restored = append(restored, f.Property)
	}
	s.removeEmptyFolder(a.host, false)
	if len(restored) > 0 {
		if err := s.tellKernel(a, restored); err != nil {
			return err
		}
	}
	return s.remember(s.record.Forget(names))
}

// tellKernel makes the kernel's limits those of the unit files. A reload alone leaves the old ones, so they are set as they were loaded,
// until the next boot, and the files that leaves in /run are taken away, but for those that were there before.
func (s *slice) tellKernel(a *app, restored []string) error {
	if err := s.bus.Reload(s.ctx); err != nil {
		return err
	}
	all, err := s.bus.SliceProperties(s.ctx, s.name)
	if err != nil {
		return err
	}
	loaded := auslices.Current(all)
	maps.DeleteFunc(loaded, func(name string, _ uint64) bool { return !slices.Contains(restored, name) })
	before := a.host.DropIns(s.name, true)
	var list []auslices.Property
	for _, name := range restored {
		list = append(list, auslices.Property{Name: name, Value: loaded[name]})
	}
	fmt.Fprintf(a.out, "# and: %s\n", auslices.BusctlCall(s.name, true, list))
	if err := s.bus.SetProperties(s.ctx, s.name, true, loaded); err != nil {
		return err
	}
	var files []string
	for _, name := range restored {
		path := auslices.DropIn(s.name, name, true)
		if before[name] == "" {
			files = append(files, path)
		}
		if err := step.ReplaceFile(a.host.Root+path, before[name]); err != nil {
			return err
		}
	}
	s.removeEmptyFolder(a.host, true)
	fmt.Fprintf(a.out, "# and: rm -f %s; systemctl daemon-reload\n", strings.Join(files, " "))
	return s.bus.Reload(s.ctx)
}

// removeEmptyFolder removes the folder of the slice's drop-ins, and the one that holds it; each stays while anything is in it.
func (s *slice) removeEmptyFolder(h *host.Host, runtime bool) {
	folder := h.Root + auslices.DropInFolder(s.name, runtime)
	os.Remove(folder)
	os.Remove(filepath.Dir(folder))
}

// slice is an agent's slice, held by one process of root's at a time.
type slice struct {
	ctx    context.Context
	name   string
	record auslices.Record
	path   string // of the record
	bus    host.Bus
	lock   *os.File
}

func openSlice(h *host.Host, agent string) (*slice, error) {
	if h.UID() != 0 {
		return nil, errors.New("only root changes a slice: want `au limits`, which asks for it")
	}
	policy, err := h.AgentPolicy(agent)
	if err != nil {
		return nil, err
	}
	s := &slice{ctx: context.Background(), name: auslices.Name(policy.UID), path: h.Root + auslices.RecordPath(agent)}
	// In /run and closed to all but root: anyone who can open a file can hold a lock on it.
	if s.lock, err = os.OpenFile(h.Root+"/run/au.lock", os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if err = unix.Flock(int(s.lock.Fd()), unix.LOCK_EX); err == nil {
		if s.record, err = h.LimitsRecord(agent); err == nil {
			s.bus, err = h.OpenBus(s.ctx)
		}
	}
	if err != nil {
		s.lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *slice) close() {
	s.bus.Close()
	s.lock.Close()
}

// remember writes the record, or removes it where there is nothing to remember.
func (s *slice) remember(r auslices.Record) error {
	s.record = r
	if len(r.Entries) > 0 {
		return step.ReplaceFile(s.path, r.Text())
	}
	err := step.ReplaceFile(s.path, "")
	os.Remove(filepath.Dir(s.path)) // stays while another agent has one
	return err
}
