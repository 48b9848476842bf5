// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
)

func TestNests(t *testing.T) {
	for line, want := range map[string]bool{
		"bwrap --ro-bind / / true": true, "/usr/bin/bwrap": true, "bwrapped": false, "sh -c bwrap": false,
		"chromium --headless": true, "chromium --headless --no-sandbox": false, "buildah bud .": true,
		"codex": false, "codex exec sandbox": false, "codex sandbox -- true": true,
	} {
		if got := nests(csrc.Policy{Allow: []string{"i386"}}, strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	for _, word := range []string{"userns", "setuid"} {
		if nests(csrc.Policy{Allow: []string{word}}, []string{"bwrap"}) {
			t.Errorf("with --unlock %s nothing is refused", word)
		}
	}
}
