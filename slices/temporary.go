// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strings"
)

// TemporaryFolder is where the unit TemporaryName mounts what holds the agent's temporary files.
func TemporaryFolder(agent string) string { return "/run/au/" + agent }

// TemporaryName returns that unit, run-au-agent.mount: the path as systemd.unit(5) writes it.
func TemporaryName(agent string) string {
	return "run-au-" + strings.ReplaceAll(agent, "-", `\x2d`) + ".mount"
}

// Temporary returns the text of that unit: temporary files in memory, so that the disk of the machine is not the agent's to fill.
// They are in the agent's slice, and so in its memory limit, and gone when the slice is stopped.
func Temporary(agent string, uid uint32) string {
	return fmt.Sprintf(temporaryText, agent, Name(uid), TemporaryFolder(agent))
}

// TemporaryAge returns what systemd-tmpfiles(8) reads of how long they are kept: as long as Debian keeps those of the machine, and
// no longer.
func TemporaryAge(agent string) string {
	return fmt.Sprintf("# The temporary files of the agent %[1]s.\ne %[2]s/tmp - - - 10d\ne %[2]s/var-tmp - - - 30d\n", agent, TemporaryFolder(agent))
}

// size and nr_inodes are those that systemd gives /tmp itself. DefaultDependencies=no: a slice comes after what local file systems
// come before.
const temporaryText = `[Unit]
Description=Temporary files of the agent %[1]s
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Mount]
What=tmpfs
Where=%[3]s
Type=tmpfs
Options=mode=0700,nosuid,nodev,size=50%%%%,nr_inodes=1m
LazyUnmount=yes
Slice=%[2]s
`
