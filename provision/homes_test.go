// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
)

func TestHiddenHomes(t *testing.T) {
	var students, crowd []string
	for i := range manyHomes {
		students = append(students, fmt.Sprintf("/data/students/s%d", i))
		crowd = append(crowd, fmt.Sprintf("/data/c%d", i))
	}
	for name, c := range map[string]struct {
		homes string
		want  string
	}{
		"usual":                         {"/home/bob /root /home/carol", ""},
		"elsewhere":                     {"/data/people/bob /home/carol /alice", "/alice /data/people/bob"},
		"twice":                         {"/data/bob /data/bob", "/data/bob"},
		"one_in_another":                {"/data/bob/deep /data/bob", "/data/bob"},
		"with_a_similar_name":           {"/homes/bob /data/b /data/bob", "/data/b /data/bob /homes/bob"},
		"the_machines_folders":          {"/ /bin /usr/games /var/lib/git /var /srv /opt /etc /nonexistent/../x /var/spool/mail /run/user/5 /tmp/x relative", ""},
		"below_folders_of_many_things":  {"/srv/git /opt/builder /var/home/bob", "/opt/builder /srv/git /var/home/bob"},
		"many_in_one_folder":            {strings.Join(students, " ") + " /data/bob", "/data/bob /data/students"},
		"many_at_the_top":               {strings.Join(crowd, " "), strings.Join(crowd, " ")},
		"the_agents_own":                {"/home/agent /data/agents/agent /data/agents/agent/x", ""},
		"not_of_ascii":                  {"/data/people/dörte /data/people/bob /jürgen", "/data/people /jürgen"},
		"not_of_ascii_beside_the_agent": {"/data/agents/dörte", "/data/agents/dörte"},
		"around_the_agents_own":         {"/data/agents", "/data/agents"},
	} {
		if got := hiddenHomes(strings.Fields(c.homes), "/data/agents/agent"); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

// However many people a machine has, and however long their paths are, the entrypoint can read the policy.
func TestHomesFitIntoAPolicy(t *testing.T) {
	for _, long := range []int{1, 200} {
		var homes []string
		for i := range 3000 {
			homes = append(homes, fmt.Sprintf("/data/%s%d/bob", strings.Repeat("d", long), i))
		}
		p := csrc.Policy{Name: "agent", UID: 1001, GID: 1001, Group: 1002, Home: "/home/agent", Shell: "/bin/sh", Tag: "9f86d081884c7d65", Hide: Facts{Homes: homes}.hides(nil, "/home/agent")}
		if _, err := csrc.ParsePolicy([]byte(p.Text())); err != nil {
			t.Errorf("paths of %d: %v", long, err)
		}
		if len(p.Hide) < 60 {
			t.Errorf("paths of %d: only %d are hidden", long, len(p.Hide))
		}
	}
}

func TestIsPersons(t *testing.T) {
	var people []string
	for _, u := range []User{{Name: "root"}, {Name: "daemon", UID: 1}, {Name: "postgres", UID: 999}, {Name: "bob", UID: 1000}, {Name: "nobody", UID: 65534}, {Name: "joined", UID: 1234600513}} {
		if IsPersons(u, 1000) {
			people = append(people, u.Name)
		}
	}
	if want := []string{"root", "bob", "joined"}; !slices.Equal(people, want) {
		t.Errorf("%q, not %q", people, want)
	}
}

func TestHealthNamesHomesThatCanBeSeen(t *testing.T) {
	f := Facts{Name: "agent", Policy: &csrc.Policy{Name: "agent", Home: "/home/agent", Hide: otherHomes}, Homes: []string{"/home/bob", "/data/bob"}}
	has := func() bool {
		return slices.ContainsFunc(Health(f), func(i Issue) bool {
			return strings.HasSuffix(i.Problem, "was written: /data/bob") && i.Hint == "au new --agent agent"
		})
	}
	if !has() {
		t.Errorf("a home that is not covered should be named: %v", Health(f))
	}
	f.Policy.Hide = f.hides(nil, f.Policy.Home)
	if has() {
		t.Error("a home that is covered should not be named")
	}
}
