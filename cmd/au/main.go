// SPDX-License-Identifier: GPL-3.0-or-later

// au gives an AI coding agent a Unix user of its own, and only what its human hands over.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter/proxy"
	"github.com/a4u2/au/provision"
	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "net" && os.Args[2] == "serve" {
		os.Exit(proxy.Main(os.Args[3:])) // the daemon: past the grammar, whose memory it would keep
	}
	os.Exit(run(host.Real(installed), os.Args[1:], os.Stdout, os.Stderr))
}

// run is au: it parses args, runs the command and returns the exit status.
func run(h *host.Host, args []string, stdout, stderr io.Writer) int {
	out := terminal.Quoting(stdout)
	a := &app{host: h, words: args, out: out, err: terminal.Quoting(stderr)}
	g := &struct{ globals }{}
	a.globals = &g.globals
	failed := start.Failed(args)
	if plain := plainRun(args); plain != nil {
		return a.status(plain.Run(a), failed)
	}
	if len(args) == 0 {
		return a.status(a.overview(), failed)
	}
	if slices.Equal(args, []string{"net", "watch"}) { // the watcher stays: past the grammar, too
		return a.status(new(netWatchCmd).Run(a), failed)
	}
	done := -1
	args = asked(args)
	parser := newParser(g, args, kong.Writers(a.out, a.err), kong.Exit(func(status int) { done = status; panic(exited{}) }))
	ctx, err := parse(parser, args)
	if done > 0 {
		return done
	}
	if done == 0 || out.Lost != nil { // the help or the version
		return a.status(nil, failed)
	}
	if err != nil {
		return a.usage(args, err, failed)
	}
	if g.Config, err = absolute(g.Config); err != nil {
		return a.status(err, failed)
	}
	if g.Human != "" && h.UID() != 0 {
		return a.status(errHumanIsRoots, failed)
	}
	if err := refuseDeclared(h, ctx.Command(), agentOf(ctx)); err != nil {
		return a.status(err, failed)
	}
	if err := a.refuseLegacyName(ctx.Command(), agentOf(ctx)); err != nil {
		return a.status(err, failed)
	}
	a.brief = isBrief(ctx)
	return a.status(ctx.Run(a), failed)
}

// newParser returns what reads args into g and the commands.
func newParser(g any, args []string, more ...kong.Option) *kong.Kong {
	options := slices.Concat(grammar(args), bytesKept(), more, []kong.Option{
		kong.Name("au"), kong.Description("Run AI coding agents as Unix users of their own."),
		kong.Vars{"agent": start.DefaultAgent, "version": "au " + version, "switches": strings.Join(provision.Switches(), ", "), "presets": presetNames(args)},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), grouped(), kong.Help(helpWithExamples),
	})
	parser, err := kong.New(g, options...)
	if err != nil {
		panic(err) // the grammar itself is wrong
	}
	return parser
}

// absolute returns the path of a config for good, from the folder where the caller really is; ~/ is left for who knows whose home
// is meant.
func absolute(config string) (string, error) {
	if config == "" || filepath.IsAbs(config) || strings.HasPrefix(config, "~/") {
		return config, nil
	}
	here, err := start.Here()
	if err != nil {
		return "", fmt.Errorf("configuration %q: %w", config, err)
	}
	if strings.Contains(config, "..") { // it leads where the folders on the way say
		return here + "/" + config, nil
	}
	return filepath.Join(here, config), nil
}

// errHumanIsRoots refuses --human of anybody but root, in every command.
var errHumanIsRoots = errors.New("--human is for root: au acts for the one who runs it")

// agentOf returns what --agent says; empty for a command without one.
func agentOf(ctx *kong.Context) string {
	for _, flag := range ctx.Flags() {
		if flag.Name == "agent" {
			return flag.Target.String()
		}
	}
	return ""
}

// isBrief reports whether a command prints each command of its plan as one line: not with -v, nor in a dry run.
func isBrief(ctx *kong.Context) bool {
	for _, flag := range ctx.Flags() {
		if (flag.Name == "dry-run" || flag.Name == "verbose") && flag.Target.Bool() {
			return false
		}
	}
	return true
}

// exited unwinds kong after it has printed help or the version.
type exited struct{}

func parse(parser *kong.Kong, args []string) (ctx *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
		}
	}()
	return parser.Parse(gathered(parser.Model.Node, args))
}

// usage says what is wrong with the words typed.
func (a *app) usage(args []string, err error, failed int) int {
	hint := "au --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		hint = parse.Context.Selected().FullPath() + " --help"
	}
	line := meant(args, err)
	if line != "" {
		hint = line
	}
	a.say(errors.New(guessless(err, line)))
	a.hint(hint)
	if failed == statusFailed {
		return statusUsage
	}
	return failed
}

// status prints an error and returns the exit status that goes with it.
func (a *app) status(err error, failed int) int {
	var exit exitError
	if errors.As(err, &exit) {
		return int(exit)
	}
	if out, ok := a.out.(*quote.Writer); ok && err == nil && !errors.Is(out.Lost, unix.EPIPE) { // who reads may stop
		err = out.Lost
	}
	switch {
	case err == nil && a.Status3 && a.changed:
		return statusChanged
	case err == nil:
		return 0
	}
	a.say(err)
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		a.hint(h.Hint())
	}
	return failed
}

// installed is where the entrypoint is from which agents' own are copied; a package sets it with -X main.installed=….
var installed string
