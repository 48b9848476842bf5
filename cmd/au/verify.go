// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/verify"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

type verifyCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// verdict is what `au verify --json` prints.
type verdict struct {
	Agent   string          `json:"agent"`
	Results []verify.Result `json:"results"`
	Open    int             `json:"open"`
}

// Run exits with 0 where all that was tried holds, and with 1 otherwise.
func (c *verifyCmd) Run(a *app) error {
	if a.host.UID() == 0 {
		if err := a.leaveTerminal(); err != nil {
			return err
		}
		a.Human = ""
	}
	show := a.out
	if c.JSON {
		show = a.err
	}
	v, err := c.verify(a, &verifier{app: a, agent: c.Agent, show: show})
	if err != nil {
		return fmt.Errorf("verify agent %q: %w", c.Agent, err)
	}
	if c.JSON {
		err = a.printJSON(v)
	} else {
		a.printVerdict(v)
	}
	if err == nil && v.Open > 0 {
		err = exitError(statusFailed)
	}
	return err
}

// verify lays the bait, has the agent go for it, and looks at what the human can still do.
func (c *verifyCmd) verify(a *app, with *verifier) (v verdict, err error) {
	v.Agent = c.Agent
	human, known, err := a.humanAndConfig()
	if err != nil {
		return v, err
	}
	facts, err := a.host.Observe(c.Agent, human)
	if err != nil {
		return v, err
	}
	if facts.Policy == nil {
		return v, a.host.NoSuchAgent(c.Agent)
	}
	shared := sourcesOf(known.Agent(c.Agent))
	trap := verify.Lay(a.baitFor(facts, shared), human.Home, shared)
	defer trap.TakeAway()
	if p, err := a.host.NetPolicy(c.Agent); err == nil {
		trap.Serve(func(at netip.AddrPort, udp bool) bool {
			return p.HasDaemon() && asking{Target: netfilter.Target{Addr: at.Addr(), Port: at.Port()}, udp: udp}.answer(a.host, p).OK
		})
	}
	if v.Results, err = with.attack(trap, *facts.Policy); err != nil {
		return v, err
	}
	v.Results = append(v.Results, with.control(facts)...)
	net, err := with.network(c.Agent)
	v.Results = append(v.Results, net...)
	for _, r := range v.Results {
		if r.State == verify.Open {
			v.Open++
		}
	}
	return v, err
}

func sourcesOf(entry *config.Agent) (sources []string) {
	if entry != nil {
		for _, m := range entry.Mounts {
			sources = append(sources, m.Source)
		}
	}
	return sources
}

// baitFor names what there is on the machine for an agent to reach.
func (a *app) baitFor(f provision.Facts, shared []string) verify.Bait {
	b := verify.Bait{
		Agent: f.Name, UID: f.Policy.UID, Human: f.Human.UID, Allow: f.Policy.Allow, Entrypoint: a.host.EntrypointPath(f.Name), Policy: csrc.PolicyPath(f.Name), OwnHome: f.Policy.Home,
		Lacks: map[string]string{},
	}
	within := func(path string) bool {
		return slices.ContainsFunc(append([]string{f.Policy.Home}, shared...), func(s string) bool { _, in := share.Within(s, path); return in })
	}
	for _, home := range f.Homes {
		if home != f.Human.Home && home != f.Policy.Home && !slices.ContainsFunc(shared, func(s string) bool { _, in := share.Within(home, s); return in }) {
			b.Homes = append(b.Homes, home)
		}
	}
	b.Sockets = slices.DeleteFunc(a.host.Listening(), within)
	if why := a.host.NoSeal(); why != "" {
		b.Lacks["sockets"] = why
	}
	if !a.host.HasScopes() {
		b.Lacks["abstract-sockets"] = "the kernel has no Landlock scopes (Linux 6.12)"
	}
	b.Chage, _ = a.host.FindProgram("chage")
	if f.Unit.Systemd {
		b.Slice = auslices.Name(f.Policy.UID)
	}
	return b
}

