// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Infinity is how a property of type t says "no limit" (org.freedesktop.systemd1(5)).
const Infinity = math.MaxUint64

// CPU is a share of the machine's processors in microseconds of CPU time a second, the unit of
// CPUQuotaPerSecUSec: 1000000 is one core, all of the time.
type CPU uint64

// A unit that systemd 252 writes to disk has whole percents only, so nothing finer is taken.
const cpuPercent = 1_000_000 / 100

// UnmarshalText reads a share of one core (150%), a number of cores (1.5), or infinity.
func (c *CPU) UnmarshalText(text []byte) error {
	word := string(text)
	if word == "infinity" {
		*c = Infinity
		return nil
	}
	percent, ok := cpuPercents(word)
	if !ok || percent == 0 || percent > math.MaxUint32 {
		return fmt.Errorf("cpu share %q: want a share of one core such as 150%%, a number of cores such as 1.5, or infinity", word)
	}
	*c = CPU(percent * cpuPercent)
	return nil
}

func cpuPercents(word string) (uint64, bool) {
	if number, isPercent := strings.CutSuffix(word, "%"); isPercent {
		return digits(number)
	}
	whole, fraction, hasFraction := strings.Cut(word, ".")
	if hasFraction && (fraction == "" || len(fraction) > 2) {
		return 0, false
	}
	cores, ok := digits(whole)
	hundredths, ok2 := digits((fraction + "00")[:2])
	return cores*100 + hundredths, ok && ok2 && cores < math.MaxUint32
}

func (c CPU) String() string {
	if c == Infinity {
		return "infinity"
	}
	return strconv.FormatFloat(float64(c)/cpuPercent, 'f', -1, 64) + "%"
}

// Cores returns how many cores c is worth.
func (c CPU) Cores() float64 { return float64(c) / 1_000_000 }

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

// Tasks is a number of processes and threads, the unit of TasksMax.
type Tasks uint64

// fewestTasks lets one command run: the keeper, the run's first process, the command and its shell.
const fewestTasks = 8

// mostTasks is PID_MAX_LIMIT of the kernel's include/linux/threads.h: it takes no larger number for a limit.
const mostTasks = 4 << 20

// UnmarshalText reads a number of tasks, or infinity.
func (t *Tasks) UnmarshalText(text []byte) error {
	n, ok := digits(string(text))
	switch {
	case string(text) == "infinity":
		n = Infinity
	case !ok:
		return fmt.Errorf("tasks %q: want a number of processes and threads such as 500, or infinity", text)
	case n < fewestTasks:
		return fmt.Errorf("tasks %q: too few to run anything: want %d or more", text, fewestTasks)
	case n > mostTasks:
		return fmt.Errorf("tasks %q: more than any kernel runs: want %d or fewer, or infinity", text, mostTasks)
	}
	*t = Tasks(n)
	return nil
}

func (t Tasks) String() string {
	if t == Infinity {
		return "infinity"
	}
	return strconv.FormatUint(uint64(t), 10)
}

// Weight is a share of what is left when others want it too: 100 for everyone who asked nothing.
type Weight uint64

// UnmarshalText reads a weight from 1 to 10000 (systemd.resource-control(5)).
func (w *Weight) UnmarshalText(text []byte) error {
	n, ok := digits(string(text))
	if !ok || n < 1 || n > 10000 {
		return fmt.Errorf("weight %q: want a number from 1 to 10000, where others have 100", text)
	}
	*w = Weight(n)
	return nil
}

// String writes 100 for a weight that nobody set, because that is what the kernel then uses.
func (w Weight) String() string {
	if w == Infinity {
		return "100"
	}
	return strconv.FormatUint(uint64(w), 10)
}

// digits reads a number written in nothing but digits: no sign, no space, no underscore.
func digits(word string) (uint64, bool) {
	if word == "" || strings.Trim(word, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(word, 10, 64)
	return n, err == nil
}
