// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const ordinary = 40 // stories, of which each is the same in every run

var (
	trials = flag.Int("trials", ordinary, "how many stories of a human, an agent and its drafts are told")
	told   = flag.String("told", "", "the steps of the story of -seed that are told, by number with commas between; all without")
)

// A story is what a human and an agent do in a folder and its drafts, one step after another. Everything that one of them writes
// has a token of its own. A token ends when one of them overwrites or removes it, or where a command is there to throw it away.
// Until then it has to be somewhere, whatever happens in whatever order.
type story struct {
	*bench
	live   map[string]bool // tokens that have to be somewhere
	tokens int
	since  map[string]int      // how many there were when a draft began
	places map[string][]string // where each was before a command; not in the folder, where the human has removed it meanwhile
	undone string              // the draft of which a keep is being taken back
	given  map[string][]string // texts of the human that a keep with --theirs has made the agent's, by draft
	last   map[string]int      // how much of that was there before the last keep
	log    []string
}

// step is one of a story; its choices come from its own seed, so that it stays the same where others are left out.
type step struct {
	verb, name string
	seed       uint64
}

// failure ends a story.
type failure string

func (s *story) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// stepsOf returns a story.
func stepsOf(seed uint64) []step {
	r := rand.New(rand.NewPCG(seed, 11))
	verbs := strings.Fields("keep keep keep keep keep keep keep keep undo undo undo undo undo drop drop-some drop-some forget run run run run run human human human")
	all := []step{{"plant", "", r.Uint64()}, {"run", "agent", r.Uint64()}}
	for range 4 + r.IntN(9) {
		name := "agent"
		if r.IntN(6) == 0 {
			name = "other"
		}
		all = append(all, step{verbs[r.IntN(len(verbs))], name, r.Uint64()})
	}
	return all
}

// tell runs a story, and returns what was lost in it, and the story.
func tell(t *testing.T, across bool, run func(*story)) (lost failure, log []string) {
	t.Run("story", func(t *testing.T) {
		s := &story{bench: newBenchOn(t, across), live: map[string]bool{}, since: map[string]int{}, places: map[string][]string{}, given: map[string][]string{}, last: map[string]int{}}
		defer func() {
			_ = unix.Unmount(s.mounted, unix.MNT_DETACH)
			log = s.log
			if problem := recover(); problem != nil {
				var ok bool
				if lost, ok = problem.(failure); !ok {
					panic(problem)
				}
			}
		}()
		run(s)
	})
	return lost, log
}

// No content is lost, whatever the human, the agent and kills do in whatever order.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	tellAll(t, *trials, stepsOf, func(s *story, all []step) {
		for _, one := range all {
			s.do(one)
		}
		s.settle()
	})
}

// tellAll tells so many stories, every third across file systems, and shrinks those in which something is lost.
func tellAll(t *testing.T, n int, stepsOf func(seed uint64) []step, run func(*story, []step)) {
	begun, random := time.Now(), rand.Uint64()>>1
	for i := range n {
		s := *seed + uint64(i)
		if i == n-1 && *trials > ordinary { // whether a change lands does not hang on chance
			s = random
		}
		across := *across || i%3 == 2 && s != random
		all, numbers := chosen(stepsOf(s), *told)
		tell := func(all []step) (failure, []string) { return tell(t, across, func(s *story) { run(s, all) }) }
		lost, log := tell(all)
		if lost == "" {
			continue
		}
		if testing.Short() { // to shrink a story takes some ten times as long as to tell it
			t.Errorf("seed %d, across %v: %s", s, across, lost)
			continue
		}
		all, numbers = shrunk(all, numbers, tell)
		if again, shorter := tell(all); again != "" {
			lost, log = again, shorter
		}
		t.Errorf("%s\n%s\nagain: -run %s -trials 1 -across=%v -seed %d -told %s", strings.Join(log, "\n"), lost, t.Name(), across, s, strings.Join(numbers, ","))
	}
	t.Logf("%d stories, with the seeds from %d on: %s", n, *seed, time.Since(begun).Round(time.Second))
}

// chosen returns the steps that are to be told, and their numbers.
func chosen(all []step, words string) (some []step, numbers []string) {
	for n, one := range all {
		if word := strconv.Itoa(n); words == "" || slices.Contains(strings.Split(words, ","), word) {
			some, numbers = append(some, one), append(numbers, word)
		}
	}
	return some, numbers
}

// shrunk leaves steps out for as long as something is lost in what remains.
func shrunk(all []step, numbers []string, tell func([]step) (failure, []string)) ([]step, []string) {
	for i := len(all) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(all), i, i+1)
		if lost, _ := tell(fewer); lost != "" {
			all, numbers = fewer, slices.Delete(numbers, i, i+1)
		}
	}
	return all, numbers
}

