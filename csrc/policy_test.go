// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func good() Policy {
	return Policy{
		Version: 2, Name: "agent", UID: 1001, GID: 1001, Group: 1002, Home: "/home/agent", Shell: "/bin/bash", Tag: "9f86d081884c7d65",
		Path: "/opt/x/bin:/usr/bin", Humans: []Human{{1000, "alice"}, {1003, `CORP\bob`}}, EnterGIDs: []uint32{1002},
		SHA256:  strings.Repeat("ab", 32),
		Cgroups: []string{"memory/user.slice/user-1001.slice/au-agent.service", "cpu,cpuacct/user.slice"},
		Hide:    []string{"/home", "/run/docker.sock", "/srv/with space"}, Show: []string{"/run/dbus"}, Allow: []string{"setuid", "docker"},
	}
}

const least = "au-policy 1\nname agent\nuid 1001\ngid 1001\ngroup 1002\nhome /home/agent\nshell /bin/bash\ntag 9f86d081884c7d65\n"

func TestPolicyText(t *testing.T) {
	bare, err := ParsePolicy([]byte(least))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Policy{good(), bare} {
		again, err := ParsePolicy([]byte(p.Text()))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, again) {
			t.Errorf("the policy\n%+v\ncame back as\n%+v", p, again)
		}
	}
}

