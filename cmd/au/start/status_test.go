// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"strings"
	"testing"
)

func TestStatusOfAFailure(t *testing.T) {
	for words, want := range map[string]int{
		"run true": Refused, "run": Refused, "shell": Refused, "-C run run true": Refused, "--config=x run": Refused, "--human bob shell": Refused,
		"": 1, "info": 1, "-C run info": 1, "--human run list": 1, "info run": 1, "--version": 1, "-C": 1, "--nosuch run": 1, "-Cx run": Refused, "--human": 1, "net why run": 1,
	} {
		if got := Failed(strings.Fields(words)); got != want {
			t.Errorf("au %s fails with %d, want %d", words, got, want)
		}
	}
}
