// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"
)

func TestPresets(t *testing.T) {
	all, err := Presets()
	must(t, err)
	if len(all) < 10 {
		t.Fatalf("only %d presets", len(all))
	}
	seen := map[string]bool{}
	for _, p := range all {
		source, err := url.Parse(p.Source)
		switch {
		case !isName(p.Name) || seen[p.Name]:
			t.Errorf("preset %q: a name that is taken, or none", p.Name)
		case p.About == "" || strings.Contains(p.About, "\n"):
			t.Errorf("preset %q does not say in a line what it is", p.Name)
		case p.Group != "models" && p.Group != "git" && p.Group != "packages":
			t.Errorf("preset %q is in no group", p.Name)
		case err != nil || source.Scheme != "https" || source.Host == "":
			t.Errorf("preset %q has the source %q", p.Name, p.Source)
		case len(p.Allow) == 0:
			t.Errorf("preset %q allows nothing", p.Name)
		}
		seen[p.Name] = true
		for _, name := range p.Also {
			if _, err := FindPreset(name); err == nil || !strings.Contains(err.Error(), "--preset "+p.Name) {
				t.Errorf("preset %q is answered with %v, not with %s", name, err, p.Name)
			}
		}
		rules := map[Rule]bool{}
		for _, rule := range p.Allow {
			if rules[rule] || rule.Kind == Network || rule.Kind == Localhost {
				t.Errorf("preset %q: %s stands twice, or is no name", p.Name, rule)
			}
			rules[rule] = true
			// ParseRule refuses them as well; a rule that allows everybody's subdomains is no preset either way.
			if suffix, _ := publicsuffix.PublicSuffix(rule.Host); rule.Kind == Wildcard && suffix == rule.Host {
				t.Errorf("preset %q: anybody can have a name below %s", p.Name, rule)
			}
		}
		for _, rule := range p.Unconfirmed {
			if !rules[rule] {
				t.Errorf("preset %q: %s is unconfirmed and not allowed", p.Name, rule)
			}
		}
		policy := sample()
		policy.Allow = p.Entries()
		if _, err := policy.Text(); err != nil {
			t.Errorf("preset %q fits into no policy: %v", p.Name, err)
		}
	}
	for _, name := range []string{"anthropic", "openai", "google", "mistral", "github", "gitlab", "go", "npm", "pypi", "rust", "debian"} {
		if !seen[name] {
			t.Errorf("no preset %q", name)
		}
	}
	if _, err := FindPreset("antropic"); err == nil || !strings.Contains(err.Error(), "anthropic") {
		t.Errorf("a mistyped preset: %v", err)
	}
}
