// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
)

// The end of a plan, as the exit status of the process that carried it out. sudo and doas exit with 1 where they start nothing.
const (
	statusFailed    = 100 + iota // a step failed, and there was nothing to take back
	statusTakenBack              // a step failed, and what was done before it is taken back
	statusLeft                   // not all of that could be
	statusStale                  // the plan is for another machine than this is by now, and nothing was done
	statusNothing                // the plan was refused, and nothing was done
)

// Failure says why a stage failed. Its acts are taken back.
type Failure struct {
	Why  string
	Said bool // why was printed, before it was taken back
	Left bool // not all of it could be taken back
}

func (f Failure) Error() string { return f.Why }

// Lost says that nobody knows what root's process did: it was killed.
type Lost struct{ error }

func (l Lost) Unwrap() error { return l.error }

// errRefused says that sudo or doas did not start the process.
var errRefused = errors.New("not started")

// together reports whether stages can be carried out whole. Where sudo says without a question that it refuses that, they cannot.
func (r *Runner) together() bool {
	if len(r.Elevate) == 0 || r.Carry == nil || r.asRoot {
		return false
	}
	if !r.asked && path.Base(r.Elevate[0]) == "sudo" {
		var said bytes.Buffer
		cmd := programs.Command(append([]string{r.Elevate[0], "-n", "-l"}, r.Carry...)...)
		cmd.Stderr, cmd.WaitDelay = &said, programs.HeldTime
		// It is silent where the command is not among those that are allowed, and names the reason where it cannot tell: that wants
		// a password first.
		r.single = exitStatus(r.execute(cmd)) == 1 && said.Len() == 0
	}
	r.asked = true
	return !r.single
}

// carry hands a stage to one root process.
func (r *Runner) carry(ctx context.Context, steps []Step) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("stopped before %q: %w", steps[0].Do.words(r.Elevate), err)
	}
	if r.DryRun {
		r.announce()
		return r.oneByOne(ctx, steps)
	}
	done, err := r.hand(Plan{Steps: steps, Kept: r.kept, Seen: r.Seen})
	if err != errRefused {
		r.Seen = nil // these steps may have changed it
	}
	if done {
		r.done = append(r.done, steps...)
	}
	var failed Failure
	if errors.As(err, &failed) {
		r.kept = r.kept || failed.Left
	}
	return err
}

// carryBack has one process of root's take steps back.
func (r *Runner) carryBack(steps []Step) error {
	_, err := r.hand(Plan{Steps: steps, Kept: r.kept, TakeBack: true})
	if err != nil && err != errRefused {
		r.kept = true
	}
	return err
}

// announce prints the one command that is elevated.
func (r *Runner) announce() {
	r.Print(Command{Argv: r.Carry, Root: true, Note: "It reads the whole plan, carries this out and ends:"})
}

// hand gives a plan to a root process, waits for its end, and reports whether all was done. It gets nothing but the plan.
func (r *Runner) hand(p Plan) (done bool, err error) {
	p.Version, p.Elevate, p.Self, p.Brief = r.Version, r.Elevate, r.Carry[0], r.Brief
	text, err := p.Encode()
	if err != nil {
		return false, err
	}
	r.announce()
	argv := append(slices.Clone(r.Elevate), r.Carry...)
	cmd := programs.Command(argv...)
	var said, why beginning
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), io.MultiWriter(r.Err, &said)
	asked, err := r.watch(cmd, &unframe{streams: map[byte]io.Writer{streamOut: r.Out, streamErr: r.Err, streamWhy: &why}}, !p.TakeBack)
	switch done = err == nil; {
	case asked == nil:
		return done, r.outcome(err, why.text, said.text)
	case done || exitStatus(err) == 1:
		return done, fmt.Errorf("stopped: %v", asked)
	case why.text == "":
		why.text = fmt.Sprintf("stopped: %v", asked)
	}
	return done, r.outcome(err, why.text, said.text)
}

// Endings are the signals by which somebody asks for the end.
var Endings = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// watch runs root's process and reads what it prints. Where somebody asks for the end meanwhile, it returns by which signal. That
// process hears of the keys of the terminal itself; of all else it hears by having no reader any more, for who is not root can send
// it no signal.
func (r *Runner) watch(cmd *exec.Cmd, to io.Writer, hear bool) (asked os.Signal, err error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	cmd.Stdout = writer
	end := make(chan error, 1)
	go func() {
		_, err := io.Copy(to, reader)
		reader.Close()
		end <- err
	}()
	signals, over, heard := make(chan os.Signal, 1), make(chan struct{}), make(chan os.Signal, 1)
	if hear {
		signal.Notify(signals, Endings...)
		defer signal.Stop(signals)
	}
	go func() {
		var first os.Signal
		for {
			select {
			case s := <-signals:
				if first = cmp.Or(first, s); s == syscall.SIGTERM || s == syscall.SIGHUP {
					reader.Close()
				}
			case <-over:
				heard <- first
				return
			}
		}
	}()
	err = r.execute(cmd)
	close(over)
	asked = <-heard
	writer.Close()
	if read := <-end; err == nil && asked == nil {
		err = read
	}
	return asked, err
}

