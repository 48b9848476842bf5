// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/a4u2/au/internal/quote"
)

// Record is one line of an agent's network log. Names come from the agent and are what it sent, in JSON's own escapes:
// no byte of theirs can end the line.
type Record struct {
	Time     time.Time `json:"time"`
	Agent    string    `json:"agent"`
	Kind     string    `json:"kind"` // dns, tls, http, connect, tcp, local; policy for the daemon's own news
	OK       bool      `json:"ok"`
	Code     Code      `json:"code"`
	Rule     string    `json:"rule,omitempty"`
	Name     string    `json:"name,omitempty"` // host, canonical where it could be read
	Addr     string    `json:"addr,omitempty"` // what the agent dialled
	Port     uint16    `json:"port,omitempty"`
	Type     string    `json:"type,omitempty"` // DNS: A, AAAA, …
	ECH      bool      `json:"ech,omitempty"`  // TLS that hides a name, or looks as if
	Detail   string    `json:"detail,omitempty"`
	Count    int       `json:"count,omitempty"` // this many alike in a short time, written once; 0 and 1 mean one
	Sent     int64     `json:"sent,omitempty"`  // bytes from the agent, once the connection is over
	Received int64     `json:"received,omitempty"`
	Millis   int64     `json:"ms,omitempty"`
}

// Target returns what r is about.
func (r Record) Target() Target {
	t := Target{Name: r.Name, Port: r.Port}
	if at, err := netip.ParseAddrPort(r.Addr); err == nil {
		t.Addr = at.Addr()
	} else if addr, err := netip.ParseAddr(r.Addr); err == nil { // none, where only a name was asked for
		t.Addr = addr
	}
	return t
}

// Line returns r as one line of JSON that steers no terminal, newline included.
func (r Record) Line() []byte {
	line, err := json.Marshal(r)
	if err != nil { // only a year beyond 9999 could
		line = []byte(`{"kind":"policy","detail":"a record that could not be written"}`)
	}
	return append(quote.JSON(line), '\n')
}

// maxRecord is far more than the line of any record has.
const maxRecord = 64 << 10

// ReadRecords calls each with every record of log, oldest first, and stops at its first error. A line cut short by a crash is
// skipped, and so is one that is longer than any record.
func ReadRecords(log io.Reader, each func(Record) error) error {
	lines := bufio.NewReaderSize(log, maxRecord)
	for whole := true; ; {
		line, err := lines.ReadSlice('\n')
		if long := err == bufio.ErrBufferFull; long || !whole { // the end of a long line is no line
			whole = !long
			line = nil
		}
		var r Record
		if json.Unmarshal(line, &r) == nil {
			if err := each(r); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return fmt.Errorf("read network log: %w", err)
		}
	}
}
