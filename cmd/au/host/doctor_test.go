// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

// Rules are left behind only where nothing says that an agent may still be held by them: its own policy may be broken, and it runs
// on.
func TestRulesLeft(t *testing.T) {
	text, err := (&netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 1005, Backend: netfilter.NFT, Proxy: 61001, DNS: 61002}).Text()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []uint32
	}{
		"no agent":                   {nil, []uint32{1005, 1006}},
		"a network policy":           {map[string]string{"agent.toml": text}, []uint32{1006}},
		"one that cannot be read":    {map[string]string{"agent.toml": text, "other.toml": "new = 1\n"}, nil},
		"a file that is none of any": {map[string]string{"README": "x"}, []uint32{1005, 1006}},
	} {
		h := Real("")
		h.Root, h.RootUID = t.TempDir(), uint32(os.Getuid())
		for file, text := range c.files {
			path := filepath.Join(h.Root, provision.NetDir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		h.FindProgram = func(name string) (string, error) {
			if name == "nft" {
				return "/usr/sbin/nft", nil
			}
			return "", fs.ErrNotExist
		}
		h.Execute = func(cmd *exec.Cmd) error {
			_, err := fmt.Fprint(cmd.Stdout, "table inet au_net_1005\ntable inet au_net_1006\ntable inet au_net_1006_in\n")
			return err
		}
		if got, err := h.RulesLeft(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("with %s: rules of %v are left, %v; want %v", name, got, err, c.want)
		}
	}
}
