// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// sequence matches what a frame has beside its text; colour too.
var sequence = regexp.MustCompile(`\x1b\[(\?2026[hl]|\d+;1H|K|[\d;]+m)`)

// shownBy returns the text of a frame, line for line.
func shownBy(frame []byte) []string {
	var lines []string
	for _, line := range regexp.MustCompile(`\x1b\[\d+;1H`).Split(string(frame), -1)[1:] {
		lines = append(lines, sequence.ReplaceAllString(line, ""))
	}
	return lines
}

func TestFrame(t *testing.T) {
	got := string(frame([]Line{{{"abc", Reverse}, {"de", Plain}}, nil, {{"x", BoldRed}}, {{"below", Plain}}}, 5, 3, false))
	want := "\x1b[?2026h\x1b[1;1H\x1b[7mabc\x1b[0mde\x1b[2;1H\x1b[K\x1b[3;1H\x1b[1;31mx\x1b[0m\x1b[K\x1b[?2026l"
	if got != want {
		t.Errorf("the frame is\n%q, want\n%q", got, want)
	}
}

func TestFrameIsCutToTheScreen(t *testing.T) {
	line := Line{{"abcd", Bold}, {"efgh", Plain}, {"ij", Dim}}
	for width := 1; width < 12; width++ {
		got := shownBy(frame([]Line{line, line, line}, width, 2, false))
		want := "abcdefghij"[:min(width, 10)]
		if len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("%d columns, 2 lines: %q", width, got)
		}
	}
}

// Names come from agents.
func TestFrameShowsEveryCharacterInOneColumn(t *testing.T) {
	for text, want := range map[string]string{
		"plain ~name":                 "plain ~name",
		"\x1b]0;title\a\x1b[2J":       "?]0;title??[2J",
		"a\nb\rc\td\be\x7f":           "a?b?c?d?e?",
		"\u009b31m\u0085":             "?31m?",
		"bytes \xff\xc3":              "bytes ??",
		"世界 wide":                     "?? wide",
		"e\u0301 combined":            "e? combined",
		"\U0001F469\u200D\U0001F469x": "???x",
		"\u202eback\u200b\ufeff":      "?back??",
		"tag\U000E0041 variant\ufe0f": "tag? variant?",
		"▁▂▃▄▅▆▇█ cut…":               "▁▂▃▄▅▆▇█ cut…",
	} {
		out := frame([]Line{{{text, Plain}}}, 40, 1, false)
		if got := shownBy(out); got[0] != want {
			t.Errorf("%q is shown as %q, want %q", text, got[0], want)
		}
		rest := sequence.ReplaceAllString(string(out), "")
		if strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.M, r) }) {
			t.Errorf("%q gets through as %q", text, rest)
		}
	}
	if got := shownBy(frame([]Line{{{"▁▂▃▄▅▆▇█ cut… é", Plain}}}, 40, 1, true)); got[0] != ".:-=+*#@ cut~ ?" {
		t.Errorf("without UTF-8 blocks are shown as %q", got[0])
	}
}

func TestFrameWithoutStylesHasNone(t *testing.T) {
	if out := frame([]Line{{{"plain", Plain}}}, 40, 1, false); strings.ContainsRune(string(out), 'm') {
		t.Errorf("there is a style in %q", out)
	}
}

func TestOnlyLocalesWithAnotherCharacterSetAreASCII(t *testing.T) {
	for _, c := range []struct {
		lang, ctype, all string
		want             bool
	}{
		{"", "", "", false},
		{"C", "", "", true},
		{"POSIX", "", "", true},
		{"C.UTF-8", "", "", false},
		{"de_DE", "", "", false},
		{"de_DE.utf8@euro", "", "", false},
		{"de_DE.ISO-8859-15", "", "", true},
		{"C", "C.UTF-8", "", false},
		{"C", "C.UTF-8", "C", true},
	} {
		environment := map[string]string{"LANG": c.lang, "LC_CTYPE": c.ctype, "LC_ALL": c.all}
		if got := asciiOnly(func(name string) string { return environment[name] }); got != c.want {
			t.Errorf("asciiOnly with %v is %v", environment, got)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  key // by the end, or when nothing more comes
	}{
		{"q", quitKey},
		{"\x03", quitKey},
		{"\x1b", quitKey},
		{"\x1b\x1b", quitKey},
		{"\x1b[A\x1b", quitKey},
		{"\x1b[1;5Aq", quitKey},
		{"\x1bOPq", quitKey},
		{"\x1b[\x03", quitKey},
		{"\x1a", stopKey},
		{"\x1b[A\x1a", stopKey},
		{"", noKey},
		{"xQ\r\n\t /", noKey},
		{"\x1b[A\x1b[B\x1b[5~\x1b[1;5C", noKey}, // arrows, Page Up, Ctrl with an arrow
		{"\x1bOq\x1bOA", noKey},                 // the keypad's 1
		{"\x1bq", noKey},                        // Alt-q
		{"\x1b[", noKey},                        // Alt-[
		{"é世", noKey},
	} {
		var p keyParser
		got := noKey
		for _, b := range []byte(c.typed) {
			got = max(got, p.next(b))
		}
		if p.waits() {
			got = max(got, p.late())
		}
		if got != c.want {
			t.Errorf("%q is %d, want %d", c.typed, got, c.want)
		}
		if p.waits() {
			t.Errorf("after %q more is waited for", c.typed)
		}
	}
}
