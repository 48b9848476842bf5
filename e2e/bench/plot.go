// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The size of a plot, and of the part with the lines in it.
const (
	plotWidth, plotHeight       = 720, 360
	left, right, top, bottomGap = 62, 18, 58, 46
)

// svg returns a plot of series as an SVG that can be read on a light and on a dark page. Both axes are linear and begin at 0.
func svg(title, xTitle, yTitle string, all []series) string {
	xMax, yMax := 0.0, 0.0
	for _, s := range all {
		for i, y := range s.quickest() {
			xMax, yMax = max(xMax, float64(s.at[i])), max(yMax, y)
		}
	}
	xStep, yStep := tick(xMax), tick(yMax)
	xMax, yMax = math.Ceil(xMax/xStep)*xStep, math.Ceil(yMax/yStep)*yStep
	x := func(v float64) float64 { return left + v/xMax*(plotWidth-left-right) }
	y := func(v float64) float64 { return plotHeight - bottomGap - v/yMax*(plotHeight-top-bottomGap) }

	var out strings.Builder
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n",
		plotWidth, plotHeight, plotWidth, plotHeight, html.EscapeString(title))
	out.WriteString(plotStyle)
	fmt.Fprintf(&out, "<rect class=\"page\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", plotWidth, plotHeight)
	text := func(class, anchor string, atX, atY float64, words string) {
		fmt.Fprintf(&out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, anchor, atX, atY, html.EscapeString(words))
	}
	text("title", "start", 14, 22, strings.ReplaceAll(title, "`", ""))
	for v := 0.0; v <= yMax+yStep/2; v += yStep {
		fmt.Fprintf(&out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", left, plotWidth-right, y(v), y(v))
		text("label", "end", left-8, y(v)+4, number(v))
	}
	for v := 0.0; v <= xMax+xStep/2; v += xStep {
		fmt.Fprintf(&out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", x(v), x(v), plotHeight-bottomGap, plotHeight-bottomGap+5)
		text("label", "middle", x(v), plotHeight-bottomGap+19, number(v))
	}
	text("label", "end", plotWidth-right, plotHeight-8, xTitle)
	text("label", "start", 14, 44, yTitle)
	legend := plotWidth - right
	for i := len(all) - 1; i >= 0; i-- {
		legend -= 26 + 7*len(all[i].title)
		fmt.Fprintf(&out, "<line class=\"s%d\" x1=\"%d\" x2=\"%d\" y1=\"40\" y2=\"40\"/>\n", i, legend, legend+16)
		text("label", "start", float64(legend+20), 44, all[i].title)
	}
	for i, s := range all {
		var points, dots strings.Builder
		for j, v := range s.quickest() {
			atX, atY := x(float64(s.at[j])), y(v)
			fmt.Fprintf(&points, " %.1f,%.1f", atX, atY)
			fmt.Fprintf(&dots, "<circle class=\"d%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", i, atX, atY)
		}
		fmt.Fprintf(&out, "<polyline class=\"s%d\" points=\"%s\"/>\n%s", i, points.String()[1:], dots.String())
	}
	out.WriteString("</svg>\n")
	return out.String()
}

const plotStyle = `<style>
.page { fill: #ffffff } .grid { stroke: #d0d7de; stroke-width: 1 }
text { font-family: system-ui, sans-serif; font-size: 12px; fill: #424a53 } .title { font-size: 14px; font-weight: 600; fill: #1f2328 }
polyline { fill: none } polyline, line { stroke-width: 2 } .grid { stroke-width: 1 }
.s0 { stroke: #0969da } .d0 { fill: #0969da } .s1 { stroke: #bc4c00 } .d1 { fill: #bc4c00 } .s2 { stroke: #1a7f37 } .d2 { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .grid { stroke: #30363d } text { fill: #b1bac4 } .title { fill: #e6edf3 }
.s0 { stroke: #58a6ff } .d0 { fill: #58a6ff } .s1 { stroke: #f0883e } .d1 { fill: #f0883e } .s2 { stroke: #56d364 } .d2 { fill: #56d364 }
}
</style>
`

// tick returns a round step with which at most eight fill the range.
func tick(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most/8)))
	for _, times := range []float64{1, 2, 2.5, 5} {
		if most/(unit*times) <= 8 {
			return unit * times
		}
	}
	return 10 * unit
}

func number(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// plot writes a plot, and beneath it how much one more costs at the beginning and at the end.
func (f *figures) plot(name, title, xTitle, yTitle string, all ...series) error {
	file := "performance-" + name + ".svg"
	f.files[file] = svg(title, xTitle, yTitle, all)
	last := len(all[0].at) - 1
	half := 0
	for half < last && 2*all[0].at[half] < all[0].at[last] {
		half++
	}
	if half == last {
		half = last / 2
	}
	fmt.Fprintf(&f.out, "![%s](%s)\n\n", strings.ReplaceAll(title, "`", ""), file)
	fmt.Fprintf(&f.out, "| %s | with %d | with %d | one more, first half | one more, last half | last ÷ first |\n|---|--:|--:|--:|--:|--:|\n", xTitle, all[0].at[0], all[0].at[last])
	for _, s := range all {
		y := s.quickest()
		step := func(from, to int) float64 { return (y[to] - y[from]) / float64(s.at[to]-s.at[from]) }
		first, second := step(0, half), step(half, last)
		word := "flat"
		if y[last] > 1.25*y[0] {
			word = ratio(second / first)
		}
		fmt.Fprintf(&f.out, "| %s | %.2f ms | %.2f ms | %.1f µs | %.1f µs | %s |\n", s.title, y[0], y[last], first*1000, second*1000, word)
	}
	fmt.Fprintf(&f.out, "\n%s.\n\n", howMany(all[0].cells))
	return nil
}
