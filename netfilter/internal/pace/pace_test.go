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