// do tells one step.
func (s *story) do(one step) {
	r := rand.New(rand.NewPCG(one.seed, 1))
	switch one.verb {
	case "plant":
		for range 8 + r.IntN(10) {
			s.act(human, s.folder, r)
		}
	case "human":
		for range 1 + r.IntN(3) {
			s.act(human, s.folder, r)
		}
	case "run":
		s.run(one.name, r)
	case "keep", "drop-some":
		var paths []string
		if one.verb == "drop-some" || r.IntN(2) == 0 {
			if paths = s.somePaths(one.name, r); len(paths) == 0 && one.verb == "drop-some" {
				return
			}
		}
		answers := []Answer{Refuse, Refuse, Ours, Theirs, Merge}
		o := order{one.verb, one.name, answers[r.IntN(len(answers))], paths}
		if one.verb == "keep" && r.IntN(4) == 0 {
			s.thereAndBack(o)
			return
		}
		s.meanwhile(o, r)
	default:
		s.meanwhile(order{one.verb, one.name, Refuse, nil}, r)
	}
}

// thereAndBack keeps and takes that back, where nobody meddles: all is as it was.
func (s *story) thereAndBack(o order) {
	nobody := func(int) bool { return false }
	before, places, half, last := s.looks(), fmt.Sprint(s.scan()), s.isHalf(o.name), s.inode(o.name, "undo/steps")
	if s.order(o, nobody, true).Failed || half || s.inode(o.name, "undo/steps") == last {
		return
	}
	if is := s.order(order{"undo", o.name, Refuse, nil}, nobody, true); is.Failed {
		s.fail("what was just kept cannot be taken back: %s", is)
	}
	s.same("the folder after keep and undo", s.looks(), before)
	if last == 0 {
		s.same("what there is after keep and undo", fmt.Sprint(s.scan()), places)
	}
}

// isHalf reports whether a draft was half kept or half taken back when that was killed.
func (s *story) isHalf(name string) bool {
	return s.has(name, "undo/steps") && (!s.has(name, "undo/kept") || s.has(name, "undo/whole") && !s.has(name, "undo/ended"))
}

// somePaths returns some paths of a draft.
func (s *story) somePaths(name string, r *rand.Rand) (paths []string) {
	all := s.below(filepath.Join(s.state(name), "upper"), func(os.DirEntry) bool { return true })
	for range min(1+r.IntN(3), len(all)) {
		paths = append(paths, all[r.IntN(len(all))])
	}
	return paths
}

func (s *story) state(name string) string {
	return filepath.Join(s.store.named, KeyOf(name, s.folder))
}

func (s *story) has(name, file string) bool {
	_, err := os.Lstat(filepath.Join(s.state(name), file))
	return err == nil
}

// run is a run of the agent in a draft, with the human at work beside it.
func (s *story) run(name string, r *rand.Rand) {
	ticked()
	if !s.has(name, "draft.json") {
		s.since[name] = s.tokens
	}
	if s.meanwhile(order{"begin", name, Refuse, nil}, r).Failed {
		return
	}
	ticked()
	if !s.mountDraft(name) {
		return // begin was killed
	}
	for range 2 + r.IntN(9) {
		s.act(agent, s.mounted, r)
	}
	if r.IntN(4) == 0 {
		s.act(human, s.folder, r)
		s.act(agent, s.mounted, r)
	}
	s.ok(unmount(s.mounted))
}

// mountDraft mounts what the agent sees; false where there is no draft yet.
func (s *story) mountDraft(name string) bool {
	lower := s.folder
	if s.has(name, "hide") {
		lower = s.state(name) + "/hide:" + s.folder
	}
	if !s.has(name, "upper") || !s.has(name, "work") {
		return false
	}
	err := unix.Mount("overlay", s.mounted, "overlay", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,redirect_dir=on,metacopy=off,index=off,xino=off",
		lower, s.state(name), s.state(name)))
	if err != nil {
		s.t.Skipf("mount an overlay: %v", err)
	}
	return true
}

// meanwhile gives an order to au; while that works, the human may do something at some of its steps, or it is killed.
func (s *story) meanwhile(o order, r *rand.Rand) outcome {
	acts, last := map[int]uint64{}, []int{3, 10, 25, 60}[r.IntN(4)]
	for range max(0, r.IntN(6)-2) {
		acts[1+r.IntN(last)] = r.Uint64()
	}
	kill := 0
	if r.IntN(3) == 0 {
		kill = 1 + r.IntN(last)
	}
	return s.order(o, func(n int) bool {
		if act, ok := acts[n]; ok {
			s.log = append(s.log, fmt.Sprintf("# at step %d", n))
			s.act(human, s.folder, rand.New(rand.NewPCG(act, 2)))
		}
		return n == kill
	}, len(acts) == 0)
}

