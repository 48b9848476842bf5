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

	"github.com/a4u2/au/csrc"
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

// Files that au has for all restricted agents are left over where none is restricted. So are limits where nobody has the uid, and a
// link to a unit of an agent that is gone.
func TestWhatIsLeftOfNobody(t *testing.T) {
	watcher := []string{provision.UnitDir + "/" + netfilter.WatchUnit, provision.WatcherFolder}
	limits := []string{"/etc/systemd/system.control/user-4998.slice.d"}
	wants := []string{provision.UnitDir + "/multi-user.target.wants/au-gone.service"}
	for name, c := range map[string]struct {
		files           []string
		watcher, limits []string
	}{
		"no agent":                               {nil, watcher, limits},
		"an agent":                               {[]string{csrc.PolicyPath("agent")}, watcher, limits},
		"the network policy of one that is gone": {[]string{provision.NetPath("agent")}, watcher, limits},
		"a restricted agent":                     {[]string{csrc.PolicyPath("agent"), provision.NetPath("agent")}, nil, limits},
	} {
		h := Real("")
		h.Root, h.RootUID = t.TempDir(), uint32(os.Getuid())
		for _, file := range append(c.files, watcher[0], watcher[1]+"/au", limits[0]+"/50-TasksMax.conf", "/etc/systemd/system.control/user-1005.slice.d/50-TasksMax.conf") {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(h.Root, file)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.Root, file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Dir(h.Root+wants[0]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(provision.UnitDir+"/au-gone.service", h.Root+wants[0]); err != nil {
			t.Fatal(err)
		}
		h.Execute = func(cmd *exec.Cmd) error {
			if cmd.Args[len(cmd.Args)-1] != "1005" {
				return exec.Command("sh", "-c", "exit 2").Run() // getent: no such key
			}
			_, err := fmt.Fprintln(cmd.Stdout, "agent:x:1005:1005::/home/agent:/bin/sh")
			return err
		}
		if got := h.WatcherLeft(); !slices.Equal(got, c.watcher) {
			t.Errorf("with %s: for all agents is left %q, want %q", name, got, c.watcher)
		}
		if got := h.LimitsLeft(); !slices.Equal(got, c.limits) {
			t.Errorf("with %s: limits are left in %q, want %q", name, got, c.limits)
		}
		if got, err := h.LeftBehind(); err != nil || !slices.Contains(got, wants[0]) {
			t.Errorf("with %s: left behind is %q, %v, want %q among them", name, got, err, wants)
		}
	}
}

// A mail server runs what a ~/.forward says where its program and its settings are there, and no alias takes the mail.
func TestMailer(t *testing.T) {
	for name, c := range map[string]struct {
		program  bool
		settings string
		aliases  string
		want     string
	}{
		"postfix":               {true, "/etc/postfix/main.cf", "", "postfix"},
		"exim":                  {true, "/etc/exim4", "", "exim"},
		"others have an alias":  {true, "/etc/postfix/main.cf", "root: alice\nagents: root\n# agent\n", "postfix"},
		"an alias":              {true, "/etc/postfix/main.cf", "root: alice\nagent : root\n", ""},
		"settings are left":     {false, "/etc/postfix/main.cf", "", ""},
		"it only sends outward": {true, "/etc/msmtprc", "", ""},
	} {
		h := Real("")
		h.Root = t.TempDir()
		for file, text := range map[string]string{c.settings: "", "/etc/aliases": c.aliases} {
			if err := os.MkdirAll(filepath.Dir(h.Root+file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.Root+file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		h.FindProgram = func(name string) (string, error) {
			if name == "sendmail" && c.program {
				return "/usr/sbin/sendmail", nil
			}
			return "", fs.ErrNotExist
		}
		if got := h.mailer("agent"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
