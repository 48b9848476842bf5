// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
)

// A config that agents can write is not obeyed: by what it says itself, and by what the human's usual one says of one that was
// named.
func TestAConfigInAShareIsRefused(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := func(source string) string {
		return fmt.Sprintf("[[agents]]\nuser_name = \"agent\"\nsu_as_agent_group = \"su-as-agent\"\nentrypoint = \"/e\"\nentrypoint_sha256 = \"\"\nbootstrapped = true\n[[agents.mounts]]\nsource = %q\ntarget = \"/home/agent/s\"\nread_only = false\n", source)
	}
	usual, named := config.DefaultPath(home), home+"/shared/named.toml"
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, human := Machine{RootUID: uint32(os.Getuid())}, accounts.User{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Home: home}
	write(named, text(home+"/elsewhere"))
	for _, c := range []struct{ share, path, want string }{
		{home + "/shared", usual, ""},
		{home + "/other", named, ""},
		{home + "/.config", usual, "which agent \"agent\" can write"},
		{home, usual, "which agent \"agent\" can write"},
		{home + "/shared", named, "which agent \"agent\" can write"},
	} {
		write(usual, text(c.share))
		if _, err := m.Config(c.path, human); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("with a share of %s, %s: %v, want %q", c.share, c.path, err, c.want)
		}
	}
}
