// SPDX-License-Identifier: GPL-3.0-or-later

package host

import "testing"

func TestAsleep(t *testing.T) {
	for state, want := range map[string]bool{
		"LoadState=loaded\nActiveState=inactive\nSubState=dead\nNRestarts=0\n":           true,
		"LoadState=loaded\nActiveState=activating\nSubState=start\nNRestarts=0\n":        true,
		"LoadState=loaded\nActiveState=activating\nSubState=start-pre\nNRestarts=3\n":    false,
		"LoadState=loaded\nActiveState=deactivating\nSubState=stop\nNRestarts=0\n":       true,
		"LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nNRestarts=0\n": false,
		"LoadState=loaded\nActiveState=failed\nSubState=failed\nNRestarts=0\n":           false,
		"LoadState=not-found\nActiveState=inactive\nSubState=dead\nNRestarts=0\n":        false,
	} {
		if got := asleep(state); got != want {
			t.Errorf("%q is asleep: %v", state, got)
		}
	}
}
