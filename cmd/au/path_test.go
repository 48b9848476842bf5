// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"testing"

	"github.com/a4u2/au/cmd/au/start"
)

// An empty word, as an unset variable of a shell is, does not mean the folder where somebody is.
func TestAnEmptyWordIsNoPath(t *testing.T) {
	_, _, removed := (&mountRemoveCmd{}).find(nil, sharing{})
	for _, err := range []error{(&pathAddCmd{}).Run(nil), (&pathRemoveCmd{}).Run(nil), removed} {
		if !errors.Is(err, start.ErrNoPath) {
			t.Errorf("an empty word: %v", err)
		}
	}
}