// outcome says what became of a plan. why it failed its process has said, and said is what sudo did.
func (r *Runner) outcome(err error, why, said string) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("run %q", strings.Join(append(slices.Clone(r.Elevate), r.Carry...), " "))
	switch exitStatus(err) {
	case statusFailed, statusNothing:
		return Failure{Why: why}
	case statusTakenBack:
		return Failure{Why: why, Said: true}
	case statusLeft:
		return Failure{Why: why, Said: true, Left: true}
	case statusStale:
		return ErrStale
	case 1:
		if unproven(said) {
			return fmt.Errorf("%s: %w", what, err)
		}
		r.single = true
		fmt.Fprintf(r.Out, "# not started as a whole, so each command by itself:\n")
		return errRefused
	}
	if started := new(exec.Error); errors.As(err, &started) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return Lost{fmt.Errorf("%s: %w: au does not know what it did", what, err)}
}

// unproven reports whether sudo or doas says that a password was missing or wrong, so that asking again for each command would be
// no help. In other languages than English it is asked again.
func unproven(said string) bool {
	for _, text := range []string{"incorrect password", "incorrect authentication", "uthentication fail", "password is required", "tty is required",
		"terminal is required", "authentication is required", "is not in the sudoers file"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// beginning keeps the first of what is written.
type beginning struct{ text string }

func (b *beginning) Write(p []byte) (int, error) {
	b.text += string(p[:min(len(p), 4096-len(b.text))])
	return len(p), nil
}

// CarryOut carries the plan out as root, prints on out what hand reads, and returns the exit status that says what became of it.
// When ctx ends, or nobody reads out any more, it takes back what was done; nobody can stop that. machine is where the root folder
// is; "" is /.
func (p Plan) CarryOut(ctx context.Context, machine string, out io.Writer, lock Lock, execute func(*exec.Cmd) error) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := carrier{Runner{Elevate: p.Elevate, Execute: execute, asRoot: true, self: p.Self, Brief: p.Brief, kept: p.Kept}, &frames{to: out, lost: func() { cancel(errUnread) }}}
	c.Out, c.Err = c.frames.stream(streamOut), c.frames.stream(streamErr)
	unlock, err := lock(ctx)
	if err != nil {
		return c.end(statusNothing, err)
	}
	defer unlock()
	if p.Seen.check(machine) != nil {
		return statusStale
	}
	if p.TakeBack {
		c.done = p.Steps
		return c.back(nil)
	}
	if err = c.Apply(ctx, p.Steps); err == nil {
		return 0
	}
	if undos(c.done) == 0 {
		return c.end(statusFailed, err)
	}
	fmt.Fprintf(c.Err, "au: %s\nau: taking back what was done\n", quote.Error(err))
	return c.back(err)
}

// carrier is root's process.
type carrier struct {
	Runner
	frames *frames
}

// errUnread says that nobody reads what root's process prints: its caller was killed, or wants the end.
var errUnread = errors.New("nobody reads the output any more")

// back takes back what was done before a step failed; nil: on demand.
func (c *carrier) back(failed error) int {
	switch err := c.Rollback(); {
	case err != nil:
		return c.end(statusLeft, err)
	case failed != nil:
		return c.end(statusTakenBack, failed)
	}
	return 0
}

// end says how a plan ended, and leaves it in the machine's log where nobody reads it any more.
func (c *carrier) end(status int, why error) int {
	fmt.Fprint(c.frames.stream(streamWhy), why)
	if c.frames.gone {
		tell(status, why)
	}
	return status
}

// tell writes to the log of the machine.
func tell(status int, why error) {
	log, err := syslog.New(syslog.LOG_WARNING|syslog.LOG_AUTHPRIV, "au")
	if err != nil {
		return
	}
	defer log.Close()
	ends := map[int]string{statusTakenBack: "and what was done is taken back", statusLeft: "and not all that was done could be taken back"}
	_ = log.Warning(quote.Text(fmt.Sprintf("a plan failed %s: %v", ends[status], why)))
}

// Refuse says on out that there is no plan to be carried out, and returns the exit status for that.
func Refuse(out io.Writer, why error) int {
	fmt.Fprint((&frames{to: out, lost: func() {}}).stream(streamWhy), why)
	return statusNothing
}
