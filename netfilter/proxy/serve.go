// SPDX-License-Identifier: GPL-3.0-or-later

// Package proxy is the daemon between a restricted agent and the network: it sees what a connection is for, asks the policy, and
// connects to exactly the address that was dialled, or refuses and says why.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/netfilter"
)

// Config says what Serve serves.
type Config struct {
	PolicyPath string // see netfilter.ParsePolicy; watched for changes
	LogPath    string // netfilter.Record lines; empty: none are written
	KeptPath   string // what the next daemon has to know; empty: nothing is kept
	ResolvConf string // empty: /etc/resolv.conf
	Hosts      string // empty: /etc/hosts
	LoginPath  string // with the login for the upstream proxy, where the policy names one; empty: standard input
	Sockets    Sockets
	Rest       time.Duration    // for how long nothing has to be open until Serve returns; 0: it goes on. For Sockets that somebody else has as well
	Reload     <-chan os.Signal // each says: read the policy again
	Notify     func(state string)
	Stderr     io.Writer
}

// maxPolicy bounds the policy file.
const maxPolicy = 1 << 20

// readPolicy reads the policy at path.
func readPolicy(path string) (*netfilter.Policy, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPolicy+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxPolicy)
	}
	p, err := netfilter.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !p.HasDaemon() {
		return nil, fmt.Errorf("%s: the human's own proxy is in the daemon's place", path)
	}
	return &p, nil
}

// Serve serves the agent of the policy until ctx is done, or nothing has been open for as long as c says. It closes the sockets of
// c, which it opens itself where there are none.
func Serve(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Watched before it is read, or a change in between would be missed.
	changed := make(chan struct{}, 1)
	if err := watch(ctx, c.PolicyPath, changed); err != nil {
		c.say("watch %s: %v", c.PolicyPath, err)
	}
	p, err := readPolicy(c.PolicyPath)
	if err != nil {
		return err
	}
	if c.Sockets.empty() {
		if c.Sockets, err = Listen(p); err != nil {
			return err
		}
	}
	defer c.Sockets.Close()
	l, err := openLog(c.LogPath, p.Agent)
	if err != nil {
		return err
	}
	login, err := readLogin(p, c.LoginPath)
	if err != nil {
		return err
	}
	d := newDaemon(p, l, cmp.Or(c.ResolvConf, "/etc/resolv.conf"), cmp.Or(c.Hosts, "/etc/hosts"))
	d.judge.login = login
	d.idle = newIdler(c.Rest)
	d.run(ctx, c, changed)
	return nil
}

// readLogin reads the login for p's upstream proxy; nil where there is none.
func readLogin(p *netfilter.Policy, path string) (*netfilter.Login, error) {
	if p.Upstream.Login == "" {
		return nil, nil
	}
	file, err := os.Stdin, error(nil)
	if path != "" {
		file, err = os.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("login for the upstream: %w", err)
	}
	defer file.Close()
	text, err := bounded.Read(file, netfilter.MaxLogin)
	if err != nil {
		return nil, fmt.Errorf("login for the upstream: %w", err)
	}
	login, err := netfilter.ParseLogin(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Upstream.Login, err)
	}
	return &login, nil
}

// run serves until ctx is done, and ends every connection; or until nothing has been open for a while. Neither that end nor the
// beginning after it is news.
func (d *daemon) run(ctx context.Context, c Config, changed <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var tending, serving sync.WaitGroup
	logCtx, endLog := context.WithCancel(context.Background())
	tending.Go(func() { d.log.tend(logCtx) })
	slept, err := d.judge.recall(c.KeptPath)
	if err != nil {
		c.say("what was kept of answers is left: %v", err) // an allowed address is asked for again
	}
	d.start(ctx, c.Sockets, &serving)
	d.idle.touch()
	if !slept {
		d.news(netfilter.Verdict{OK: true, Code: netfilter.Allowed}, d.way("started"))
	}
	c.notify("READY=1")
	for slept = false; !slept && d.follow(ctx, c, changed); {
		slept = d.rest(ctx, c.Sockets, &serving)
	}
	c.notify("STOPPING=1")
	cancel()
	c.Sockets.Close()
	d.stop()
	serving.Wait()
	if err := d.judge.keep(c.KeptPath, slept); err != nil {
		c.say("answers are not kept: %v", err)
	}
	if !slept {
		d.news(netfilter.Verdict{OK: true, Code: netfilter.Allowed}, "stopped")
	}
	endLog()
	tending.Wait()
}