// order gives an order to au, and holds what there is afterwards against what there was. alone is where no human meddles.
func (s *story) order(o order, at func(n int) bool, alone bool) outcome {
	before := s.looks()
	s.places = s.scan()
	gives := s.givesUp(o)
	steps := s.inode(o.name, "undo/steps")
	half, written := s.isHalf(o.name), s.tokens
	if o.verb == "undo" {
		s.undone = o.name
	}
	is := s.child(o, at)
	s.undone = ""
	s.log = append(s.log, fmt.Sprintf("%s # %s", o, is))
	if began := s.inode(o.name, "undo/steps") != steps; o.verb == "keep" && began && !half { // what the last one had put aside goes
		s.givesTheHumans(o)
		gives = func(place string) bool { return strings.HasPrefix(place, o.name+"/undo/") }
	} else if is.Failed && !is.Killed {
		gives = func(string) bool { return false }
	} else if o.verb == "undo" && !is.Failed {
		s.given[o.name] = s.given[o.name][:s.last[o.name]]
	}
	now := s.scan()
	s.losesNone(gives, s.places, now)
	if o.verb == "keep" && !is.Failed && !half {
		if o.answer != Theirs {
			written = s.since[o.name]
		}
		s.leavesTheHumans(written, s.places, now)
	}
	if is.Failed && !is.Killed && alone && !half {
		s.same(fmt.Sprint("the folder after a refused ", o), s.looks(), before)
	}
	return is
}

// losesNone finds what is nowhere, though it was not only where an order throws things away.
func (s *story) losesNone(gives func(place string) bool, before, now map[string][]string) {
	for token := range s.live {
		if len(now[token]) > 0 {
			continue
		}
		if at := slices.IndexFunc(before[token], func(place string) bool { return !gives(place) }); at >= 0 {
			s.fail("%s is lost, which was at %s", token, before[token][at])
		}
		if len(before[token]) == 0 {
			s.fail("%s is lost, which was written meanwhile", token)
		}
		delete(s.live, token)
	}
}

// inFolder reports whether one of some places is in the folder; where an attribute is does not count.
func inFolder(places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(place, "folder/") || strings.HasSuffix(place, "#t") })
}

// givesTheHumans notes which texts of the human a keep with --theirs makes the agent's, whose copy of a file has them.
func (s *story) givesTheHumans(o order) {
	s.last[o.name] = len(s.given[o.name])
	for token, places := range s.places {
		if o.answer == Theirs && token[1] == 'h' && slices.ContainsFunc(places, func(place string) bool {
			name, in := strings.CutPrefix(place, o.name+"/upper/")
			return in && (len(o.paths) == 0 || within(o.paths, strings.TrimSuffix(name, "#t")))
		}) {
			s.given[o.name] = append(s.given[o.name], token)
		}
	}
}

// leavesTheHumans finds what the human has written since, and a keep has taken from the folder.
func (s *story) leavesTheHumans(since int, before, now map[string][]string) {
	for token := range s.live {
		n, _ := strconv.Atoi(token[2 : len(token)-1])
		if token[1] == 'h' && n > since && !slices.Contains(slices.Concat(s.given["agent"], s.given["other"]), token) && !inFolder(now[token]) && (inFolder(before[token]) || len(before[token]) == 0) {
			s.fail("%s, which the human has written since, was kept away without a word: %q", token, now[token])
		}
	}
}

// givesUp returns which places an order is there to throw away.
func (s *story) givesUp(o order) func(place string) bool {
	anew := s.has(o.name, "undo/ended") && s.has(o.name, "undo/upper") && s.has(o.name, "draft.json")
	half := s.isHalf(o.name) // then what is the human's may lie anywhere
	return func(place string) bool {
		inUpper, inUndo := strings.HasPrefix(place, o.name+"/upper/"), strings.HasPrefix(place, o.name+"/undo/")
		if half {
			return false
		}
		switch o.verb {
		case "drop":
			return inUpper || inUndo && !anew
		case "drop-some":
			return within(o.paths, strings.TrimSuffix(strings.TrimPrefix(place, o.name+"/upper/"), "#t"))
		case "forget":
			return inUndo
		}
		return false
	}
}

func (s *story) inode(name, file string) uint64 {
	var st unix.Stat_t
	_ = unix.Lstat(filepath.Join(s.state(name), file), &st)
	return st.Ino
}

func (s *story) same(what, got, want string) {
	if got != want {
		s.fail("%s is\n%s\nand was\n%s", what, got, want)
	}
}
