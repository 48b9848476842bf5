// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"testing"

	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/slices"
)

// The entrypoint looks for the temporary files where the unit mounts them, and au removes them there.
func TestTemporaryFilesAreInOnePlace(t *testing.T) {
	if got, want := slices.TemporaryFolder("agent"), StateDir+"/agent"; got != want {
		t.Errorf("the unit mounts them on %s, and they are looked for on %s", got, want)
	}
}

// The lock is where systemd looks for that of the agent's uid, and nowhere else, whatever is there of root or of an earlier uid.
func TestTheLockIsOfTheAgentsUID(t *testing.T) {
	m := systemd(t)
	m.PutFolder(ManagerFolder(0), fakehost.Node{Mode: 0o755})
	m.make(want)
	if lock := noManager("agent", 1002); m.Text(lock.Name) != lock.Text {
		t.Errorf("%s holds %q", lock.Name, m.Text(lock.Name))
	}
	for _, argv := range [][]string{
		{"systemctl", "disable", "au-agent.service"}, {"systemctl", "stop", "user-1002.slice"}, {"userdel", "agent"}, {"groupdel", "su-as-agent"},
		{"useradd", "--uid", "1002", "--gid", "1000", "--comment", "", "--home-dir", "/home/carol", "--no-create-home", "--shell", "/bin/sh", "--expiredate", "1", "-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0", "carol"},
	} {
		m.must(argv...)
	}
	m.Remove("/home/agent")
	m.make(want)
	uid := m.facts().Policy.UID
	if lock := noManager("agent", uid); uid == 1002 || m.Text(lock.Name) != lock.Text {
		t.Errorf("%s holds %q", lock.Name, m.Text(lock.Name))
	}
	if m.path(ManagerFolder(1002)).Exists {
		t.Error("whoever has the uid of before has the lock, too")
	}
}
