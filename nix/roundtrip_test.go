// SPDX-License-Identifier: GPL-3.0-or-later

package nix_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	stdslices "slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
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
	presets, err := netfilter.Presets()
	if err != nil {
		t.Fatal(err)
	}
	for _, preset := range presets {
		net.Allow = append(net.Allow, preset.Entries()...)
	}
	net.Allow = append(net.Allow, rules(t, "*.example.org", "*.example.net:8443", "git.example.org:22", "192.0.2.0/24", "192.0.2.7:22", "2001:db8::/32", "[2001:db8::7]:443", "localhost:3000")...)
	net.Deny = rules(t, "gist.example.org", "*.example.com", "198.51.100.0/24")
	programs, err := setup.Programs()
	if err != nil {
		t.Fatal(err)
	}
	var switches []string
	for _, s := range csrc.Switches {
		switches = append(switches, s.Word)
	}
	return provision.StanzaAgent{
		Name: "agent", Left: []string{"cpu = 33.3%"}, UID: 1002, Group: 1003, Humans: []string{"alice", "bob"}, Limits: provision.StanzaLimits(limits), Allow: switches,
		KeepEnv: []string{"EDITOR", "LC_*"}, Net: &net, Path: []string{"/home/alice/.cargo/bin", "/opt/go/bin"},
		SetEnv: []string{"in=a \"${b}\" \\c\r\nd", "TZ=UTC", "TZ=CET"}, Programs: programs,
		Shares: []provision.DeclaredShare{
			{Source: `/home/alice/a "${b}" \c`, Target: "c/d", ReadOnly: true}, {Source: "/home/alice/example", Target: "example", SamePath: true},
			{Source: "/home/alice/.npmrc", Target: ".npmrc", ReadOnly: true, SamePath: true},
			{Source: "/home/alice/shop", Target: "shop", ReadOnly: true, SamePath: true, Draft: true, Hide: []string{"secrets", "*.key"}, ShowSecrets: true},
		},
	}, limits
}

func rules(t *testing.T, words ...string) (all []netfilter.Entry) {
	t.Helper()
	for _, word := range words {
		rule, err := netfilter.ParseRule(word)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, netfilter.Entry{Rule: rule})
	}
	return all
}

