// SPDX-License-Identifier: GPL-3.0-or-later

// Package bounded reads files that others can make as large as they like.
package bounded

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Read returns what f holds from here on, or an error that names the file where that is more than limit bytes.
func Read(f *os.File, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, TooLarge(f.Name(), limit)
	}
	return text, err
}

// TooLarge is the error for a file of more than limit bytes.
func TooLarge(path string, limit int64) error {
	if limit >= 1<<20 {
		return fmt.Errorf("%q is larger than %d MiB", path, limit>>20)
	}
	return fmt.Errorf("%q is larger than %d KiB", path, limit>>10)
}

// Start returns the first bytes of a file, up to limit: all that there is of a smaller one, and nothing of one that cannot be read.
// It does not wait for a pipe.
func Start(path string, limit int64) []byte {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, limit))
	return text
}
