// SPDX-License-Identifier: GPL-3.0-or-later

package nix_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/slices"
)

// settings are what can be set of an agent elsewhere, field by field: the option of the module that sets it, or "no option: " and
// why there is none.
var settings = []struct {
	of      any
	options map[string]string
}{
	{config.Agent{}, map[string]string{
		"UserName":         "<name>",
		"Group":            "humansGid",
		"Entrypoint":       "no option: security.wrappers makes it",
		"EntrypointSHA256": "no option: the Nix store does not change",
		"EntrypointStamp":  "no option: the Nix store does not change",
		"Bootstrapped":     "no option: a switch makes the whole agent",
		"Mounts":           "shares",
		"KeepEnv":          "keepEnv",
		"Path":             "path",
		"SetEnv":           "setEnv",
	}},
	{config.Mount{}, map[string]string{
		"Source":      "shares.<name>",
		"Target":      "shares.<name>.target",
		"ReadOnly":    "shares.<name>.readOnly",
		"ACL":         "no option: the entrypoint mounts what the module declares",
		"TargetOnly":  "shares.<name>.samePath",
		"Draft":       "shares.<name>.draft",
		"Hide":        "shares.<name>.hide",
		"ShowSecrets": "shares.<name>.showSecrets",
		"Unknown":     "no option: what a newer au wrote into a config",
	}},
	{csrc.Policy{}, map[string]string{
		"Version":   "no option: the entrypoint's own",
		"Name":      "<name>",
		"UID":       "uid",
		"GID":       "uid",
		"Group":     "humansGid",
		"Home":      "home",
		"Shell":     "shell",
		"Tag":       "no option: it follows from name and uid",
		"Path":      "packages",
		"Humans":    "humans",
		"EnterGIDs": "humansGid",
		"SHA256":    "no option: the Nix store does not change",
		"Cgroups":   "no option: it follows from the uid",
		"Hide":      "no option: it follows from unlock and from the homes of others",
		"Show":      "no option: it follows from unlock",
		"Allow":     "unlock",
	}},
	{slices.Limits{}, map[string]string{
		"CPU":       "cpu",
		"Memory":    "memory",
		"Swap":      "swap",
		"Tasks":     "tasks",
		"CPUWeight": "cpuWeight",
		"IOWeight":  "ioWeight",
	}},
	{netfilter.Policy{}, map[string]string{
		"Version":  "no option: the file's own",
		"Agent":    "<name>",
		"UID":      "uid",
		"Declared": "no option: true for all that the module writes",
		"SubUIDs":  "no option: the module gives agents none",
		"Backend":  "net.backend",
		"Proxy":    "net.proxyPort",
		"DNS":      "net.dnsPort",
		"Resolve":  "net.dns",
		"NoECH":    "net.ech",
		"OldECH":   "no option: only read, from before",
		"Learn":    "no option: it ends by itself",
		"Upstream": "net.upstream.url",
		"Human":    "no option: the module has au's daemon only, and `au list --nix` says so",
		"Allow":    "net.allow",
		"Deny":     "net.deny",
		"NAT64":    "no option: learned of the network",
	}},
	{netfilter.Entry{}, map[string]string{
		"Rule":   "net.allow",
		"From":   "no option: it ends by itself",
		"Until":  "no option: it ends by itself",
		"Reason": "no option: a comment of the configuration",
		"Preset": "net.presets",
	}},
}

// The programs of `au setup` are those of the module, as the same packages.
func TestProgramsOfTheModuleAreThoseOfSetup(t *testing.T) {
	text, err := os.ReadFile("module/programs.nix")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+) = "([a-z-]+)";$`).FindAllStringSubmatch(string(text), -1) {
		got[m[1]] = m[2]
	}
	all, err := setup.Programs()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, p := range all {
		if p.Nixpkgs != "" {
			want[p.Name] = p.Nixpkgs
		}
	}
	if len(want) < 5 || !maps.Equal(got, want) {
		t.Errorf("module/programs.nix has %v, and provision/setup/programs.toml %v", got, want)
	}
}

// unlisted are the options that everything does not set, and why.
var unlisted = map[string]string{
	"home":     "au new makes each home where the module has it by default",
	"shell":    "a shell of another system is no shell of NixOS",
	"packages": "those of another system have other names",

	"net.upstream.url":       "a test of its own: no agent has it and name servers",
	"net.upstream.ca":        "a test of its own, too",
	"net.upstream.loginFile": "a test of its own, too",
}

// A setting of an agent is an option of the module, or is named here with the reason: a setting that is added has to be one of the
// two.
func TestWhatCanBeSetIsAnOption(t *testing.T) {
	known := options(t)
	for _, s := range settings {
		kind := reflect.TypeOf(s.of)
		for _, field := range reflect.VisibleFields(kind) {
			option, named := s.options[field.Name]
			switch {
			case !named:
				t.Errorf("%s.%s is no option of the module: add one to nix/module, testdata/machine.nix and everything, or name it in settings with the reason", kind, field.Name)
			case !strings.HasPrefix(option, "no option: ") && option != "<name>" && !known[strings.TrimSuffix(option, ".<name>")]:
				t.Errorf("%s.%s: the module has no option %s", kind, field.Name, option)
			}
		}
		for name := range s.options {
			if _, found := kind.FieldByName(name); !found {
				t.Errorf("%s has no field %s any more", kind, name)
			}
		}
	}
}

// The lists, declarations and comparisons have all options but those that are named, so that none is lost on the way.
func TestEveryOptionIsListed(t *testing.T) {
	agent, limits := everything(t)
	for _, all := range []any{agent, limits, agent.Shares[len(agent.Shares)-1]} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(all)) {
			if reflect.ValueOf(all).FieldByIndex(field.Index).IsZero() {
				t.Errorf("everything sets no %T.%s", all, field.Name)
			}
		}
	}
	lines := provision.Stanza(agent)
	for option := range options(t) {
		above, last := "^    ", option[strings.LastIndex(option, ".")+1:]
		switch {
		case strings.HasPrefix(option, "net."):
			above = "^      "
		case strings.HasPrefix(option, "shares.<name>."):
			above = "^    shares[.].*[ {]"
		}
		listed := regexp.MustCompile("(?m)" + above + last + "( = |[.])").MatchString(lines)
		if why := unlisted[option]; listed == (why != "") {
			t.Errorf("option %s: listed %v, and the reason against it is %q, in\n%s", option, listed, why, lines)
		}
	}
}

// options returns the names of the options of one agent, as docs/nixos-options.md has them, which nix/check compares with the
// module.
func options(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../docs/nixos-options.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^## `security[.]au[.]agents[.]<name>[.](.*)`$").FindAllStringSubmatch(string(text), -1) {
		known[m[1]] = true
	}
	if len(known) < 20 || !known["shares.<name>.target"] {
		t.Fatalf("docs/nixos-options.md names only %v", known)
	}
	return known
}
