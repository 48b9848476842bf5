// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/a4u2/au/netfilter"
)

// memoryGoal is from where on the collector works harder rather than let the
// process grow.
const memoryGoal = 18 << 20

// Main runs the daemon of one agent as a service does, and returns its exit
// status: 0 after a signal to end and for want of work, 1 for a failure, 2 for wrong usage. The one
// argument is the agent; options say otherwise where its files are.
func Main(args []string) int {
	c := Config{Stderr: os.Stderr, Notify: notify}
	flags := flag.NewFlagSet("net serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.PolicyPath, "policy", "", "")
	flags.StringVar(&c.LogPath, "log", "", "")
	flags.StringVar(&c.KeptPath, "kept", "", "")
	flags.DurationVar(&c.Rest, "rest", restAfter, "")
	flags.StringVar(&c.ResolvConf, "resolv", "", "")
	flags.StringVar(&c.Hosts, "hosts", "", "")
	flags.StringVar(&c.LoginPath, "login", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "au: net daemon: want [--policy FILE] [--log FILE] [--kept FILE] [--rest DURATION] [--resolv FILE] [--hosts FILE] [--login FILE] AGENT")
		return 2
	}
	c.defaults(flags.Arg(0))
	debug.SetMemoryLimit(memoryGoal)
	debug.SetGCPercent(50) // a collection of so little is cheap
	// The payload stays in the kernel, so that one core is enough, and no agent can have more of the
	// machine by its requests to its daemon. It is also the cheaper way: no thread looks for work in vain.
	runtime.GOMAXPROCS(1)
	if err := serveSignals(c); err != nil {
		fmt.Fprintf(os.Stderr, "au: net daemon: %v\n", err)
		return 1
	}
	return 0
}

func (c *Config) defaults(agent string) {
	if c.PolicyPath == "" {
		c.PolicyPath = "/etc/au/net/" + agent + ".toml"
	}
	folder := (&netfilter.Policy{Agent: agent}).LogDir()
	if c.LogPath == "" {
		c.LogPath = folder + "/net.jsonl"
	}
	if c.KeptPath == "" {
		c.KeptPath = folder + "/answers.json"
	}
}

func serveSignals(c Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	c.Reload = hup
	var err error
	if c.Sockets, err = passed(c.PolicyPath); err != nil {
		return err
	}
	if c.Sockets.empty() { // nobody would start it again
		c.Rest, c.KeptPath = 0, ""
	}
	return Serve(ctx, c)
}

// passed returns systemd's sockets; none where it started nothing.
func passed(policyPath string) (Sockets, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return Sockets{}, nil
	}
	p, err := readPolicy(policyPath)
	if err != nil {
		return Sockets{}, err
	}
	return Passed(files, p)
}

// notify tells systemd, where it listens; elsewhere nobody does.
func notify(state string) { _, _ = sd.SdNotify(false, state) }
