// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALoginIsForItsOwnerAlone(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"good", "open"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "open"), 0o777); err != nil {
		t.Fatal(err)
	}
	put("good/login", "alice:word\n", 0o600)
	put("good/read-only", "alice:word\n", 0o400)
	put("good/for-all", "alice:word\n", 0o644)
	put("good/for-a-group", "alice:word\n", 0o640)
	put("good/no-login", "alice\n", 0o600)
	put("open/login", "alice:word\n", 0o600)
	if err := os.Symlink("../open/login", filepath.Join(root, "good/link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"good/login": "", "good/read-only": "", "good/for-all": "others can read it", "good/for-a-group": "others can read it", "good/no-login": "want one line",
		"open/login": "everybody can write it", "good/link": "everybody can write it", "good/none": "is not there", "good": "is not a file",
	} {
		err := checkLogin(root, "/"+name)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "alice")) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
