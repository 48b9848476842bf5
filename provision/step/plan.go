// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Plan is what one process of root's carries out. It is complete before that process starts, and holds all that its commands read.
type Plan struct {
	Version  string   // of au: both ends are the same program
	Elevate  []string // is printed before root's command
	Self     string   // the path by which au's own commands name it
	Brief    bool     // a Runner's
	Steps    []Step   // for root alone
	TakeBack bool     // the steps were carried out earlier, and are to be taken back
	Kept     bool     // something else could not be taken back, so the mark stays
	Seen     Seen     // what the plan is made for
}

// Seen is the SHA-256 of each of root's files that a plan depends on, as it was before the facts were read; empty for one that was
// not there. Of a folder it is that of the names in it.
type Seen map[string]string

// ErrStale says that the machine is not as it was when the plan was made. Nothing of the plan was carried out.
var ErrStale = errors.New("this machine changed meanwhile: run it again")

// See reads the files of the machine whose root folder is at root; "" is /.
func See(root string, files ...string) Seen {
	seen := Seen{}
	for _, name := range files {
		seen[name] = sumOf(root + name)
	}
	return seen
}

func sumOf(name string) string {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if names, err := f.Readdirnames(-1); err == nil {
		slices.Sort(names)
		io.WriteString(sum, "folder\x00"+strings.Join(names, "\x00")) // a hash takes all
	} else if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Only returns what was seen of those files.
func (s Seen) Only(files ...string) Seen {
	only := Seen{}
	for _, name := range files {
		only[name] = s[name]
	}
	return only
}

// check returns ErrStale where a file is another by now.
func (s Seen) check(root string) error {
	for name, sum := range s {
		if sumOf(root+name) != sum {
			return ErrStale
		}
	}
	return nil
}

// The bounds of a plan.
const (
	maxPlan  = 64 << 20 // bytes: a program is in it
	maxSteps = 10_000
	maxWords = 10_000
)

// raw is text whose bytes JSON must not change.
type raw []byte

func raws(words []string) (all []raw) {
	for _, w := range words {
		all = append(all, raw(w))
	}
	return all
}

func texts(words []raw) (all []string) {
	for _, w := range words {
		all = append(all, string(w))
	}
	return all
}

// wirePlan, wireStep and wireCommand are a plan on its way to root.
type wirePlan struct {
	Version        string
	Elevate        []raw
	Self           raw
	Brief          bool
	Steps          []wireStep
	TakeBack, Kept bool
	Seen           map[string]string
}

type wireStep struct {
	Do   wireCommand
	Undo []wireCommand
	Mark bool
}

type wireCommand struct {
	Argv             []raw
	Text, From, Note raw
	Temp             raw
	Data             []byte // what is in From
	OK               []int
}

// Encode returns the plan as ReadPlan reads it. Files that its commands read are read now.
func (p Plan) Encode() ([]byte, error) {
	w := wirePlan{Version: p.Version, Elevate: raws(p.Elevate), Self: raw(p.Self), Brief: p.Brief, TakeBack: p.TakeBack, Kept: p.Kept, Seen: p.Seen}
	for _, s := range p.Steps {
		var wired wireStep
		var err error
		if wired.Do, err = s.Do.encode(!p.TakeBack); err != nil {
			return nil, err
		}
		for _, undo := range s.Undo {
			c, err := undo.encode(true)
			if err != nil {
				return nil, err
			}
			wired.Undo = append(wired.Undo, c)
		}
		wired.Mark = s.Mark
		w.Steps = append(w.Steps, wired)
	}
	return json.Marshal(w)
}

// encode returns the command with what it reads, where it is going to run.
func (c Command) encode(runs bool) (wireCommand, error) {
	w := wireCommand{Argv: raws(c.Argv), Text: raw(c.Text), From: raw(c.From), Note: raw(c.Note), Temp: raw(c.Temp), OK: c.OK}
	if c.From == "" || !runs {
		return w, nil
	}
	data, err := c.read()
	w.Data = data
	return w, err
}

// read returns what is in the file that the command is given on standard input.
func (c Command) read() ([]byte, error) {
	f, err := os.Open(c.From)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPlan))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); c.SHA256 != "" && hex.EncodeToString(sum[:]) != c.SHA256 {
		return nil, fmt.Errorf("%s changed while au was at work: run it again", c.From)
	}
	return data, nil
}

// ReadPlan reads all of in, and refuses what is no plan of an au of the same version.
func ReadPlan(in io.Reader, version string) (Plan, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxPlan+1))
	switch {
	case err != nil:
		return Plan{}, fmt.Errorf("read the plan: %w", err)
	case len(text) > maxPlan:
		return Plan{}, fmt.Errorf("the plan has more than %d bytes", maxPlan)
	case len(text) == 0:
		return Plan{}, errors.New("want a plan on standard input: other commands of au give one")
	}
	var w wirePlan
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Plan{}, fmt.Errorf("read the plan: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Plan{}, errors.New("read the plan: something follows it")
	}
	if w.Version != version {
		return Plan{}, fmt.Errorf("the plan is one of au %s, and this is au %s: run it again", w.Version, version)
	}
	return w.plan()
}

func (w wirePlan) plan() (Plan, error) {
	p := Plan{Version: w.Version, Elevate: texts(w.Elevate), Self: string(w.Self), Brief: w.Brief, TakeBack: w.TakeBack, Kept: w.Kept, Seen: w.Seen}
	for name := range w.Seen {
		if !strings.HasPrefix(name, "/etc/") || path.Clean(name) != name {
			return p, fmt.Errorf("the plan depends on %q: want a file in /etc", name)
		}
	}
	if len(w.Steps) == 0 || len(w.Steps) > maxSteps {
		return p, fmt.Errorf("the plan has %d steps: want 1 to %d", len(w.Steps), maxSteps)
	}
	for _, s := range w.Steps {
		step := Step{Mark: s.Mark}
		var err error
		if step.Do, err = s.Do.command(!w.TakeBack); err != nil {
			return p, err
		}
		for _, undo := range s.Undo {
			c, err := undo.command(true)
			if err != nil {
				return p, err
			}
			step.Undo = append(step.Undo, c)
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// command returns the command, or says what is wrong with it.
func (w wireCommand) command(runs bool) (Command, error) {
	c := Command{Root: true, Argv: texts(w.Argv), Text: string(w.Text), From: string(w.From), Note: string(w.Note), Temp: string(w.Temp), OK: w.OK, data: w.Data}
	if len(c.Argv) == 0 || len(c.Argv) > maxWords {
		return c, fmt.Errorf("a command of %d words: want 1 to %d", len(c.Argv), maxWords)
	}
	for _, word := range c.Argv {
		if strings.ContainsRune(word, 0) {
			return c, fmt.Errorf("command %q: a word with a NUL in it", c.Argv[0])
		}
	}
	name := c.Argv[0]
	switch {
	case name == "" || strings.Contains(name, "/") && (!path.IsAbs(name) || path.Clean(name) != name):
		return c, fmt.Errorf("command %q: want a name or an absolute path", name)
	case c.From != "" && c.Text != "":
		return c, fmt.Errorf("command %q: want one thing on standard input", name)
	case c.From == "" && c.data != nil:
		return c, fmt.Errorf("command %q: data of no file", name)
	case c.From != "" && c.data == nil && runs:
		return c, fmt.Errorf("command %q: want what is in %q", name, c.From)
	case slices.ContainsFunc(c.OK, func(status int) bool { return status < 1 || status > 255 }):
		return c, fmt.Errorf("command %q: %v: want exit statuses", name, c.OK)
	}
	return c, nil
}
