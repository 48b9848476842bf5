// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
)

// A keep by a part of the marks would throw away what the agent renamed.
func TestMarksThatWereNotAllReadAreNone(t *testing.T) {
	h := host.Real("")
	for _, failed := range []error{nil, exec.ErrWaitDelay} {
		h.Execute = func(cmd *exec.Cmd) error {
			io.WriteString(cmd.Stdout, "folder\x00opaque\x0079\x00")
			return failed
		}
		marks, err := (&app{host: h}).draftMarks("agent", "/state", func(io.Writer) error { return nil })
		if (err == nil) != (failed == nil) || (len(marks) == 1) != (failed == nil) {
			t.Errorf("%v: %d marks, %v", failed, len(marks), err)
		}
	}
}

func TestALookPassesAllBytes(t *testing.T) {
	var every []byte
	for c := range 256 {
		every = append(every, byte(c))
	}
	finding := inspect.Found{Finding: risk.Finding{Path: string(every), Kind: "runs", Detail: strings.Repeat(string(every), 10)}, Changed: inspect.Always, ID: string(every)}
	in := inspect.Looked{Folder: 3, Result: inspect.Result{Files: 7, Whole: true, Found: []inspect.Found{finding, {}}}, Err: string(every)}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out inspect.Looked
	if err := json.Unmarshal(text, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v: it came back as %+v", err, out)
	}
}

func TestAProcessOfItsOwnFindsTheSame(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"sub", "d\xe9"} {
		os.Mkdir(filepath.Join(root, name), 0o755)
		os.WriteFile(filepath.Join(root, name, ".envrc"), nil, 0o644)
	}
	want, err := inspect.Folder(t.Context(), os.Getuid(), root)
	if err != nil || len(want.Found) != 2 {
		t.Fatalf("%v: %+v", err, want)
	}
	for situation, h := range map[string]*host.Host{"here": host.Real(""), "in_another_process": onAServer(t)} {
		all, err := lookAll(h, t.Context(), []config.Path{config.Path(root + "/nosuch"), config.Path(root)})
		if err != nil || all[0] == nil || all[0].Err == "" || all[1] == nil || !reflect.DeepEqual(all[1].Result, want) {
			t.Errorf("%s: %v: it found %+v, not %+v", situation, err, all, want)
		}
	}
}

// onAServer is a machine all of whose folders are on a file system that somebody else answers for.
func onAServer(t *testing.T) *host.Host {
	h := host.Real("")
	h.Root = t.TempDir()
	if err := os.MkdirAll(h.Root+"/proc/self", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Root+"/proc/self/mountinfo", []byte("9 8 0:7 / / rw - nfs4 x rw\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return h
}

// A server that does not answer, answers in part, or answers nonsense holds up nobody, and those that did answer count.
func TestALookIsNotWaitedFor(t *testing.T) {
	h := onAServer(t)
	one, _ := json.Marshal(inspect.Looked{Folder: 1, Result: inspect.Result{Files: 5, Whole: true}})
	folders := []config.Path{"/a", "/b", "/c"}
	for situation, c := range map[string]struct {
		script  string
		answers int
		slow    bool
	}{
		"silent":             {"sleep 100", 0, true},
		"deaf":               {"trap '' TERM INT HUP QUIT; sleep 100 & wait; sleep 100", 0, true},
		"one_of_three":       {"echo '" + string(one) + "'; sleep 100", 1, true},
		"half_a_line":        {`printf '{"Folder":'; sleep 100`, 0, true},
		"it_dies":            {"kill -9 $$", 0, false},
		"nonsense":           {"echo no; sleep 100", 0, false},
		"a_folder_too_many":  {`echo '{"Folder":3}'; sleep 100`, 0, false},
		"a_folder_too_few":   {`echo '{"Folder":-1}'; sleep 100`, 0, false},
		"its_child_stays":    {"sleep 3 & exit", 0, true},
		"it_cannot_be_begun": {"", -1, false},
	} {
		t.Run(situation, func(t *testing.T) {
			h.StartItself = func(...string) *exec.Cmd {
				if c.script == "" {
					return &exec.Cmd{Path: "/nowhere"}
				}
				return &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", c.script}, SysProcAttr: &unix.SysProcAttr{Setsid: true}}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			all, err := lookAll(h, ctx, folders)
			if took := time.Since(began); took > 20*time.Second || (ctx.Err() != nil) != c.slow {
				t.Errorf("it took %v", took)
			}
			if (err != nil) != (c.answers < 0) {
				t.Fatal(err)
			}
			n := 0
			for _, l := range all {
				if l != nil {
					n++
				}
			}
			if n != max(c.answers, 0) {
				t.Errorf("%d answers, not %d", n, c.answers)
			}
		})
	}
}

func TestWhatWasNotLookedAtIsSaid(t *testing.T) {
	h := host.Real("")
	h.StartItself = func(...string) *exec.Cmd { return &exec.Cmd{Path: "/bin/true"} }
	var said bytes.Buffer
	a := &app{host: h, out: &said, err: &said, globals: &globals{}}
	(&afterCmd{Shares: `["/proc/a share"]`}).sayChanged(t.Context(), a)
	if want := "au: /proc/a share was not looked at: a file system did not answer\n"; said.String() != want {
		t.Errorf("it says %q, not %q", said.String(), want)
	}
}

// A human who ends the look hears what it had found by then.
func TestALookThatIsEndedSaysWhatItFound(t *testing.T) {
	h := onAServer(t)
	script := `trap 'echo "{\"Folder\":0,\"Files\":7,\"Whole\":false}"; exit' TERM; while :; do sleep 0.01; done`
	h.StartItself = func(...string) *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	all, err := lookAll(h, ctx, []config.Path{"/a"})
	if err != nil || len(all) != 1 || all[0] == nil || all[0].Files != 7 {
		t.Errorf("it found %v: %v", all, err)
	}
}
