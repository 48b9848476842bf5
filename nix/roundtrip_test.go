// SPDX-License-Identifier: GPL-3.0-or-later

package nix_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/slices"
)

// everything is an agent of which all is set that can be.
func everything(t *testing.T) (provision.StanzaAgent, slices.Limits) {
	t.Helper()
	cpu, mem, swap, tasks := slices.CPU(1_500_000), slices.Size{Bytes: 16 << 30}, slices.Swap{Size: slices.Size{Bytes: 2 << 30}}, slices.Tasks(500)
	cpuWeight, ioWeight := slices.Weight(50), slices.Weight(20)
	limits := slices.Limits{CPU: &cpu, Memory: &mem, Swap: &swap, Tasks: &tasks, CPUWeight: &cpuWeight, IOWeight: &ioWeight}
	net := netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: 1002, Backend: netfilter.Iptables, Proxy: 61101, DNS: 61102, NoECH: true,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:5353")},
	}
	preset, err := netfilter.FindPreset("anthropic")
	if err != nil {
		t.Fatal(err)
	}
	net.Allow = preset.Entries()
	for _, word := range []string{"*.example.org", "git.example.org:22", "192.0.2.0/24", "localhost:3000"} {
		rule, err := netfilter.ParseRule(word)
		if err != nil {
			t.Fatal(err)
		}
		net.Allow = append(net.Allow, netfilter.Entry{Rule: rule})
	}
	denied, _ := netfilter.ParseRule("gist.example.org")
	net.Deny = []netfilter.Entry{{Rule: denied}}
	return provision.StanzaAgent{
		Name: "agent", UID: 1002, Group: 1003, Humans: []string{"alice", "bob"}, Limits: provision.StanzaLimits(limits), Allow: []string{"nix", "userns"},
		KeepEnv: []string{"EDITOR", "LC_*"}, Net: &net, Path: []string{"/home/alice/.cargo/bin", "/opt/go/bin"},
		Shares: []provision.DeclaredShare{
			{Source: `/home/alice/a "${b}" \c`, Target: "c/d", ReadOnly: true}, {Source: "/home/alice/example", Target: "example", SamePath: true},
			{Source: "/home/alice/.npmrc", Target: ".npmrc", ReadOnly: true, SamePath: true},
			{Source: "/home/alice/shop", Target: "shop", ReadOnly: true, SamePath: true, Draft: true, Hide: []string{"secrets", "*.key"}, ShowSecrets: true},
		},
	}, limits
}

// evaluated is what au reads of a NixOS machine with these lines.
func evaluated(t *testing.T, lines string) provision.Declared {
	t.Helper()
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		t.Skip("there is no nix here")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "lines.nix")
	if err := os.WriteFile(file, []byte("{\n"+lines+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nix-instantiate", "--eval", "--strict", "--json", "--arg", "lines", file, "roundtrip.nix")
	cmd.Env = append(os.Environ(), "NIX_STORE_DIR="+dir+"/store", "NIX_STATE_DIR="+dir+"/state", "NIX_CONF_DIR="+dir, "NIX_LOG_DIR="+dir+"/log", "NIX_REMOTE=")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, &said, lines)
	}
	d, err := provision.ParseDeclared(out)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An agent that was made by hand, listed as lines for NixOS, and declared by these, is the same.
