// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// A running daemon and what it is told.
type running struct {
	t      testing.TB
	w      *world
	policy netfilter.Policy
	path   string
	log    string
	stderr *bytes.Buffer
	hup    chan os.Signal
}

// start runs a daemon with the rules of allow, and of deny where they start with
// "!", until the test ends.
func (w *world) start(t testing.TB, rules ...string) *running {
	t.Helper()
	return w.startWith(t, w.policy(), "", rules...)
}

// startWith is start with another policy, and with the login for its upstream proxy in a file.
func (w *world) startWith(t testing.TB, p netfilter.Policy, login string, rules ...string) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{
		t: t, w: w, path: filepath.Join(dir, "agent.toml"), log: filepath.Join(dir, "net.jsonl"),
		stderr: &bytes.Buffer{}, hup: make(chan os.Signal),
	}
	r.policy = p
	r.rules(rules...)
	r.write()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	c := Config{
		PolicyPath: r.path, LogPath: r.log, LoginPath: login, Reload: r.hup, Stderr: r.stderr,
		Notify: func(state string) {
			if state == "READY=1" {
				once.Do(func() { close(ready) })
			}
		},
	}
	go func() { done <- Serve(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("daemon: %v", err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(r.log)
			t.Logf("network log:\n%s\nstderr: %s", text, r.stderr)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("daemon: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("daemon not ready")
	}
	return r
}

func (w *world) policy() netfilter.Policy {
	return netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: agentUID, Backend: netfilter.NFT, Proxy: proxyPort, DNS: dnsPort,
		Resolve: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(dnsAddr), 53)},
	}
}

// rules replaces the rules of r.
func (r *running) rules(rules ...string) {
	r.t.Helper()
	r.policy.Allow, r.policy.Deny = nil, nil
	for _, text := range rules {
		plain, deny := strings.CutPrefix(text, "!")
		rule, err := netfilter.ParseRule(plain)
		if err != nil {
			r.t.Fatal(err)
		}
		if deny {
			r.policy.Deny = append(r.policy.Deny, netfilter.Entry{Rule: rule})
		} else {
			r.policy.Allow = append(r.policy.Allow, netfilter.Entry{Rule: rule})
		}
	}
}

// write puts the policy in its file as au does, renamed into place, and loads its
// rules.
func (r *running) write() {
	r.t.Helper()
	text, err := r.policy.Text()
	if err == nil {
		err = os.WriteFile(r.path+".new", []byte(text), 0o644)
	}
	if err == nil {
		err = os.Rename(r.path+".new", r.path)
	}
	if err == nil {
		err = sh("nft -f - <<'IN'\n" + r.policy.Ruleset(time.Now()) + "IN\n")
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// openPorts takes away the rule that lets nobody else send to the daemon's ports, so that the daemon itself has to see who does.
func (r *running) openPorts() {
	r.t.Helper()
	if err := sh("nft flush chain inet " + r.policy.Table() + " ports"); err != nil {
		r.t.Fatal(err)
	}
}

// records returns what the log has, after what is still being counted.
func (r *running) records() []netfilter.Record {
	r.t.Helper()
	file, err := os.Open(r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	var list []netfilter.Record
	err = netfilter.ReadRecords(file, func(rec netfilter.Record) error {
		list = append(list, rec)
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return list
}

// wantRecord fails the test unless the log has a record of this kind and code
// about name, soon.
func (r *running) wantRecord(kind string, code netfilter.Code, name string) {
	r.t.Helper()
	for range 1200 { // half a minute, on a busy machine
		for _, rec := range r.records() {
			if rec.Kind == kind && rec.Code == code && rec.Name == name {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	r.t.Errorf("no record %s %s about %q in the log", kind, code, name)
}

// reload writes the policy and waits until the daemon has taken it.
func (r *running) reload() {
	r.t.Helper()
	before := len(r.news("policy taken"))
	r.write()
	for range 3000 {
		if len(r.news("policy taken")) > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatal("the daemon does not take a new policy")
}

// news returns the daemon's own records with this detail, as often as they are
// for.
func (r *running) news(detail string) []netfilter.Record {
	var list []netfilter.Record
	for _, rec := range r.records() {
		if rec.Kind == "policy" && strings.HasPrefix(rec.Detail, detail) {
			list = append(list, rec)
		}
	}
	return list
}

// waitRecords waits until a record fits, and returns those that do.
func (r *running) waitRecords(fits func(netfilter.Record) bool) []netfilter.Record {
	r.t.Helper()
	for range 1200 {
		var list []netfilter.Record
		for _, rec := range r.records() {
			if fits(rec) {
				list = append(list, rec)
			}
		}
		if len(list) > 0 {
			return list
		}
		time.Sleep(25 * time.Millisecond)
	}
	r.t.Error("no such record in the log")
	return nil
}
