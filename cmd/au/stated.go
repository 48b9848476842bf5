// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/setup"
	auslices "github.com/a4u2/au/slices"
)

// stated returns an agent as it is, with what those configs say of it, by human.
func (a *app) stated(p csrc.Policy, configs map[string]*config.Config) (provision.Stated, error) {
	s := provision.Stated{Name: p.Name, UID: p.UID, Group: p.Group, Home: p.Home, Allow: p.Allow, Limits: currentLimits(a.host, p), Programs: a.programsOf(p)}
	if net, err := a.host.NetPolicy(p.Name); err == nil {
		now := net.At(a.host.Now())
		s.Net = &now
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s, host.NetError(p.Name, err)
	}
	for _, human := range p.Humans {
		s.Humans = append(s.Humans, human.Name)
		if a.host.IsGone(human) {
			s.Gone = append(s.Gone, human.Name)
		}
		known := configs[human.Name]
		if known == nil {
			continue
		}
		if entry := known.Agent(p.Name); entry != nil {
			if err := start.CheckKeys(entry.Mounts); err != nil { // the key would be left out
				return s, err
			}
			s.Of = append(s.Of, provision.Settings{Human: human.Name, Mounts: entry.Mounts, KeepEnv: entry.KeepEnv, SetEnv: entry.SetEnv, Path: entry.Path})
		}
	}
	return s, nil
}

// programsOf returns those of the programs that au knows which are on an agent's PATH.
func (a *app) programsOf(p csrc.Policy) []setup.Program {
	all, _ := setup.Programs() // held by a test to be read
	folders := filepath.SplitList(p.SearchPath())
	return slices.DeleteFunc(all, func(known setup.Program) bool {
		return !slices.ContainsFunc(folders, func(folder string) bool { return a.host.Exists(filepath.Join(folder, known.Command)) })
	})
}

// currentLimits returns what somebody set on the agent's slice; nothing where there is no systemd to ask. The machine's values for
// every slice are nobody's choice.
func currentLimits(h *host.Host, p csrc.Policy) (l auslices.Limits) {
	all, err := h.SliceProperties(p.UID)
	if err != nil {
		return l
	}
	now, files := map[string]uint64{}, h.DropIns(auslices.Name(p.UID), false)
	for name, value := range all {
		if files[name] != "" {
			now[name] = value
		}
	}
	if v, ok := now[auslices.CPUWeights]; ok {
		l.CPUWeight = (*auslices.Weight)(&v)
	}
	if v, ok := now[auslices.IOWeights]; ok {
		l.IOWeight = (*auslices.Weight)(&v)
	}
	if v, ok := now[auslices.CPUQuota]; ok {
		l.CPU = (*auslices.CPU)(&v)
	}
	if v, ok := now[auslices.MemoryMax]; ok {
		l.Memory = &auslices.Size{Bytes: v}
	}
	if v, ok := now[auslices.SwapMax]; ok {
		l.Swap = &auslices.Swap{Size: auslices.Size{Bytes: v}}
	}
	if v, ok := now[auslices.TasksMax]; ok {
		l.Tasks = (*auslices.Tasks)(&v)
	}
	if _, moved := l.WithSwap(all); moved { // a memory limit without a word of swap would mean another one
		if v, ok := all[auslices.SwapMax]; ok {
			l.Swap = &auslices.Swap{Size: auslices.Size{Bytes: v}}
		}
	}
	return l
}
