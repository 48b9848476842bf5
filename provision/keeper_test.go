// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"testing"

	"github.com/a4u2/au/slices"
)

// The entrypoint looks for the temporary files where the unit mounts them, and au removes them there.
func TestTemporaryFilesAreInOnePlace(t *testing.T) {
	if got, want := slices.TemporaryFolder("agent"), StateDir+"/agent"; got != want {
		t.Errorf("the unit mounts them on %s, and they are looked for on %s", got, want)
	}
}
