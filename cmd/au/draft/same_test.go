// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Files that end where no file can be longer are compared to their end.
func TestSameBytesOfTheLargestFiles(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/dev/shm", "") // memory knows of holes, and of such sizes
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	in, err := openPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	const size = noData - 4095
	for name, last := range map[string]string{"a": "x", "b": "x", "c": "y"} {
		f, err := os.Create(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte(last), size-1)
		f.Close()
		if errors.Is(err, unix.EFBIG) || errors.Is(err, unix.EINVAL) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for other, want := range map[string]bool{"b": true, "c": false} {
		if got, err := sameBytes(in, "a", in, other); got != want || err != nil {
			t.Errorf("a and %s: %v, %v", other, got, err)
		}
	}
}
