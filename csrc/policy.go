// SPDX-License-Identifier: GPL-3.0-or-later

// Package csrc is the set-uid entrypoint su_as_agent, in C, and the Go half of what it agrees on with au:
// its policy file, its arguments, and how it is found, trusted and started.
package csrc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/newer"
)

const (
	policyHeader  = "au-policy "
	maxPolicy     = 32768
	maxHumans     = 32
	maxHumanName  = 255
	maxEnterGIDs  = 8
	maxCgroups    = 16
	maxHides      = 256
	maxShows      = 32
	maxAllows     = 16
	maxPath       = 4095
	maxComponent  = 255
	noID          = 1<<32 - 1
	humanNameBad  = " \""
	wantAbsolute  = "want a clean absolute path"
	wantGID       = "want a gid above 0"
	wantLine      = "want a key, a space and a value"
	givenTwice    = "is given twice"
	givenTooOften = "is given too many times"
)

// The most that a run can have, as parse.h has it.
const (
	MaxShares    = 256
	MaxWorktrees = 64
)

// PolicyVersion is that of policies written now. It says what the entrypoint beside a policy knows: with 1, a share is seen at its
// target alone.
const PolicyVersion = 2

// Human is somebody who may enter an agent. Name is for people to read, in the log too; who it is, the uid says.
type Human struct {
	UID  uint32
	Name string
}

// Policy is root's word on one agent: whose uid it is, who may run commands as it, and what a run may see.
// The entrypoint reads it from PolicyDir and obeys nothing else.
type Policy struct {
	Version         int // 1 to PolicyVersion; 0 is 1
	Name            string
	UID, GID, Group uint32 // Group is that of the humans, su-as-NAME
	Home, Shell     string
	Tag             string // 16 hex digits that are also in the user's comment field
	Path            string // empty for the entrypoint's default
	Humans          []Human
	EnterGIDs       []uint32
	SHA256          string   // of the installed entrypoint, or empty
	Cgroups         []string // below /sys/fs/cgroup; a run joins all of them or is refused
	Hide            []string // covered in every run
	Show            []string // of /run, stays as it is where the rest is sealed
	Allow           []string // words of Switches
}

// Text returns p as its file holds it. ParsePolicy(p.Text()) is p again, for every p that ParsePolicy can return.
func (p Policy) Text() string {
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "%s %v\n", key, value) }
	fmt.Fprintf(&b, "%s%d\n", policyHeader, max(p.Version, 1))
	line("name", p.Name)
	line("uid", p.UID)
	line("gid", p.GID)
	line("group", p.Group)
	line("home", p.Home)
	line("shell", p.Shell)
	line("tag", p.Tag)
	if p.Path != "" {
		line("path", p.Path)
	}
	for _, h := range p.Humans {
		line("enter-uid", fmt.Sprintf("%d %s", h.UID, encodeName(h.Name)))
	}
	for _, gid := range p.EnterGIDs {
		line("enter-gid", gid)
	}
	if p.SHA256 != "" {
		line("sha256", p.SHA256)
	}
	for _, lines := range []struct {
		key    string
		values []string
	}{{"cgroup", p.Cgroups}, {"hide", p.Hide}, {"show", p.Show}, {"allow", p.Allow}} {
		for _, value := range lines.values {
			line(lines.key, value)
		}
	}
	return b.String()
}