func TestListedAgentsAreDeclaredAsTheyWere(t *testing.T) {
	agent, limits := everything(t)
	d := evaluated(t, provision.Stanza(agent))
	g := d.Agents["agent"]
	if got := g.Limits.Limits(); !reflect.DeepEqual(got, limits) {
		t.Errorf("limits are %+v, want %+v", got, limits)
	}
	if fmt.Sprint(g.Keep) != fmt.Sprint(agent.KeepEnv) || fmt.Sprint(g.Allow) != fmt.Sprint(agent.Allow) {
		t.Errorf("keepEnv is %q and allow %q", g.Keep, g.Allow)
	}
	if fmt.Sprint(g.MorePath) != fmt.Sprint(agent.Path) {
		t.Errorf("path is %q", g.MorePath)
	}
	if len(g.Shares) != 4 || !g.Shares[3].Draft || g.Shares[2].Draft || g.Shares[0].Source != "/home/alice/.npmrc" || !g.Shares[0].SamePath || g.Shares[1].SamePath || !g.Shares[2].SamePath {
		t.Errorf("shares are %+v", g.Shares)
	}
	if s := g.Shares; s[1].Source != agent.Shares[0].Source || s[1].Target != g.Home+"/c/d" || !s[1].ReadOnly || s[2].ReadOnly {
		t.Errorf("shares are %+v", g.Shares)
	}
	files, err := d.Files(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		switch f.Name {
		case "agents/agent":
			p, err := csrc.ParsePolicy([]byte(f.Text))
			if err != nil || p.UID != 1002 || p.Group != 1003 || len(p.Humans) != 2 || p.Humans[1] != (csrc.Human{UID: 1001, Name: "bob"}) || fmt.Sprint(p.Allow) != "[nix userns]" {
				t.Errorf("the policy is %+v, %v", p, err)
			}
		case "net/agent.toml":
			p, err := netfilter.ParsePolicy([]byte(f.Text))
			if err != nil {
				t.Fatal(err)
			}
			if !p.Declared {
				t.Errorf("the policy does not say that it is declared")
			}
			p.Declared = false
			if got, want := text(t, p), text(t, *agent.Net); got != want {
				t.Errorf("the network policy is\n%s\nwant\n%s", got, want)
			}
		}
	}
}

func TestAListedUpstreamIsDeclaredAsItWas(t *testing.T) {
	agent, _ := everything(t)
	agent.Net.Resolve = nil
	agent.Net.Upstream = netfilter.Upstream{URL: "http://proxy.example:3128", Login: "/etc/proxy-login"}
	got := evaluated(t, provision.Stanza(agent)).Agents["agent"].Net.Upstream
	if got == nil || *got != agent.Net.Upstream {
		t.Errorf("the upstream is %+v, want %+v", got, agent.Net.Upstream)
	}
}

func text(t *testing.T, p netfilter.Policy) string {
	t.Helper()
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What options cannot say is said, and what is nobody's choice is not pinned.
func TestListedAgentsLackWhatOptionsHaveNot(t *testing.T) {
	agent, _ := everything(t)
	agent.Net.Allow[len(agent.Net.Allow)-1].Until = time.Unix(2_000_000_000, 0)
	agent.Limits = provision.StanzaLimits(slices.Limits{})
	agent.Net.Deny[0].Until, agent.Net.Learn = time.Unix(2_000_000_000, 0), time.Unix(2_000_000_000, 0)
	agent.Net.Allow[0].Reason = "the model\n}; security = {"
	lines := provision.Stanza(agent)
	for _, want := range []string{
		"# Left out: gist.example.org, refused until 2033-05-18T03:33:20Z.\n", "# Left out: learning until 2033-05-18T03:33:20Z: what is not allowed is refused.\n",
		"# " + agent.Net.Allow[0].Rule.String() + `: "the model\n}; security = {"` + "\n",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not in\n%s", want, lines)
		}
	}
	if strings.Contains(lines, "deny = ") {
		t.Errorf("what is refused for a time is refused for good:\n%s", lines)
	}
	if !strings.Contains(lines, "# Left out: localhost:3000, allowed until 2033-05-18T03:33:20Z.") || strings.Contains(lines, "localhost = ") {
		t.Errorf("a rule for a time is not left out, and named:\n%s", lines)
	}
	if strings.Contains(lines, "tasks") {
		t.Errorf("a limit that nobody set is pinned:\n%s", lines)
	}
	if g := evaluated(t, lines).Agents["agent"]; g.Limits != (provision.DeclaredLimits{}) || len(g.Net.Localhost) != 0 {
		t.Errorf("limits are %+v, ports %v", g.Limits, g.Net.Localhost)
	}
}