// verifier has runs do what is tried, and shows the command of each.
type verifier struct {
	*app
	agent string
	show  io.Writer
}

// One of the runs may take so long, and print so many bytes.
const (
	verifyTime = time.Minute
	verifyMost = 1 << 20
)

// start returns a run of the agent, as a person would type it.
func (v *verifier) start(ctx context.Context, options []string, command ...string) *exec.Cmd {
	words := slices.Concat([]string{"run", "--agent", v.agent, "--directory", "/"}, options, []string{"--"}, command)
	fmt.Fprintf(v.show, "$ %s\n", pasted(words...))
	cmd := v.host.StartItself(words...)
	go func() {
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	}()
	return cmd
}

// attack has the agent try everything, in a run with shares; where none can be made, in one without. Where the agent does not see
// this program, as in the human's home, it gets a copy: the program's own folder may be a draft, or hide something.
func (v *verifier) attack(trap *verify.Trap, policy csrc.Policy) ([]verify.Result, error) {
	program, err := v.host.Executable()
	if err != nil {
		return nil, err
	}
	_, unseen := v.host.ForRun().OnPath(filepath.Dir(program), policy, nil)
	options := []string{"--no-shares"} // of the human's own none: what an agent does in a draft of them goes on meanwhile
	var results []verify.Result
	if trap.Share != "" {
		seen := program
		if unseen != nil {
			seen, err = trap.CopyOf("/proc/self/exe")
		}
		if err == nil {
			results, err = v.inside(trap.Bait, append(slices.Clone(options), "--rw", trap.Share, "--ro", trap.ReadOnly), seen)
		}
	}
	if trap.Share == "" || err != nil {
		trap.Share, trap.ReadOnly = "", ""
		if unseen != nil {
			options = append(options, "--ro", program)
		}
		results, err = v.inside(trap.Bait, options, program)
	}
	if err != nil {
		return nil, err
	}
	return append(results, trap.AfterRun(trap.Share != "")...), nil
}

