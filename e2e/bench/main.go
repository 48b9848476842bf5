// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures au beside what else runs a command as another user or behind
// walls, all in turn in one run, and prints ratios. It is started by e2e/bench/run
// as root in a quick machine of its own, whose users and files it changes, and
// writes a tar with the figures in Markdown to its standard output; what it is at
// goes to standard error.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/a4u2/au/netfilter/proxy"
)

// roles are what this program is besides, in processes that it starts itself.
var roles = map[string]func(args []string) error{
	"work": func(args []string) error { return doWork(args[0], args[1]) },
	"echo": func([]string) error { return echoKeys() },

	"draft-work":    func(args []string) error { return doDraftWork(args[0]) },
	"draft-prepare": func(args []string) error { return doDraftPrepare(args[0], args[1]) },
	"draft-change":  func(args []string) error { return doDraftChange(args[0], args[1]) },

	"network": func(args []string) error { return benchNetwork(args[0]) },
	"site":    func(args []string) error { return serveSite(args[0]) },
	"client":  func(args []string) error { return serveClient(args[0]) },
	"daemon":  func(args []string) error { os.Exit(proxy.Main(args)); return nil },
}

func main() {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		exitOn(roles[os.Args[1]](os.Args[2:]))
		return
	}
	short := flag.Bool("short", false, "few rounds and small trees: only to see that it works")
	only := flag.String("only", "", "one section, by name")
	flag.Parse()
	exitOn(bench(sizesOf(*short), *only))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sizes are how much is measured.
type sizes struct {
	short                    bool
	rounds                   int // of quick commands
	slow                     int // of commands that take a good part of a second
	large                    int // files of the large tree
	files                    int // small files made in a share
	repo                     int // files of a repository
	blob                     int // bytes that go through a terminal
	keys                     int // typed a round
	shares, agents, parallel []int
}

func sizesOf(short bool) sizes {
	if short {
		return sizes{short: true, rounds: 2, slow: 1, large: 2000, files: 500, repo: 300, blob: 4 << 20, keys: 20,
			shares: []int{1, 4, 16}, agents: []int{1, 10, 100}, parallel: []int{1, 4, 16}}
	}
	return sizes{rounds: 60, slow: 5, large: 200_000, files: 20_000, repo: 5000, blob: 200 << 20, keys: 200,
		shares: []int{1, 2, 4, 8, 16, 32, 48, 64}, agents: []int{1, 10, 50, 100, 250, 500, 750, 1000}, parallel: []int{1, 2, 4, 8, 16, 32, 48, 64}}
}

// sections are the parts of the figures, in their order.
var sections = []struct {
	name string
	run  func(*machine, *figures)
}{
	{"command", commands}, {"shares", sharesCost}, {"mount", mounts}, {"agents", newAndDelete}, {"show", show}, {"work", workInside}, {"drafts", drafts},
	{"terminal", terminals}, {"memory", memory}, {"size", programs}, {"network", network}, {"growth", growth},
}

func bench(s sizes, only string) error {
	began := time.Now()
	m := setUp(s)
	f := newFigures(m)
	for _, section := range sections {
		if only != "" && only != section.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "%3.0f s  %s\n", time.Since(began).Seconds(), section.name)
		section.run(m, f)
	}
	f.targets()
	fmt.Fprintf(os.Stderr, "%3.0f s  done\n", time.Since(began).Seconds())
	return f.write(os.Stdout)
}
