// SPDX-License-Identifier: GPL-3.0-or-later

package verify

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCameBack(t *testing.T) {
	end := func(status string) error { return exec.Command("sh", "-c", "exit "+status).Run() }
	for name, c := range map[string]struct {
		err   error
		holds bool
	}{
		"the_status":      {end("42"), true},
		"none":            {end("0"), false},
		"another":         {end("41"), false},
		"killed":          {exec.Command("sh", "-c", "kill -KILL $$").Run(), false},
		"did_not_start":   {errors.New("no such file"), false},
		"au_s_own_status": {end("125"), false},
	} {
		if err := CameBack(c.err, 42); (err == nil) != c.holds {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A probe that reaches the human's servers is answered over TCP and UDP. Where a rule lets the agent in, there is none to be tried.
func TestTheHumansServersAnswer(t *testing.T) {
	trap := &Trap{}
	defer trap.TakeAway()
	trap.Serve(func(_ netip.AddrPort, udp bool) bool { return udp })
	tcp := len(trap.Local)
	if open, untried := tryLocal(trap.Bait); tcp == 0 || len(open) != tcp || untried != "" {
		t.Errorf("of %q these answer: %q %s", trap.Local, open, untried)
	}
	trap.Serve(func(_ netip.AddrPort, udp bool) bool { return !udp })
	if open, _ := tryLocal(trap.Bait); len(trap.Local) == tcp || len(open) != len(trap.Local) {
		t.Errorf("of %q these answer: %q", trap.Local, open)
	}
	trap.TakeAway()
	if open, _ := tryLocal(trap.Bait); len(open) != 0 {
		t.Errorf("these answer after all has been taken away: %q", open)
	}
	if _, untried := tryLocal(Bait{}); untried == "" {
		t.Error("without a server to be tried it should say so")
	}
}

// An agent can put something else in the place of a bait. The human neither waits for that nor shows it.
func TestABaitThatWasReplaced(t *testing.T) {
	home, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the human's secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "bait")
	trap := &Trap{Bait: Bait{OwnHome: home, HomeFile: path, Share: home}}
	for name, put := range map[string]func() error{
		"a link":           func() error { return os.Symlink(secret, path) },
		"a pipe":           func() error { return unix.Mkfifo(path, 0o600) },
		"a device":         func() error { return os.Symlink("/dev/zero", path) },
		"more than enough": func() error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if err := trap.checkHome(); err == nil || strings.Contains(err.Error(), "secret") || len(err.Error()) > 300 {
			t.Errorf("%s: %.300v", name, err)
		}
		if err := os.Rename(path, filepath.Join(home, "made")); err != nil {
			t.Fatal(err)
		}
		if err := trap.checkShare(); err == nil {
			t.Errorf("%s in a share holds", name)
		}
	}
	if err := os.WriteFile(path, []byte("the human\nand the agent\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := trap.checkHome(); err != nil {
		t.Error(err)
	}
}
