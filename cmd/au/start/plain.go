// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
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

// Words reads the arguments of a plain run: run [-a NAME | --agent NAME | --agent=NAME] [--] COMMAND…
func Words(args []string) (agent string, command []string, ok bool) {
	if len(args) == 0 || args[0] != "run" {
		return "", nil, false
	}
	agent, args = DefaultAgent, args[1:]
	if len(args) > 1 && (args[0] == "-a" || args[0] == "--agent") {
		agent, args = args[1], args[2:]
	} else if len(args) > 0 && strings.HasPrefix(args[0], "--agent=") {
		agent, args = strings.TrimPrefix(args[0], "--agent="), args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		return "", nil, false
	}
	return agent, args, len(args) > 0 && args[0] != "" && csrc.IsName(agent)
}

// Plain prepares a run that has no options, and of which there is nothing to say: the same run that all of `au run` would start.
// uid is the human's; complete is the program that speaks afterwards. Any fault is errNotPlain or an error: the complete program
// names it.
func (m Machine) Plain(args []string, uid int, complete string) (*os.File, csrc.Run, error) {
	agent, command, ok := Words(args)
	if !ok {
		return nil, csrc.Run{}, errNotPlain
	}
	known, human, err := m.plainConfig(uid)
	if err != nil {
		return nil, csrc.Run{}, err
	}
	path := config.DefaultPath(human.Home)
	return m.Prepare(Order{
		Agent: agent, Command: func(csrc.Policy, []string) []string { return command }, Human: human, Known: known, Config: path,
		Follow: m.Follower(agent, path, known, human), Entrypoint: csrc.EntrypointPath(agent), Complete: complete,
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
	return m.List(known, uint32(uid), func(string) Declared { return Declared{} })
}
