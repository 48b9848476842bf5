// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"strings"
	"testing"
)

// The command that lets pass what was refused: the hint of the daemon, of au net why, and the line of au net log --suggest.
func TestRemedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   Code
		target string // NAME@ADDRESS:PORT
		want   string // behind "au net allow --agent agent "; empty: nothing helps
	}{
		{"a_name", NotAllowed, "git.test@192.0.2.1:443", "git.test"},
		{"a_name_on_80", NotAllowed, "git.test@198.51.100.7:80", "git.test"},
		{"a_name_on_22", NotAllowed, "git.test@198.51.100.7:22", "git.test:22"},
		{"a_name_on_another_port", WrongPort, "git.test@198.51.100.7:8443", "git.test:8443"},
		{"a_question_for_a_name", NotAllowed, "git.test", "git.test"},
		{"a_name_that_ended", Expired, "git.test@198.51.100.7:443", "--for 2h git.test"},
		{"a_name_that_was_learned", Learned, "git.test@198.51.100.7:443", "git.test"},
		{"v4_on_443", NotAllowed, "@198.51.100.7:443", "198.51.100.7:443"},
		{"v4_on_80", NotAllowed, "@198.51.100.7:80", "198.51.100.7:80"},
		{"v4_on_22", NotAllowed, "@198.51.100.7:22", "198.51.100.7:22"},
		{"v6_on_443", NotAllowed, "@[2001:db8::7]:443", "[2001:db8::7]:443"},
		{"v6_on_80", NotAllowed, "@[2001:db8::7]:80", "[2001:db8::7]:80"},
		{"v6_on_22", NotAllowed, "@[2001:db8::7]:22", "[2001:db8::7]:22"},
		{"v4_on_another_port_than_allowed", WrongPort, "@198.51.100.7:5432", "198.51.100.7:5432"},
		{"v4_in_other_clothes", NotAllowed, "@[::ffff:198.51.100.7]:443", "198.51.100.7:443"},
		{"no_name_shown", NoName, "git.test@198.51.100.7:443", "198.51.100.7:443"},
		{"no_name_shown_v6", NoName, "@[2001:db8::7]:80", "[2001:db8::7]:80"},
		{"a_name_that_leads_inside", Private, "wiki.corp@10.1.2.3:443", "10.1.2.3:443"},
		{"a_name_that_leads_inside_v6", Private, "wiki.corp@[fd00::7]:22", "[fd00::7]:22"},
		{"a_name_that_leads_to_this_machine", Private, "wiki.corp@127.0.1.1:443", "localhost:443"},
		{"a_name_that_a_list_blocks", Private, "ads.test@0.0.0.0:80", "localhost:80"},
		{"translated", Private, "wiki.corp@[64:ff9b::a01:203]:443", "[64:ff9b::a01:203]:443"},
		{"a_port_of_this_machine", NotLocal, "@127.0.0.1:3000", "localhost:3000"},
		{"a_port_of_this_machine_v6", NotLocal, "@[::1]:443", "localhost:443"},
		{"a_port_of_this_machine_by_its_address", NotLocal, "@198.51.100.2:80", "localhost:80"},
		{"this_machine_by_zero", NotAllowed, "@0.0.0.0:22", "localhost:22"},
		{"no_port", Private, "wiki.corp@10.1.2.3:0", ""},
		{"no_port_v4", NotAllowed, "@198.51.100.7:0", ""},
		{"a_sinkhole_without_a_name", NotAllowed, "@192.0.2.1:443", ""},
		{"nobodys_name", NotAllowed, "au.invalid", ""},
		{"no_rule_could_name_it", NotAllowed, "127.1", ""},
		{"denied_on_purpose", DeniedByRule, "git.test@198.51.100.7:443", ""},
		{"allowed_already", Mismatch, "git.test@198.51.100.7:443", ""},
		{"allowed", Allowed, "git.test@198.51.100.7:443", ""},
		{"not_there", Unreachable, "git.test@198.51.100.7:443", ""},
		{"no_rule_is_for_that", NotTCP, "git.test@198.51.100.7:443", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want != "" {
				want = "au net allow --agent agent " + want
			}
			if got := ptr(sample()).Remedy(c.code, targetOf(t, c.target)); got != want {
				t.Errorf("the remedy is %q, want %q", got, want)
			}
		})
	}
}

// The command of a remedy opens what was refused, and no other port.
func TestRemedyOpensOnePort(t *testing.T) {
	for _, text := range []string{"git.test@198.51.100.7:22", "@198.51.100.7:443", "@198.51.100.7:80", "@198.51.100.7:22", "@[2001:db8::7]:443", "@10.1.2.3:443"} {
		target := targetOf(t, text)
		rule, ok := Opening(NotAllowed, target)
		if !ok {
			t.Fatalf("nothing opens %s", text)
		}
		p := Policy{Allow: []Entry{{Rule: rule}}}
		for _, port := range []uint16{22, 80, 443, 5432} {
			got := p.Addr(netip.AddrPortFrom(target.Addr, port), noon).OK || target.Name != "" && p.Name(target.Name, port, noon).OK
			if got != (port == target.Port) {
				t.Errorf("%s for %s: port %d is open: %v", rule, text, port, got)
			}
		}
	}
}

func targetOf(t *testing.T, text string) Target {
	t.Helper()
	name, at, found := strings.Cut(text, "@")
	if !found {
		return Target{Name: text}
	}
	dst, err := netip.ParseAddrPort(at)
	must(t, err)
	return Target{Name: name, Addr: dst.Addr(), Port: dst.Port()}
}

// A remedy for what was switched off leaves alone what else was chosen.
func TestAgainSaysWhatWasChosen(t *testing.T) {
	p := sample()
	p.NoECH, p.Backend = true, Iptables
	p.Resolve = []netip.AddrPort{addrPort("192.0.2.53:53"), addrPort("[2001:db8::53]:5353")}
	const servers = " --dns 192.0.2.53 --dns [2001:db8::53]:5353 --backend iptables"
	if got, want := p.Again(), "au net restrict --agent agent --no-ech"+servers; got != want {
		t.Errorf("again is %q, want %q", got, want)
	}
	if got, want := p.Remedy(HiddenName, Target{}), "au net restrict --agent agent"+servers+" --ech"; got != want {
		t.Errorf("the remedy is %q, want %q", got, want)
	}
	if got, want := ptr(humansProxy()).Again(), "au net restrict --agent agent --proxy 3128,3129 --dns 203.0.113.53 --dns 2001:db8:2::53"; got != want {
		t.Errorf("again is %q, want %q", got, want)
	}
}

// Where the policy is declared in a NixOS configuration the commands are refused: the answer names options.
func TestRemediesOfADeclaredPolicyAreOptions(t *testing.T) {
	p := Policy{Agent: "agent", Declared: true, Backend: Iptables, NoECH: true}
	for _, code := range []Code{NotAllowed, Expired, HiddenName} {
		got := p.Remedy(code, Target{Name: "example.org", Port: 443})
		if strings.Contains(got, "au net") || !strings.HasPrefix(got, "security.au.agents.agent.net.") {
			t.Errorf("%v: %q", code, got)
		}
	}
	if got, want := p.AllowCommand("--for", "2h", "a.test", "b.test"), `security.au.agents.agent.net.allow can have "a.test" "b.test" in the NixOS configuration`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := p.Again(); got != "sudo nixos-rebuild switch" {
		t.Errorf("%q puts it in force", got)
	}
}
