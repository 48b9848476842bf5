// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

type draftDiffCmd struct {
	agentFlag
	Stat       bool     `xor:"form" help:"Only how much of which file."`
	NameStatus bool     `xor:"form" help:"Only the names, with what happened to them."`
	JSON       bool     `name:"json" xor:"form" help:"Print JSON, with the conflicts and with what runs by itself."`
	Tool       string   `xor:"form" placeholder:"COMMAND" help:"Hand two folders, as yours and as the draft's, to a command such as meld."`
	Words      []string `arg:"" optional:"" name:"draft|path" help:"The draft, where the folder has more than one, and what of it (default: all)."`
}

// changeView is a change in `au draft diff --json`.
type changeView struct {
	Path config.Path `json:"path"`
	Old  config.Path `json:"old,omitempty"`
	Kind string      `json:"kind"`
	Dir  bool        `json:"folder,omitempty"`
	Mode string      `json:"mode,omitempty"`
	Was  string      `json:"old_mode,omitempty"`
	Size int64       `json:"bytes"`
}

type conflictView struct {
	Path config.Path `json:"path"`
	Kind string      `json:"kind"`
	Why  string      `json:"why"`
}

// diffView is the whole output of `au draft diff --json`.
type diffView struct {
	Name      string         `json:"name"`
	Folder    config.Path    `json:"folder"`
	Runs      []risk.Finding `json:"runs"`
	Changes   []changeView   `json:"changes"`
	Conflicts []conflictView `json:"conflicts"`
	Unhidden  []config.Path  `json:"not_hidden"` // what appeared in the folder since somebody looked for what is to be hidden
}

func (c *draftDiffCmd) Run(a *app) error {
	m, letGo, err := a.held(c.Agent, c.Words, isLive)
	if err != nil {
		return err
	}
	defer letGo()
	r, err := m.report()
	if err != nil {
		return m.refused(err)
	}
	found, err := m.runs(r)
	if err != nil {
		return err
	}
	appeared, whole := []string(nil), true
	if !c.Stat && !c.NameStatus { // those are as quick as there is little that changed, in any folder
		if appeared, whole, err = m.Appeared(); err != nil {
			return m.refused(err)
		}
	}
	switch {
	case c.JSON:
		return a.printJSON(viewOf(m, r, found, appeared))
	case c.Tool != "":
		return c.hand(m, r)
	}
	return paged(a, func(a *app) error {
		a.printRuns(found)
		for _, f := range r.Conflicts {
			fmt.Fprintf(a.out, "%s\n", a.paint().Red("conflict: "+shownPath(f.Path)+": "+f.Why))
		}
		a.sayDoubts(r.Doubts)
		a.sayAppeared(m, appeared, whole)
		return c.print(a, m, r)
	})
}

// sayAppeared names what the agent will see, though it is to be hidden.
func (a *app) sayAppeared(m *meantDraft, names []string, whole bool) {
	for _, name := range names {
		fmt.Fprintf(a.out, "%s: it is to be hidden, and appeared since the draft looked: au draft refresh\n", show(name))
	}
	if !whole {
		fmt.Fprintf(a.err, "au: %s is too large to be looked through each time for what is to be hidden: au draft refresh does\n", show(string(m.Folder)))
	}
}

func viewOf(m *meantDraft, r *draft.Report, found []risk.Finding, appeared []string) diffView {
	v := diffView{m.Name, m.Folder, append([]risk.Finding{}, found...), []changeView{}, []conflictView{}, []config.Path{}}
	for _, name := range appeared {
		v.Unhidden = append(v.Unhidden, config.Path(name))
	}
	for _, c := range r.Changes {
		v.Changes = append(v.Changes, changeView{config.Path(c.Path), config.Path(c.Old), string(c.Kind), c.Dir, octal(c.Mode), octal(c.Was), c.Size})
	}
	for _, c := range append(r.Conflicts, r.Doubts...) {
		v.Conflicts = append(v.Conflicts, conflictView{config.Path(c.Path), string(c.Kind), c.Why})
	}
	return v
}

