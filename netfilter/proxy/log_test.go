// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// testLog returns a log with a clock that does not move.
func testLog(t *testing.T) (*log, *time.Time) {
	t.Helper()
	l, err := openLog(filepath.Join(t.TempDir(), "net.jsonl"), "agent")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	l.now = func() time.Time { return now }
	return l, &now
}

func (l *log) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// TestLogCannotBeForged is that whatever is in a record, it is one line, and
// says of itself what the daemon said.
func TestLogCannotBeForged(t *testing.T) {
	l, _ := testLog(t)
	for _, evil := range []string{
		"a\n{\"kind\":\"policy\",\"ok\":true}", "a\",\"ok\":true,\"x\":\"", "a\r\x00\x1b[2J", "\xff\xfe", "\u2028\u2029\u0085", "</script>", strings.Repeat("x", 70000),
	} {
		l.add(netfilter.Record{Kind: "tls", Code: netfilter.NotAllowed, Name: evil, Detail: evil})
	}
	lines := l.lines(t)
	if len(lines) != 7 {
		t.Errorf("7 records are %d lines", len(lines))
	}
	for _, line := range lines {
		var r netfilter.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.OK || r.Kind != "tls" || r.Agent != "agent" {
			t.Errorf("%v: %.100q reads as %+v", err, line, r)
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\n\r\x00\x1b") {
			t.Errorf("a control character stands in %.100q", line)
		}
	}
}

// TestLogIsBounded is that neither alike records nor different ones fill the disk,
// that what is left out is counted, and that refusals do not crowd out the rest.
func TestLogIsBounded(t *testing.T) {
	l, now := testLog(t)
	for range 1000 {
		l.add(netfilter.Record{Kind: "dns", Code: netfilter.NotAllowed, Name: "same.example", Sent: 2})
	}
	if n := len(l.lines(t)); n != 1 {
		t.Errorf("1000 records that are alike are %d lines", n)
	}
	for i := range 5000 {
		l.add(netfilter.Record{Kind: "dns", Code: netfilter.NotAllowed, Name: fmt.Sprint(i)})
	}
	l.add(netfilter.Record{Kind: "tls", OK: true, Code: netfilter.Allowed, Name: "allowed.example"})
	if !strings.Contains(l.lines(t)[logBurst], "allowed.example") {
		t.Errorf("what was allowed is missing behind %d refusals", len(l.lines(t)))
	}
	l.flush(false)
	if n := len(l.lines(t)); n != logBurst+1 {
		t.Errorf("%d lines before the time is over, want %d", n, logBurst+1)
	}
	*now = now.Add(alikeFor)
	l.flush(false)
	var counted, dropped int
	for _, line := range l.lines(t)[logBurst+1:] {
		var r netfilter.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == "policy" {
			dropped = r.Count
		} else if r.Name == "same.example" {
			counted = r.Count
			if r.Sent != 999*2 {
				t.Errorf("999 records of 2 bytes count %d", r.Sent)
			}
		}
	}
	if counted != 999 || dropped != 5000-(logBurst-1) {
		t.Errorf("%d alike and %d left out are counted, want 999 and %d", counted, dropped, 5000-(logBurst-1))
	}
}

// TestLogRotates is that files change at their size, and old ones go.
func TestLogRotates(t *testing.T) {
	l, now := testLog(t)
	for i := range 60 {
		*now = now.Add(time.Minute)
		l.add(netfilter.Record{Kind: "policy", OK: true, Detail: fmt.Sprint(i, strings.Repeat("x", logSize/10))})
	}
	for i := range logFiles {
		info, err := os.Stat(l.numbered(i))
		if err != nil || info.Size() > logSize+logSize/5 || info.Mode().Perm() != 0o640 {
			t.Errorf("file %d: %v, %v", i, err, info)
		}
	}
	if _, err := os.Stat(l.numbered(logFiles)); err == nil {
		t.Error("an old file stays")
	}
	if !bytes.Contains([]byte(strings.Join(l.lines(t), "")), []byte("59xxx")) {
		t.Error("the last record is not in the newest file")
	}
	again, err := openLog(l.path, "agent")
	if err != nil || again.size != l.size {
		t.Errorf("opened again: %v, %d bytes known of %d", err, again.size, l.size)
	}
}

// TestLogThatCannotBeWritten is that a full disk is survived, and counted.
func TestLogThatCannotBeWritten(t *testing.T) {
	l, _ := testLog(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	l.file.Close()
	l.file = full
	l.add(netfilter.Record{Kind: "dns"})
	if l.dropped != 1 {
		t.Errorf("%d records are counted as left out", l.dropped)
	}
	if _, err := openLog("/nonexistent/net.jsonl", "agent"); err == nil {
		t.Error("a log that cannot be opened is no error")
	}
}
