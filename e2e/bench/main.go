// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures au beside what else runs a command as another user or behind
// walls, all in turn in one run, and prints ratios. It is started by e2e/bench/run
// as root in a quick machine of its own, whose users and files it changes, and
// writes a tar with the figures in Markdown and the plots in SVG to its standard
// output; what it is at goes to standard error.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/a4u2/au/netfilter/proxy"
)

func main() {
	if len(os.Args) > 2 {
		switch args := os.Args[2:]; os.Args[1] {
		case "work":
			exitOn(doWork(args[0], args[1]))
			return
		case "network":
			rounds, err := strconv.Atoi(args[0])
			exitOn(err)
			exitOn(benchNetwork(rounds))
			return
		case "site":
			exitOn(serveSite(args[0]))
		case "client":
			exitOn(serveClient(args[0]))
			return
		case "daemon":
			os.Exit(proxy.Main(args))
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		exitOn(echoKeys())
		return
	}
	short := flag.Bool("short", false, "few rounds and small trees: only to see that it works")
	only := flag.String("only", "", "one section, by name")
	kind := flag.String("kind", "quick machine", "what the machine is, for the figures")
	flag.Parse()
	exitOn(bench(sizesOf(*short), *only, *kind))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sizes are how much is measured.
type sizes struct {
	short    bool
	rounds   int // of quick commands
	slow     int // of commands that take a good part of a second
	large    int // files of the large tree
	files    int // small files made in a share
	repo     int // files of a repository
	blob     int // bytes that go through a terminal
	keys     int // typed a round
	shares   []int
	agents   []int
	parallel []int
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
	run  func(*machine, *figures) error
}{
	{"command", commands},
	{"shares", sharesCost},
	{"mount", mounts},
	{"agents", newAndDelete},
	{"show", show},
	{"work", workInside},
	{"terminal", terminals},
	{"memory", memory},
	{"size", programs},
	{"network", network},
	{"growth", growth},
}

func bench(s sizes, only, kind string) error {
	began := time.Now()
	m, err := setUp(s)
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	f := newFigures(m, kind)
	for _, section := range sections {
		if only != "" && only != section.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "%3.0f s  %s\n", time.Since(began).Seconds(), section.name)
		if err := section.run(m, f); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	f.targets()
	fmt.Fprintf(os.Stderr, "%3.0f s  done\n", time.Since(began).Seconds())
	return f.write(os.Stdout)
}