func (d *daemon) start(ctx context.Context, s Sockets, serving *sync.WaitGroup) {
	for _, ln := range s.Proxy {
		serving.Go(func() { d.accept(ctx, ln, d.serveTCP) })
	}
	for _, ln := range s.DNS {
		serving.Go(func() { d.accept(ctx, ln, d.serveDNS) })
	}
	for _, conn := range s.UDP {
		serving.Go(func() { _ = d.names.ServeUDP(ctx, conn) }) // ends when conn is closed, and only then
	}
}

// follow takes each new policy, and ends what is no longer allowed when the time of a rule is over, until ctx is done. It reports
// true where nothing has been open for a while before that.
func (d *daemon) follow(ctx context.Context, c Config, changed <-chan struct{}) (tired bool) {
	for {
		timer := time.NewTimer(d.untilNext())
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-d.idle.tired:
			timer.Stop()
			return true
		case <-c.Reload:
			d.reload(c)
		case <-changed:
			d.reload(c)
		case <-timer.C:
			d.sweep()
		}
		timer.Stop()
	}
}

// reload takes the policy in the file, or keeps the one it has and says why.
func (d *daemon) reload(c Config) {
	p, err := readPolicy(c.PolicyPath)
	old := d.judge.policy.Load()
	if err == nil && p.Agent != old.Agent {
		err = fmt.Errorf("%s is for agent %q, and this daemon serves %q", c.PolicyPath, p.Agent, old.Agent)
	}
	if err != nil {
		c.say("the old policy stays: %v", err)
		c.notify("STATUS=the old policy stays: " + oneLine(err))
		d.news(netfilter.Verdict{Code: netfilter.Malformed}, "the old policy stays: "+oneLine(err))
		return
	}
	d.judge.take(p)
	d.sweep()
	if p.Upstream != old.Upstream {
		d.cut()
	}
	d.news(netfilter.Verdict{OK: true, Code: netfilter.Allowed}, d.way("policy taken"))
	c.notify("STATUS=policy of " + time.Now().Format(time.RFC3339))
}

// untilNext returns how long it is until a rule's time is over, or until it is to be
// looked at again: clocks are set, and timers stand still while a machine sleeps.
func (d *daemon) untilNext() time.Duration {
	now := time.Now()
	if next := d.judge.policy.Load().NextChange(now); !next.IsZero() {
		return min(time.Minute, next.Sub(now)+10*time.Millisecond)
	}
	return time.Minute
}

// way returns text, and the upstream proxy behind it, where there is one.
func (d *daemon) way(text string) string {
	if by := d.judge.policy.Load().By(); by != "" {
		return text + ", " + by
	}
	return text
}

// news logs what concerns the daemon itself.
func (d *daemon) news(v netfilter.Verdict, detail string) {
	d.log.add(netfilter.Record{Kind: "policy", OK: v.OK, Code: v.Code, Detail: detail})
}

func (c *Config) notify(state string) {
	if c.Notify != nil {
		c.Notify(state)
	}
}

func (c *Config) say(format string, args ...any) {
	if c.Stderr != nil {
		fmt.Fprintf(c.Stderr, "au: net daemon: "+format+"\n", args...)
	}
}

func oneLine(err error) string {
	text := []rune(err.Error())
	for i, r := range text {
		if r < ' ' {
			text[i] = ' '
		}
	}
	return string(text[:min(len(text), 500)])
}

// Sockets are what a daemon listens on.
type Sockets struct {
	Proxy []*net.TCPListener // diverted connections, and those to a proxy
	DNS   []*net.TCPListener
	UDP   []*net.UDPConn
}

func (s Sockets) empty() bool { return len(s.Proxy)+len(s.DNS)+len(s.UDP) == 0 }

// Close closes all of s. Closed twice is as once.
func (s Sockets) Close() error {
	var errs []error
	for _, ln := range append(append([]*net.TCPListener(nil), s.Proxy...), s.DNS...) {
		errs = append(errs, ln.Close())
	}
	for _, conn := range s.UDP {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
