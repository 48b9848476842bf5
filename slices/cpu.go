// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

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
