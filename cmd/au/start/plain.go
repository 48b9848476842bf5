// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
)

// Complete is the name of the complete program where the front program is called au.
const Complete = "au-complete"

// DefaultAgent is whom a command is for that names nobody.
const DefaultAgent = "agent"

// errNotPlain is a run that needs a message, or that asks for more than a command.
var errNotPlain = errors.New("not a plain run")

// Words is what the arguments of a plain run ask for.
type Words struct {
	Agent   string
	Env     []string // KEY=VALUE or KEY; copies, so that HideValues can overwrite the arguments
	Dir     string   // where it starts, "" for where the human is
	Command []string // not empty
}

// options are those of a plain run, each with a value; a word of more than one letter has two dashes.
var options = map[string]byte{"-a": 'a', "--agent": 'a', "-e": 'e', "--env": 'e', "-d": 'd', "--directory": 'd'}

// ReadWords reads the arguments of a plain run: run [-a NAME] [-e KEY=VALUE]… [-d DIR] [--] COMMAND…, the options in any order,
// also as --agent=NAME. ok is false for all that is written in another way.
func ReadWords(args []string) (w Words, ok bool) {
	if len(args) == 0 || args[0] != "run" {
		return w, false
	}
	for args = args[1:]; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		name, value, given := strings.Cut(args[0], "=")
		if option := options[name]; option == 0 || given && !strings.HasPrefix(name, "--") {
			return w, false
		}
		if !given && len(args) > 1 {
			value, args = args[1], args[1:]
		}
		if value == "" || value[0] == '-' || !w.take(options[name], value) {
			return w, false
		}
	}
	w.Agent, w.Command = cmp.Or(w.Agent, DefaultAgent), args
	return w, len(args) > 0 && args[0] != "" && csrc.IsName(w.Agent)
}

// take notes the value of an option. Only variables can be given more than once.
func (w *Words) take(option byte, value string) bool {
	switch option {
	case 'e':
		w.Env = append(w.Env, strings.Clone(value))
		return true
	case 'a':
		value, w.Agent = w.Agent, value
	case 'd':
		value, w.Dir = w.Dir, value
	}
	return value == ""
}

// Plain prepares a run of which there is nothing to say: the same run that all of `au run` would start. uid is the human's;
// complete is the program that speaks afterwards. Any fault is errNotPlain or an error: the complete program names it.
func (m Machine) Plain(w Words, uid int, complete string) (*os.File, csrc.Run, error) {
	known, human, err := m.plainConfig(uid)
	if err != nil {
		return nil, csrc.Run{}, err
	}
	path := config.DefaultPath(human.Home)
	return m.Prepare(Order{
		Agent: w.Agent, Command: func(csrc.Policy, []string) []string { return w.Command }, Env: w.Env, Dir: w.Dir, Human: human, Known: known, Config: path,
		Follow: m.Follower(w.Agent, path, known, human), Entrypoint: csrc.EntrypointPath(w.Agent), Complete: complete,
	}, nil)
}

// plainConfig reads the config of a human who is not root, on a machine where nothing else says which agents there are.
func (m Machine) plainConfig(uid int) (*config.Config, accounts.User, error) {
	if uid == 0 || m.exists(config.DeclaredPath) {
		return nil, accounts.User{}, errNotPlain
	}
	human, err := m.Human(uid)
	if err != nil {
		return nil, human, err
	}
	known, err := m.Config(config.DefaultPath(human.Home), human)
	if err == nil && len(known.Unknown) > 0 {
		err = errNotPlain
	}
	return known, human, err
}

// PlainList returns what List does, under the conditions of Plain.
func (m Machine) PlainList(uid int) ([]Listed, error) {
	known, human, err := m.plainConfig(uid)
	if err != nil {
		return nil, err
	}
	if m.exists(human.Home + "/.local/state/au/drafts") {
		return nil, errNotPlain // they are listed, too
	}
	nothing := func(string) Declared { return Declared{} }
	agents, err := m.List(known, uint32(uid), nothing)
	if err != nil {
		return nil, err
	}
	return agents, m.AddRuns(agents, uint32(uid), nothing)
}