// faulty holds policies that neither half may accept, with what this half says.
var faulty = map[string]struct{ text, want string }{
	"empty":                {"", "line 1: want a newline at the end"},
	"torn":                 {least[:len(least)-1], "line 8: want a newline at the end"},
	"other_version":        {strings.Replace(least, "au-policy 1", "au-policy 3", 1), "line 1: au-policy 3: a newer au than this one wrote it"},
	"version_0":            {strings.Replace(least, "au-policy 1", "au-policy 0", 1), "line 1: want au-policy 1 or 2"},
	"no_version":           {strings.Replace(least, "au-policy 1", "au-policy ", 1), "line 1: want au-policy 1 or 2"},
	"two_versions":         {strings.Replace(least, "au-policy 1", "au-policy 1 2", 1), "line 1: want au-policy 1 or 2"},
	"later_version":        {strings.Replace(least, "au-policy 1", "au-policy 12", 1), "line 1: au-policy 12: a newer au than this one wrote it"},
	"header_missing":       {strings.TrimPrefix(least, "au-policy 1\n"), "line 1: want au-policy 1 or 2"},
	"unknown_key":          {least + "enter-all yes\n", "line 9: enter-all: is not a key that is known"},
	"missing_tag":          {strings.Replace(least, "tag 9f86d081884c7d65\n", "", 1), "tag is missing"},
	"uid_of_a_service":     {strings.Replace(least, "uid 1001", "uid 999", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_of_root":          {strings.Replace(least, "uid 1001", "uid 0", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_no_change":        {strings.Replace(least, "uid 1001", "uid 4294967295", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_wraps":            {strings.Replace(least, "uid 1001", "uid 4294968297", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_signed":           {strings.Replace(least, "uid 1001", "uid +1001", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_octal":            {strings.Replace(least, "uid 1001", "uid 01001", 1), "line 3: uid: want a uid of 1000 or above"},
	"uid_trailing_blank":   {strings.Replace(least, "uid 1001", "uid 1001 ", 1), "line 3: uid: want a key, a space and a value"},
	"uid_twice":            {least + "uid 1001\n", "line 9: uid: is given twice"},
	"home_twice":           {least + "home /root\n", "line 9: home: is given twice"},
	"home_dots":            {strings.Replace(least, "/home/agent", "/home/../root", 1), "line 6: home: want a clean absolute path"},
	"home_is_root_folder":  {strings.Replace(least, "/home/agent", "/", 1), "line 6: home: want a clean absolute path"},
	"name_dots":            {strings.Replace(least, "name agent", "name ../x", 1), "line 2: name: want ^[a-z_][a-z0-9_-]{0,24}$"},
	"name_too_long":        {strings.Replace(least, "name agent", "name "+strings.Repeat("a", 26), 1), "line 2: name: want ^[a-z_][a-z0-9_-]{0,24}$"},
	"tag_upper_case":       {strings.Replace(least, "9f86d081884c7d65", "9F86D081884C7D65", 1), "line 8: tag: want 16 hex digits"},
	"no_value":             {least + "hide\n", "line 9: hide: want a key, a space and a value"},
	"two_spaces":           {least + "hide  /x\n", "line 9: hide: want a key, a space and a value"},
	"tab":                  {least + "hide\t/x\n", "line 9: want printable ASCII"},
	"carriage_return":      {strings.ReplaceAll(least, "\n", "\r\n"), "line 1: want printable ASCII"},
	"nul":                  {least + "hide /x\x00\n", "line 9: want printable ASCII"},
	"comment_in_utf8":      {least + "# é\n", "line 9: want printable ASCII"},
	"enters_itself":        {least + "enter-uid 1001 agent\n", "enter-uid is the agent itself"},
	"enters_by_own_group":  {least + "enter-gid 1001\n", "enter-gid is the agent's own group"},
	"root_enters":          {least + "enter-uid 0 root\n", "line 9: enter-uid: want a uid above 0"},
	"human_without_name":   {least + "enter-uid 1000\n", "line 9: enter-uid: want a uid, a space and a name"},
	"human_name_in_quotes": {least + "enter-uid 1000 \"a\"\n", "line 9: enter-uid: want a name of 1 to 255 characters without spaces or quotes"},
	"33_humans":            {least + strings.Repeat("enter-uid 1000 a\n", 33), "line 41: enter-uid: is given too many times"},
	"9_groups":             {least + strings.Repeat("enter-gid 100\n", 9), "line 17: enter-gid: is given too many times"},
	"17_cgroups":           {least + strings.Repeat("cgroup a\n", 17), "line 25: cgroup: is given too many times"},
	"257_hides":            {least + strings.Repeat("hide /a\n", 257), "line 265: hide: is given too many times"},
	"17_switches":          {least + strings.Repeat("allow i386\n", 17), "line 25: allow: is given too many times"},
	"unknown_switch":       {least + "allow everything\n", "line 9: allow: is not a switch that is known"},
	"cgroup_climbs":        {least + "cgroup a/../../x\n", "line 9: cgroup: want a clean path below /sys/fs/cgroup"},
	"cgroup_absolute":      {least + "cgroup /a\n", "line 9: cgroup: want a clean path below /sys/fs/cgroup"},
	"33_shows":             {least + strings.Repeat("show /run/a\n", 33), "line 41: show: is given too many times"},
	"shows_all_of_run":     {least + "show /run\n", "line 9: show: want a clean path below /run"},
	"shows_beside_run":     {least + "show /runner/x\n", "line 9: show: want a clean path below /run"},
	"shows_above_run":      {least + "show /run/../etc\n", "line 9: show: want a clean path below /run"},
	"hides_its_home":       {least + "hide /home/agent\n", "hide is the agent's home or in it"},
	"hides_in_its_home":    {least + "hide /home/agent/x\n", "hide is the agent's home or in it"},
	"path_with_a_gap":      {least + "path /bin::/x\n", "line 9: path: want clean absolute paths between colons"},
	"path_relative":        {least + "path bin\n", "line 9: path: want clean absolute paths between colons"},
	"long_component":       {least + "hide /" + strings.Repeat("a", 256) + "\n", "line 9: hide: want a clean absolute path"},
	"too_long":             {least + strings.Repeat("#\n", 16384), "want at most 32768 bytes"},
}

func TestFaultyPolicies(t *testing.T) {
	for name, c := range faulty {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePolicy([]byte(c.text))
			if err == nil {
				t.Fatalf("it was accepted, as %+v", p)
			}
			if err.Error() != c.want {
				t.Errorf("it says %q, not %q", err, c.want)
			}
		})
	}
}

func TestLongestPolicy(t *testing.T) {
	text := least + strings.Repeat("#", maxPolicy-len(least)-1) + "\n"
	if _, err := ParsePolicy([]byte(text)); err != nil {
		t.Errorf("a policy of %d bytes: %v", len(text), err)
	}
}

func TestEverySwitchSaysWhatItCosts(t *testing.T) {
	for _, s := range Switches {
		if s.Gives == "" || s.GivesUp == "" {
			t.Errorf("switch %q does not say what it gives and gives up", s.Word)
		}
		if p := good(); len(s.Opens) > 0 {
			p.Hide, p.Show, p.Allow = DefaultHides([]string{s.Word}), DefaultShows([]string{s.Word}), []string{s.Word}
			for _, path := range s.Opens {
				if slices.Contains(p.Hide, path) || slices.Contains(p.Show, path) != strings.HasPrefix(path, "/run/") {
					t.Errorf("switch %q does not open %s", s.Word, path)
				}
			}
		}
	}
	p := good()
	if shows := DefaultShows(nil); len(shows) > 0 {
		t.Errorf("without a switch %q of /run is open", shows)
	}
	p.Hide, p.Show, p.Allow = append(DefaultHides(nil), "/home", "/root"), nil, nil
	if _, err := ParsePolicy([]byte(p.Text())); err != nil {
		t.Errorf("a policy that hides all there is: %v", err)
	}
	p.Hide, p.Allow = nil, nil
	for _, s := range Switches {
		p.Allow = append(p.Allow, s.Word)
	}
	p.Show = DefaultShows(p.Allow)
	if _, err := ParsePolicy([]byte(p.Text())); err != nil {
		t.Errorf("a policy that shows all there is: %v", err)
	}
}

func ExamplePolicy_Text() {
	p := good()
	p.Path, p.SHA256, p.Cgroups, p.Hide = "", "", p.Cgroups[:1], p.Hide[:2]
	fmt.Print(p.Text())
	// Output:
	// au-policy 2
	// name agent
	// uid 1001
	// gid 1001
	// group 1002
	// home /home/agent
	// shell /bin/bash
	// tag 9f86d081884c7d65
	// enter-uid 1000 alice
	// enter-uid 1003 CORP\bob
	// enter-gid 1002
	// cgroup memory/user.slice/user-1001.slice/au-agent.service
	// hide /home
	// hide /run/docker.sock
	// show /run/dbus
	// allow setuid
	// allow docker
}

func TestAnyNameOfAHumanHasAPlace(t *testing.T) {
	for name, held := range map[string]string{
		"alice": "alice", `CORP\bob`: `CORP\bob`, "jürgen müller": "j%C3%BCrgen%20m%C3%BCller", "1000": "1000", "50%": "50%25", "a%20b": "a%2520b",
		"tab\tand\nline": "tab%09and%0Aline", `"quoted"`: "%22quoted%22",
	} {
		p := good()
		p.Humans = []Human{{1000, name}}
		if want := "enter-uid 1000 " + held + "\n"; !strings.Contains(p.Text(), want) {
			t.Errorf("%q is not held as %q", name, held)
		}
		back, err := ParsePolicy([]byte(p.Text()))
		if err != nil || back.Humans[0].Name != name {
			t.Errorf("%q comes back as %q, %v", name, back.Humans, err)
		}
	}
	for word, name := range map[string]string{"50%": "50%", "a%zzb": "a%zzb", "%+1x": "%+1x", "%4": "%4"} {
		if got := decodeName(word); got != name {
			t.Errorf("%q is read as %q", word, got)
		}
	}
}

// The PATH that au adds to is the entrypoint's.
func TestSearchPathIsTheEntrypoints(t *testing.T) {
	text, err := os.ReadFile("intake.c")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `#define DEFAULT_PATH "`+DefaultPath+`"`) {
		t.Errorf("the entrypoint's default is another than %s", DefaultPath)
	}
	if got, want := (Policy{Home: "/home/agent"}).SearchPath("/x", "/y"), "/home/agent/.local/bin:"+DefaultPath+":/x:/y"; got != want {
		t.Errorf("the PATH is %s, want %s", got, want)
	}
	if got, want := (Policy{Home: "/home/agent", Path: "/p"}).SearchPath(), "/home/agent/.local/bin:/p"; got != want {
		t.Errorf("the PATH is %s, want %s", got, want)
	}
}
