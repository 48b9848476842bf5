// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// populate has the kernel give all the memory of s at once. Otherwise each page that is touched for the first time is an exception,
// which takes longer than the rest of what is done with it, on a virtual machine twenty times as long. It changes nothing in the
// memory (MADV_POPULATE_WRITE, Linux 5.14), and nothing at all on a kernel that does not know it.
func populate[T any](s []T) {
	page := uintptr(os.Getpagesize())
	first := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	last := first + uintptr(cap(s))*unsafe.Sizeof(*new(T))
	skip, whole := -first%page, last/page*page
	if first+skip >= whole {
		return
	}
	all := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), last-first)
	_ = unix.Madvise(all[skip:whole-first], unix.MADV_POPULATE_WRITE)
}
