// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ReplaceFile makes path hold text, whole at every moment, with mode 0644; without text it removes path. It is for a process
// that is root already: what the human sees as one command must not need several.
func ReplaceFile(path, text string) error {
	if text == "" {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o644); err != nil { // past any umask
		return err
	}
	return os.Rename(temp, path)
}
