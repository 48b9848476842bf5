// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

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
)

// SetSlice sets properties of the agent's slice, NAME=NUMBER as D-Bus has them, and remembers what was there before.
func (r *Root) SetSlice(agent string, words []string) error {
	var names []string
	properties := map[string]uint64{}
	for _, word := range words {
		p, err := auslices.ParseWord(word)
		if err != nil {
			return err
		}
		names, properties[p.Name] = append(names, p.Name), p.Value
	}
	s, err := r.openSlice(agent)
	if err != nil {
		return err
	}
	defer s.close()
	before := s.record
	// Written before it is so: whoever is killed in between leaves a record of what to give back.
	if err := s.remember(before.Begin(s.name, names, r.host.DropIns(s.name, false))); err != nil {
		return err
	}
	if err := s.systemd.SetProperties(s.ctx, s.name, false, properties); err != nil {
		return errors.Join(err, s.remember(before))
	}
	written := r.host.DropIns(s.name, false)
	for _, name := range names {
		if written[name] == "" { // systemd only logs that
			err := fmt.Errorf("systemd cannot write %s, so the limit would end with the next boot", auslices.DropIn(s.name, name, false))
			return errors.Join(err, s.restore(names))
		}
	}
	return s.remember(s.record.Done(written))
}

// RestoreSlice gives properties of the agent's slice back as they were before au.
func (r *Root) RestoreSlice(agent string, names []string) error {
	s, err := r.openSlice(agent)
	if err != nil {
		return err
	}
	defer s.close()
	return s.restore(names)
}

// restore makes the named properties what they were before au, in the files and in the kernel.
func (s *slice) restore(names []string) error {
	var restored []string
	for _, f := range s.record.Restore(names, s.host.DropIns(s.name, false)) {
		if err := step.ReplaceFile(s.host.Root+f.Path, f.Text); err != nil {
			return err
		}
		restored = append(restored, f.Property)
	}
	s.removeEmptyFolder(false)
	if len(restored) > 0 {
		if err := s.tellKernel(restored); err != nil {
			return err
		}
	}
	return s.remember(s.record.Forget(names))
}

// tellKernel makes the kernel's limits those of the unit files. A reload alone leaves the old ones, so they are set as they were
// loaded, until the next boot, and the files that leaves in /run are taken away, but for those that were there before.
func (s *slice) tellKernel(restored []string) error {
	if err := s.systemd.Reload(s.ctx); err != nil {
		return err
	}
	all, err := s.systemd.SliceProperties(s.ctx, s.name)
	if err != nil {
		return err
	}
	loaded := auslices.Current(all)
	maps.DeleteFunc(loaded, func(name string, _ uint64) bool { return !slices.Contains(restored, name) })
	before := s.host.DropIns(s.name, true)
	var list []auslices.Property
	for _, name := range restored {
		list = append(list, auslices.Property{Name: name, Value: loaded[name]})
	}
	fmt.Fprintf(s.out, "# and: %s\n", auslices.BusctlCall(s.name, true, list))
	if err := s.systemd.SetProperties(s.ctx, s.name, true, loaded); err != nil {
		return err
	}
	var files []string
	for _, name := range restored {
		path := auslices.DropIn(s.name, name, true)
		if before[name] == "" {
			files = append(files, path)
		}
		if err := step.ReplaceFile(s.host.Root+path, before[name]); err != nil {
			return err
		}
	}
	s.removeEmptyFolder(true)
	fmt.Fprintf(s.out, "# and: rm -f %s; systemctl daemon-reload\n", strings.Join(files, " "))
	return s.systemd.Reload(s.ctx)
}

// removeEmptyFolder removes the folder of the slice's drop-ins, and the one that holds it; each stays while anything is in it.
func (s *slice) removeEmptyFolder(runtime bool) {
	folder := s.host.Root + auslices.DropInFolder(s.name, runtime)
	os.Remove(folder)
	os.Remove(filepath.Dir(folder))
}

// slice is an agent's slice, held by one root process at a time.
type slice struct {
	*Root
	ctx     context.Context
	name    string
	record  auslices.Record
	path    string // of the record
	systemd host.Systemd
	unlock  func()
}

func (r *Root) openSlice(agent string) (*slice, error) {
	policy, err := r.host.AgentPolicy(agent)
	if err != nil {
		return nil, err
	}
	s := &slice{Root: r, ctx: context.Background(), name: auslices.Name(policy.UID), path: r.host.Root + auslices.RecordPath(agent)}
	if s.unlock, err = r.lock(); err != nil {
		return nil, err
	}
	if s.record, err = r.host.LimitsRecord(agent); err == nil {
		s.systemd, err = r.host.OpenSystemd(s.ctx)
	}
	if err != nil {
		s.unlock()
		return nil, err
	}
	return s, nil
}

func (s *slice) close() {
	s.systemd.Close()
	s.unlock()
}

// remember writes the record, or removes it where there is nothing to remember.
func (s *slice) remember(record auslices.Record) error {
	s.record = record
	if len(record.Entries) > 0 {
		return step.ReplaceFile(s.path, record.Text())
	}
	err := step.ReplaceFile(s.path, "")
	os.Remove(filepath.Dir(s.path)) // stays while another agent has one
	return err
}
