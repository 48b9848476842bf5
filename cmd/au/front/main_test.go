// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
)

func TestStatusOfAFailure(t *testing.T) {
	for words, want := range map[string]int{
		"run true": refused, "run": refused, "shell": refused, "-C run run true": refused, "--config=x run": refused, "--human bob shell": refused,
		"": 1, "info": 1, "-C run info": 1, "--human run list": 1, "info run": 1, "--version": 1, "-C": 1, "net why run": 1,
	} {
		if got := failed(strings.Fields(words)); got != want {
			t.Errorf("au %s fails with %d, want %d", words, got, want)
		}
	}
}
