// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
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
		return &cell{title: name, do: func() (cost, error) { order.WriteString(name); return cost{wall: 1}, nil }}
	}
	add, remove, other := named("a"), named("r"), named("o")
	if err := measure(10, []turn{{add, remove}, {other}}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(order.String(), "aro"+"oar"+"aro") {
		t.Errorf("the order was %s", order.String())
	}
	if len(add.costs) != 10 || order.Len() != 33 {
		t.Errorf("%d costs and %d calls of 10 rounds and one to warm up", len(add.costs), order.Len())
	}
}

func TestACellThatFailsEndsTheMeasuring(t *testing.T) {
	broken := &cell{title: "broken", do: func() (cost, error) { return cost{}, io.ErrUnexpectedEOF }}
	if err := measure(1, alone(broken)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("measure returned %v", err)
	}
}

func TestNoiseDecidesWhetherTwoAreApart(t *testing.T) {
	costs := func(values ...time.Duration) (all []cost) {
		for _, v := range values {
			all = append(all, cost{wall: v, cpu: v})
		}
		return all
	}
	if a := apartOf("noisy", costs(88, 108, 128), costs(80, 100, 120)); !a.within() {
		t.Errorf("a little more with that much noise was taken for a difference: %+v", a)
	}
	if a := apartOf("busy", []cost{{100, 150}, {300, 150}, {900, 150}}, []cost{{100, 100}, {300, 100}, {900, 100}}); a.within() {
		t.Errorf("half as much again by the processors was not seen: %+v", a)
	}
	if a := apartOf("quiet", costs(110, 110, 110), costs(100, 100, 100)); a.within() {
		t.Errorf("a tenth more without noise was not seen: %+v", a)
	}
}

func TestAPlotIsWellFormedAndInsideItsFrame(t *testing.T) {
	s := series{title: "a <run>", at: []int{1, 8, 64}}
	for _, v := range []time.Duration{3e6, 4e6, 11e6} {
		s.cells = append(s.cells, &cell{costs: []cost{{wall: v}}})
	}
	text := svg("`a` & b", "x", "y", []series{s, s})
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("a point is no number:\n%s", text)
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	circles := 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "circle" {
			circles++
		}
	}
	if circles != 6 {
		t.Errorf("%d points of 6", circles)
	}
}

func TestTicksAreRoundAndFew(t *testing.T) {
	for most, want := range map[float64]float64{64: 10, 1000: 200, 7: 1, 0.4: 0.05, 0: 1, 330: 50} {
		if got := tick(most); math.Abs(got-want) > 1e-9 {
			t.Errorf("tick(%v) = %v, want %v", most, got, want)
		}
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