func octal(mode uint32) string {
	if mode == 0 {
		return ""
	}
	return fmt.Sprintf("%06o", mode)
}

func (c *draftDiffCmd) print(a *app, m *meantDraft, r *draft.Report) error {
	if c.NameStatus {
		printNames(a, r.Changes)
		return nil
	}
	if _, err := a.host.FindProgram("git"); err != nil {
		fmt.Fprintln(a.err, "au: there is no git here, so only the names are shown")
		printNames(a, r.Changes)
		return nil
	}
	dir, left, err := m.Lay(r.Changes)
	if err != nil {
		return err
	}
	defer m.Unlay()
	if c.Stat {
		return printStat(a, dir, left)
	}
	for _, l := range left {
		printLeft(a, l)
	}
	return draft.Diff(dir, a.coloured)
}

// printNames prints a line for each change.
func printNames(a *app, all []draft.Change) {
	for _, c := range all {
		slash := ""
		if c.Dir {
			slash = "/"
		}
		name := c.Path
		if name == "" {
			name = "."
		}
		if c.Kind == 'R' {
			fmt.Fprintf(a.out, "R\t%s\t%s\n", show(c.Old+slash), show(name+slash))
			continue
		}
		fmt.Fprintf(a.out, "%c\t%s\n", c.Kind, show(name+slash))
	}
}

// printLeft prints a change that git does not show, in its form.
func printLeft(a *app, c draft.Change) {
	old := c.Path
	if c.Kind == 'R' {
		old = c.Old
	}
	fmt.Fprintf(a.out, "diff --git %s %s\n", show("a/"+old), show("b/"+c.Path))
	switch {
	case c.Kind == 'R' && c.Shown == draft.Nothing:
		fmt.Fprintf(a.out, "rename from %s\nrename to %s\n", show(c.Old), show(c.Path))
	case c.Was == 0:
		fmt.Fprintf(a.out, "new file mode %06o\n", c.Mode)
	case c.Mode == 0:
		fmt.Fprintf(a.out, "deleted file mode %06o\n", c.Was)
	case c.Mode != c.Was:
		fmt.Fprintf(a.out, "old mode %06o\nnew mode %06o\n", c.Was, c.Mode)
	}
	if c.Attrs || c.Dir && c.Kind == 'M' && c.Mode == c.Was {
		fmt.Fprintln(a.out, "# its attributes differ, and are not shown")
	}
	if !c.Dir && c.Shown == draft.Nothing {
		fmt.Fprintf(a.out, "# %s, and not shown\n", whatIs(c))
	}
}

func whatIs(c draft.Change) string {
	mode := c.Mode
	if mode == 0 {
		mode = c.Was
	}
	switch mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "a device"
	}
	return fmt.Sprintf("a file of %d bytes", c.Size)
}

// printStat prints how many lines of which file changed.
func printStat(a *app, dir string, left []draft.Change) error {
	files, plus, minus := 0, 0, 0
	err := draft.Diff(dir, func(from io.Reader) error {
		for in := bufio.NewReader(from); ; files++ {
			stat, err := readStat(in)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			added, _ := strconv.Atoi(stat.added)
			removed, _ := strconv.Atoi(stat.removed)
			plus, minus = plus+added, minus+removed
			lines := fmt.Sprintf("%d %s%s", added+removed, a.paint().Green(bars('+', added, removed)), a.paint().Red(bars('-', removed, added)))
			if stat.added == "-" {
				lines = "Bin"
			}
			if _, err := fmt.Fprintf(a.out, " %s | %s\n", show(stat.name()), lines); err != nil {
				return err
			}
		}
	}, "--numstat", "-z")
	if err != nil {
		return err
	}
	for _, l := range left {
		if l.Shown != draft.NoRight { // else it is among git's
			files++
			fmt.Fprintf(a.out, " %s | %c\n", show(l.Path), l.Kind)
		}
	}
	fmt.Fprintf(a.out, " %d changed, %d insertions(+), %d deletions(-)\n", files, plus, minus)
	return nil
}

