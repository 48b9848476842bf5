// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// rulesOf reads "a.test b.test+1h", an hour being how long the second one has; "a.test@1h" is suspended for one.
func rulesOf(t *testing.T, text string, now time.Time) []netfilter.Entry {
	t.Helper()
	var list []netfilter.Entry
	for _, word := range strings.Fields(text) {
		rule, until, _ := strings.Cut(word, "+")
		rule, from, _ := strings.Cut(rule, "@")
		var e netfilter.Entry
		for at, span := range map[*time.Time]string{&e.Until: until, &e.From: from} {
			if d, err := time.ParseDuration(span); err == nil {
				*at = now.Add(d)
			}
		}
		if err := e.Rule.UnmarshalText([]byte(rule)); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func rulesText(list []netfilter.Entry, now time.Time) string {
	var words []string
	for _, e := range list {
		word := e.Rule.String()
		if !e.From.IsZero() {
			word += "@" + e.From.Sub(now).String()
		}
		if !e.Until.IsZero() {
			word += "+" + e.Until.Sub(now).String()
		}
		words = append(words, word)
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(strings.Join(words, " "))
}

func TestChangesOfRules(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		change                        func(netfilter.Policy, []netfilter.Entry) netfilter.Policy
		allow, deny, added            string
		wantAllow, wantDeny, wantThen string // allowed after two hours, of www.a.test
	}{
		"allow":                          {grant, "", "", "a.test", "a.test", "", "no"},
		"allow_what_is_denied":           {grant, "*.a.test", "www.a.test", "www.a.test", "*.a.test www.a.test", "", "yes"},
		"for_an_hour":                    {grant, "*.a.test", "", "www.a.test+1h", "*.a.test www.a.test+1h", "", "yes"},
		"for_an_hour_what_is_denied":     {grant, "*.a.test", "www.a.test", "www.a.test+1h", "*.a.test www.a.test+1h", "www.a.test@1h", "no"},
		"for_longer_than_it_is_denied":   {grant, "*.a.test", "www.a.test+30m", "www.a.test+1h", "*.a.test www.a.test+1h", "", "yes"},
		"for_less_than_it_is_denied":     {grant, "*.a.test", "www.a.test+3h", "www.a.test+1h", "*.a.test www.a.test+1h", "www.a.test@1h+3h", "no"},
		"another_hour":                   {grant, "*.a.test www.a.test+1h", "www.a.test@1h", "www.a.test+2h", "*.a.test www.a.test+2h", "www.a.test@2h", "no"},
		"for_good_after_all":             {grant, "www.a.test+1h", "www.a.test@1h", "www.a.test", "www.a.test", "", "yes"},
		"deny":                           {forbid, "*.a.test", "", "www.a.test", "*.a.test", "www.a.test", "no"},
		"deny_what_is_allowed":           {forbid, "www.a.test", "", "www.a.test", "", "www.a.test", "no"},
		"deny_for_an_hour":               {forbid, "www.a.test", "", "www.a.test+1h", "www.a.test", "www.a.test+1h", "yes"},
		"deny_for_an_hour_what_was":      {forbid, "*.a.test", "www.a.test", "www.a.test+1h", "*.a.test", "www.a.test", "no"},
		"deny_for_less_than_before":      {forbid, "*.a.test", "www.a.test+3h", "www.a.test+1h", "*.a.test", "www.a.test+3h", "no"},
		"deny_for_longer_than_before":    {forbid, "*.a.test", "www.a.test+1h", "www.a.test+3h", "*.a.test", "www.a.test+3h", "no"},
		"deny_what_is_granted_meanwhile": {forbid, "*.a.test www.a.test+1h", "www.a.test@1h", "www.a.test+30m", "*.a.test www.a.test+1h", "www.a.test", "no"},
	} {
		t.Run(name, func(t *testing.T) {
			before := netfilter.Policy{Allow: rulesOf(t, c.allow, now), Deny: rulesOf(t, c.deny, now)}
			after := c.change(before, rulesOf(t, c.added, now))
			if allow, deny := rulesText(after.Allow, now), rulesText(after.Deny, now); allow != c.wantAllow || deny != c.wantDeny {
				t.Errorf("allowed is %q and denied %q, want %q and %q", allow, deny, c.wantAllow, c.wantDeny)
			}
			if then := after.Name("www.a.test", 443, now.Add(2*time.Hour)).OK; then != (c.wantThen == "yes") {
				t.Errorf("two hours later it is allowed: %v", then)
			}
			if text := rulesText(before.Allow, now) + "|" + rulesText(before.Deny, now); text != c.allow+"|"+c.deny {
				t.Errorf("the policy that was given is %q now", text)
			}
		})
	}
}
