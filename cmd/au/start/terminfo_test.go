// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
)

func TestTerminfo(t *testing.T) {
	home := t.TempDir()
	entry := append([]byte{0x1e, 0x02}, bytes.Repeat([]byte("x"), 3000)...)
	put := func(path string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(home+"/"+path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(home+"/"+path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("app/x/xterm-mine", entry)
	put("mac/78/xterm-other", entry)
	put(".terminfo/h/homely", entry)
	put("app/s/secret", []byte("no description at all"))
	put("app/l/long", append(entry, make([]byte, maxTerminfo)...))
	put("system/k/known", entry)
	put("app/k/known", entry)
	if err := os.Mkdir(home+"/app/x/folder", 0o755); err != nil {
		t.Fatal(err)
	}
	before := systemTerminfo
	systemTerminfo = []string{home + "/system"}
	defer func() { systemTerminfo = before }()
	t.Setenv("TERMINFO", home+"/app")
	t.Setenv("TERMINFO_DIRS", ":relative:"+home+"/mac")
	carried := "TERMINFO=b64:" + base64.StdEncoding.EncodeToString(entry)
	for term, want := range map[string]string{
		"xterm-mine": carried, "xterm-other": carried, "homely": carried,
		"known": "", "nosuch": "", "secret": "", "long": "", "folder": "", "": "", "../app/x/xterm-mine": "", ".": "", "..": "",
	} {
		if got := terminfo(term, home); got != want {
			t.Errorf("for TERM=%s the command gets %.60q, not %.60q", term, got, want)
		}
	}
	t.Setenv("TERMINFO", "b64:abc")
	if got := terminfo("anything", home); got != "TERMINFO=b64:abc" {
		t.Errorf("a description in the variable itself became %q", got)
	}
}