// fileStat is what git says of a file: how many lines were added and removed, both "-" where it has none, and its names on both
// sides.
type fileStat struct{ added, removed, old, now string }

// readStat reads the next of them, as --numstat -z prints them; io.EOF after the last.
func readStat(in *bufio.Reader) (s fileStat, err error) {
	var words [3]string
	for i := range words {
		if words[i], err = in.ReadString(0); err == io.EOF && i+len(words[i]) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return s, err
		}
		words[i] = strings.TrimSuffix(words[i], "\x00")
	}
	counts := strings.Split(words[0], "\t")
	if len(counts) != 3 {
		return s, fmt.Errorf("git diff said %q: want two numbers", words[0])
	}
	return fileStat{counts[0], counts[1], strings.TrimPrefix(words[1], "a/"), strings.TrimPrefix(words[2], "b/")}, nil
}

func (s fileStat) name() string {
	switch {
	case s.now == "/dev/null":
		return s.old
	case s.old != s.now && s.old != "/dev/null":
		return s.old + " => " + s.now
	}
	return s.now
}

// bars draws n of n+other, in at most 40 columns for both.
func bars(sign byte, n, other int) string {
	if n+other > 40 {
		n = (n*40 + n + other - 1) / (n + other)
	}
	return strings.Repeat(string(sign), n)
}

// coloured prints a diff as git colours it.
func (a *app) coloured(from io.Reader) error {
	p, body := a.paint(), false
	var lines strings.Builder // whole ones
	for in := bufio.NewReader(from); ; {
		s, err := in.ReadString('\n')
		if err == io.EOF && s == "" {
			_, err = io.WriteString(a.out, lines.String())
			return err
		}
		if err != nil && err != io.EOF {
			return err
		}
		s = strings.TrimSuffix(s, "\n")
		switch {
		case strings.HasPrefix(s, "diff --git "):
			body = false
		case strings.HasPrefix(s, "@@ "):
			body = true
			s = p.Yellow(s)
		case body && strings.HasPrefix(s, "+"):
			s = p.Green(quote.Text(s))
		case body && strings.HasPrefix(s, "-"):
			s = p.Red(quote.Text(s))
		}
		lines.WriteString(s + "\n")
		if lines.Len() < 1<<16 && in.Buffered() > 0 {
			continue
		}
		if _, err := io.WriteString(a.out, lines.String()); err != nil {
			return err
		}
		lines.Reset()
	}
}

// hand runs a command of the human with the two folders.
func (c *draftDiffCmd) hand(m *meantDraft, r *draft.Report) error {
	if m.lent {
		return errors.New("--tool: the program would be the human's, and the terminal is root's: want the human to run this")
	}
	dir, left, err := m.Lay(r.Changes)
	if err != nil {
		return err
	}
	defer m.Unlay()
	for _, l := range left {
		if l.Shown == draft.Nothing {
			fmt.Fprintf(m.err, "au: not among them: %s\n", show(l.Path))
		} else {
			fmt.Fprintf(m.err, "au: the mode or the attributes differ, too: %s\n", show(l.Path))
		}
	}
	cmd := programs.Command("sh", "-c", c.Tool+` "$1" "$2"`, "sh", dir+"/a", dir+"/b")
	cmd.Env = os.Environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// paged prints through the human's pager where there is a terminal.
func paged(a *app, print func(*app) error) error {
	pager := os.Getenv("PAGER")
	if pager == "" {
		pager = "less -FRX"
	}
	if !term.IsTerminal(1) || pager == "cat" || a.lent {
		return print(a)
	}
	cmd := programs.Command("sh", "-c", pager)
	cmd.Env = append(os.Environ(), "LESS=FRX")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return print(a)
	}
	b := *a
	b.out = &quote.Writer{To: in, Pass: a.paint().Codes()}
	b.colours = a.paint()
	err = print(&b)
	in.Close()
	_ = cmd.Wait()
	if errors.Is(err, unix.EPIPE) {
		return nil // the human has seen enough
	}
	return err
}
