// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Size is an amount of memory as it was asked for: bytes, or a share of the machine's memory.
type Size struct {
	Bytes   uint64 // Infinity: no limit
	Percent uint64 // 1 to 100, or 0: Bytes counts
}

// smallest is less than any program needs: a size below it lacks its unit.
const smallest = 1 << 20

// UnmarshalText reads 512M, 16G, 50% (of the machine's memory) or infinity. As systemd reads them,
// K, M, G and T are powers of 1024 (systemd.resource-control(5)), and so are 16g, 16GB and 16GiB.
func (s *Size) UnmarshalText(text []byte) error {
	read, err := parseSize(string(text), "memory")
	if err == nil && read.Percent == 0 && read.Bytes < smallest {
		return fmt.Errorf("memory size %q: %d bytes is too little to run anything: want a size such as 512M or 16G", text, read.Bytes)
	}
	if err == nil {
		*s = read
	}
	return err
}

// Swap is a Size that may be nothing at all.
type Swap struct{ Size }

// UnmarshalText reads what Size does, 50% being of the machine's swap, and 0 for no swap.
func (s *Swap) UnmarshalText(text []byte) error {
	read, err := parseSize(string(text), "swap")
	if err == nil && read.Percent == 0 && read.Bytes != 0 && read.Bytes < smallest {
		return fmt.Errorf("swap size %q: %d bytes is next to nothing: want 0 or a size such as 512M or 2G", text, read.Bytes)
	}
	if err == nil {
		s.Size = read
	}
	return err
}

func parseSize(word, what string) (Size, error) {
	if word == "infinity" {
		return Size{Bytes: Infinity}, nil
	}
	if number, isPercent := strings.CutSuffix(word, "%"); isPercent {
		if percent, ok := digits(number); ok && percent >= 1 && percent <= 100 {
			return Size{Percent: percent}, nil
		}
		return Size{}, fmt.Errorf("%s size %q: want 1%% to 100%%", what, word)
	}
	number, unit := cutUnit(word)
	n, ok := digits(number)
	if high, _ := bits.Mul64(n, 1<<unit); !ok || high != 0 || n<<unit == Infinity {
		return Size{}, fmt.Errorf("%s size %q: want a size such as 512M or 16G, a share such as 50%%, or infinity", what, word)
	}
	return Size{Bytes: n << unit}, nil
}

// cutUnit returns the number that a size begins with, and the power of two that its unit is.
func cutUnit(word string) (number string, unit uint) {
	number = strings.TrimRight(word, "KMGTPEBkmgtpebi")
	letters := strings.ToUpper(word[len(number):])
	for _, end := range []string{"", "B", "IB", "I"} {
		if name, ok := strings.CutSuffix(letters, end); ok && len(name) == 1 && strings.Contains("KMGTPE", name) {
			return number, 10 * uint(strings.Index("KMGTPE", name)+1)
		}
	}
	if letters == "B" {
		return number, 0
	}
	return word, 0
}

// Of returns the size in bytes on a machine that has that many, whole pages as the kernel counts.
func (s Size) Of(machine uint64) uint64 {
	if s.Percent == 0 {
		return s.Bytes
	}
	high, low := bits.Mul64(machine, s.Percent)
	share, _ := bits.Div64(high, low, 100)
	return share &^ 4095
}

func (s Size) String() string {
	if s.Percent != 0 {
		return strconv.FormatUint(s.Percent, 10) + "%"
	}
	return FormatBytes(s.Bytes)
}

// FormatBytes writes n exactly, in the largest unit that UnmarshalText reads back: 16G, 1536M, 4097.
func FormatBytes(n uint64) string {
	if n == Infinity {
		return "infinity"
	}
	unit := 0
	for n != 0 && n%1024 == 0 && unit < len("KMGTPE") {
		n, unit = n/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatUint(n, 10)
	}
	return strconv.FormatUint(n, 10) + "KMGTPE"[unit-1:unit]
}
