// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"

	"github.com/a4u2/au/internal/whole"
	"github.com/a4u2/au/provision"
)

// renderCmd writes what the NixOS module puts on the machine, and so checks it while the system is built.
type renderCmd struct {
	Spec string `arg:"" help:"The module's JSON."`
	Out  string `arg:"" help:"An existing folder."`
}

func (c *renderCmd) Run(a *app) error {
	text, err := os.ReadFile(c.Spec)
	if err != nil {
		return err
	}
	d, err := provision.ParseDeclared(text)
	if err != nil {
		return err
	}
	files, err := d.Files(a.host.Now())
	for _, f := range files {
		name := filepath.Join(c.Out, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := whole.At(name, []byte(f.Text), whole.As{Mode: 0o644, UID: -1, GID: -1}); err != nil {
			return err
		}
	}
	return err
}
