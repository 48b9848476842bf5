// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/internal/pace"
)

const (
	logSize  = 4 << 20 // a file is put aside at this size
	logFiles = 4       // how many are kept in all

	logRate  = 20 // lines a second, for what was allowed and for the rest each
	logBurst = 500

	alikeFor = 10 * time.Second // how long records that are alike are counted
	maxAlike = 1024
)

// A log is the agent's network log: JSON lines, bounded in rate and size. It counts records that it leaves out, and the count is in
// the log. It is safe for concurrent use.
type log struct {
	path  string
	agent string
	now   func() time.Time

	mu      sync.Mutex
	file    *os.File
	size    int64
	alike   map[likeness]*netfilter.Record
	started time.Time // of the counting
	pace    [2]pace.Bucket
	dropped int
}

// A likeness is what records have in common that are written once and counted.
type likeness struct {
	kind, name, addr, detail string
	code                     netfilter.Code
	port                     uint16
	over, ech                bool
}

// openLog opens the log at path for appending. With no path, nothing is written.
func openLog(path, agent string) (*log, error) {
	l := &log{path: path, agent: agent, now: time.Now, alike: map[likeness]*netfilter.Record{}}
	l.pace[0] = pace.Bucket{Rate: logRate, Burst: logBurst}
	l.pace[1] = pace.Bucket{Rate: logRate, Burst: logBurst}
	if path == "" {
		return l, nil
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("network log: %w", err)
	}
	return l, nil
}

func (l *log) open() error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// add writes r, or counts it where one like it was written just before. The daemon's records about itself are never counted.
func (l *log) add(r netfilter.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Time, r.Agent = l.now().UTC(), l.agent
	key := likeness{r.Kind, r.Name, r.Addr, r.Detail, r.Code, r.Port, r.Millis > 0, r.ECH}
	if r.Name != "" {
		key.addr = ""
	}
	if first := l.alike[key]; first != nil && r.Kind != "policy" {
		first.Count++
		first.Sent += r.Sent
		first.Received += r.Received
		return
	}
	if len(l.alike) == 0 {
		l.started = r.Time
	}
	if !l.take(r.OK) {
		l.dropped++
		return
	}
	l.write(r)
	if len(l.alike) < maxAlike && r.Kind != "policy" {
		r.Sent, r.Received = 0, 0
		l.alike[key] = &r
	}
}

func (l *log) take(ok bool) bool {
	if ok {
		return l.pace[1].Take(l.now())
	}
	return l.pace[0].Take(l.now())
}

// flush writes what was counted, once the counting is old enough or all is over.
func (l *log) flush(over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !over && l.now().Sub(l.started) < alikeFor {
		return
	}
	for _, r := range l.alike {
		if r.Count > 0 {
			r.Time = l.now().UTC()
			l.write(*r)
		}
	}
	clear(l.alike)
	l.started = l.now()
	if l.dropped > 0 {
		l.write(netfilter.Record{
			Time: l.now().UTC(), Agent: l.agent, Kind: "policy", Code: netfilter.Overload,
			Detail: "records left out, too many at once", Count: l.dropped,
		})
		l.dropped = 0
	}
}

// write appends one line. l.mu is held. A full disk does not stop traffic; what
// could not be written is counted with what was left out.
func (l *log) write(r netfilter.Record) {
	if l.path == "" {
		return
	}
	if l.file == nil || l.size >= logSize {
		if err := l.rotate(); err != nil {
			l.dropped++
			return
		}
	}
	n, err := l.file.Write(r.Line())
	l.size += int64(n)
	if err != nil {
		l.dropped++
	}
}

// rotate puts the files one number up and starts a new one.
func (l *log) rotate() error {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	if info, err := os.Stat(l.path); err == nil && info.Size() >= logSize {
		for i := logFiles - 1; i > 0; i-- {
			// One that is missing, or stays, costs history and nothing else.
			_ = os.Rename(l.numbered(i-1), l.numbered(i))
		}
	}
	return l.open()
}

func (l *log) numbered(i int) string {
	if i == 0 {
		return l.path
	}
	return fmt.Sprintf("%s.%d", l.path, i)
}

// tend flushes l every second until ctx is done, and then for the last time.
func (l *log) tend(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.flush(true)
			return
		case <-tick.C:
			l.flush(false)
		}
	}
}
