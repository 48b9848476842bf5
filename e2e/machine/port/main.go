// SPDX-License-Identifier: GPL-3.0-or-later

// Port runs commands in a true machine, over a virtio port.
//
//	port serve DEVICE                                                 in the machine
//	port run SOCKET [--within SECONDS] [--other-boot ID] -- COMMAND…  on the host
//	port monitor SOCKET                                               on the host: tells the emulator what it reads
//
// Both sides speak lines of JSON. A line that is broken, or of an earlier run, is passed over, so that either side
// may be killed at any time. Run passes on the command's output and exits with its status; with 125 when the
// machine does not answer within the time given or goes away.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// A request asks for one command to be run. It is sent again until it is answered; the machine runs an ID once.
type request struct {
	ID        string
	OtherBoot string // run only in a boot that is not this one
	Argv      []string
}

// An answer is a piece of what request ID printed, or its end.
type answer struct {
	ID      string
	Started bool
	Out     []byte
	Err     []byte
	Exit    *int
}

// lines calls each with every line of r that is a T, until r ends.
func lines[T any](r io.Reader, each func(T)) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return err
		}
		var value T
		if json.Unmarshal(line, &value) == nil {
			each(value)
		}
	}
}

// send writes value as a line. The newline in front ends what a killed writer may have left unfinished.
func send(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.Write(append(append([]byte{'\n'}, line...), '\n'))
	return err
}

func main() {
	status, err := command(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "port: %v\n", err)
	}
	os.Exit(status)
}

func command(args []string) (int, error) {
	if len(args) == 2 && args[0] == "serve" {
		return 1, serve(args[1])
	}
	if len(args) == 2 && args[0] == "monitor" {
		return monitor(args[1], os.Stdin, os.Stdout)
	}
	if len(args) < 2 || args[0] != "run" {
		return 2, errors.New("want serve DEVICE, monitor SOCKET, or run SOCKET -- COMMAND…")
	}
	flags := flag.NewFlagSet("port run", flag.ExitOnError)
	within := flags.Int("within", 60, "seconds to wait until the machine answers")
	otherBoot := flags.String("other-boot", "", "wait until the machine has left this boot")
	if err := flags.Parse(args[2:]); err != nil || flags.NArg() == 0 {
		return 2, errors.New("want run SOCKET -- COMMAND…")
	}
	return run(args[1], request{OtherBoot: *otherBoot, Argv: flags.Args()}, time.Duration(*within)*time.Second)
}
