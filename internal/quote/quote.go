// SPDX-License-Identifier: GPL-3.0-or-later

// Package quote is how a person reads what others chose: names of files and programs, words typed, texts of errors. It shows
// harmless text as it is. Text that could steer a terminal, hide, or be taken for something else is shown so that a shell reads it
// back.
package quote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain reports whether a person sees all of text and nothing else happens: it is UTF-8 without control characters, line ends, and
// characters that have no width or turn the direction of what follows.
func Plain(text string) bool {
	for len(text) > 0 {
		n, ok := plainRune(text)
		if !ok {
			return false
		}
		text = text[n:]
	}
	return true
}

// PlainRune reports whether Text leaves a character of UTF-8 as it is.
func PlainRune(r rune) bool {
	_, ok := plainRune(string(r))
	return ok
}

// plainRune returns the length of the character that text begins with, and whether a person sees it as it is.
func plainRune(text string) (n int, ok bool) {
	r, n := utf8.DecodeRuneInString(text)
	if r < utf8.RuneSelf {
		return n, ' ' <= r && r <= '~'
	}
	bad := r == utf8.RuneError && n == 1
	return n, !bad && unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// unquoted are the characters that a POSIX shell takes for themselves in any position of a word.
const unquoted = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+:,./_-="

// Word returns word as a shell reads it back. For what is plain that is any POSIX shell (POSIX.1-2017, Shell Command Language,
// 2.2). The rest is in dollar-quotes, which POSIX has since 2024: bash, zsh, ksh and busybox read them, dash does not before
// 0.5.13.
func Word(word string) string {
	switch {
	case !Plain(word):
		return "$'" + escape(word, `'\`, "") + "'"
	case word != "" && strings.Trim(word, unquoted) == "":
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// longest is how many bytes of a name are shown; a path can be longer than a system call takes.
const longest = 1000

// Name returns text as it is where it is plain, else as Word does. Of a very long one it returns both ends.
func Name(text string) string {
	if len(text) > longest {
		head, tail := longest/2, len(text)-longest/2
		for !utf8.RuneStart(text[head]) && head > longest/2-utf8.UTFMax {
			head--
		}
		for !utf8.RuneStart(text[tail]) && tail < len(text)-longest/2+utf8.UTFMax {
			tail++
		}
		return fmt.Sprintf("%s … (%d bytes) … %s", Name(text[:head]), tail-head, Name(text[tail:]))
	}
	if Plain(text) {
		return text
	}
	return Word(text)
}

// Text returns text with what is not plain as \NNN, but for line ends, tabs, and the sequences in pass. It is for text that is put
// together already; a name in it may still have a line end.
func Text(text string, pass ...string) string {
	if Plain(text) {
		return text
	}
	return escape(text, "", "\n\t", pass...)
}

// escape returns text with what is not plain as a shell's dollar-quotes have it, and a \ before the characters in marked; those in
// kept stay.
func escape(text, marked, kept string, pass ...string) string {
	var out strings.Builder
next:
	for len(text) > 0 {
		for _, p := range pass {
			if strings.HasPrefix(text, p) {
				out.WriteString(p)
				text = text[len(p):]
				continue next
			}
		}
		n, ok := plainRune(text)
		part := text[:n]
		text = text[n:]
		switch {
		case strings.Contains(marked, part):
			out.WriteString(`\` + part)
		case ok || strings.Contains(kept, part):
			out.WriteString(part)
		default:
			escapeBytes(&out, part)
		}
	}
	return out.String()
}

func escapeBytes(out *strings.Builder, part string) {
	for i := range len(part) {
		switch c := part[i]; c {
		case '\n':
			out.WriteString(`\n`)
		case '\t':
			out.WriteString(`\t`)
		case '\r':
			out.WriteString(`\r`)
		default:
			fmt.Fprintf(out, `\%03o`, c)
		}
	}
}

// Error returns the text of an error with its names as a person reads them. It shows the paths of the system's errors as Name does,
// and words in Go's quotes that are not plain as a shell reads them back. Other text of several lines is indented: nobody can take
// a line of it for one that au wrote.
func Error(err error) string {
	return strings.ReplaceAll(Text(named(err.Error(), systems(err))), "\n", "\n    ")
}

// named returns text with what the errors say in it said as a person reads it, and what is in Go's quotes in the rest of it.
func named(text string, errs []error) string {
	if len(errs) == 0 {
		return eachQuoted(text, fromGo)
	}
	parts := strings.Split(text, errs[0].Error())
	for i := range parts {
		parts[i] = named(parts[i], errs[1:])
	}
	return strings.Join(parts, system(errs[0]))
}

// eachQuoted returns text with each part of it that is in Go's quotes (%q) replaced. It is no regular expression, because that
// package would be a tenth of the front program, and is initialised at each start.
func eachQuoted(text string, replace func(string) string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '"')
		if at < 0 {
			break
		}
		n := quotedLen(text[at:])
		out.WriteString(text[:at])
		if n == 0 {
			out.WriteByte('"')
			n = 1
		} else {
			out.WriteString(replace(text[at : at+n]))
		}
		text = text[at+n:]
	}
	return out.String() + text
}

// quotedLen returns the length of the quoted part that text begins with, 0 where it has no end.
func quotedLen(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i++; i < len(text) && text[i] == '\n' {
				return 0
			}
		}
	}
	return 0
}

// fromGo returns a text in Go's quotes as a shell reads it back; what is plain stays.
func fromGo(text string) string {
	if plain, err := strconv.Unquote(text); err == nil && !Plain(plain) {
		return Name(plain)
	}
	return text
}

// systems returns those of an error, and of all that it wraps, that name paths as they are.
func systems(err error) (all []error) {
	each(err, func(err error) {
		if system(err) != "" {
			all = append(all, err)
		}
	})
	return all
}

// system returns the text of an error that names paths as they are, and "" for another one.
func system(err error) string {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Op + " " + Name(e.Path) + ": " + e.Err.Error()
	case *os.LinkError:
		return e.Op + " " + Name(e.Old) + " " + Name(e.New) + ": " + e.Err.Error()
	}
	return ""
}

// each calls f for an error and all that it wraps.
func each(err error, f func(error)) {
	if err == nil {
		return
	}
	f(err)
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			each(e, f)
		}
		return
	}
	each(errors.Unwrap(err), f)
}
