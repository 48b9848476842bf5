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
	Agent     string
	Env       []string // KEY=VALUE or KEY; copies, so that HideValues can overwrite the arguments
	Dir       string   // where it starts, "" for where the human is
	KeepProxy bool
	NoShares  bool
	Login     bool
	Command   []string // empty for the agent's shell
}

// options are those of a plain run that have a value; a word of more than one letter has two dashes.
var options = map[string]byte{"-a": 'a', "--agent": 'a', "-e": 'e', "--env": 'e', "-d": 'd', "--directory": 'd'}

// ReadWords reads the arguments of a plain run: run [OPTION]… [--] COMMAND…, the options in any order, those with a value also as
// --agent=NAME; or shell [-a NAME]. ok is false for all that is written in another way. A file of variables is left to the complete
// program: what a pipe had said would be gone where that has to speak.
func ReadWords(args []string) (w Words, ok bool) {
	if len(args) == 0 || args[0] != "run" && args[0] != "shell" {
		return w, false
	}
	shell := args[0] == "shell"
	for args = args[1:]; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		if args[0] == "--" && !shell {
			args = args[1:]
			break
		}
		if !shell && w.flag(args[0]) {
			continue
		}
		name, value, given := strings.Cut(args[0], "=")
		if option := options[name]; option == 0 || shell && option != 'a' || given && !strings.HasPrefix(name, "--") {
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
	return w, csrc.IsName(w.Agent) && shell == (len(args) == 0) && (shell || args[0] != "")
}

// flag notes an option without a value.
func (w *Words) flag(word string) bool {
	switch word {
	case "--keep-proxy":
		w.KeepProxy = true
	case "--no-shares":
		w.NoShares = true
	case "--login":
		w.Login = true
	default:
		return false
	}
	return true
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

// command returns what is run: path are the folders that stand on PATH besides.
func (w *Words) command(p csrc.Policy, path []string) []string {
	switch {
	case len(w.Command) == 0:
		return Shell(p, path)
	case w.Login:
		return AfterProfile(p.Shell, path, w.Command...)
	}
	return w.Command
}

// Plain prepares a run of which there is nothing to say: the same run that all of `au run` would start. uid is the human's;
// complete is the program that speaks afterwards. Any fault is errNotPlain or an error: the complete program names it.
func (m Machine) Plain(w Words, uid int, complete string) (*os.File, csrc.Run, error) {
	known, human, err := m.plainConfig(uid, w.Agent)
	if err != nil {
		return nil, csrc.Run{}, err
	}
	path := config.DefaultPath(human.Home)
	return m.Prepare(Order{
		Agent: w.Agent, Command: w.command, Env: Variables(w.KeepProxy, w.Env), Dir: w.Dir, NoShares: w.NoShares, Human: human, Known: known, Config: path,
		Follow: m.Follower(w.Agent, path, known, human), Entrypoint: csrc.EntrypointPath(w.Agent), Complete: complete,
	}, nil)
}

// plainConfig reads the config of a human who is not root, on a machine where nothing else says which agents there are: for a run
// of one agent, or as a whole.
func (m Machine) plainConfig(uid int, agent string) (*config.Config, accounts.User, error) {
	if uid == 0 || m.exists(config.DeclaredPath) {
		return nil, accounts.User{}, errNotPlain
	}
	human, err := m.Human(uid)
	if err != nil {
		return nil, human, err
	}
	path := config.DefaultPath(human.Home)
	var known *config.Config
	if agent == "" {
		known, err = m.Config(path, human)
	} else {
		known, err = m.ConfigFor(agent, path, human)
	}
	if err == nil && len(known.Unknown) > 0 {
		err = errNotPlain
	}
	return known, human, err
}

// PlainList returns what List does, under the conditions of Plain.
func (m Machine) PlainList(uid int) ([]Listed, error) {
	known, human, err := m.plainConfig(uid, "")
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
