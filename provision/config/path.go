// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Path is the name of a file, which Unix makes of any bytes but NUL. TOML and JSON hold UTF-8 only: a path that is not UTF-8 is
// written there as a file: URL (RFC 8089), with %XX for each byte that cannot stand in one: "file:///home/alice/d%E9". No other
// path is written so: one that begins with "file:" itself, which no absolute path does, becomes a URL too.
type Path string

const urlScheme = "file:"

// plainInURL are the bytes that a URL has as they are (RFC 3986, unreserved), and what separates names.
const plainInURL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"

// Text returns the path as it is written.
func (p Path) Text() string {
	if utf8.ValidString(string(p)) && !strings.HasPrefix(string(p), urlScheme) {
		return string(p)
	}
	var b strings.Builder
	b.WriteString(urlScheme)
	if strings.HasPrefix(string(p), "/") {
		b.WriteString("//") // the empty name of a host: this one
	}
	for _, c := range []byte(p) {
		if strings.IndexByte(plainInURL, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// ParsePath reads what Text wrote.
func ParsePath(text string) (Path, error) {
	rest, isURL := strings.CutPrefix(text, urlScheme)
	if !isURL {
		return Path(text), nil
	}
	if strings.HasPrefix(rest, "///") {
		rest = rest[2:]
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		if rest[i] != '%' {
			b.WriteByte(rest[i])
			continue
		}
		c, ok := hexByte(rest[i+1:])
		if !ok {
			return "", fmt.Errorf("file URL %q: want two hexadecimal digits behind each %%, and no %%00", text)
		}
		b.WriteByte(c)
		i += 2
	}
	return Path(b.String()), nil
}

// hexByte reads the byte that the first two digits of s say; no byte of a path is 0.
func hexByte(s string) (c byte, ok bool) {
	const digits = "0123456789abcdef"
	if len(s) < 2 {
		return 0, false
	}
	s = strings.ToLower(s[:2])
	high, low := strings.IndexByte(digits, s[0]), strings.IndexByte(digits, s[1])
	return byte(high<<4 | low), high >= 0 && low >= 0 && high+low > 0
}

// MarshalText is Text for encoding/json.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.Text()), nil }

// UnmarshalText is ParsePath for encoding/json.
func (p *Path) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePath(string(text))
	return err
}

// SeenRecords returns the folder, beside the config at a path, with what was found in shares at the last look.
func SeenRecords(path string) string { return strings.TrimSuffix(path, ".toml") + ".seen" }
