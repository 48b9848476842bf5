// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	auslices "github.com/a4u2/au/slices"
)

// kept returns the folders of what earlier versions wrote.
func kept(t *testing.T) []string {
	t.Helper()
	roots, _ := filepath.Glob("testdata/0.1/*/etc")
	for i, root := range roots {
		roots[i] = filepath.Dir(root)
	}
	if len(roots) < 1 {
		t.Fatalf("there are only %q", roots)
	}
	return roots
}

// text is what a file of a kept machine holds, "" where there is none.
func text(root, name string) string {
	all, _ := os.ReadFile(filepath.Join(root, name))
	return string(all)
}

// keptFacts are those of an agent of a kept machine, in which all that is not in the kept files is as it should be.
func keptFacts(t *testing.T, root, agent string) Facts {
	t.Helper()
	p, err := csrc.ParsePolicy([]byte(text(root, csrc.PolicyPath(agent))))
	if err != nil {
		t.Fatalf("%s: %v", root, err)
	}
	unit := Unit{Systemd: true, Enabled: true, Active: true, Cgroups: p.Cgroups, Sleep: "/usr/bin/sleep", Beside: map[string]string{}}
	unit.Text = text(root, UnitDir+"/"+auslices.KeeperName(agent))
	for _, file := range BesideKeeper(agent, p.UID) {
		unit.Beside[file.Name] = text(root, file.Name)
	}
	return Facts{
		Name: agent, Human: alice, Policy: &p, PolicyText: text(root, csrc.PolicyPath(agent)), Unit: unit, Source: Source{SHA256: p.SHA256},
		Agent: &User{Name: agent, UID: p.UID, GID: p.GID, Home: p.Home, Shell: NoShell, Comment: Comment(p.Tag)}, UIDUser: agent,
		Group: &Group{Name: GroupName(agent), GID: p.Group, Members: []string{"alice"}}, Private: &Group{Name: agent, GID: p.GID},
	}
}

// A unit, a policy or another file of systemd that differs from what is written now is brought up to date by `au new`, and no file
// is taken for a stranger's.
func TestNewBringsKeptFilesUpToDate(t *testing.T) {
	units := 0
	for _, root := range kept(t) {
		policies, _ := filepath.Glob(root + csrc.PolicyDir + "/*")
		for _, policy := range policies {
			f := keptFacts(t, root, filepath.Base(policy))
			if !slices.ContainsFunc(f.Policy.Humans, func(h csrc.Human) bool { return h.Name == "alice" }) {
				continue
			}
			if err := checkOurs(f.Name, f); err != nil {
				t.Errorf("%s: it is refused: %v", policy, err)
			}
			if err := checkPolicy((Want{Name: f.Name}).policy(f)); err != nil {
				t.Errorf("%s: it would be written wrongly: %v", policy, err)
			}
			plan := outline(PlanNew(Want{Name: f.Name}, f))
			files := map[string][2]string{
				csrc.PolicyPath(f.Name):                     {f.PolicyText, (Want{Name: f.Name}).policy(f).Text()},
				UnitDir + "/" + auslices.KeeperName(f.Name): {f.Unit.Text, auslices.Keeper(auslices.KeeperConfig{Agent: f.Name, UID: f.Policy.UID, Sleep: f.Unit.Sleep})},
			}
			for _, beside := range BesideKeeper(f.Name, f.Policy.UID) {
				files[beside.Name] = [2]string{f.Unit.Beside[beside.Name], beside.Text}
			}
			for name, was := range files {
				if written := strings.Contains(plan, name+".new"); written != (was[0] != was[1]) {
					t.Errorf("%s: %s is written anew: %v; the plan is\n%s", root, name, written, plan)
				}
			}
			if f.Unit.Text == "" {
				t.Errorf("%s: there is no unit of agent %s", root, f.Name)
			}
			units++
		}
	}
	if units < 3 {
		t.Errorf("there are only %d agents", units)
	}
}

// A policy of an earlier version is old, and so is one that hides less than now; one that would be written as it is, is not.
func TestKeptPoliciesHaveTheirAge(t *testing.T) {
	for _, root := range kept(t) {
		policies, _ := filepath.Glob(root + csrc.PolicyDir + "/*")
		for _, policy := range policies {
			f := keptFacts(t, root, filepath.Base(policy))
			age := PolicyAge(f)
			if f.Policy.Version < csrc.PolicyVersion && age == "" {
				t.Errorf("%s: it has no age", policy)
			}
			if age != "" && (Want{Name: f.Name}).policy(f).Text() == f.PolicyText {
				t.Errorf("%s: %s, and it would be written as it is", policy, age)
			}
			f.Policy.Hide = f.Policy.Hide[1:]
			if PolicyAge(f) == "" {
				t.Errorf("%s: it hides less, and has no age", policy)
			}
		}
	}
}

// A restriction whose policy an earlier version wrote is brought up to date from whatever units there are.
func TestRestrictTakesKeptPolicies(t *testing.T) {
	seen := 0
	for _, root := range kept(t) {
		files, _ := filepath.Glob(root + NetDir + "/*.toml")
		for _, file := range files {
			p, err := netfilter.ParsePolicy([]byte(text(root, NetDir+"/"+filepath.Base(file))))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			_, f := netSample()
			f = netDone(p, f)
			for name := range f.Units {
				was := text(root, UnitDir+"/"+name)
				f.Units[name] = NetUnit{Text: was, Active: was != "", Enabled: was != ""}
			}
			plan, err := PlanNetRestrict(p, f)
			if err != nil || len(plan) == 0 && f.Outdated(p) != "" {
				t.Errorf("%s: %v, %d steps", file, err, len(plan))
			}
			seen++
		}
	}
	if seen < 3 {
		t.Errorf("there are only %d", seen)
	}
}
