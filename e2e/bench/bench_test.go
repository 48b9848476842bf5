// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
	"time"
)

func TestQuantileIsBetweenTheTwoNearest(t *testing.T) {
	values := []time.Duration{40, 10, 30, 20}
	for q, want := range map[float64]time.Duration{0: 10, 0.5: 25, 1: 40} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile(%v, %v) = %v, want %v", values, q, got, want)
		}
	}
	if got := quantile([]float64{7}, 0.95); got != 7 {
		t.Errorf("the quantile of a single 7 is %v", got)
	}
	if values[0] != 40 {
		t.Errorf("quantile changed the order of what it was given: %v", values)
	}
}

func TestRoundsBeginWithAnotherTurnEachTime(t *testing.T) {
	var order strings.Builder
	named := func(name string) *cell {
		return &cell{title: name, do: func() []cost { order.WriteString(name); return []cost{{wall: 1}} }}
	}
	add, remove, other := named("a"), named("r"), named("o")
	measure(10, []turn{{add, remove}, {other}})
	if !strings.HasPrefix(order.String(), "aro"+"oar"+"aro") {
		t.Errorf("the order was %s", order.String())
	}
	if len(add.costs) != 10 || order.Len() != 33 {
		t.Errorf("%d costs and %d calls of 10 rounds and one to warm up", len(add.costs), order.Len())
	}
}

func TestNoiseDecidesWhetherTwoAreApart(t *testing.T) {
	costs := func(cpu time.Duration, walls ...time.Duration) (all []cost) {
		for _, v := range walls {
			all = append(all, cost{wall: v, cpu: cpu})
		}
		return all
	}
	for _, c := range []struct {
		title string
		a, b  []cost
		want  bool
	}{
		{"a little more with much noise", costs(108, 88, 108, 128), costs(100, 80, 100, 120), true},
		{"half as much again by the processors", costs(150, 100, 300, 900), costs(100, 100, 300, 900), false},
		{"a tenth more without noise", costs(100, 110, 110, 110), costs(100, 100, 100, 100), false},
	} {
		if got := apartOf(c.title, c.a, c.b).within(); got != c.want {
			t.Errorf("%s is within the noise: %v", c.title, got)
		}
	}
}

func TestATableHasAsManyCellsInEachRow(t *testing.T) {
	var out strings.Builder
	table(&out, " | a | b ", 1, [][]string{{"x", "1", "2"}}, "So many")
	if want := "| | a | b |\n|---|--:|--:|\n| x | 1 | 2 |\n\nSo many.\n"; out.String() != want {
		t.Errorf("%s\nnot\n%s", out.String(), want)
	}
}

func TestNumbersHaveTheDigitsThatMeanSomething(t *testing.T) {
	for v, want := range map[float64]string{0.0312: "0.031", 0.5: "0.50", 1.234: "1.23", 5.61: "5.6", 113.2: "113"} {
		if got := ratio(v); got != want {
			t.Errorf("ratio(%v) = %s, want %s", v, got, want)
		}
	}
	for n, want := range map[int]string{10: "10", 20000: "20,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}
