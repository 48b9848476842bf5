// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxHead   = 32 << 10
	maxFields = 256

	// Of what a connection shows this much is kept without asking for room.
	smallHead = bufSize
)

var errHeadSize = errors.New("header larger than 32 KB or of more than 256 lines")

// A malformed error is a message that breaks HTTP, or that two readers could
// take for two different ones.
type malformed string

func (m malformed) Error() string { return string(m) }

// A field is one header line.
type field struct{ name, value string }

// A head is a start line and its header, in the order and the writing they came
// in.
type head struct {
	start  string
	fields []field
}

// readHead reads up to and including the empty line. Strict is for requests:
// what a careless reader would take differently is an error there. Room is asked
// before more than smallHead is kept.
func readHead(r *bufio.Reader, strict bool, room func() error) (head, error) {
	var h head
	left := maxHead
	for {
		line, err := readLine(r, &left, strict, room)
		if err == nil && left < maxHead-smallHead {
			err = room()
		}
		if err != nil {
			if err == io.EOF && h.start != "" {
				err = io.ErrUnexpectedEOF
			}
			return head{}, err
		}
		switch {
		case h.start == "" && line == "":
			// An empty line or two before a request is tolerated by RFC 9112; the bound is maxHead.
		case h.start == "":
			h.start = line
		case line == "":
			return h, nil
		case len(h.fields) >= maxFields:
			return head{}, errHeadSize
		default:
			if err := h.add(line, strict); err != nil {
				return head{}, err
			}
		}
	}
}

// readLine reads one line without its end, and takes its length from left. Room is
// asked before a line of more than smallHead is kept; nil gives none.
func readLine(r *bufio.Reader, left *int, strict bool, room func() error) (string, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice('\n')
		if *left -= len(part); *left < 0 {
			return "", errHeadSize
		}
		if err == nil && whole == nil {
			return trimEnd(part, strict)
		}
		if err == bufio.ErrBufferFull {
			if room == nil {
				return "", errHeadSize
			}
			if err := room(); err != nil {
				return "", err
			}
		}
		whole = append(whole, part...)
		if err == nil {
			return trimEnd(whole, strict)
		}
		if err != bufio.ErrBufferFull {
			if err == io.EOF && len(whole) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
	}
}

func trimEnd(line []byte, strict bool) (string, error) {
	line = line[:len(line)-1]
	crlf := bytes.HasSuffix(line, []byte("\r"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if !strict {
		return string(line), nil
	}
	if !crlf {
		return "", malformed("a line that does not end in CR LF")
	}
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", malformed("a control character in the header")
		}
	}
	return string(line), nil
}

// add appends a header line. A careless server's folded line is unfolded.
func (h *head) add(line string, strict bool) error {
	if !strict && len(h.fields) > 0 && strings.TrimLeft(line, " \t") != line {
		h.fields[len(h.fields)-1].value += " " + strings.Trim(line, " \t")
		return nil
	}
	f, err := parseField(line, strict)
	if err == nil {
		h.fields = append(h.fields, f)
	}
	return err
}

func parseField(line string, strict bool) (field, error) {
	name, value, ok := strings.Cut(line, ":")
	if strict && (!ok || !isToken(name)) {
		return field{}, malformed("a header line without a proper name")
	}
	return field{name, strings.Trim(value, " \t")}, nil
}

func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

// values returns the values of all fields called name.
func (h *head) values(name string) []string {
	var list []string
	for _, f := range h.fields {
		if strings.EqualFold(f.name, name) {
			list = append(list, f.value)
		}
	}
	return list
}

// has reports whether word is among the comma-separated words of the fields
// called name.
func (h *head) has(name, word string) bool {
	for _, v := range h.values(name) {
		for _, w := range strings.Split(v, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
	}
	return false
}

// drop takes all fields called name out.
func (h *head) drop(name string) {
	kept := h.fields[:0]
	for _, f := range h.fields {
		if !strings.EqualFold(f.name, name) {
			kept = append(kept, f)
		}
	}
	h.fields = kept
}

// write sends h as it was understood, which for a well-formed head is as it came.
func (h *head) write(w sink) {
	// A sink keeps its first error for Flush.
	w.WriteString(h.start)
	w.WriteString("\r\n")
	for _, f := range h.fields {
		w.WriteString(f.name)
		w.WriteString(": ")
		w.WriteString(f.value)
		w.WriteString("\r\n")
	}
	w.WriteString("\r\n")
}

// A body says where a message ends.
type body struct {
	kind   bodyKind
	length int64
}

type bodyKind int

const (
	noBody bodyKind = iota
	sizedBody
	chunkedBody
	untilClose
)

// requestBody reads the framing of a request, and refuses any that two readers
// could take differently.
func requestBody(h *head) (body, error) {
	te, cl := h.values("Transfer-Encoding"), h.values("Content-Length")
	switch {
	case len(te) > 1 || len(cl) > 1 || len(te)+len(cl) > 1:
		return body{}, malformed("more than one length")
	case len(te) == 1 && strings.EqualFold(te[0], "chunked"):
		return body{kind: chunkedBody}, nil
	case len(te) == 1:
		return body{}, malformed("a transfer encoding other than chunked")
	case len(cl) == 1:
		return sized(cl[0])
	}
	return body{}, nil
}

func sized(text string) (body, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || text[0] == '+' {
		return body{}, malformed("a length that is not a number")
	}
	if n == 0 {
		return body{}, nil
	}
	return body{kind: sizedBody, length: int64(n)}, nil
}

// responseBody reads the framing of the response to a request with the given
// method.
func responseBody(h *head, method string, status int) (body, error) {
	switch {
	case method == "HEAD" || status < 200 || status == 204 || status == 304:
		return body{}, nil
	case h.has("Transfer-Encoding", "chunked"):
		return body{kind: chunkedBody}, nil
	case len(h.values("Transfer-Encoding")) > 0:
		return body{kind: untilClose}, nil
	}
	if cl := h.values("Content-Length"); len(cl) > 0 {
		return sized(cl[0])
	}
	return body{kind: untilClose}, nil
}

// status returns the number in a status line.
func (h *head) status() (int, error) {
	version, rest, _ := strings.Cut(h.start, " ")
	number, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	if !strings.HasPrefix(version, "HTTP/1.") || err != nil || n < 100 || n > 999 {
		return 0, fmt.Errorf("status line %.40q: want HTTP/1.1 and a number", h.start)
	}
	return n, nil
}
