// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
)

// checked is what was found in one folder, or of one file.
type checked struct {
	Source   config.Path    `json:"source"`
	Files    int64          `json:"files"`
	Findings []risk.Finding `json:"findings"`
}

// inspectShare looks through a folder, or at a file, showing progress on w where that is a terminal.
func inspectShare(h *host.Host, source string, w io.Writer) (checked, error) {
	if start.KindOf(source) == start.File {
		l, err := inspect.File(h.UID(), source)
		return checkedOf(source, l), err
	}
	files, err := tree.Open(source, false)
	if err != nil {
		return checked{}, errors.Unwrap(err)
	}
	defer files.Close()
	defer watchWalk(w, source, files)()
	l, err := inspect.Tree(context.Background(), h.UID(), files, source)
	return checkedOf(source, l), err
}

func checkedOf(source string, l inspect.Result) checked {
	findings := make([]risk.Finding, len(l.Found))
	for i, f := range l.Found {
		findings[i] = f.Finding
	}
	return checked{config.Path(source), l.Files, findings}
}
