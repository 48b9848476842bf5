// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures au beside what else runs a command as another user or behind
// walls, all in turn in one run, and prints ratios. It is started by e2e/bench/run
// as root in a quick machine of its own, whose users and files it changes. It writes
// the figures in Markdown to its standard output, and those of docs/comparison.md
// behind a line ===. It says on standard error how far it is.
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
	"work":   func(args []string) error { return work(args[0], args[1:]...) },
	"site":   func(args []string) error { return serveSite(args[0]) },
	"client": func(args []string) error { return runClient(args[0], args[1]) },
	"daemon": func(args []string) error { os.Exit(proxy.Main(args)); return nil },
}

func main() {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		exitOn(roles[os.Args[1]](os.Args[2:]))
		return
	}
	short := flag.Bool("short", false, "few rounds and small trees: only to see that it works")
	only := flag.String("only", "", "one section, by name")
	flag.Parse()
	bench(sizesOf(*short), *only)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sizes are how much is measured.
type sizes struct {
	short                             bool
	rounds                            int // of quick commands
	slow                              int // of commands that take a good part of a second
	large                             int // files of the large tree
	files                             int // small files made in a share
	repo                              int // files of a repository
	blob                              int // bytes that go through a terminal
	keys                              int // typed a round
	each                              int // shares of each of a hundred agents
	turns                             int // of what goes through the network
	shares, agents, parallel, changes []int
}

func sizesOf(short bool) sizes {
	if short {
		return sizes{short: true, rounds: 2, slow: 1, large: 2000, files: 500, repo: 300, blob: 4 << 20, keys: 20, each: 6, turns: 1,
			shares: []int{1, 4, 16}, agents: []int{1, 10, 100}, parallel: []int{1, 4, 16}, changes: []int{10, 100, 500}}
	}
	return sizes{rounds: 60, slow: 5, large: 200_000, files: 20_000, repo: 5000, blob: 200 << 20, keys: 200, each: 60, turns: 25,
		shares: []int{1, 2, 4, 8, 16, 32, 48, 64}, agents: []int{1, 10, 50, 100, 250, 500, 750, 1000}, parallel: []int{1, 2, 4, 8, 16, 32, 48, 64},
		changes: []int{10, 1000, 100_000}}
}

// sections are the parts of the figures, in their order.
var sections = []struct {
	name string
	run  func(*machine, *figures)
}{
	{"command", commands}, {"shares", sharesCost}, {"mount", mounts}, {"agents", newAndDelete}, {"show", show}, {"work", workInside}, {"drafts", drafts},
	{"terminal", terminals}, {"memory", memory}, {"size", programs}, {"network", network}, {"growth", growth},
}

func bench(s sizes, only string) {
	began := time.Now()
	m := setUp(s)
	f := newFigures()
	for _, section := range sections {
		if only == "" || only == section.name {
			fmt.Fprintf(os.Stderr, "%3.0f s  %s\n", time.Since(began).Seconds(), section.name)
			section.run(m, f)
		}
	}
	fmt.Fprintf(os.Stderr, "%3.0f s  done\n", time.Since(began).Seconds())
	f.write()
}
