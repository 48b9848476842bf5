// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
)

// holder keeps agents' packets on the machine while somebody flushes the rules: by tables that nftables ties to a process, here an
// nft that lives as long as the watcher. Where the slice's filter holds it is not needed, and not there: what a human saves of the
// rule set could not be loaded again beside it.
type holder struct {
	*Root
	in    io.Writer
	ended chan struct{}     // closed when nft has ended; nil before it was started
	lines map[string]string // what nft was told, by table
}

// hold puts the agent's table in force, or what has changed of it. Without nft there is none.
func (k *holder) hold(p netfilter.Policy) error {
	if _, err := k.host.FindProgram("nft"); err != nil || k.host.NoSlice() == "" {
		return nil
	}
	table, line := p.HeldTable(), p.HeldRules()
	if k.alive() && line == k.lines[table] {
		return nil
	}
	if !k.alive() {
		if err := k.start(); err != nil {
			return fmt.Errorf("hold packets back while rules are flushed: %w", err)
		}
	}
	if _, err := io.WriteString(k.in, line); err != nil {
		return fmt.Errorf("hold packets back while rules are flushed: %w", err)
	}
	k.lines[table] = line
	for range 40 {
		if _, err := k.feed("", "nft", "list", "table", "inet", table); err == nil {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return errors.New("hold packets back while rules are flushed: nft made no table")
}

// release takes a table away.
func (k *holder) release(table string) {
	if k.alive() && k.lines[table] != "" {
		_, _ = io.WriteString(k.in, "delete table inet "+table+"\n") // it is gone with nft, whatever nft does
	}
	delete(k.lines, table)
}

func (k *holder) alive() bool {
	if k.ended == nil {
		return false
	}
	select {
	case <-k.ended:
		return false
	default:
		return true
	}
}

// start starts an nft that takes lines.
func (k *holder) start() error {
	cmd := programs.Command("nft", "-i")
	cmd.Env = append(cmd.Env, "HOME=/nonexistent")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is started again, whatever it was
		close(ended)
	}()
	k.in, k.ended, k.lines = in, ended, map[string]string{}
	return nil
}
