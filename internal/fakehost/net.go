// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"io"
	"slices"
	"strings"
)

// au net unload|cut NAME: what the copy of au does as root that an agent's network units run
func (c *call) net() error {
	words := c.args.rest
	c.args.rest = nil
	if len(words) != 3 || words[1] != "unload" && words[1] != "cut" || c.files[c.name] == nil {
		return fail(2, "unexpected arguments %q", words)
	}
	return nil
}

// nft -c -f -: it takes all rules in which nothing of refused is
func (c *call) nft() error {
	check, file := c.args.flag("-c"), c.args.value("-f")
	text, err := io.ReadAll(c.in)
	if err != nil || !check || file != "-" {
		return fail(1, "want -c -f -")
	}
	if at, refused := strings.CutSuffix(string(text), "refused"); refused {
		return fail(1, "syntax error behind %q", at)
	}
	return nil
}

// systemd-run --quiet --wait --collect --slice=SLICE true
func (c *call) systemdRun() error {
	words := c.args.rest
	c.args.rest = nil
	if len(words) != 5 || !slices.Equal(words[:3], []string{"--quiet", "--wait", "--collect"}) || !strings.HasPrefix(words[3], "--slice=") || words[4] != "true" {
		return fail(2, "unexpected arguments %q", words)
	}
	return nil
}
