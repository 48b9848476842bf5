// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A plainReader reads a text as au writes it: [[agents]], [[agents.mounts]] and known keys, each once, with its value on one line.
// It is for speed alone, and keeps no place in the text. All else, right or wrong, is for the reader that knows TOML: what that one
// would refuse is not plain.
type plainReader struct {
	document
	open   table // that is read, without a schema where it has ended; the next one takes its place
	below  bool  // an agent was begun
	seen   map[string]bool
	mounts []Mount // of the last agent
	config *Config

	// keep says which shares of which agent are kept. With it, the text that pieces are read from is used again for the next ones.
	keep func(agent string, m Mount) bool
}

func newPlainReader(keep func(agent string, m Mount) bool) *plainReader {
	return &plainReader{open: table{schema: &topSchema}, seen: map[string]bool{}, keep: keep}
}

// parsePlain returns what a plain text says; ok is false of any other one. The text is not to change any more.
func parsePlain(all []byte) (c *Config, ok bool) {
	r := newPlainReader(nil)
	if !r.piece(all) {
		return nil, false
	}
	r.endMounts()
	return r.config, true
}

// pieceSize is how much of a file is read at once. To touch little memory matters more than to read seldom.
const pieceSize = 16 << 10

// readPlain is parsePlain for a file of limit bytes at most, read by pieces of size bytes. Of the shares it keeps what keep says.
func readPlain(file io.Reader, size, limit int, keep func(agent string, m Mount) bool) (c *Config, ok bool) {
	r, buffer, filled := newPlainReader(keep), make([]byte, size), 0
	for {
		n, err := io.ReadFull(file, buffer[filled:])
		filled, limit = filled+n, limit-n
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		whole := filled
		if !last {
			whole = bytes.LastIndex(buffer[:filled], []byte("\n[[")) + 1 // tables only as a whole
		}
		if limit < 0 || err != nil && !last || whole == 0 && !last || !r.piece(buffer[:whole]) {
			return nil, false
		}
		if last {
			r.endMounts()
			return r.config, true
		}
		filled = copy(buffer, buffer[whole:filled])
	}
}

// piece reads so much of a text, behind which is its end or the line of a header.
func (r *plainReader) piece(all []byte) (ok bool) {
	if !utf8.Valid(all) || !isSimple(all) {
		return false
	}
	text := unsafe.String(unsafe.SliceData(all), len(all))
	for more := true; more; {
		var line string
		line, text, more = strings.Cut(text, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			next := headers[line]
			if next == nil || next == &mountSchema && !r.below || !r.end() {
				return false
			}
			r.below = true
			r.open.schema, r.open.values = next, r.open.values[:0]
			if m, rest, ok := cutShare(text); ok && next == &mountSchema {
				r.share(m)
				text, r.open.schema = rest, nil
			}
		case r.open.schema == nil || !r.open.take(line):
			return false
		}
	}
	ok = r.end()
	r.open.schema = nil
	return ok
}

// share notes a share of the last agent.
func (r *plainReader) share(m Mount) {
	if r.keep != nil {
		if !r.keep(r.last().UserName, m) {
			return
		}
		m = m.clone()
	}
	r.mounts = append(r.mounts, m)
}

func (r *plainReader) last() *Agent { return &r.config.Agents[len(r.config.Agents)-1] }

// endMounts gives the last agent its shares, of which there is no spare place: memory that is touched first costs the most here.
func (r *plainReader) endMounts() {
	if len(r.mounts) > 0 {
		r.last().Mounts = append([]Mount(nil), r.mounts...)
		r.mounts = r.mounts[:0]
	}
}

var headers = map[string]*schema{"[[agents]]": &agentSchema, "[[agents.mounts]]": &mountSchema}

// isSimple reports whether every byte of a text stands for itself wherever it is, also in a string and in a comment. It looks at
// eight at a time.
func isSimple(text []byte) bool {
	for ; len(text) >= 8; text = text[8:] {
		all := binary.LittleEndian.Uint64(text)
		if below(all, ' ')^zeros(all^each('\n'))|below(all^each('\\'), 1)|below(all^each(0x7f), 1) != 0 && slices.ContainsFunc(text[:8], isSpecial) {
			return false
		}
	}
	return !slices.ContainsFunc(text, isSpecial)
}

func isSpecial(c byte) bool { return c < ' ' && c != '\n' || c == '\\' || c == 0x7f }

func each(c byte) uint64 { return uint64(c) * 0x0101010101010101 }

