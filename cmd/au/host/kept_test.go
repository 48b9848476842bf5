// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
)

// A file that an earlier version wrote belongs to its agent while that is there, and is known as au's once it is gone.
func TestKeptFilesAreKnown(t *testing.T) {
	roots, _ := filepath.Glob("../../../provision/testdata/0.1/*/etc")
	if len(roots) < 1 {
		t.Fatalf("there are only %q", roots)
	}
	for _, etc := range roots {
		h := Real("")
		h.Root, h.RootUID = t.TempDir(), uint32(os.Getuid())
		if err := os.CopyFS(h.Root+"/etc", os.DirFS(etc)); err != nil {
			t.Fatal(err)
		}
		agents, err := h.Policies()
		if err != nil || len(agents) < 3 {
			t.Errorf("%s: %d agents are known: %v", etc, len(agents), err)
		}
		if left, err := h.LeftBehind(); err != nil || len(left)+len(h.WatcherLeft()) > 0 {
			t.Errorf("%s: left behind is %q, %q, %v", etc, left, h.WatcherLeft(), err)
		}
		if err := os.RemoveAll(h.Root + csrc.PolicyDir); err != nil {
			t.Fatal(err)
		}
		left, err := h.LeftBehind()
		left = append(left, h.WatcherLeft()...)
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{provision.UnitDir + "/*", provision.UnitDir + "/*.d/au*.conf", provision.NetDir + "/*", provision.AgesDir + "/*", "/etc/au/limits/*"} {
			files, _ := filepath.Glob(h.Root + pattern)
			for _, file := range files {
				info, err := os.Stat(file)
				if name := file[len(h.Root):]; err == nil && info.Mode().IsRegular() && !slices.Contains(left, name) {
					t.Errorf("%s: %s is not known to be au's", etc, name)
				}
			}
		}
	}
}
