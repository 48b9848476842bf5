// SPDX-License-Identifier: GPL-3.0-or-later

package setup

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// The keys of the forges, as their pages say: ed25519, ECDSA and RSA.
var published = map[string][]string{
	"github.com":   {"+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM", "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s"},
	"gitlab.com":   {"eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8", "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw", "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ"},
	"codeberg.org": {"mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g", "T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E", "6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ"},
}

func TestForges(t *testing.T) {
	forges := Forges()
	if len(forges) != len(published) {
		t.Fatalf("%d forges, want %d", len(forges), len(published))
	}
	for _, forge := range forges {
		var prints []string
		for line := range strings.Lines(forge.Keys) {
			words := strings.Fields(line)
			if len(words) != 3 || words[0] != forge.Host {
				t.Fatalf("%s: the line %q", forge.Host, line)
			}
			key, err := base64.StdEncoding.DecodeString(words[2])
			if err != nil || !strings.Contains(string(key[:min(30, len(key))]), words[1]) {
				t.Errorf("%s: %s is no such key: %v", forge.Host, words[1], err)
			}
			sum := sha256.Sum256(key)
			prints = append(prints, base64.RawStdEncoding.EncodeToString(sum[:]))
		}
		if !slices.Equal(prints, published[forge.Host]) {
			t.Errorf("%s has the keys %q; its page says %q", forge.Host, prints, published[forge.Host])
		}
	}
}
