// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

// renderCmd writes what the NixOS module puts on the machine, and so checks it while the system is built.
type renderCmd struct {
	Spec string `arg:"" help:"The module's JSON."`
	Out  string `arg:"" help:"An existing folder."`
}

func (c *renderCmd) Run(a *app) error {
	text, err := os.ReadFile(c.Spec)
	if err != nil {
		return err
	}
	d, err := provision.ParseDeclared(text)
	if err != nil {
		return err
	}
	files, err := d.Files(time.Now())
	for _, f := range files {
		name := filepath.Join(c.Out, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f.Text), 0o644); err != nil {
			return err
		}
	}
	return err
}

// declared returns what the NixOS module says of this machine; nothing where there is no such module.
func declared() (provision.Declared, error) {
	text, err := os.ReadFile(hostRoot + config.DeclaredPath)
	if errors.Is(err, fs.ErrNotExist) {
		return provision.Declared{}, nil
	}
	if err != nil {
		return provision.Declared{}, fmt.Errorf("read the declared agents: %w", err)
	}
	return provision.ParseDeclared(text)
}

// isDeclared reports whether the NixOS configuration declares the agent.
func isDeclared(agent string) bool {
	d, err := declared()
	_, ok := d.Agents[agent]
	return err == nil && ok
}

// declaredFor reports whether the NixOS configuration lets the human into the agent.
func declaredFor(agent, human string) bool {
	d, err := declared()
	return err == nil && slices.ContainsFunc(d.Agents[agent].Humans, func(h provision.DeclaredHuman) bool { return h.Name == human })
}

// changing are the commands that change an agent of the machine's.
var changing = []string{"new", "delete", "grant", "revoke", "limits set", "limits reset", "net restrict", "net allow", "net deny", "net off"}

// refuseDeclared refuses to change an agent that the NixOS configuration declares: the next switch would take it back.
func refuseDeclared(command, agent string) error {
	words := strings.Fields(command)
	words = words[:min(2, len(words))]
	if len(words) == 0 || !slices.Contains(changing, strings.Join(words, " ")) && !slices.Contains(changing, words[0]) || !isDeclared(agent) {
		return nil
	}
	return fmt.Errorf("agent %q is declared in the NixOS configuration of this machine: change security.au.agents.%s there", agent, agent)
}

// entrypointPath returns where the agent's entrypoint stands.
func entrypointPath(agent string) string {
	if isDeclared(agent) {
		return provision.WrapperPath(agent)
	}
	return csrc.EntrypointPath(agent)
}

// declaredWritable returns the folders that agents can write by the NixOS configuration's word.
func declaredWritable(human provision.User) []share.Writable {
	d, err := declared()
	if err != nil {
		return nil
	}
	var all []share.Writable
	for name, g := range d.Agents {
		for _, s := range g.Shares {
			if !s.ReadOnly {
				all = append(all, share.Writable{Source: declaredSource(s, human), Agent: name})
			}
		}
	}
	return all
}

// declaredSource returns the folder of a declared share.
func declaredSource(s provision.DeclaredShare, human provision.User) string {
	if rest, ok := strings.CutPrefix(s.Source, "~/"); ok {
		return filepath.Join(human.Home, rest)
	}
	return s.Source
}

// withDeclared adds what the NixOS configuration says of the agent to what the human's config says, for one run. The human's own shares come first.
func withDeclared(known *config.Config, agent string, me provision.User) error {
	d, err := declared()
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
	for _, s := range g.Shares {
		source := declaredSource(s, me)
		if !slices.ContainsFunc(entry.Mounts, func(m config.Mount) bool { return m.Source == source || m.Target == s.Target }) {
			entry.Mounts = append(entry.Mounts, config.Mount{Source: source, Target: s.Target, ReadOnly: s.ReadOnly})
		}
	}
	return nil
}

// refuseNixOS refuses to make an agent where NixOS would take it away again, or has no place for its unit, and says what declares it instead.
func (a *app) refuseNixOS(want provision.StanzaAgent) error {
	if !exists("/etc/NIXOS") {
		return nil
	}
	why := ""
	switch {
	case !mutableUsers():
		why = "users.mutableUsers is false: the next switch would remove the user"
	case storeLink(provision.UnitDir):
		why = provision.UnitDir + " is in the Nix store: there is no place for the agent's unit"
	default:
		fmt.Fprintf(a.err, "au: warning: this is NixOS, where what is declared stays: see security.au\n")
		return nil
	}
	fmt.Fprint(a.err, "# In the NixOS configuration, with the flake's nixosModules.au:\n"+provision.Stanza(want))
	return fmt.Errorf("agent %q: %s; nothing was changed. Declare it instead, as above", want.Name, why)
}

