// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
	"golang.org/x/sys/unix"
)

// tracked is a file as a commit has it.
type tracked struct {
	Mode uint32 // 0100644, 0100755, 0120000
	Sum  string // of the blob
}

// gitBase is what the folder's git held as the draft began. Git is asked the first time that somebody wants to know.
type gitBase struct {
	folder, head string
	asked        bool
	files        map[string]tracked // nil where there is no git that says
}

// gitBase returns what git held of the folder.
func (d *Draft) gitBase() *gitBase { return &gitBase{folder: string(d.Folder), head: d.Head} }

// load asks git, once.
func (g *gitBase) load() map[string]tracked {
	if g.asked || g.head == "" {
		return g.files
	}
	g.asked = true
	out, err := listed(git(g.folder, "ls-tree", "-r", "-z", "--full-tree", g.head))
	if err != nil {
		return nil
	}
	g.files = map[string]tracked{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		what, name, ok := strings.Cut(line, "\t")
		words := strings.Fields(what)
		if !ok || len(words) != 3 {
			continue
		}
		if mode, err := strconv.ParseUint(words[0], 8, 32); err == nil {
			g.files[name] = tracked{uint32(mode), words[2]}
		}
	}
	return g.files
}

// sameIndex reports whether the human's index holds what the commit did: then git has only looked at its files anew.
func (g *gitBase) sameIndex() bool {
	files := g.load()
	if files == nil {
		return false
	}
	out, err := listed(git(g.folder, "ls-files", "--stage", "-z"))
	if err != nil {
		return false
	}
	n := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		what, name, _ := strings.Cut(line, "\t")
		words := strings.Fields(what)
		if len(words) != 3 || words[1] != files[name].Sum || words[2] != "0" || words[0] != fmt.Sprintf("%06o", files[name].Mode) {
			return false
		}
		n++
	}
	return n == len(files)
}

// git is a git in a folder of the human that runs nothing else: no hook, no monitor, no pager, and nothing that fetches.
func git(folder string, words ...string) *exec.Cmd {
	argv := append([]string{"git", "--no-optional-locks", "--no-pager", "-C", folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "core.attributesFile=/dev/null", "-c", "protocol.allow=never"}, words...)
	cmd := programs.Command(argv...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_NO_LAZY_FETCH=1", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=", "GIT_NO_REPLACE_OBJECTS=1")
	return cmd
}

// mostListed is how much of a list of files is read. A commit that is itself small can list more than any machine holds.
var mostListed = 1 << 28

// longestGit is how long a git may work on an answer. It waits for ever if it opens a pipe, and the agent can put one where it
// opens a file.
var longestGit = time.Minute

// listed returns the list that a git prints.
func listed(cmd *exec.Cmd) ([]byte, error) { return answered(cmd, mostListed) }

// answered returns what a git prints, if that is at most limit bytes; os.ErrDeadlineExceeded where it was ended after longestGit.
// Nothing else is asked of that repository then.
func answered(cmd *exec.Cmd, limit int) ([]byte, error) {
	out := bounded.Buffer{Limit: limit}
	cmd.Stdout, cmd.WaitDelay = &out, programs.HeldTime
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(longestGit, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		err = os.ErrDeadlineExceeded
	}
	return out.Bytes(), err
}

// gitAlone is such a git in a folder of au's own, where it finds no repository: attributes that the agent wrote, and settings of a
// repository that the human's home is, say nothing. Git looks for one up to the ceiling, and in the folder itself.
func gitAlone(folder string, words ...string) *exec.Cmd {
	cmd := git(folder, words...)
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+path.Dir(folder))
	return cmd
}

// unchanged reports whether a file of the human is as it was in git: then a later change of its times, or of rights that git does
// not know, is no conflict.
func (g *gitBase) unchanged(lower place, name string, st unix.Stat_t) bool {
	was, ok := g.load()[name]
	if !ok || was.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT {
		return false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && (was.Mode&0o100 != 0) != (st.Mode&0o100 != 0) {
		return false
	}
	return blob(lower, name, st, len(was.Sum)) == was.Sum
}

// mayHaveHad reports whether a file may have been there when the draft began: git knows of all that it tracked, and of nothing
// else.
func (g *gitBase) mayHaveHad(name string) bool {
	files := g.load()
	_, ok := files[name]
	return ok || files == nil
}

// blob returns the sum by which git names what a file holds; "" where it cannot be read.
func blob(p place, name string, st unix.Stat_t, length int) string {
	var sum hash.Hash = sha1.New()
	if length == 2*sha256.Size {
		sum = sha256.New()
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		to, err := p.target(name)
		if err != nil {
			return ""
		}
		fmt.Fprintf(sum, "blob %d\x00%s", len(to), to)
		return hex.EncodeToString(sum.Sum(nil))
	}
	f, err := p.read(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	fmt.Fprintf(sum, "blob %d\x00", st.Size)
	if n, err := io.Copy(sum, io.LimitReader(f, st.Size)); err != nil || n != st.Size {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// GitHead returns the commit that the folder's git is at; "" where that cannot be told.
func (d *Draft) GitHead() string {
	folder, err := openPlace(string(d.Folder))
	if err != nil {
		return ""
	}
	defer folder.close()
	return gitHead(folder)
}

// mostOfRef is how much is read of a file that names a commit, and mostOfPacked of one that names many.
const (
	mostOfRef    = 1 << 12
	mostOfPacked = 1 << 26
)

// isSum reports whether a line is what git calls a commit by.
func isSum(line string) bool {
	line = strings.TrimSpace(line)
	return len(line) >= 2*sha1.Size && len(line) <= 2*sha256.Size && strings.Trim(line, "0123456789abcdef") == ""
}

// packed returns the commit that a ref is at by a repository's packed-refs; "" where they do not have it.
func (p place) packed(ref string) (at string) {
	p.eachPacked(func(name, sum string) {
		if at == "" && name == ref {
			at = sum
		}
	})
	return at
}

// eachPacked calls f with each ref of a repository's packed-refs, and the commit that it is at.
func (p place) eachPacked(f func(ref, sum string)) {
	text, err := p.readSome(packedRefs, mostOfPacked)
	if err != nil {
		return
	}
	for line := range bytes.Lines(text) {
		if sum, ref, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok && isSum(sum) {
			f(ref, sum)
		}
	}
}

// gitHead returns the commit that a folder's git is at; "" where that cannot be told. Of a linked worktree git itself knows.
func gitHead(folder place) string {
	if st, ok, err := folder.exists(".git"); err != nil || !ok {
		return ""
	} else if st.Mode&unix.S_IFMT == unix.S_IFREG {
		out, err := listed(git(folder.named, "rev-parse", "--verify", "--quiet", "HEAD"))
		if at := strings.TrimSpace(string(out)); err == nil && isSum(at) {
			return at
		}
		return ""
	}
	line := func(name string) string {
		text, err := folder.readSome(name, mostOfRef)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	head := line(gitsHead)
	if ref, isRef := strings.CutPrefix(head, "ref: "); isRef && fs.ValidPath(ref) {
		if head = line(".git/" + ref); head == "" {
			head = folder.packed(ref)
		}
	}
	if !isSum(head) {
		return ""
	}
	return head
}
