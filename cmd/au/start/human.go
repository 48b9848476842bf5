// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// Human returns the user with that uid, by the machine's user databases: what the caller's environment says of them counts for
// nothing.
func (m Machine) Human(uid int) (accounts.User, error) { return m.accounts().User(uint32(uid)) }

func (m Machine) accounts() accounts.Files { return accounts.Files{Root: m.Root, Ask: m.Ask} }

// trust is in what is the human's or root's, and nobody else can write. The human's own group does no harm where nobody else is in
// it; any other one is for somebody, a program at least.
func (m Machine) trust(human accounts.User) walk.Trust {
	alone := func(gid uint32) bool { return gid == human.GID && m.accounts().Alone(human, gid) }
	trust := walk.Trust{Owners: []uint32{0, m.RootUID, human.UID}, Alone: alone, Shared: true}
	if os.Geteuid() == 0 && human.UID != 0 {
		trust.For = &walk.Reader{UID: human.UID, In: func(gid uint32) bool { return m.accounts().In(human, gid) }}
	}
	return trust
}

// ask returns what getent(1) prints for a key, or, without one, for all.
func ask(database, key string) ([]byte, error) {
	words := []string{"getent", database}
	if key != "" {
		words = append(words, key)
	}
	out, err := programs.Output(words...)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // no such key
		return nil, nil
	}
	return out, err
}

// Config reads the human's config, where that is trusted: nobody else can write it or have put it there, and no agent can. declared
// are folders that agents can write besides those that it names itself.
func (m Machine) Config(path string, human accounts.User, declared ...share.Writable) (*config.Config, error) {
	known, err := config.Load(path, m.trust(human))
	if err != nil {
		return nil, err
	}
	return known, m.checkConfig(known, path, human, declared)
}

// ConfigFor is Config for a run of one agent: of other agents, it keeps those shares alone in which they can write.
func (m Machine) ConfigFor(agent, path string, human accounts.User) (*config.Config, error) {
	known, err := config.LoadFor(agent, path, m.trust(human))
	if err != nil {
		return nil, err
	}
	return known, m.checkConfig(known, path, human, nil)
}

// Own looks for a file that says what is the human's to decide.
func (m Machine) Own(path string, human accounts.User) (*config.Own, error) {
	return config.FindOwn(path, m.trust(human))
}

// UpdateConfig is config.Update under the conditions of Config.
func (m Machine) UpdateConfig(ctx context.Context, path string, human accounts.User, opts config.UpdateOptions, change func(*config.Config) error) error {
	return config.Update(ctx, path, m.trust(human), opts, func(known *config.Config) error {
		if err := m.checkConfig(known, path, human, nil); err != nil {
			return err
		}
		return change(known)
	})
}

// checkConfig refuses a config in a folder that an agent can write, or that was reached through one.
func (m Machine) checkConfig(known *config.Config, path string, human accounts.User, declared []share.Writable) error {
	passed, w, err := m.OnWay(known.Way, known, path, human, declared)
	if err == nil && passed != "" {
		err = fmt.Errorf("configuration %s: %s is in %s, which agent %q can write; no agent may write the file that says what agents see: move it, or take that share out of it",
			quote.Name(path), quote.Name(passed), quote.Name(w.Source), w.Agent)
	}
	return err
}

// OnWay returns what of the way to a file is in a folder that an agent can write; "" for nothing. It judges by the human's config,
// which is at path, by the declared agents, and, for a config that was named on the command line, by the human's usual one.
func (m Machine) OnWay(way []string, known *config.Config, path string, human accounts.User, declared []share.Writable) (passed string, in share.Writable, err error) {
	writable := append(share.WritableOf(known), declared...)
	if usual := config.DefaultPath(human.Home); path != usual {
		other, err := m.Config(usual, human, declared...)
		if err != nil {
			return "", in, err
		}
		writable = append(writable, share.WritableOf(other)...)
	}
	for _, w := range writable {
		if passed, in := share.FirstWithin(w.Source, way); in {
			return passed, w, nil
		}
	}
	return "", in, nil
}

// Here returns the folder where the caller is, as the kernel has it: through no link, and whatever $PWD says.
func Here() (string, error) {
	path := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(path)
	if err == nil && (n == 0 || path[0] != '/') {
		err = unix.ENOENT // (unreachable), getcwd(2)
	}
	if err != nil {
		return "", fmt.Errorf("the current folder: %w", err)
	}
	return string(path[:n-1]), nil
}
