// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

// network lets the network daemon's own bench, which is beside this one, measure in namespaces of its own, and takes over what it prints.
func network(m *machine, f *figures) error {
	argv := []string{"/opt/bench/netbench", "-rounds", "25"}
	if m.short {
		argv[2] = "1"
	} else {
		// It lays an unpacked squid over /usr; here Debian's is installed, and there is nothing to lay over.
		const nothing = "/opt/bench/nothing"
		if err := os.MkdirAll(nothing+"/usr", 0o755); err != nil {
			return err
		}
		argv = append(argv, "-squid", nothing)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("netfilter/bench: %w: %s", err, tail(words.String()))
	}
	f.section("What an agent's network costs when it is restricted", "By `netfilter/bench`: client, daemon and servers in network namespaces of the machine, the daemon beside no proxy at all "+
		"and beside Debian's squid-openssl with intercept, peek and splice, all in turn.")
	f.text(out.String())
	return nil
}
