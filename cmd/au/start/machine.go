// SPDX-License-Identifier: GPL-3.0-or-later

// Package start holds what a run needs until the entrypoint has it: it reads the policy and the config, opens the entrypoint, and
// works out folders and variables. It imports little, because its time is that of every run.
package start

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// Machine is where facts are read. The zero Root and RootUID are the real one's.
type Machine struct {
	Root    string // is in front of every path
	RootUID uint32 // owns what only root may change
	Open    func(path string) (*os.File, error)
	Stamp   func(*os.File) (string, error)
	Lstat   func(path string) (fs.FileInfo, error)
	ReadDir func(path string) ([]fs.DirEntry, error)
	ACL     func(path string) (share.ACL, error)       // nil where a folder has only its mode
	Ask     func(database, key string) ([]byte, error) // getent(1)
}

// Real is the machine that the program runs on.
var Real = Machine{Open: csrc.Open, Stamp: csrc.Stamp, Lstat: os.Lstat, ReadDir: os.ReadDir, ACL: readACL, Ask: ask}

// ErrShut is an entrypoint that does not let the caller in.
var ErrShut = errors.New("you may not run it")

// ErrTampered is an entrypoint that is not what was installed.
var ErrTampered = errors.New("it has been tampered with, and is not run")

// maxPolicy is far more than any policy has.
const maxPolicy = 1 << 20

// Policy reads the policy of an agent as the entrypoint will: a file that root owns and nobody else can write. agent has been
// checked.
func (m Machine) Policy(agent string) (csrc.Policy, error) {
	path := csrc.PolicyPath(agent)
	f, err := os.OpenFile(m.Root+path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || st.Uid != m.RootUID || info.Mode().Perm()&0o022 != 0 {
		return csrc.Policy{}, fmt.Errorf("policy %s: not a regular file that root owns and only root can write; it has been tampered with, and is not trusted", path)
	}
	text, err := bounded.Read(f, maxPolicy)
	if err != nil {
		return csrc.Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	p, err := csrc.ParsePolicy(text)
	if err != nil {
		return p, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

// Entrypoint opens an agent's entrypoint by a walk that trusts no folder but root's, and compares it with the fingerprint from its
// installation. It compares the contents only if the file has changed in any way since the human's config took note of it.
func (m Machine) Entrypoint(path string, p csrc.Policy, entry *config.Agent) (*os.File, error) {
	f, err := m.Open(path)
	if err != nil {
		return nil, fmt.Errorf("entrypoint of agent %q: %w", p.Name, err)
	}
	if unix.Faccessat(int(f.Fd()), "", unix.X_OK, unix.AT_EMPTY_PATH|unix.AT_EACCESS) == unix.EACCES {
		return nil, fmt.Errorf("entrypoint of agent %q: %w", p.Name, ErrShut)
	}
	if p.SHA256 == "" || m.unchanged(f, p, entry) {
		return f, nil
	}
	sum, err := csrc.Fingerprint(f)
	if err != nil {
		return nil, fmt.Errorf("entrypoint of agent %q: %w", p.Name, err)
	}
	if sum != p.SHA256 {
		return nil, fmt.Errorf("entrypoint %s: its SHA-256 is %s where %s was installed; %w", path, sum, p.SHA256, ErrTampered)
	}
	return f, nil
}

// unchanged reports whether f is as it was when the config took its fingerprint, which is the policy's.
func (m Machine) unchanged(f *os.File, p csrc.Policy, entry *config.Agent) bool {
	if entry == nil || entry.EntrypointSHA256 != p.SHA256 || entry.EntrypointStamp == "" {
		return false
	}
	stamp, err := m.Stamp(f)
	return err == nil && stamp == entry.EntrypointStamp
}

// Frozen reports whether the agent is paused, so that a command of its would not start.
func (m Machine) Frozen(p csrc.Policy) bool {
	return slices.Tree{FS: os.DirFS(m.Root + "/sys/fs/cgroup")}.Frozen(p.Cgroups)
}