// ParsePolicy reads a policy as strictly as the entrypoint does: what one accepts, the other accepts, and means the same by it.
func ParsePolicy(text []byte) (Policy, error) {
	var p Policy
	if err := checkBytes(text); err != nil {
		return Policy{}, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if err := newer.Line(lines[0], policyHeader, PolicyVersion); err != nil {
		return Policy{}, fmt.Errorf("line 1: %w", err)
	}
	version, ok := strings.CutPrefix(lines[0], policyHeader)
	if p.Version = strings.Index("12", version) + 1; !ok || len(version) != 1 || p.Version == 0 {
		return Policy{}, fmt.Errorf("line 1: want %s1 or 2", policyHeader)
	}
	for i, line := range lines[1:] {
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		want := wantLine
		if value != "" && value[0] != ' ' && value[len(value)-1] != ' ' {
			want = p.set(key, value)
		}
		if want != "" {
			return Policy{}, fmt.Errorf("line %d: %s: %s", i+2, key, want)
		}
	}
	if err := p.check(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// checkBytes holds a policy to whole lines of printable ASCII, so that nothing in it can hide from whoever reads it.
func checkBytes(text []byte) error {
	if len(text) > maxPolicy {
		return fmt.Errorf("want at most %d bytes", maxPolicy)
	}
	line := 1
	for _, c := range text {
		if c == '\n' {
			line++
		} else if c < ' ' || c > '~' {
			return fmt.Errorf("line %d: want printable ASCII", line)
		}
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return fmt.Errorf("line %d: want a newline at the end", line)
	}
	return nil
}

// set returns what the value of key should have been, or nothing when it took it.
func (p *Policy) set(key, value string) string {
	switch key {
	case "name":
		return one(&p.Name, value, IsName, "want ^[a-z_][a-z0-9_-]{0,24}$")
	case "uid":
		return oneID(&p.UID, value, 1000, "want a uid of 1000 or above")
	case "gid":
		return oneID(&p.GID, value, 1, wantGID)
	case "group":
		return oneID(&p.Group, value, 1, wantGID)
	case "home":
		return one(&p.Home, value, IsCleanAbsolute, wantAbsolute)
	case "shell":
		return one(&p.Shell, value, IsCleanAbsolute, wantAbsolute)
	case "tag":
		return one(&p.Tag, value, isHex(16), "want 16 hex digits")
	case "path":
		return one(&p.Path, value, isSearchPath, "want clean absolute paths between colons")
	case "sha256":
		return one(&p.SHA256, value, isHex(64), "want 64 hex digits")
	case "enter-uid":
		return p.addHuman(value)
	case "enter-gid":
		return p.addGroup(value)
	case "cgroup":
		return more(&p.Cgroups, maxCgroups, value, IsCleanRelative, "want a clean path below /sys/fs/cgroup")
	case "hide":
		return more(&p.Hide, maxHides, value, IsCleanAbsolute, wantAbsolute)
	case "show":
		return more(&p.Show, maxShows, value, isInRun, "want a clean path below /run")
	case "allow":
		return more(&p.Allow, maxAllows, value, isSwitch, "is not a switch that is known")
	}
	return "is not a key that is known"
}

func (p *Policy) addHuman(value string) string {
	number, name, found := strings.Cut(value, " ")
	var uid uint32
	switch {
	case len(p.Humans) == maxHumans:
		return givenTooOften
	case !found:
		return "want a uid, a space and a name"
	case name == "" || len(name) > maxHumanName || strings.ContainsAny(name, humanNameBad):
		return "want a name of 1 to 255 characters without spaces or quotes"
	case oneID(&uid, number, 1, "bad") != "":
		return "want a uid above 0"
	}
	p.Humans = append(p.Humans, Human{uid, decodeName(name)})
	return ""
}

// encodeName writes a name as a policy holds it: what is no printable ASCII, a space, a quote or a percent sign is %XX. So the log
// shows it, too.
func encodeName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// decodeName reads what encodeName wrote. A percent sign that begins nothing is itself.
func decodeName(word string) string {
	var name []byte
	for len(word) > 0 {
		if len(word) >= 3 && word[0] == '%' {
			if c, err := strconv.ParseUint(word[1:3], 16, 8); err == nil {
				name, word = append(name, byte(c)), word[3:]
				continue
			}
		}
		name, word = append(name, word[0]), word[1:]
	}
	return string(name)
}

func (p *Policy) addGroup(value string) string {
	var gid uint32
	if len(p.EnterGIDs) == maxEnterGIDs {
		return givenTooOften
	}
	if want := oneID(&gid, value, 1, wantGID); want != "" {
		return want
	}
	p.EnterGIDs = append(p.EnterGIDs, gid)
	return ""
}

// check says what only the whole can show: a key that is missing, or lines that contradict one another.
func (p *Policy) check() error {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"name", p.Name != ""}, {"uid", p.UID != 0}, {"gid", p.GID != 0}, {"group", p.Group != 0},
		{"home", p.Home != ""}, {"shell", p.Shell != ""}, {"tag", p.Tag != ""},
	} {
		if !key.given {
			return fmt.Errorf("%s is missing", key.name)
		}
	}
	if slices.ContainsFunc(p.Humans, func(h Human) bool { return h.UID == p.UID }) {
		return fmt.Errorf("enter-uid is the agent itself")
	}
	if slices.Contains(p.EnterGIDs, p.GID) {
		return fmt.Errorf("enter-gid is the agent's own group")
	}
	for _, hide := range p.Hide {
		if strings.HasPrefix(hide+"/", p.Home+"/") {
			return fmt.Errorf("hide is the agent's home or in it")
		}
	}
	return nil
}

func one(slot *string, value string, valid func(string) bool, want string) string {
	if *slot != "" {
		return givenTwice
	}
	if !valid(value) {
		return want
	}
	*slot = value
	return ""
}

func more(slots *[]string, limit int, value string, valid func(string) bool, want string) string {
	if len(*slots) == limit {
		return givenTooOften
	}
	if !valid(value) {
		return want
	}
	*slots = append(*slots, value)
	return ""
}

func oneID(slot *uint32, value string, least uint64, want string) string {
	if *slot != 0 {
		return givenTwice
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || value[0] == '0' || value[0] == '+' || n < least || n == noID {
		return want
	}
	*slot = uint32(n)
	return ""
}

// IsName says whether s can name an agent: ^[a-z_][a-z0-9_-]{0,24}$.
func IsName(s string) bool {
	if s == "" || len(s) > 25 || strings.IndexByte("abcdefghijklmnopqrstuvwxyz_", s[0]) < 0 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// IsCleanRelative says whether s is a path without a slash at either end, an empty component, "." or "..".
func IsCleanRelative(s string) bool {
	if len(s) > maxPath {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part == "." || part == ".." || len(part) > maxComponent || strings.Contains(part, "\x00") {
			return false
		}
	}
	return true
}

// IsCleanAbsolute says whether s is a slash and then a path that is clean, and so not "/" itself.
func IsCleanAbsolute(s string) bool {
	return len(s) <= maxPath && strings.HasPrefix(s, "/") && IsCleanRelative(s[1:])
}

func isInRun(s string) bool { return strings.HasPrefix(s, "/run/") && IsCleanAbsolute(s) }

func isSearchPath(s string) bool {
	for folder := range strings.SplitSeq(s, ":") {
		if !IsCleanAbsolute(folder) {
			return false
		}
	}
	return true
}

func isHex(digits int) func(string) bool {
	return func(s string) bool { return len(s) == digits && strings.Trim(s, "0123456789abcdef") == "" }
}
