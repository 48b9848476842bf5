// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/csrc"
)

// The settings of the module's test machine; nix/tests.nix keeps it true.
func moduleText(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../nix/testdata/" + name)
	if err != nil {
		t.Skip("not the whole tree: ", err)
	}
	return text
}

// nixUID is the id that the NixOS module gives that name unless told otherwise: 50000 to 58999, which nothing else on NixOS takes,
// and always the same.
func nixUID(name string) uint32 {
	sum := sha256.Sum256([]byte(name))
	return 50000 + binary.BigEndian.Uint32(sum[:4])%9000
}

func TestUIDsOfTheModuleAreMadeOfNames(t *testing.T) {
	want := map[string]uint32{}
	if err := json.Unmarshal(moduleText(t, "uids.json"), &want); err != nil {
		t.Fatal(err)
	}
	for name, uid := range want {
		if got := nixUID(name); got != uid {
			t.Errorf("nixUID(%q) is %d where the module has %d", name, got, uid)
		}
	}
	if len(want) < 5 || want["claude"] != 54237 {
		t.Errorf("the module's uids are %v", want)
	}
}

func declaredMachine(t *testing.T) Declared {
	t.Helper()
	d, err := ParseDeclared(moduleText(t, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDeclaredAgentsGetPoliciesUnitsAndRules(t *testing.T) {
	files, err := declaredMachine(t).Files(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		texts[f.Name] = f.Text
	}
	p, err := csrc.ParsePolicy([]byte(texts["agents/claude"]))
	if err != nil {
		t.Fatal(err)
	}
	if p.UID != 54237 || !slices.Equal(p.EnterGIDs, []uint32{nixUID("su-as-claude")}) || len(p.Humans) != 1 || p.Humans[0].Name != "alice" {
		t.Errorf("the policy lets in %v and the groups %v, for uid %d", p.Humans, p.EnterGIDs, p.UID)
	}
	if slices.Contains(p.Hide, "/nix/var/nix/daemon-socket") || !slices.Contains(p.Hide, "/home") {
		t.Errorf("with unlock = [ \"nix\" ] the policy hides %q", p.Hide)
	}
	for name, part := range map[string]string{
		"net/claude.toml":                                   "proxy-port = 61003",
		"rules/claude.nft":                                  "54237",
		"lib/systemd/system/au-claude.service":              "ExecStart=/nix/store/coreutils/bin/sleep 2147483647",
		"lib/systemd/system/au-net-rules@claude.service":    "ExecStart=/nix/store/au/libexec/au/au-complete net load claude",
		"lib/systemd/system/au-net6@claude.socket":          "ListenStream=[::1]:61003",
		"lib/systemd/system/user-54237.slice.d/au-net.conf": "Requires=au-net-rules@claude.service",
		"lib/systemd/system/au-agent.service":               "Slice=user-55650.slice",
		"lib/systemd/system/user@55650.service.d/au.conf":   "\nExecStartPre=+/bin/sh -c \"test ! -e /etc/au/agents/agent\"\n",
	} {
		if !strings.Contains(texts[name], part) {
			t.Errorf("%s lacks %q: %q", name, part, texts[name])
		}
	}
	if texts["net/agent.toml"] != "" {
		t.Errorf("an agent without net.enable has a network policy")
	}
}

func TestADeclaredUpstreamIsInThePolicyAndTheUnit(t *testing.T) {
	text := strings.Replace(string(moduleText(t, "spec.json")), `"upstream": null`, `"upstream": {"url": "http://proxy.example:3128", "ca": "", "login": "/etc/proxy-login"}`, 1)
	d, err := ParseDeclared([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	files, err := d.Files(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		texts[f.Name] = f.Text
	}
	for name, part := range map[string]string{
		"net/claude.toml": "[upstream]\nurl = 'http://proxy.example:3128'\nlogin = '/etc/proxy-login'\n",
		"lib/systemd/system/au-net@claude.service": "ExecStartPre=+/nix/store/au/libexec/au/au-complete net login /etc/proxy-login\n" +
			"StandardInput=file:/etc/proxy-login\n",
	} {
		if !strings.Contains(texts[name], part) {
			t.Errorf("%s lacks %q: %q", name, part, texts[name])
		}
	}
}

func TestTheModuleGivesHomesTheACLThatNewGives(t *testing.T) {
	lines := string(moduleText(t, "tmpfiles.conf"))
	d := declaredMachine(t)
	for name, g := range d.Agents {
		p := g.policy(name)
		p.Humans = nil
		// NixOS gives them their numbers later, so the module has names. They begin with a letter there.
		named := []string{":" + num(p.UID) + ":", ":" + name + ":", ":" + num(p.Group) + ":", ":" + GroupName(name) + ":"}
		for i, h := range g.Humans {
			p.Humans = append(p.Humans, csrc.Human{UID: uint32(1000 + i), Name: h.Name})
			named = append(named, ":"+num(uint32(1000+i))+":", ":"+h.Name+":")
		}
		if !strings.Contains(lines, "d "+g.Home+" 2770 "+name+" su-as-"+name+" -\n") {
			t.Errorf("tmpfiles.conf does not make %s", g.Home)
		}
		var got []string // of all lines together; a line of a human alone has the mask, too
		for line := range strings.Lines(lines) {
			if acl, ok := strings.CutPrefix(strings.TrimSpace(line), "a+ "+g.Home+" - - - - "); ok {
				got = append(got, strings.Split(acl, ",")...)
				if !strings.Contains(acl, ",m::rwx") || strings.Count(line, ":rwx") > 9 {
					t.Errorf("a line of %s is without the mask, or for more than one human: %s", g.Home, line)
				}
			}
		}
		modify, _ := homeACL(p)
		want := strings.Split(strings.NewReplacer(named...).Replace(modify), ",")
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s gets %q, want %q", g.Home, got, want)
		}
	}
}

func TestDeclaredAgentsThatCannotBeAreRefused(t *testing.T) {
	whole := string(moduleText(t, "spec.json"))
	for situation, c := range map[string]struct{ old, new, want string }{
		"an unknown key":            {`"mutableUsers"`, `"mutableusers_"`, "unknown field"},
		"an unknown preset":         {`"anthropic"`, `"anthropics"`, `security.au.agents.claude: preset "anthropics"`},
		"an unknown switch":         {`"nix"`, `"nixos"`, "security.au.agents.claude: policy: "},
		"a bad rule":                {`"*.example.org"`, `"*.*.org"`, "security.au.agents.claude: "},
		"a CPU share of nothing":    {`"150%"`, `"0%"`, "security.au.agents.claude: cpu share"},
		"a share outside the home":  {`"/home/claude/example"`, `"/home/alice"`, `target "/home/alice" is not inside /home/claude`},
		"a target that climbs out":  {`"/home/claude/example"`, `"/home/claude/../x"`, "is not inside"},
		"a system user's uid":       {`"uid": 54237`, `"uid": 54`, "security.au.agents.claude: policy: "},
		"a login in a URL":          {`"upstream": null`, `"upstream": {"url": "http://a:b@proxy:3128", "ca": "", "login": ""}`, "holds a login"},
		"one port for two purposes": {`"dnsPort": 61004`, `"dnsPort": 61003`, "want two"},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if text == whole {
			t.Fatalf("%s: %s is not in spec.json", situation, c.old)
		}
		d, err := ParseDeclared([]byte(text))
		if err == nil {
			_, err = d.Files(time.Now())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", situation, err, c.want)
		}
	}
}

func TestStanzaSaysThatItsVariablesAreNoSecret(t *testing.T) {
	const warning = "    # Everybody on a NixOS machine can read these: take out what is secret.\n"
	if got := Stanza(StanzaAgent{Name: "agent", SetEnv: []string{"KEY=1"}}); !strings.Contains(got, warning+"    setEnv = { \"KEY\" = \"1\"; };\n") {
		t.Errorf("got\n%s", got)
	}
	if got := Stanza(StanzaAgent{Name: "agent", KeepEnv: []string{"KEY"}}); strings.Contains(got, warning) {
		t.Errorf("without variables it is\n%s", got)
	}
}

func TestStanzaQuotesWhatNixWouldRead(t *testing.T) {
	got := Stanza(StanzaAgent{Name: "agent", UID: 1001, Group: 1002, Humans: []string{"alice"}, Shares: []DeclaredShare{{Source: `/a "${b}"`, Target: "c", ReadOnly: true, SamePath: true, Hide: []string{"*.key"}, ShowSecrets: true}}})
	want := "security.au = {\n  enable = true;\n  agents.\"agent\" = {\n    humans = [ \"alice\" ];\n    uid = 1001;\n    humansGid = 1002;\n" +
		"    shares.\"/a \\\"\\${b}\\\"\" = { target = \"c\"; readOnly = true; hide = [ \"*.key\" ]; showSecrets = true; };\n  };\n};\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
