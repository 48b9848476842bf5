// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/a4u2/au/provision/step"
)

// Nobody waits for a probe that an agent holds up, and its output without end is not kept.
func TestAProbeThatAnAgentHoldsUp(t *testing.T) {
	runner := &step.Runner{Out: io.Discard, Err: io.Discard, Execute: (*exec.Cmd).Run}
	for _, command := range []string{"yes", "exec sleep 60", "sleep 60; true", "sleep 60 & exit 0"} {
		began := time.Now()
		if attempts, err := probe(runner, time.Second, step.Human("sh", "-c", command), ""); err == nil || time.Since(began) > 20*time.Second {
			t.Errorf("%s: %d attempts, %v, after %s", command, len(attempts), err, time.Since(began))
		}
	}
	if attempts, err := probe(runner, time.Minute, step.Human("sh", "-c", "echo '[{}]'"), ""); err != nil || len(attempts) != 1 {
		t.Errorf("%d attempts, %v", len(attempts), err)
	}
}
