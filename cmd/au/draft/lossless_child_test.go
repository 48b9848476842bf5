// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// order is a command of au.
type order struct {
	verb, name string
	answer     Answer
	paths      []string
}

func (o order) String() string {
	answer := map[Answer]string{Ours: " --ours", Theirs: " --theirs", Merge: " --merge"}[o.answer]
	return strings.TrimSpace(fmt.Sprintf("au draft %s%s %s %s", o.verb, answer, o.name, strings.Join(o.paths, " ")))
}

// outcome is what came of one.
type outcome struct {
	Failed, Killed bool
	Half           bool // it is to be finished or taken back
	Why            string
	InTheWay       []string // paths
}

func (o outcome) String() string {
	switch {
	case o.Killed:
		return "killed " + o.Why
	case o.Failed:
		return fmt.Sprintf("%s %q", o.Why, o.InTheWay)
	}
	return "done"
}

// child carries an order out in a process of its own. Before each of its steps, that waits for at, which says whether to kill it.
func (s *story) child(o order, at func(n int) bool) (is outcome) {
	self, err := os.Executable()
	s.ok(err)
	said, saying, err := os.Pipe()
	s.ok(err)
	defer said.Close()
	heard, going, err := os.Pipe()
	s.ok(err)
	defer going.Close()
	cmd := exec.Command(self, append([]string{"step-by-step", s.home, s.folder, o.verb, o.name, fmt.Sprint(o.answer)}, o.paths...)...)
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{saying, heard}
	s.ok(cmd.Start())
	saying.Close()
	heard.Close()
	in := bufio.NewReader(said)
	for n := 1; ; n++ {
		what, err := in.ReadByte()
		if err == nil && what == '.' {
			if at(n) {
				s.ok(cmd.Process.Kill())
				_ = cmd.Wait()
				return outcome{Failed: true, Killed: true, Why: fmt.Sprint("at step ", n)}
			}
			_, err = going.Write([]byte("."))
			s.ok(err)
			continue
		}
		if err := errors.Join(err, json.NewDecoder(in).Decode(&is), cmd.Wait()); err != nil {
			s.fail("%s: it failed by itself: %v", o, err)
		}
		return is
	}
}

// stepByStep is the process that carries it out.
func stepByStep(args []string) int {
	to, from := os.NewFile(3, "to"), os.NewFile(4, "from")
	deadline := time.AfterFunc(time.Minute, func() { os.Exit(3) })
	defer deadline.Stop()
	pause := func() {
		_, _ = to.Write([]byte("."))
		_, _ = from.Read(make([]byte, 1))
	}
	o := order{args[2], args[3], Answer(args[4][0] - '0'), args[5:]}
	var is outcome
	err := powerless(func() error {
		store, err := Open(args[0], direct)
		if err != nil {
			return err
		}
		want := Wanted{Name: o.name, Agent: "agent", Folder: args[1], Now: time.Unix(1e9, 0)}
		if o.verb == "begin" {
			d, err := store.Begin(want)
			if err == nil {
				d.hook = pause
				_, _, err = d.Prepare(want)
			}
			return err
		}
		d, err := store.open(KeyOf(o.name, args[1]))
		if err != nil {
			return err
		}
		d.hook = pause
		err = withLock(d, func() error { return o.carryOut(d, store) })
		is.Half = d.Unfinished()
		return err
	})
	if err != nil {
		is.Failed, is.Why, is.InTheWay = true, err.Error(), inTheWay(err, args[1])
	}
	text, _ := json.Marshal(is)
	_, _ = to.Write(append([]byte("!"), text...))
	return 0
}

// carryOut does what the command of that name does behind its question.
func (o order) carryOut(d *Draft, store *Store) (err error) {
	none := d.Ended && !d.Unfinished()
	switch o.verb {
	case "keep":
		if none {
			return &None{string(d.Folder)}
		}
		if !d.Unfinished() {
			if _, err := d.Report(); err != nil {
				return err
			}
		}
		_, err = d.Keep(o.paths, o.answer)
	case "undo":
		_, err = d.Undo()
	case "drop", "drop-some":
		switch {
		case none:
			err = &None{string(d.Folder)}
		case o.verb == "drop":
			err = d.Drop(store)
		default:
			err = d.DropPaths(o.paths)
		}
	case "forget":
		if d.Unfinished() {
			return &HalfKept{d.Name, string(d.Folder)}
		}
		if d.KeptAt() == 0 {
			return &NothingToUndo{d.Name, string(d.Folder)}
		}
		err = d.ForgetUndo()
	}
	return err
}

// inTheWay returns the paths that an error names.
func inTheWay(err error, folder string) (all []string) {
	var c *Conflicted
	if errors.As(err, &c) {
		for _, one := range c.Conflicts {
			all = append(all, one.Path)
		}
	}
	for _, m := range regexp.MustCompile(`(?:take back|keep) ([^ :]+):|`+regexp.QuoteMeta(folder)+`/([^ :]+)`).FindAllStringSubmatch(err.Error(), -1) {
		all = append(all, strings.Trim(m[1]+m[2], `"`))
	}
	return slices.Compact(all)
}
