// SPDX-License-Identifier: GPL-3.0-or-later

// Package pace says whether something may happen once more without happening
// too often.
package pace

import (
	"sync"
	"time"
)

// A Bucket lets Burst things happen at once and Rate a second from then on. It
// is safe for concurrent use.
type Bucket struct {
	Rate  float64
	Burst float64

	mu   sync.Mutex
	left float64
	last time.Time
}

// Take reports whether one more may happen at now.
func (b *Bucket) Take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.IsZero() {
		b.left = b.Burst
	} else if gone := now.Sub(b.last).Seconds(); gone > 0 {
		b.left = min(b.Burst, b.left+gone*b.Rate)
	}
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// pause is how long Wait waits before it looks again.
const pause = 5 * time.Millisecond

// Wait returns when one more may happen, or when longest is over, and reports
// which.
func (b *Bucket) Wait(longest time.Duration) bool {
	for end := time.Now().Add(longest); ; time.Sleep(pause) {
		now := time.Now()
		if b.Take(now) {
			return true
		}
		if now.After(end) {
			return false
		}
	}
}
