// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
)

func TestALargePolicyIsRefused(t *testing.T) {
	root := t.TempDir()
	path := root + csrc.PolicyPath("agent")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", maxPolicy+1)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Machine{Root: root, RootUID: uint32(os.Getuid())}.Policy("agent")
	if err == nil || !strings.HasSuffix(err.Error(), "is larger than 1 MiB") {
		t.Errorf("policy of more than 1 MiB: %v", err)
	}
}