// below has the highest bit of each of eight bytes that is less than c, which is below 0x80, and perhaps of one above such a byte.
func below(all uint64, c byte) uint64 { return (all - each(c)) &^ all & each(0x80) }

// zeros has the highest bit of each of eight bytes that is 0, and of no other.
func zeros(all uint64) uint64 { return ^((all&each(0x7f) + each(0x7f)) | all | each(0x7f)) }

// end notes the table that was read.
func (r *plainReader) end() bool {
	switch r.open.schema {
	case nil:
		return true
	case &topSchema:
		r.top = r.open
		r.config = r.above()
		if r.keep != nil {
			cloneAll(r.config.Silence)
		}
		return true
	case &agentSchema:
		r.endMounts()
		a, err := r.agent(&r.open)
		if r.keep != nil {
			a.clone()
		}
		r.config.Agents = append(r.config.Agents, a)
		known := r.seen[a.UserName]
		r.seen[a.UserName] = true
		return err == nil && !known
	}
	m, err := r.mount(&r.open)
	r.share(m)
	return err == nil
}

// clone gives m texts of its own.
func (m Mount) clone() Mount {
	m.Source, m.Target, m.Hide = strings.Clone(m.Source), strings.Clone(m.Target), cloneAll(m.Hide)
	return m
}

// clone gives a texts of its own.
func (a *Agent) clone() {
	for _, text := range []*string{&a.UserName, &a.Group, &a.Entrypoint, &a.EntrypointSHA256, &a.EntrypointStamp} {
		*text = strings.Clone(*text)
	}
	for _, texts := range [][]string{a.KeepEnv, a.SetEnv, a.Path} {
		cloneAll(texts)
	}
}

func cloneAll(texts []string) []string {
	for i := range texts {
		texts[i] = strings.Clone(texts[i])
	}
	return texts
}

// cutShare takes the share with which a text begins, where it has the keys that nearly all have, and no other.
func cutShare(text string) (m Mount, rest string, ok bool) {
	source, text, _ := cutLine(text, `source = "`, `"`)
	target, text, _ := cutLine(text, `target = "`, `"`)
	readOnly, text, _ := cutLine(text, `read_only = `, "")
	samePath, text, given := cutLine(text, `same_path = `, "")
	ok = source != "" && target != "" && isBool(readOnly) && (!given || isBool(samePath)) && (text == "" || text[0] == '[' || text[0] == '\n')
	if strings.HasPrefix(source, urlScheme) || strings.HasPrefix(target, urlScheme) {
		return m, "", false
	}
	return Mount{Source: source, Target: target, ReadOnly: readOnly == "true", TargetOnly: samePath == "false"}, text, ok
}

// cutLine takes what is between two words on the line with which a text begins.
func cutLine(text, before, after string) (between, rest string, ok bool) {
	if line, ok := strings.CutPrefix(text, before); ok {
		line, rest, _ = strings.Cut(line, "\n")
		if between, ok = strings.CutSuffix(line, after); ok && !strings.Contains(between, `"`) {
			return between, rest, true
		}
	}
	return "", text, false
}

func isBool(text string) bool { return text == "true" || text == "false" }

// take reads KEY = VALUE.
func (t *table) take(line string) bool {
	key, text, _ := strings.Cut(line, " ")
	text, gives := strings.CutPrefix(text, "= ")
	want := t.schema.find(key)
	if !gives || want == nil || key == t.schema.list || t.find(key) != nil {
		return false
	}
	v, ok := value{kind: want.kind, text: text}, false
	switch want.kind {
	case unstable.Bool:
		ok = isBool(text)
	case unstable.String:
		var rest string
		v.text, rest, ok = cutString(text)
		ok = ok && rest == ""
	case unstable.Array:
		v.items, ok = readStrings(text)
	}
	t.values = append(t.values, keyed{key, v})
	return ok
}

// cutString takes the string with which a text begins.
func cutString(text string) (said, rest string, ok bool) {
	text, begins := strings.CutPrefix(text, `"`)
	said, rest, ends := strings.Cut(text, `"`)
	return said, rest, begins && ends
}

// readStrings reads ["ONE", "TWO"].
func readStrings(text string) (all []value, ok bool) {
	text, ok = strings.CutPrefix(text, "[")
	for next := ""; ok && text != "]"; next = ", " {
		v := value{kind: unstable.String}
		if text, ok = strings.CutPrefix(text, next); ok {
			v.text, text, ok = cutString(text)
		}
		all = append(all, v)
	}
	return all, ok
}
