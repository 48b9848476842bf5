// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

// Declared returns what the NixOS module says of this machine; nothing where there is no such module.
func (h *Host) Declared() (provision.Declared, error) {
	text, err := os.ReadFile(h.Root + config.DeclaredPath)
	if errors.Is(err, fs.ErrNotExist) {
		return provision.Declared{}, nil
	}
	if err != nil {
		return provision.Declared{}, fmt.Errorf("read the declared agents: %w", err)
	}
	return provision.ParseDeclared(text)
}

// IsDeclared reports whether the NixOS configuration declares the agent.
func (h *Host) IsDeclared(agent string) bool {
	d, err := h.Declared()
	_, ok := d.Agents[agent]
	return err == nil && ok
}

// DeclaredFor reports whether the NixOS configuration lets the human into the agent.
func (h *Host) DeclaredFor(agent, human string) bool {
	d, err := h.Declared()
	return err == nil && slices.ContainsFunc(d.Agents[agent].Humans, func(who provision.DeclaredHuman) bool { return who.Name == human })
}

// NewMember reports whether the caller is a human of a declared agent by now, and has been in this session since before: what NixOS
// makes, the group alone lets in.
func (h *Host) NewMember(p csrc.Policy) bool {
	me, ok, err := h.LookupUser(strconv.Itoa(h.UID()))
	return err == nil && ok && h.DeclaredFor(p.Name, me.Name) && !slices.Contains(h.session(), p.Group)
}

// EntrypointPath returns where the agent's entrypoint is.
func (h *Host) EntrypointPath(agent string) string {
	if h.IsDeclared(agent) {
		return provision.WrapperPath(agent)
	}
	return csrc.EntrypointPath(agent)
}

// DeclaredWritable returns the folders that agents can write by the NixOS configuration's word.
func (h *Host) DeclaredWritable(human provision.User) []share.Writable {
	d, err := h.Declared()
	if err != nil {
		return nil
	}
	var all []share.Writable
	for name, g := range d.Agents {
		for _, s := range g.Shares {
			if !s.ReadOnly && !s.Draft {
				all = append(all, share.Writable{Source: ofHuman(s.Source, human), Agent: name})
			}
		}
	}
	return all
}

// ofHuman returns a path that is declared; ~/ at its beginning is the human's home.
func ofHuman(path string, human provision.User) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(human.Home, rest)
	}
	return path
}

// WithDeclared adds what the NixOS configuration says of the agent to what the human's config says, for one run. The human's own
// shares come first.
func (h *Host) WithDeclared(known *config.Config, agent string, me provision.User) error {
	d, err := h.Declared()
	g, ok := d.Agents[agent]
	if err != nil || !ok {
		return err
	}
	if known.Agent(agent) == nil {
		known.Agents = append(known.Agents, config.Agent{UserName: agent, Group: provision.GroupName(agent), Entrypoint: provision.WrapperPath(agent)})
	}
	entry := known.Agent(agent)
	for _, name := range g.Keep {
		if !slices.Contains(entry.KeepEnv, name) {
			entry.KeepEnv = append(entry.KeepEnv, name)
		}
	}
	entry.SetEnv = slices.Concat(g.Set, entry.SetEnv) // of two, the human's own counts
	for _, folder := range g.MorePath {
		if folder = ofHuman(folder, me); !slices.Contains(entry.Path, folder) {
			entry.Path = append(entry.Path, folder)
		}
	}
	for _, s := range declaredMounts(g, me) {
		if !slices.ContainsFunc(entry.Mounts, func(m config.Mount) bool { return m.Source == s.Source || m.Target == s.Target }) {
			entry.Mounts = append(entry.Mounts, s)
		}
	}
	return nil
}

// DeclaredMounts returns the shares that the NixOS configuration gives the agent, as they are for the human.
func (h *Host) DeclaredMounts(agent string, me provision.User) ([]config.Mount, error) {
	d, err := h.Declared()
	return declaredMounts(d.Agents[agent], me), err
}

func declaredMounts(g provision.DeclaredAgent, me provision.User) (all []config.Mount) {
	for _, s := range g.Shares {
		all = append(all, config.Mount{Source: ofHuman(s.Source, me), Target: s.Target, ReadOnly: s.ReadOnly || s.Draft, Draft: s.Draft, TargetOnly: !s.SamePath, Hide: s.Hide, ShowSecrets: s.Draft && s.ShowSecrets})
	}
	return all
}

// NoPlace says why no agent can be made by hand on this machine; empty where one can, or where it is not NixOS.
func (h *Host) NoPlace() string {
	switch {
	case !h.Exists("/etc/NIXOS"):
	case !h.MutableUsers():
		return "users.mutableUsers is false: the next switch would remove the user"
	case h.StoreLink(provision.UnitDir):
		return provision.UnitDir + " is in the Nix store: there is no place for the agent's unit"
	}
	return ""
}

// StoreLink reports whether a path leads into the Nix store.
func (h *Host) StoreLink(path string) bool {
	real, err := filepath.EvalSymlinks(h.Root + path)
	return err == nil && strings.HasPrefix(strings.TrimPrefix(real, h.Root), "/nix/store/")
}

// MutableUsers reads users.mutableUsers of the running system: as our module has it, or out of the script that makes the users.
// Unknown is true.
func (h *Host) MutableUsers() bool {
	if d, err := h.Declared(); err == nil && d.Sleep != "" {
		return d.MutableUsers
	}
	script, _ := os.ReadFile(h.Root + "/run/current-system/activate")
	spec := struct {
		MutableUsers bool `json:"mutableUsers"`
	}{true}
	usersFile := regexp.MustCompile(`/nix/store/[A-Za-z0-9+._?=-]*users-groups\.json`)
	if text, err := os.ReadFile(h.Root + usersFile.FindString(string(script))); err == nil {
		_ = json.Unmarshal(text, &spec)
	}
	return spec.MutableUsers
}

// NetProgram returns the au that the agent's network units run.
func (h *Host) NetProgram(agent string) string {
	if d, err := h.Declared(); err == nil && h.IsDeclared(agent) {
		return d.Program
	}
	return provision.NetProgram(agent)
}

// DeclaredLimits returns which properties of the agent's slice the NixOS configuration sets.
func (h *Host) DeclaredLimits(agent string) map[string]bool {
	set := map[string]bool{}
	if d, err := h.Declared(); err == nil {
		for _, p := range d.Agents[agent].Limits.Limits().Properties(auslices.Machine{}) {
			set[p.Name] = true
		}
	}
	return set
}
