// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// served returns the host's end of a port with a server at the other.
func served(t *testing.T) net.Conn {
	t.Helper()
	host, guest := net.Pipe()
	s := server{out: guest, boot: "this-boot"}
	go lines(guest, s.handle)
	t.Cleanup(func() { host.Close(); guest.Close() })
	return host
}

func TestTalk(t *testing.T) {
	for name, test := range map[string]struct {
		argv   []string
		status int
		out    string
		errOut string
	}{
		"silent":           {[]string{"true"}, 0, "", ""},
		"both_outputs":     {[]string{"sh", "-c", "echo out; echo err >&2"}, 0, "out\n", "err\n"},
		"exit_status":      {[]string{"sh", "-c", "echo so far; exit 42"}, 42, "so far\n", ""},
		"killed":           {[]string{"sh", "-c", "kill -9 $$"}, 137, "", ""},
		"no_such_command":  {[]string{"/no/such/command"}, 127, "", ""},
		"odd_bytes":        {[]string{"printf", `\000\377\n`}, 0, "\x00\xff\n", ""},
		"left_in_the_back": {[]string{"sh", "-c", "sleep 60 & echo done"}, 0, "done\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			status, err := talk(served(t), request{ID: "id", Argv: test.argv}, time.Minute, &out, &errOut)
			if err != nil {
				t.Fatalf("talk: %v", err)
			}
			if status != test.status || out.String() != test.out || errOut.String() != test.errOut {
				t.Errorf("%q came back as %d, %q, %q", test.argv, status, out.String(), errOut.String())
			}
		})
	}
}

func TestTalkPassesOverBrokenLines(t *testing.T) {
	port := served(t)
	go io.WriteString(port, `{"ID":"cut o`)
	var out bytes.Buffer
	if status, err := talk(port, request{ID: "whole", Argv: []string{"echo", "here"}}, time.Minute, &out, io.Discard); status != 0 || err != nil {
		t.Fatalf("talk: %d, %v", status, err)
	}
	if out.String() != "here\n" {
		t.Errorf("the answer is %q", out.String())
	}
}

func TestTalkWaitsForTheOtherBoot(t *testing.T) {
	r := request{ID: "id", OtherBoot: "this-boot", Argv: []string{"true"}}
	status, err := talk(served(t), r, 50*time.Millisecond, io.Discard, io.Discard)
	if status != noAnswer || err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("a machine in the boot to be left answered: %d, %v", status, err)
	}
}
