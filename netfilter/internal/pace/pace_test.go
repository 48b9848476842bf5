// SPDX-License-Identifier: GPL-3.0-or-later

package pace

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := Bucket{Rate: 10, Burst: 3}
	now := time.Unix(1000, 0)
	if n := takes(&b, now, 5); n != 3 {
		t.Errorf("a full bucket of 3 gave %d of 5", n)
	}
	if n := takes(&b, now.Add(200*time.Millisecond), 5); n != 2 {
		t.Errorf("after 200 ms at 10 a second it gave %d", n)
	}
	if n := takes(&b, now.Add(time.Hour), 5); n != 3 {
		t.Errorf("after an hour it gave %d, not its burst of 3", n)
	}
	if n := takes(&b, now, 5); n != 0 {
		t.Errorf("a clock that went back gave %d", n)
	}
}

func takes(b *Bucket, now time.Time, tries int) int {
	n := 0
	for range tries {
		if b.Take(now) {
			n++
		}
	}
	return n
}

// TestWait is that waiting gives as many as the rate, and no more.
func TestWait(t *testing.T) {
	b := Bucket{Rate: 200, Burst: 10}
	began := time.Now()
	for i := range 30 {
		if !b.Wait(time.Minute) {
			t.Fatalf("%d did not come", i)
		}
	}
	if took := time.Since(began); took < 90*time.Millisecond {
		t.Errorf("30 took %v at 10 and 200 a second", took)
	}
	slow := Bucket{Rate: 0.001, Burst: 1}
	if !slow.Wait(0) || slow.Wait(20*time.Millisecond) {
		t.Error("one came and no more: want that")
	}
}
