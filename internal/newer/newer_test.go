// SPDX-License-Identifier: GPL-3.0-or-later

package newer

import (
	"errors"
	"fmt"
	"testing"
)

func TestLine(t *testing.T) {
	for line, want := range map[string]bool{
		"au-policy 3": true, "au-policy 12": true, "au-policy 2": false, "au-policy 1": false, "au-policy 0": false, "au-policy 03": false, "au-policy +3": false,
		"au-policy ": false, "au-policy 3 ": false, "au-policy x": false, "au-policy 99999999999999999999": false, "policy 3": false, "": false,
	} {
		err := Line(line, "au-policy ", 2)
		if (err != nil) != want {
			t.Errorf("%q: %v", line, err)
		}
		if err != nil && err.Error() != line+": a newer au than this one wrote it" {
			t.Errorf("it says %q", err)
		}
	}
}

func TestWrote(t *testing.T) {
	for _, err := range []error{Format("version 2"), Key("colour")} {
		if !Wrote(fmt.Errorf("/etc/x: %w", err)) {
			t.Errorf("%v is of no newer au", err)
		}
	}
	if Wrote(nil) || Wrote(errors.New("a newer au than this one wrote it")) {
		t.Error("anything is of a newer au")
	}
}