// storeLink reports whether a path leads into the Nix store.
func storeLink(path string) bool {
	real, err := filepath.EvalSymlinks(hostRoot + path)
	return err == nil && strings.HasPrefix(strings.TrimPrefix(real, hostRoot), "/nix/store/")
}

// mutableUsers reads users.mutableUsers of the running system: as our module has it, or out of the script that makes the users. Unknown is true.
func mutableUsers() bool {
	if d, err := declared(); err == nil && d.Sleep != "" {
		return d.MutableUsers
	}
	script, _ := os.ReadFile(hostRoot + "/run/current-system/activate")
	spec := struct {
		MutableUsers bool `json:"mutableUsers"`
	}{true}
	usersFile := regexp.MustCompile(`/nix/store/[A-Za-z0-9+._?=-]*users-groups\.json`)
	if text, err := os.ReadFile(hostRoot + usersFile.FindString(string(script))); err == nil {
		_ = json.Unmarshal(text, &spec)
	}
	return spec.MutableUsers
}

// printNix prints the module's lines for all agents that au made for the human.
func (a *app) printNix(agents []start.Listed, known *config.Config, human provision.User) error {
	var all []provision.StanzaAgent
	for _, g := range agents {
		if g.Made != "au" {
			continue
		}
		p, err := readPolicy(g.Name)
		if err != nil {
			return err
		}
		s := provision.StanzaAgent{Name: g.Name, UID: p.UID, Group: p.Group, Allow: p.Allow, Limits: currentLimits(p)}
		if net, err := netPolicy(g.Name); err == nil {
			s.Net = &net
		} else if !errors.Is(err, fs.ErrNotExist) {
			return restricting(g.Name, err)
		}
		for _, h := range p.Humans {
			s.Humans = append(s.Humans, h.Name)
		}
		if entry := known.Agent(g.Name); entry != nil {
			s.KeepEnv = entry.KeepEnv
			for _, m := range entry.Mounts {
				target, _ := share.Within(p.Home, m.Target)
				s.Shares = append(s.Shares, provision.DeclaredShare{Source: m.Source, Target: target, ReadOnly: m.ReadOnly})
			}
		}
		all = append(all, s)
	}
	_, err := fmt.Fprint(a.out, provision.Stanza(all...))
	return err
}

// currentLimits returns what somebody set on the agent's slice, as options; none where there is no systemd to ask. What the machine gives every slice is
// nobody's choice.
func currentLimits(p csrc.Policy) [][2]string {
	all, err := sliceProperties(p.UID)
	if err != nil {
		return nil
	}
	now, files := map[string]uint64{}, dropIns(auslices.Name(p.UID), false)
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

// options are the module's, by the commands that do the same elsewhere.
var options = map[string]string{
	"net allow": ".net.allow", "net deny": ".net.deny", "net restrict": ".net", "net off": ".net.enable", "limits set": "", "limits reset": "", "grant": ".humans",
	"revoke": ".humans", "delete": "", "new": "",
}

// advice returns a hint as it can be followed on this machine: where the command in it would be refused because the NixOS configuration declares the agent, it names what
// to change there.
func advice(hint string) string {
	words := strings.Fields(hint)
	at := slices.Index(words, "--agent")
	if len(words) < 2 || words[0] != "au" || at < 0 || at+1 == len(words) {
		return hint
	}
	agent, command := words[at+1], strings.Join(words[1:min(3, len(words))], " ")
	if refuseDeclared(command, agent) == nil {
		return hint
	}
	option, ok := options[command]
	switch {
	case words[1] == "new":
		return "sudo nixos-rebuild switch"
	case slices.Contains(words, "--mem"):
		option = ".memory"
	case !ok:
		option = options[words[1]]
	}
	return "change security.au.agents." + agent + option + " in the NixOS configuration"
}

// netProgram returns the au that the agent's network units run.
func netProgram(agent string) string {
	if d, err := declared(); err == nil && isDeclared(agent) {
		return d.Program
	}
	return provision.NetProgram(agent)
}

// declaredLimits returns which properties of the agent's slice the NixOS configuration sets.
func declaredLimits(agent string) map[string]bool {
	set := map[string]bool{}
	if d, err := declared(); err == nil {
		for _, p := range d.Agents[agent].Limits.Limits().Properties(auslices.Machine{}) {
			set[p.Name] = true
		}
	}
	return set
}
