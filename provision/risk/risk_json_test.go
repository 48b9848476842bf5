// SPDX-License-Identifier: GPL-3.0-or-later

package risk

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestADetailInJSONKeepsItsBytes(t *testing.T) {
	for _, detail := range []string{"to /a", "to /d\xe9", "\xff\x00x"[:1], "$'x'", "a $'x'", "é", "to /it's \xe9\n"} {
		text, err := json.Marshal(Finding{"p", "symlink", detail})
		if err != nil {
			t.Fatal(err)
		}
		var back struct{ Detail string }
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		got := back.Detail
		if strings.HasPrefix(got, "$'") || strings.HasPrefix(got, "'$") {
			out, err := exec.Command("bash", "-c", "printf %s. "+got).Output()
			if err != nil {
				t.Fatal(err)
			}
			got = strings.TrimSuffix(string(out), ".")
		}
		if got != detail {
			t.Errorf("%q came back as %q, from %s", detail, got, text)
		}
	}
}
