// SPDX-License-Identifier: GPL-3.0-or-later

package step

import "testing"

func TestGiveBackRefuses(t *testing.T) {
	for _, tt := range []struct{ from, to uint32 }{{0, 1000}, {999, 1000}, {1001, 0}, {1001, 1001}} {
		if _, err := GiveBack(t.Context(), t.TempDir(), tt.from, tt.to, 1000); err == nil {
			t.Errorf("GiveBack takes files of uid %d for uid %d", tt.from, tt.to)
		}
	}
}