// evaluated is what au reads of a NixOS machine with these lines, and which packages the agent has there.
func evaluated(t *testing.T, lines string) (provision.Declared, []string) {
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
	var machine struct {
		Spec     json.RawMessage `json:"spec"`
		Packages []string        `json:"packages"`
	}
	if err := json.Unmarshal(out, &machine); err != nil {
		t.Fatal(err)
	}
	d, err := provision.ParseDeclared(machine.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return d, machine.Packages
}

// An agent that was made by hand, listed as lines for NixOS, and declared by these, is the same.
func TestListedAgentsAreDeclaredAsTheyWere(t *testing.T) {
	agent, limits := everything(t)
	d, packages := evaluated(t, provision.Stanza(agent))
	g := d.Agents["agent"]
	if got := g.Limits.Limits(); !reflect.DeepEqual(got, limits) {
		t.Errorf("limits are %+v, want %+v", got, limits)
	}
	one, two := uint32(1000), uint32(1001) // the machine's alice and bob
	want := provision.DeclaredAgent{
		UID: agent.UID, GID: agent.UID, Group: agent.Group, Home: "/home/agent", Allow: agent.Allow, Keep: agent.KeepEnv, MorePath: agent.Path,
		Humans: []provision.DeclaredHuman{{Name: "alice", UID: &one}, {Name: "bob", UID: &two}}, Set: []string{"TZ=CET", agent.SetEnv[0]},
		Tag: g.Tag, Shell: g.Shell, Path: g.Path, Limits: g.Limits, Net: g.Net,
	}
	for _, s := range agent.Shares {
		s.Target = want.Home + "/" + s.Target
		if s.Hide == nil {
			s.Hide = []string{}
		}
		want.Shares = append(want.Shares, s)
	}
	bySource := func(a, b provision.DeclaredShare) int { return strings.Compare(a.Source, b.Source) }
	stdslices.SortFunc(want.Shares, bySource)
	stdslices.SortFunc(g.Shares, bySource)
	if !reflect.DeepEqual(g, want) {
		t.Errorf("the agent is\n%+v\nwant\n%+v", g, want)
	}
	var names []string
	for _, p := range agent.Programs {
		if p.Nixpkgs != "" {
			names = append(names, "/nix/store/"+p.Nixpkgs)
		}
	}
	if !stdslices.Equal(packages, names) {
		t.Errorf("the packages are %q, want %q", packages, names)
	}
	hasPolicies(t, d, agent)
}

// Names and values that au shows nobody as they are come through Nix, from the lines as au prints them.
func TestOddNamesAreDeclaredAsTheyWere(t *testing.T) {
	const odd = "x\u009b7\u202ey\U000e0041\x01${z}\" \t"
	agent := provision.StanzaAgent{Name: "agent", UID: 1002, Group: 1003, Humans: []string{"alice"}, SetEnv: []string{"A=" + odd}, Path: []string{"/opt/" + odd}, Shares: []provision.DeclaredShare{
		{Source: "/srv/" + odd, Target: "a" + odd, ReadOnly: true, SamePath: true, Hide: []string{odd}},
	}}
	d, _ := evaluated(t, quote.Text(provision.Stanza(agent)))
	g := d.Agents["agent"]
	if s := g.Shares[0]; s.Source != "/srv/"+odd || s.Target != g.Home+"/a"+odd || s.Hide[0] != odd {
		t.Errorf("the share is %#v", s)
	}
	if g.MorePath[0] != "/opt/"+odd || !stdslices.Contains(g.Set, "A="+odd) {
		t.Errorf("the path is %+q, and the variables are %+q", g.MorePath, g.Set)
	}
}

// hasPolicies sees that what root's policies say of the declared agent is what those of the listed one said.
func hasPolicies(t *testing.T, d provision.Declared, agent provision.StanzaAgent) {
	t.Helper()
	files, err := d.Files(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		switch f.Name {
		case "agents/agent":
			seen++
			p, err := csrc.ParsePolicy([]byte(f.Text))
			if err != nil || p.UID != agent.UID || p.Group != agent.Group || len(p.Humans) != 2 || p.Humans[1] != (csrc.Human{UID: 1001, Name: "bob"}) || !stdslices.Equal(p.Allow, agent.Allow) {
				t.Errorf("the policy is %+v, %v", p, err)
			}
		case "net/agent.toml":
			seen++
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
	if seen != 2 {
		t.Errorf("%d policies, want 2", seen)
	}
}

// A value that is limited elsewhere by default, and was not for this agent, is not limited for the declared one either.
func TestListedLimitsThatWereTakenAwayStayAway(t *testing.T) {
	mem, none, tasks := slices.Size{Bytes: 16 << 30}, slices.Swap{Size: slices.Size{Bytes: slices.Infinity}}, slices.Tasks(slices.Infinity)
	nothing := slices.Swap{}
	for situation, c := range map[string]struct{ has, want slices.Limits }{
		"swap and tasks as many as there are": {slices.Limits{Memory: &mem, Swap: &none, Tasks: &tasks}, slices.Limits{Memory: &mem, Swap: &none, Tasks: &tasks}},
		"a swap limit that was reset":         {slices.Limits{Memory: &mem}, slices.Limits{Memory: &mem, Swap: &none}},
		"no swap":                             {slices.Limits{Memory: &mem, Swap: &nothing}, slices.Limits{Memory: &mem, Swap: &nothing}},
		"nothing":                             {slices.Limits{}, slices.Limits{}},
	} {
		listed := provision.Stated{Name: "agent", UID: 1002, Group: 1003, Home: "/home/agent", Humans: []string{"alice"}, Limits: c.has}.Stanza()
		d, _ := evaluated(t, provision.Stanza(listed))
		if got := d.Agents["agent"].Limits.Limits(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: limits are %+v, want %+v", situation, got, c.want)
		}
	}
}

func TestAListedUpstreamIsDeclaredAsItWas(t *testing.T) {
	for _, upstream := range []netfilter.Upstream{
		{URL: "http://proxy.example:3128", Login: "/etc/proxy-login"},
		{URL: "https://[2001:db8::3]:3128", CA: authority(t)},
	} {
		agent, _ := everything(t)
		agent.Net.Resolve, agent.Net.Upstream = nil, upstream
		d, _ := evaluated(t, provision.Stanza(agent))
		if got := d.Agents["agent"].Net.Upstream; got == nil || *got != upstream {
			t.Errorf("the upstream is %+v, want %+v", got, upstream)
		}
		hasPolicies(t, d, agent)
	}
}

// authority is a CA in PEM, with lines as Windows ends them.
func authority(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, ca, ca, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "\n", "\r\n")
}

func text(t *testing.T, p netfilter.Policy) string {
	t.Helper()
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A note says what options cannot say, and what is nobody's choice is not pinned.
func TestListedAgentsLackWhatOptionsHaveNot(t *testing.T) {
	agent, _ := everything(t)
	agent.Net.Allow[len(agent.Net.Allow)-1].Until = time.Unix(2_000_000_000, 0)
	agent.Limits = provision.StanzaLimits(slices.Limits{})
	agent.Net.Deny[0].Until, agent.Net.Learn = time.Unix(2_000_000_000, 0), time.Unix(2_000_000_000, 0)
	agent.Net.Allow[0].Reason = "the model\r\n}; security = {"
	agent.Net.Deny[1].From = time.Unix(2_000_000_000, 0)
	lines := provision.Stanza(agent)
	for _, want := range []string{
		"# Left out: gist.example.org, refused until 2033-05-18T03:33:20Z.\n", "# Left out: learning until 2033-05-18T03:33:20Z: what is not allowed is refused.\n",
		"# " + agent.Net.Allow[0].Rule.String() + `: "the model\r\n}; security = {"` + "\n",
		"# *.example.com: refused from 2033-05-18T03:33:20Z on; here it is at once.\n", "# Left out: cline, ",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not in\n%s", want, lines)
		}
	}
	if !strings.Contains(lines, `deny = [ "*.example.com" "198.51.100.0/24" ];`) {
		t.Errorf("what is refused for a time is refused for good:\n%s", lines)
	}
	if !strings.Contains(lines, "# Left out: localhost:3000, allowed until 2033-05-18T03:33:20Z.") || strings.Contains(lines, "localhost = ") {
		t.Errorf("a rule for a time is not left out, and named:\n%s", lines)
	}
	if strings.Contains(lines, "tasks") {
		t.Errorf("a limit that nobody set is pinned:\n%s", lines)
	}
	d, _ := evaluated(t, lines)
	if g := d.Agents["agent"]; g.Limits != (provision.DeclaredLimits{}) || len(g.Net.Localhost) != 0 {
		t.Errorf("limits are %+v, ports %v", g.Limits, g.Net.Localhost)
	}
}
