// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/a4u2/au/internal/quote"
)

// A text that au writes is the same where it prints it, and comes back. Each character that the output would escape is tried alone
// and in a path, the others together.
func TestQuoteIsPrintedAsItIsAndComesBack(t *testing.T) {
	var texts []string
	var others strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		switch {
		case !utf8.ValidRune(r) || r > 0x3ffff && r>>16 != 0xe && r%997 != 0: // thousands that are alike
		case !quote.PlainRune(r) && unicode.In(r, unicode.C, unicode.Z, unicode.M, unicode.L) && !unicode.Is(unicode.Co, r) || strings.ContainsRune(`"\'`, r):
			texts = append(texts, string(r), "/home/a b/"+string(r)+`7b"\`)
		default:
			fmt.Fprintf(&others, "%c7", r)
		}
	}
	texts = append(texts, others.String())
	if len(texts) < 500 {
		t.Fatalf("only %d texts", len(texts))
	}
	line := quoteAll(texts)
	if !quote.Plain(line) || quote.Text(line) != line {
		t.Error("au prints something else than it wrote")
	}
	c, err := Parse("f", []byte("[[agents]]\nuser_name = \"a\"\nkeep_env = "+line+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range c.Agents[0].KeepEnv {
		if got != texts[i] {
			t.Fatalf("%.80q came back as %.80q", texts[i], got)
		}
	}
	if len(c.Agents[0].KeepEnv) != len(texts) {
		t.Errorf("%d of %d came back", len(c.Agents[0].KeepEnv), len(texts))
	}
}

// A line that a person wrote stays as it is, and au escapes what it writes beside it.
func TestEditWritesWhatIsPrintedAsItIs(t *testing.T) {
	const odd = "x\u202ey"
	before := "[[agents]]\nuser_name = \"a\"\nset_env = [\"A=" + odd + "\"]\n"
	c, err := Parse("f", []byte(before))
	must(t, err)
	if same, err := edit("f", []byte(before), c); err != nil || string(same) != before {
		t.Errorf("it became %q, %v", same, err)
	}
	c.Agents[0].Mounts = append(c.Agents[0].Mounts, Mount{Source: "/" + odd, Target: "/home/a/" + odd, ReadOnly: true, Hide: []string{odd}})
	edited, err := edit("f", []byte(before), c)
	must(t, err)
	rest, ok := strings.CutPrefix(string(edited), before)
	if !ok || quote.Text(rest) != rest {
		t.Errorf("it became %q", edited)
	}
	again, err := Parse("f", edited)
	must(t, err)
	if !slices.EqualFunc(again.Agents[0].Mounts, c.Agents[0].Mounts, Mount.Equal) {
		t.Errorf("the shares are %+v", again.Agents[0].Mounts)
	}
}
