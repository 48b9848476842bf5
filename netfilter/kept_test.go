// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The network policies that earlier versions wrote are read, and make rules.
func TestKeptNetPolicies(t *testing.T) {
	files, _ := filepath.Glob("../provision/testdata/0.1/*/etc/au/net/*.toml")
	kinds := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePolicy(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		again, err := p.Text()
		if back, err2 := ParsePolicy([]byte(again)); err != nil || err2 != nil || fmt.Sprint(back) != fmt.Sprint(p) {
			t.Errorf("%s: written again it is another: %v, %v", file, err, err2)
		}
		if p.Agent+".toml" != filepath.Base(file) || !strings.Contains(p.Ruleset(time.Unix(1800000000, 0)), fmt.Sprint(p.UID)) {
			t.Errorf("%s: it makes no rules for its agent", file)
		}
		kinds["daemon"] = kinds["daemon"] || p.HasDaemon()
		kinds["human's proxy"] = kinds["human's proxy"] || !p.HasDaemon()
		kinds["upstream"] = kinds["upstream"] || p.Upstream.IsSet()
		kinds["denials"] = kinds["denials"] || len(p.Deny) > 0
		for _, e := range p.Allow {
			kinds["for a time"] = kinds["for a time"] || !e.Until.IsZero()
			kinds["preset"] = kinds["preset"] || e.Preset != ""
		}
	}
	if len(files) < 3 || len(kinds) != 6 {
		t.Errorf("there are %d, of which are %v", len(files), kinds)
	}
	for kind, there := range kinds {
		if !there {
			t.Errorf("none has a %s", kind)
		}
	}
}
