// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
)

func TestReadAfter(t *testing.T) {
	written, _ := order("/home/alice/c.toml").after(csrc.Policy{Name: "agent"}, []string{"make"}, []config.Mount{{Source: "/home/alice/d\xe9"}, {Source: "/p", ReadOnly: true}}, nil)
	e, ok := readAfter(written[2:])
	if !ok || e.config != "/home/alice/c.toml" || !slices.Equal(e.shares, []config.Path{"/home/alice/d\xe9"}) || e.since == 0 || e.booted == 0 {
		t.Errorf("%q is read as %+v, %v", written, e, ok)
	}
	for _, more := range [][]string{{"--nests"}, {"--drafts", "[]"}, {"--since", "x"}, {"--nosuch", "x"}, {"x"}, {"--shares"}, {"--shares", "["}} {
		if e, ok := readAfter(append(slices.Clone(written[2:]), more...)); ok {
			t.Errorf("with %q it is read as %+v", more, e)
		}
	}
	if written, _ := order("/c").after(csrc.Policy{Name: "agent"}, []string{"make"}, nil, nil); true {
		if _, ok := readAfter(written[2:]); ok {
			t.Errorf("without shares %q is read", written)
		}
	}
}

// A run after which there is nothing to say is looked at, and remembered. All others are left to the complete program.
func TestQuiet(t *testing.T) {
	var err error
	m := Real
	m.Ask = func(database, key string) ([]byte, error) { // the tester need not be in any database
		if database != "passwd" || key != strconv.Itoa(os.Getuid()) {
			return nil, nil
		}
		return fmt.Appendf(nil, "tester:x:%d:%d::/:/bin/sh\n", os.Getuid(), os.Getgid()), nil
	}
	for situation, c := range map[string]struct {
		status, kills, signal, server string
		new                           string
		want                          bool
	}{
		"nothing":         {"0", "0", "0", "0", "main.go", true},
		"it failed":       {"3", "0", "0", "0", "", true},
		"not found":       {"127", "0", "0", "0", "", false},
		"ended":           {"143", "0", "0", "0", "", false},
		"killed":          {"0", "1", "0", "0", "", false},
		"a signal":        {"0", "0", "9", "0", "", false},
		"a server":        {"0", "0", "0", "1", "", false},
		"nothing is said": {"", "", "", "", "", false},
		"planted":         {"0", "0", "0", "0", ".envrc", false},
	} {
		dir := t.TempDir()
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"AU_STATUS": c.status, "AU_KILLS": c.kills, "AU_SIGNAL": c.signal, "AU_SERVER": c.server} {
			t.Setenv(name, value)
		}
		share := dir + "/p"
		if err := os.Mkdir(share, 0o700); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(share+"/old", nil, 0o600)
		words, _ := order(dir+"/c.toml").after(csrc.Policy{Name: "agent"}, []string{"make"}, []config.Mount{{Source: share}}, nil)
		time.Sleep(20 * time.Millisecond) // the clock of files has ticks
		if c.new != "" {
			os.WriteFile(share+"/"+c.new, nil, 0o600)
		}
		status, found, ok := m.Quiet(words[2:], os.Getuid())
		if want, _ := strconv.Atoi(c.status); ok != c.want || status != want || (found != nil) != (c.new == ".envrc") {
			t.Errorf("%s: %d, %v, %v", situation, status, found, ok)
		}
		_, err := os.Stat(inspect.RecordPath(dir+"/c.toml", share))
		if err == nil && !c.want {
			t.Errorf("%s: it was remembered", situation)
		}
	}
}

// order is a run by that config, on a machine with one disk.
func order(config string) Order {
	return Order{Complete: "/bin/au", Config: config, mountinfo: func() ([]byte, error) { return []byte("1 0 8:1 / / rw - ext4 /dev/sda rw\n"), nil }}
}

// Of some shares the one counts whose last look is the longest ago, and before all one without a record.
func TestSeen(t *testing.T) {
	o := order(t.TempDir() + "/c.toml")
	at := func(source string) string { return inspect.RecordPath(o.Config, source) }
	if err := os.MkdirAll(filepath.Dir(at("/p")), 0o700); err != nil {
		t.Fatal(err)
	}
	for source, looked := range map[string]int64{"/p": 30, "/q": 20, "/readonly": 10} {
		os.WriteFile(at(source), nil, 0o600)
		os.Chtimes(at(source), time.Time{}, time.Unix(looked, 0))
	}
	shares := []config.Mount{{Source: "/readonly", ReadOnly: true}, {Source: "/q"}, {Source: "/p"}}
	for want, shares := range map[string][]config.Mount{at("/q"): shares, at("/new"): append(shares, config.Mount{Source: "/new"}), "": shares[:1]} {
		if got := o.seen(shares); got != want {
			t.Errorf("of %v it is %q, want %q", shares, got, want)
		}
	}
}

func TestWhenToLook(t *testing.T) {
	writable, command := []config.Mount{{Source: "/home/alice/p"}}, []string{"make"}
	remote := order("/c")
	remote.mountinfo = func() ([]byte, error) {
		return []byte("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / /home/alice/p/far rw - fuse.sshfs x rw\n"), nil
	}
	for _, c := range []struct {
		situation string
		order     Order
		shares    []config.Mount
		drafts    []Draft
		want      csrc.When
	}{
		{"nothing to write in", order("/c"), []config.Mount{{Source: "/p", ReadOnly: true}}, nil, csrc.IfKills},
		{"a share", order("/c"), writable, nil, csrc.IfChanged},
		{"a share in which another program answers", remote, writable, nil, ""},
		{"a draft", order("/c"), nil, []Draft{{Name: "p"}}, ""},
		{"a share beside a draft", order("/c"), writable, []Draft{{Name: "p"}}, ""},
	} {
		if _, when := c.order.after(csrc.Policy{Name: "agent"}, command, c.shares, c.drafts); when != c.want {
			t.Errorf("%s: it is to look if %q, not %q", c.situation, when, c.want)
		}
	}
}
