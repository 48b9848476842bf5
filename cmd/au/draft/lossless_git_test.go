// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// commits are those that are reachable from a name.
type commits map[string]bool

// repository is a story in whose folder is one, of which the human and the agent are both at work.
type repository struct {
	*story
	began   commits // what the human had names for when the draft began
	at      commits // and before the last keep
	inDraft commits // what the agent had names for then
	idle    bool    // since the draft began, the human has only looked, and nobody has kept anything
	answer  Answer  // of the last keep
}

// No commit of the human or the agent loses its last name by a keep or an undo, and the repository is whole.
func TestNoCommitIsLost(t *testing.T) {
	t.Parallel()
	needGit(t)
	stories := func(seed uint64) []step {
		r := rand.New(rand.NewPCG(seed, 12))
		verbs := strings.Fields("keep keep keep undo undo drop run run human human look")
		all := []step{{"run", "agent", r.Uint64()}}
		for range 3 + r.IntN(6) {
			all = append(all, step{verbs[r.IntN(len(verbs))], "agent", r.Uint64()})
		}
		return all
	}
	tellAll(t, (*trials+3)/4, stories, func(s *story, all []step) {
		g := &repository{story: s}
		g.plant("git init -q -b main .; mkdir d; for f in a b c d/e; do echo $f >$f; git add .; git commit -qm $f; done; git branch old HEAD~2")
		for _, one := range all {
			g.do(one)
		}
		g.whole("in the end")
	})
}

// sh runs a script that may fail, and notes it.
func (g *repository) sh(by who, top, script string) {
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = top
	err := cmd.Run()
	note := ""
	if err != nil {
		note = fmt.Sprintf(" # %v", err)
	}
	g.log = append(g.log, map[who]string{human: "human: ", agent: "agent: "}[by]+script+note)
}

// words returns what a git prints in a folder; false where it fails.
func words(top string, argv ...string) ([]string, bool) {
	cmd := exec.Command("git", argv...)
	cmd.Dir = top
	out, err := cmd.CombinedOutput()
	return strings.Fields(string(out)), err == nil
}

// named returns what has a name in the folder.
func (g *repository) named() commits {
	sums, ok := words(g.folder, "rev-list", "--all")
	if !ok {
		g.fail("git cannot read the history: %q", sums)
	}
	return set(sums)
}

func set(sums []string) commits {
	all := commits{}
	for _, sum := range sums {
		all[sum] = true
	}
	return all
}

// drafted returns what has a name as the agent sees the folder. The agent's git may have removed the folder of an object that the
// human's has made since. Then the agent sees the human's name for that, and not the object; the human has both.
func (g *repository) drafted() commits {
	if !g.has("agent", "draft.json") || !g.mountDraft("agent") {
		return commits{}
	}
	defer func() { g.ok(unmount(g.mounted)) }()
	if sums, ok := words(g.mounted, "rev-list", "--all"); ok {
		return set(sums)
	}
	argv := []string{"rev-list"}
	tips, _ := words(g.mounted, "rev-parse", "--all", "HEAD") // which may be at no commit
	for _, sum := range tips {
		if _, humans := words(g.folder, "rev-list", sum); !humans && isSum(sum) {
			argv = append(argv, sum)
		}
	}
	if len(argv) == 1 {
		return commits{}
	}
	sums, ok := words(g.mounted, argv...)
	if !ok {
		g.fail("git cannot read the agent's history: %q", sums)
	}
	return set(sums)
}

// whole finds what git misses in the folder.
func (g *repository) whole(when string) {
	for _, words := range []string{"fsck --no-dangling --no-progress", "--no-optional-locks status --porcelain"} {
		cmd := exec.Command("git", strings.Fields(words)...)
		cmd.Dir = g.folder
		if out, err := cmd.CombinedOutput(); err != nil {
			g.fail("%s: git %s: %v\n%s", when, words, err, out)
		}
	}
}

// isAt reports whether the human's HEAD leads to a commit.
func (g *repository) isAt() bool {
	cmd := exec.Command("git", "rev-parse", "-q", "--verify", "HEAD")
	cmd.Dir = g.folder
	return cmd.Run() == nil
}

// gone returns what is in none of some sets.
func (c commits) gone(from ...commits) (all []string) {
	for sum := range c {
		if !slices.ContainsFunc(from, func(in commits) bool { return in[sum] }) {
			all = append(all, sum)
		}
	}
	return all
}

func (g *repository) none(what string, sums []string) {
	if len(sums) > 0 {
		g.fail("%s: %q", what, sums)
	}
}

// work is what both sides do with git; %d is a number that nobody has had.
var work = []string{
	"echo %d >>a; git commit -qam a%d", "echo %d >>b; git commit -qam b%d", "echo %d >new%d; git add .; git commit -qm new%d", "echo %d >>d/e; git add d/e",
	"git branch side%d", "git checkout -q -b other%d", "git checkout -q old", "git checkout -q main", "git checkout -q --detach", "git tag t%d", "git tag o%d old", "git branch o%d old", "git pack-refs --all",
	"echo %d >>c", "git rm -q b; git commit -qm rm", "git gc -q",
}

