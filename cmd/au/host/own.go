// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"os"
	"path/filepath"

	"github.com/a4u2/au/provision/config"
)

// Own finds a file of the caller that says what is theirs to decide, as their config and what lies beside it do.
func (h *Host) Own(path string) (*config.Own, error) {
	human, err := h.ForRun().Human(h.UID())
	if err != nil {
		return nil, err
	}
	return h.ForRun().Own(path, human)
}

// ReadOwn returns what such a file holds, up to limit bytes; nil where there is none.
func (h *Host) ReadOwn(path string, limit int64) ([]byte, error) {
	own, err := h.Own(path)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	return own.Read(limit)
}

// WriteOwn makes such a file hold text, and the folders above it.
func (h *Host) WriteOwn(path string, text []byte) error {
	own, err := h.Own(path)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := own.MakeFolders(); err != nil {
		return err
	}
	return own.Replace(text)
}

// RemoveOwn removes such a file, and the folder that it is in where nothing else is.
func (h *Host) RemoveOwn(path string) error {
	own, err := h.Own(path)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := own.Remove(); err != nil {
		return err
	}
	os.Remove(filepath.Dir(own.Path)) // stays while there is something in it
	return nil
}
