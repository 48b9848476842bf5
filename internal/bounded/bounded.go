// SPDX-License-Identifier: GPL-3.0-or-later

// Package bounded reads what others can make as large as they like.
package bounded

import (
	"errors"
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

// ErrTooMuch is what a program gets that prints more than a Buffer takes.
var ErrTooMuch = errors.New("it prints too much")

// Buffer keeps what a program prints, up to Limit bytes. It has no other way in than Write, which the limit holds for.
type Buffer struct {
	Limit int
	text  []byte
}

func (b *Buffer) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > b.Limit {
		return 0, ErrTooMuch
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// Bytes returns what was printed.
func (b *Buffer) Bytes() []byte { return b.text }

// String returns what was printed.
func (b *Buffer) String() string { return string(b.text) }
