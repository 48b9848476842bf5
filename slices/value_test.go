// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"encoding"
	"strings"
	"testing"
)

func TestValuesRead(t *testing.T) {
	for _, c := range []struct {
		into encoding.TextUnmarshaler
		word string
		want any
	}{
		{new(CPU), "150%", CPU(1_500_000)},
		{new(CPU), "1.5", CPU(1_500_000)},
		{new(CPU), "2", CPU(2_000_000)},
		{new(CPU), "0.05", CPU(50_000)},
		{new(CPU), "1%", CPU(10_000)},
		{new(CPU), "infinity", CPU(Infinity)},
		{new(Size), "512M", Size{Bytes: 512 << 20}},
		{new(Size), "16G", Size{Bytes: 16 << 30}},
		{new(Size), "16GB", Size{Bytes: 16 << 30}},
		{new(Size), "16GiB", Size{Bytes: 16 << 30}},
		{new(Size), "16Gi", Size{Bytes: 16 << 30}},
		{new(Size), "16g", Size{Bytes: 16 << 30}},
		{new(Size), "512mb", Size{Bytes: 512 << 20}},
		{new(Size), "1048576B", Size{Bytes: 1 << 20}},
		{new(Size), "1T", Size{Bytes: 1 << 40}},
		{new(Size), "1048576", Size{Bytes: 1 << 20}},
		{new(Size), "50%", Size{Percent: 50}},
		{new(Size), "infinity", Size{Bytes: Infinity}},
		{new(Swap), "0", Swap{}},
		{new(Swap), "1G", Swap{Size{Bytes: 1 << 30}}},
		{new(Tasks), "500", Tasks(500)},
		{new(Tasks), "4194304", Tasks(4194304)},
		{new(Tasks), "infinity", Tasks(Infinity)},
		{new(Weight), "1", Weight(1)},
		{new(Weight), "10000", Weight(10000)},
	} {
		if err := c.into.UnmarshalText([]byte(c.word)); err != nil {
			t.Errorf("%T refused %q: %v", c.into, c.word, err)
		}
		if got := value(c.into); got != c.want {
			t.Errorf("%T read %q as %v, want %v", c.into, c.word, got, c.want)
		}
	}
}

func value(p any) any {
	switch v := p.(type) {
	case *CPU:
		return *v
	case *Size:
		return *v
	case *Swap:
		return *v
	case *Tasks:
		return *v
	}
	return *p.(*Weight)
}

func TestNonsenseIsRefusedAndNamed(t *testing.T) {
	for _, c := range []struct {
		into  encoding.TextUnmarshaler
		words string
	}{
		{new(CPU), "|0|0%|0.0|-1|-1%|1.|.5|1.555|1,5|150 %|1e3|two|99999999999%|18446744073709551616|+1|1_0|0x1|1.5%|Infinity|max"},
		{new(Size), "|0|0G|-1|1.5G|16 GB|16BG|16I|16GBB|16KiG|16iB|GiB|B|0x1G|G|16|1023K|0%|101%|-5%|5.5%|16777216T|99999999999999999999|20000000000G|max|1KM"},
		{new(Swap), "|-1|5|1.5G|200%|off|16 GB"},
		{new(Tasks), "|0|7|-1|1.5|5k|4194305|99999999999|many"},
		{new(Weight), "|0|10001|-1|1.5|infinity|idle"},
	} {
		for _, word := range strings.Split(c.words, "|") {
			err := c.into.UnmarshalText([]byte(word))
			if err == nil {
				t.Errorf("%T took %q for %v", c.into, word, value(c.into))
			} else if !strings.Contains(err.Error(), `"`+word+`"`) || !strings.Contains(err.Error(), "want") {
				t.Errorf("%T refuses %q without naming it or what would be right: %v", c.into, word, err)
			}
		}
	}
}

func TestValuesAreReadBackAsWritten(t *testing.T) {
	for _, word := range []string{"150%", "7%", "infinity"} {
		var c CPU
		if err := c.UnmarshalText([]byte(word)); err != nil || c.String() != word {
			t.Errorf("CPU %q came back as %q (%v)", word, c, err)
		}
	}
	for _, word := range []string{"512M", "1536M", "16G", "1048577", "50%", "infinity"} {
		var s Size
		if err := s.UnmarshalText([]byte(word)); err != nil || s.String() != word {
			t.Errorf("size %q came back as %q (%v)", word, s, err)
		}
	}
	if got := FormatBytes(0); got != "0" {
		t.Errorf("no bytes are written as %q", got)
	}
}

func TestShareOfMachine(t *testing.T) {
	if got := (Size{Percent: 50}).Of(16 << 30); got != 8<<30 {
		t.Errorf("50%% of 16G is %d bytes", got)
	}
	if got := (Size{Percent: 33}).Of(1000 * 4096); got != 330*4096 {
		t.Errorf("33%% of 1000 pages is %d bytes, not whole pages", got)
	}
	if got := (Size{Bytes: 5}).Of(16 << 30); got != 5 {
		t.Errorf("5 bytes became %d", got)
	}
}