// dares is what an agent does besides: it takes names from commits.
var dares = []string{
	"git commit -q --amend -m amended%d", "git branch -D old", "git reset -q --hard HEAD~1", "git reflog expire --expire=now --all; git gc -q --prune=now", "git mv c moved%d; git commit -qam mv",
}

func (g *repository) works(by who, top string, r *rand.Rand) {
	all := work
	if by == agent {
		all = slices.Concat(work, dares)
	}
	g.tokens++
	g.sh(by, top, strings.ReplaceAll(all[r.IntN(len(all))], "%d", fmt.Sprint(g.tokens)))
}

func (g *repository) do(one step) {
	r := rand.New(rand.NewPCG(one.seed, 1))
	ticked()
	switch one.verb {
	case "look":
		g.sh(human, g.folder, "touch a b c d/e || true; git status")
	case "human":
		g.idle = false
		for range 1 + r.IntN(3) {
			g.works(human, g.folder, r)
		}
	case "run":
		g.run(r)
	case "keep":
		paths := [][]string{nil, nil, {".git"}, {"a"}}[r.IntN(4)]
		g.order(order{"keep", "agent", []Answer{Refuse, Refuse, Ours, Theirs, Merge}[r.IntN(5)], paths}, r)
	default:
		g.order(order{one.verb, "agent", Refuse, nil}, r)
	}
}

func (g *repository) run(r *rand.Rand) {
	if !g.has("agent", "draft.json") {
		g.began, g.idle = g.named(), true
	}
	if is := g.child(order{"begin", "agent", Refuse, nil}, func(int) bool { return false }); is.Failed {
		g.fail("begin: %s", is)
	}
	ticked()
	g.mountDraft("agent")
	for range 1 + r.IntN(4) {
		g.works(agent, g.mounted, r)
	}
	g.ok(unmount(g.mounted))
}

// order gives one to au, which may be killed; then another ends it. Or the human is at work with git in its midst.
func (g *repository) order(o order, r *rand.Rand) {
	folder, draft, wasAt := g.named(), g.drafted(), g.isAt()
	kill, act, steps := 0, 0, g.inode("agent", "undo/steps")
	switch r.IntN(4) {
	case 0:
		kill = 1 + r.IntN(40)
	case 1:
		act = 1 + r.IntN(40)
	}
	meddled := false
	is := g.child(o, func(n int) bool {
		if n == act {
			meddled = true
			g.log = append(g.log, fmt.Sprintf("# at step %d", n))
			if o.verb == "undo" { // a name that git gets in the midst of that can be one for what goes
				g.sh(human, g.folder, "touch a b c d/e || true; git status")
			} else {
				g.works(human, g.folder, r)
			}
		}
		return n == kill
	})
	g.log = append(g.log, fmt.Sprintf("%s # %s", o, is))
	if began := g.inode("agent", "undo/steps") != steps; o.verb == "keep" && began {
		g.at, g.inDraft, g.answer = folder, draft, o.answer
	}
	last := o.verb
	for range 4 {
		if !g.isHalf("agent") {
			break
		}
		last = []string{"keep", "undo"}[r.IntN(2)]
		is = g.child(order{last, "agent", Refuse, nil}, func(int) bool { return false })
		g.log = append(g.log, fmt.Sprintf("au draft %s # %s", last, is))
		if meddled && is.Failed {
			g.outOfTheWay(is)
		} else if is.Failed {
			g.fail("au is stuck: %s", is)
		}
	}
	if wasAt && !meddled && !g.isAt() {
		g.fail("the branch at which the human is has gone after %s", o)
	}
	g.holds(o, last, is, meddled, folder, draft)
}

// holds is what holds after an order.
func (g *repository) holds(o order, last string, is outcome, meddled bool, folder, draft commits) {
	now, inDraft := g.named(), g.drafted()
	g.whole(fmt.Sprint("after ", o))
	if meddled {
		g.idle = false
		g.none("it has no name after "+o.String(), folder.gone(now, inDraft, g.aside()))
		return
	}
	switch {
	case is.Failed || o.verb == "drop":
		g.none("it has no name after a refused "+last, folder.gone(now))
		if is.Failed && g.idle && o.verb == "keep" && len(is.InTheWay) > 0 {
			g.fail("what the human has only looked at is a conflict: %s", is)
		}
	case last == "keep":
		g.idle = false
		g.none("it has no name after keep", draft.gone(now, inDraft))
		lost := commits{}
		for _, sum := range folder.gone(now, draft) { // the agent may take names from what was there
			if lost[sum] = !g.began[sum]; !lost[sum] || g.answer == Theirs {
				delete(lost, sum)
			}
		}
		g.none("a commit of the human has no name after keep", slices.Collect(maps.Keys(lost)))
	default:
		g.idle = false
		g.none("a commit of the human has no name after undo", commits.gone(g.at, now))
		g.none("one since has no name after undo", folder.gone(now, inDraft))
		g.none("a commit of the agent has no name after undo", commits.gone(g.inDraft, now, inDraft))
	}
}

// aside is what undo has names for.
func (g *repository) aside() commits {
	if g.has("agent", "undo/kept") {
		return g.at
	}
	return nil
}
