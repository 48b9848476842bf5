// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"

	"github.com/a4u2/au/cmd/au/start"
)

// self returns the path under which au calls itself again in commands that it prints: where the front program is what is called au, that one's.
func self() (string, error) {
	path, err := executable()
	if err != nil || filepath.Base(path) != start.Complete {
		return path, err
	}
	for _, front := range []string{"../../bin/au", "au"} {
		front = filepath.Join(filepath.Dir(path), front)
		if info, err := os.Stat(front); err == nil && info.Mode().IsRegular() {
			return front, nil
		}
	}
	return path, nil
}
