// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// checked is what was found in one folder, or of one file.
type checked struct {
	Source   config.Path         `json:"source"`
	Files    int64               `json:"files"`
	Findings []provision.Finding `json:"findings"`
}

// inspectShare looks through a folder, or at a file, showing progress on w where that is a terminal.
func inspectShare(h *host.Host, source string, w io.Writer) (checked, error) {
	if start.KindOf(source) == start.File {
		l, err := inspectFile(h, source)
		return checkedOf(source, l), err
	}
	tree, err := step.OpenTree(source, false)
	if err != nil {
		return checked{}, errors.Unwrap(err)
	}
	defer tree.Close()
	defer watchWalk(w, source, tree)()
	l, err := lookThrough(h, context.Background(), tree, source)
	return checkedOf(source, l), err
}

func checkedOf(source string, l inspected) checked {
	findings := make([]provision.Finding, len(l.found))
	for i, f := range l.found {
		findings[i] = f.Finding
	}
	return checked{config.Path(source), l.files, findings}
}
