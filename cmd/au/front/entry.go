// SPDX-License-Identifier: GPL-3.0-or-later

//go:build amd64 || arm64

package main

// entry is where the program begins (the linker's -E): before Go's runtime, which needs much memory and, where `ulimit -v` or
// `ulimit -d` leaves less, ends with a trace and status 2. There it says so instead, and exits with 125. The limit stays as it is:
// it is the human's, and the command's too. A small `ulimit -u` is told from what the kernel does: where fewer processes than the
// runtime may want can be made, it ends in the same way. Each of them makes the next, and ends.
//
// Last it has the kernel map the program, and what it writes to at each start, at once: page by page that is some eighty exceptions
// (MADV_POPULATE_READ and MADV_POPULATE_WRITE, Linux 5.14). A kernel that does not know these maps page by page.
//
//lint:ignore U1000 the linker's
func entry()

// needed is the address space in bytes with which both programs start, wherever the runtime happens to put its heap. Nearly all of
// it is only reserved.
//
//lint:ignore U1000 entry's
var needed uint64 = 896 << 20

// neededData is the same for memory that is private and can be written (`ulimit -d`). With less than 35 MB the kernel ends the
// program before it has begun.
//
//lint:ignore U1000 entry's
var neededData uint64 = 96 << 20

// few is the `ulimit -u` below which that is tried: above, it would only cost time.
//
//lint:ignore U1000 entry's
var few uint64 = 1024

// wanted is how many processes must be there to be made: the threads of either program, and some for what it starts.
//
//lint:ignore U1000 entry's
var wanted uint64 = 16

//lint:ignore U1000 entry's
var tooFew = "au: ulimit -u leaves too few processes for au to start: want 16 beside those that you have, or unlimited\n"

//lint:ignore U1000 entry's
var tooSmall = "au: ulimit -v leaves too little address space for au to start: want 917504 (KB) or more, or unlimited\n"

//lint:ignore U1000 entry's
var tooLittleData = "au: ulimit -d leaves too little memory for au to start: want 98304 (KB) or more, or unlimited\n"
