// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"os"
	"testing"
	"time"
)

// A listener is told of changes, until the socket is closed.
func TestChangesAreToldAndEnd(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	told, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		tell(from, make([]byte, 1), told)
		close(ended)
	}()
	to.Write([]byte("two"))
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
	}
	from.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it listens on after its end")
	}
}