// inside runs this program as the agent, which tells what it could do.
func (v *verifier) inside(b verify.Bait, options []string, program string) (results []verify.Result, err error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), verifyTime)
	defer stop()
	out, said := bounded.Buffer{Limit: verifyMost}, bounded.Buffer{Limit: verifyMost}
	cmd := v.start(ctx, options, program, "probe")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(text)), &out, &said
	cmd.WaitDelay = programs.HeldTime
	if err := programs.Ended(cmd.Run()); err != nil {
		return nil, fmt.Errorf("a run that attacks: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return results, json.Unmarshal(out.Bytes(), &results)
}

// control sees that the human has the last word: a status comes back, and a run ends when it is told to.
func (v *verifier) control(f provision.Facts) []verify.Result {
	ctx, stop := context.WithTimeout(context.Background(), verifyTime)
	defer stop()
	const status = 42
	err := verify.CameBack(v.start(ctx, []string{"--no-shares"}, "/bin/sh", "-c", csrc.WithoutOwn+verify.Leave(f.Policy.Home, status)).Run(), status)
	results := []verify.Result{verify.Human("status", "The status of a command comes back.", err)}
	return append(results, v.endRun(ctx, f.Policy.UID), v.limits(f))
}

// endTime is how long a run may take to begin, and the kernel to end all of it: on a busy machine some seconds.
const endTime = 30 * time.Second

// endRun starts a run that would last, ends it, and sees that nothing of it is left.
func (v *verifier) endRun(ctx context.Context, uid uint32) verify.Result {
	r := verify.Result{ID: "ends", Promise: "You end a run, and all that it started.", State: verify.Untried, Said: "the run did not begin, or the machine hides its processes from you (hidepid)"}
	cmd := v.start(ctx, []string{"--no-shares"}, "/bin/sh", "-c", csrc.WithoutOwn+"setsid sleep 3599 & exec sleep 3599")
	if err := cmd.Start(); err != nil {
		return verify.Human(r.ID, r.Promise, err)
	}
	var ours []auslices.Process
	within(func() bool {
		ours = slices.DeleteFunc(v.host.Below(cmd.Process.Pid, uid), func(p auslices.Process) bool { return p.Command != "sleep" })
		return len(ours) == 2
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if len(ours) < 2 {
		return r
	}
	var left []auslices.Process
	within(func() bool {
		left = slices.DeleteFunc(v.host.Processes(uid), func(p auslices.Process) bool { return !slices.ContainsFunc(ours, p.Is) })
		return len(left) == 0
	})
	if len(left) > 0 {
		return verify.Human(r.ID, r.Promise, fmt.Errorf("%d processes of a run that was ended go on", len(left)))
	}
	return verify.Human(r.ID, r.Promise, nil)
}

// within waits until something is so, and no longer than endTime.
func within(so func() bool) {
	for end := time.Now().Add(endTime); !so() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
}

// limits reads in the kernel what systemd has been told.
func (v *verifier) limits(f provision.Facts) verify.Result {
	r := verify.Result{ID: "limits", Promise: "Each limit is what the kernel holds.", State: verify.Untried, Said: "no limit is set"}
	if !f.Unit.Systemd {
		return r
	}
	view, err := observeLimits(v.host, *f.Policy)
	if err != nil {
		return verify.Human(r.ID, r.Promise, err)
	}
	for _, word := range sortedWords(view.Limits) {
		if l := view.Limits[word]; l.Held != "" {
			return verify.Human(r.ID, r.Promise, fmt.Errorf("%s is %s, and the kernel holds %s", word, l.Text, l.Held))
		} else if l.SetBy != "system" {
			r = verify.Human(r.ID, r.Promise, nil)
		}
	}
	return r
}

// network has the agent send packets past the rules, as `au net status --verify` does.
func (v *verifier) network(agent string) ([]verify.Result, error) {
	const promise = "Packets go where the network's policy says, and nowhere else."
	p, err := v.host.NetPolicy(agent)
	if errors.Is(err, fs.ErrNotExist) {
		return []verify.Result{{ID: "network", Promise: promise, State: verify.Untried, Said: "the network is not restricted"}}, nil
	}
	if err != nil {
		return nil, host.NetError(agent, err)
	}
	units, silent := v.host.NetUnits(p)
	asAgent, past, err := v.escape(p, layers(v.host, p, units, silent), v.show)
	if err != nil {
		return nil, host.NetError(agent, err)
	}
	var results []verify.Result
	for _, attempt := range append(asAgent, past...) {
		state := map[bool]verify.State{true: verify.Open, false: verify.Untried}[attempt.Open]
		if attempt.Stopped {
			state = verify.Holds
		}
		results = append(results, verify.Result{ID: "network", Promise: promise, State: state, Said: attempt.What + ": " + attempt.Said})
	}
	return results, nil
}

// probeCmd is what runs as the agent.
type probeCmd struct{}

func (c *probeCmd) Run(a *app) error {
	var b verify.Bait
	if err := json.NewDecoder(os.Stdin).Decode(&b); err != nil {
		return fmt.Errorf("probe: what to try: %w", err)
	}
	return json.NewEncoder(a.out).Encode(verify.Inside(b))
}

func (a *app) printVerdict(v verdict) {
	p := a.paint()
	counts := map[verify.State]int{}
	for _, r := range v.Results {
		counts[r.State]++
		state := fmt.Sprintf("%-8s", r.State)
		switch r.State {
		case verify.Open:
			state = p.Red(state)
		case verify.Holds:
			state = p.Green(state)
		default:
			state = p.Yellow(state)
		}
		fmt.Fprintf(a.out, "%s  %s: %s\n", state, r.ID, r.Promise)
		if r.State != verify.Holds {
			fmt.Fprintf(a.out, "          %s\n", show(r.Said))
		}
	}
	fmt.Fprintf(a.out, "Agent %s: %d hold, %d open, %d unlocked, %d lacking, %d untried\n", v.Agent, counts[verify.Holds], counts[verify.Open], counts[verify.Unlocked], counts[verify.Lacking], counts[verify.Untried])
}
