// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestWordsOfACommandMayStandApart(t *testing.T) {
	for typed, want := range map[string]string{
		"draft diff second -- src":              "draft diff -- second src",
		"draft drop a -y b":                     "draft drop -y -- a b",
		"draft diff a --tool meld b -a bot c":   "draft diff --tool meld -a bot -- a b c",
		"draft diff a --tool=meld b -abot c":    "draft diff --tool=meld -abot -- a b c",
		"draft diff -- --stat -y":               "draft diff -- --stat -y",
		"draft diff --stat":                     "draft diff --stat",
		"draft diff a --agent":                  "draft diff --agent -- a",
		"draft diff - a":                        "draft diff -- - a",
		"mount add --rw a b":                    "mount add --rw a b",
		"run -e A=b -- ls -l":                   "run -e A=b -- ls -l",
		"draft try second -- make -j test -- x": "draft try second -- make -j test -- x",
	} {
		args := strings.Fields(typed)
		g := &struct{ globals }{}
		if got := gathered(newParser(g, args).Model.Node, args); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, not %q", typed, got, want)
		}
	}
}
