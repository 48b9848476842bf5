// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// Every line is shown once, those too that come between the look at what is there and the first look for more, or right before the
// file is put aside.
func TestFollowAcrossRotations(t *testing.T) {
	root := t.TempDir()
	h := Real("")
	h.Root = root
	p := netfilter.Policy{Agent: "agent"}
	path := filepath.Join(root, p.LogDir(), "net.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	written := 0
	write := func() {
		written++
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.Write(netfilter.Record{Name: fmt.Sprint(written)}.Line())
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write()
	var shown []string
	seen := make(chan string, 100)
	show := func(r netfilter.Record) error { seen <- r.Name; return nil }
	newest, err := h.ReadNetLog(p, show)
	if err != nil {
		t.Fatal(err)
	}
	write()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- h.FollowNetLog(ctx, p, newest, show) }()
	for range 3 {
		write()
		time.Sleep(250 * time.Millisecond)
		write()
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		write()
		time.Sleep(250 * time.Millisecond)
	}
	for len(shown) < written {
		select {
		case name := <-seen:
			shown = append(shown, name)
		case <-time.After(5 * time.Second):
			t.Fatalf("of %d lines these were shown: %v", written, shown)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := strings.Join(shown, " "); got != "1 2 3 4 5 6 7 8 9 10 11" || len(seen) > 0 {
		t.Errorf("shown: %s, and %d more", got, len(seen))
	}
}
