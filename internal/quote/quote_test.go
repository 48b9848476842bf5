// SPDX-License-Identifier: GPL-3.0-or-later

package quote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// harmful are texts, one for each kind of harm, that no terminal may get.
func harmful() []string {
	all := []string{"\x7f", "\u200b", "\u200d", "\u2028", "\u202e", "\u2066", "\ufeff", "\u034f", "\u3164", "\ufe0f", "\U000e0041", "\xff", "\xe9", "\xc2", "\xed\xa0\x80", "\x9b"}
	for c := rune(1); c < 0x20; c++ {
		all = append(all, string(c))
	}
	for c := rune(0x80); c < 0xa0; c++ {
		all = append(all, string(c), string([]byte{byte(c)}))
	}
	return all
}

var harmless = []string{"", "plain", "two words", "it's", "$HOME", "`id`", "*", "~", "-n", `back\slash`, "é", "日本", "{}", "a=b", "!", "#x", `"`, "\ufffd", "e\u0301"}

func TestWordComesBack(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal(err)
	}
	words := append([]string{}, harmless...)
	for _, h := range harmful() {
		words = append(words, h, "a"+h+"7b", `'\`+h+`\'`)
	}
	var script strings.Builder
	for _, w := range words {
		if quoted := Word(w); !Plain(quoted) {
			t.Errorf("Word(%q) is not plain: %q", w, quoted)
		}
		script.WriteString("printf '%s\\0' " + Word(w) + "\n")
	}
	out, err := exec.Command("bash", "-c", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	back := strings.Split(string(out), "\x00")
	for i, w := range words {
		if back[i] != w {
			t.Errorf("Word(%q) = %s came back as %q", w, Word(w), back[i])
		}
	}
}

func TestWhatIsHarmlessIsShownAsItIs(t *testing.T) {
	for _, text := range harmless {
		if Name(text) != text || Text(text) != text {
			t.Errorf("%q is shown as %q and %q", text, Name(text), Text(text))
		}
	}
}

func TestWhatIsHarmfulIsNotShown(t *testing.T) {
	for _, h := range harmful() {
		if Plain("a" + h) {
			t.Errorf("%q counts as plain", h)
		}
		for _, shown := range []string{Name("a" + h), Name(strings.Repeat("a", 2*longest) + h), Name(h + strings.Repeat(h, 2*longest))} {
			if !Plain(shown) {
				t.Errorf("a name with %q is shown as %q", h, shown)
			}
		}
		if text := Text("a" + h); !Plain(text) && h != "\n" && h != "\t" {
			t.Errorf("a text with %q is shown as %q", h, text)
		}
	}
}

func TestLongNamesAreCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("d/", 600_000), strings.Repeat("é", 600_000), strings.Repeat("日", 600_000), strings.Repeat("\x80", 600_000)} {
		shown := Name(text)
		if len(shown) > 6*longest || !utf8.ValidString(shown) || !strings.Contains(shown, " … (1") && !strings.Contains(shown, " … (5") {
			t.Errorf("a long name is shown as %q, of %d bytes", shown[:min(len(shown), 100)], len(shown))
		}
	}
}

func TestErrorsQuotePaths(t *testing.T) {
	forged := "d\nau: hint: rm -rf ~\x1b[31m"
	path := &fs.PathError{Op: "open", Path: forged, Err: fs.ErrNotExist}
	link := &os.LinkError{Op: "rename", Old: forged, New: "b", Err: fs.ErrExist}
	for _, err := range []error{path, link, fmt.Errorf("check %q: %w", "x", path), errors.Join(errors.New("first"), fmt.Errorf("then: %w", link)), fmt.Errorf("%v", path)} {
		said := Error(err)
		for i, line := range strings.Split(said, "\n") {
			if !Plain(line) || i > 0 && !strings.HasPrefix(line, "    ") {
				t.Errorf("%q is said as %q", err.Error(), said)
			}
		}
	}
	if said := Error(path); said != `open $'d\nau: hint: rm -rf ~\033[31m': file does not exist` {
		t.Errorf("said as %s", said)
	}
}

func TestWriterPassesNothingHarmful(t *testing.T) {
	for _, h := range harmful() {
		var to bytes.Buffer
		w := &Writer{To: &to, Pass: []string{"\x1b[31m", "\x1b[0m"}}
		in := "\x1b[31mred\x1b[0m" + h + "\x1b[8m\n\t"
		if n, err := fmt.Fprint(w, in); n != len(in) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(in), err)
		}
		out, ok := strings.CutPrefix(to.String(), "\x1b[31mred\x1b[0m")
		out, ends := strings.CutSuffix(out, "\\033[8m\n\t")
		if !ok || !ends || !Plain(out) && h != "\n" && h != "\t" {
			t.Errorf("with %q it wrote %q", h, to.String())
		}
	}
}

func TestJSONIsTheSameAndPlain(t *testing.T) {
	for _, h := range harmful() {
		text, err := json.Marshal("é\U0001f600" + h)
		if err != nil {
			t.Fatal(err)
		}
		quoted := JSON(text)
		var before, after string
		if err := errors.Join(json.Unmarshal(text, &before), json.Unmarshal(quoted, &after)); err != nil || before != after {
			t.Errorf("%s became %s: %v", text, quoted, err)
		}
		if utf8.ValidString(h) && !Plain(string(quoted)) {
			t.Errorf("with %q the JSON is %q", h, quoted)
		}
	}
}

// Text that an error has in Go's quotes is shown so that a shell reads it back, wherever that is not as it is; a name of the same
// look stays.
func TestErrorsAreReadBackByAShell(t *testing.T) {
	var script strings.Builder
	var want []string
	for _, h := range append(harmful(), harmless...) {
		name := "/a b/" + h + `7"\x41`
		said := Error(fmt.Errorf("share %q: %w", name, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}))
		if !Plain(strings.ReplaceAll(said, "\n    ", "")) {
			t.Errorf("%q is not plain", said)
		}
		if Plain(name) {
			continue
		}
		first, rest, _ := strings.Cut(strings.TrimPrefix(said, "share "), ": open ")
		script.WriteString("printf '%s\\0' " + first + " " + strings.TrimSuffix(rest, ": file does not exist") + "\n")
		want = append(want, name, name)
	}
	out, err := exec.Command("bash", "-c", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	back := strings.Split(string(out), "\x00")
	for i, w := range want {
		if back[i] != w {
			t.Errorf("%q came back as %q", w, back[i])
		}
	}
	looks := &fs.PathError{Op: "open", Path: `"\xe9"`, Err: fs.ErrNotExist}
	if said := Error(looks); said != `open "\xe9": file does not exist` {
		t.Errorf("a name that only looks quoted is shown as %s", said)
	}
	for _, plain := range []string{`want "a"`, `"C:\\x"`, `"it\"s"`, `no "end\xe9`, `""`} {
		if said := Error(errors.New(plain)); said != plain {
			t.Errorf("%s is shown as %s", plain, said)
		}
	}
}

func FuzzEachQuoted(f *testing.F) {
	for _, text := range []string{"", `"`, `a "b" c`, `"a\"b" "c`, `"\`, "\"a\\\nb\" \"c\"", `\"a"b"`, "\"\xff\"", `""""`, `"\\" x "y\\\""`} {
		f.Add(text)
	}
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	mark := func(part string) string { return "<" + part + ">" }
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := eachQuoted(text, mark), quoted.ReplaceAllStringFunc(text, mark); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	})
}
