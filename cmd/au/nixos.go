// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/advice"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

// refuseDeclared refuses to change an agent that the NixOS configuration declares: the next switch would take it back.
func refuseDeclared(h *host.Host, command, agent string) error {
	if advice.Changing(strings.Fields(command)...) == "" || !h.IsDeclared(agent) {
		return nil
	}
	return fmt.Errorf("agent %q is declared in the NixOS configuration of this machine: change security.au.agents.%s there", agent, agent)
}

// refuseNixOS refuses to make an agent where NixOS would take it away again, or has no place for its unit, and says what declares
// it instead.
func (a *app) refuseNixOS(want provision.StanzaAgent) error {
	if !a.host.Exists("/etc/NIXOS") {
		return nil
	}
	why := a.host.NoPlace()
	if why == "" {
		fmt.Fprintf(a.err, "au: warning: this is NixOS, where what is declared stays: see security.au\n")
		return nil
	}
	fmt.Fprint(a.err, "# In the NixOS configuration, with the flake's nixosModules.au:\n"+provision.Stanza(want))
	return fmt.Errorf("agent %q: %s; nothing was changed. Declare it instead, as above", want.Name, why)
}

// printNix prints the module's lines for all agents that au made for the human.
func (a *app) printNix(agents []start.Listed, known *config.Config, human provision.User) error {
	var all []provision.StanzaAgent
	for _, g := range agents {
		if g.Made != "au" {
			continue
		}
		p, err := a.host.ReadPolicy(g.Name)
		if err != nil {
			return err
		}
		s := provision.StanzaAgent{Name: g.Name, UID: p.UID, Group: p.Group, Allow: p.Allow, Limits: currentLimits(a.host, p)}
		if net, err := a.host.NetPolicy(g.Name); err == nil {
			s.Net = &net
		} else if !errors.Is(err, fs.ErrNotExist) {
			return host.NetError(g.Name, err)
		}
		for _, human := range p.Humans {
			s.Humans = append(s.Humans, human.Name)
		}
		if entry := known.Agent(g.Name); entry != nil {
			s.KeepEnv, s.Path = entry.KeepEnv, entry.Path
			for _, m := range entry.Mounts {
				target, _ := share.Within(p.Home, m.Target)
				s.Shares = append(s.Shares, provision.DeclaredShare{Source: m.Source, Target: target, ReadOnly: m.ReadOnly || m.Draft, SamePath: !m.TargetOnly, Draft: m.Draft, Hide: m.Hide, ShowSecrets: m.ShowSecrets})
			}
		}
		all = append(all, s)
	}
	_, err := fmt.Fprint(a.out, provision.Stanza(all...))
	return err
}

// currentLimits returns what somebody set on the agent's slice, as options; none where there is no systemd to ask. The machine's
// values for every slice are nobody's choice.
func currentLimits(h *host.Host, p csrc.Policy) [][2]string {
	all, err := h.SliceProperties(p.UID)
	if err != nil {
		return nil
	}
	now, files := map[string]uint64{}, h.DropIns(auslices.Name(p.UID), false)
	for name, value := range all {
		if files[name] != "" {
			now[name] = value
		}
	}
	var l auslices.Limits
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
	return provision.StanzaLimits(l)
}

// advised returns a hint as it can be followed on this machine: where the command in it would be refused because the NixOS
// configuration declares the agent, or would have to, it names what to change there.
func advised(h *host.Host, hint string) string {
	agent := advice.Agent(hint, start.DefaultAgent)
	switch {
	case h.IsDeclared(agent):
		return advice.Declared(hint, agent)
	case strings.HasPrefix(hint, "au new ") && h.NoPlace() != "":
		return "declare security.au.agents." + agent + " in the NixOS configuration"
	}
	return hint
}
