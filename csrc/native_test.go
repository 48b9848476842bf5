// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/a4u2/au/internal/quote"
)

// compile builds a C file of test/, with units of the entrypoint, and returns the program, or skips where there is no compiler.
func compile(t *testing.T, sources ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler here")
	}
	program := filepath.Join(t.TempDir(), "program")
	flags := append([]string{"-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o", program}, sources...)
	sanitize := []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}
	if exec.Command(cc, append(sanitize, flags...)...).Run() == nil {
		return program
	}
	if out, err := exec.Command(cc, flags...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return program
}

// askC returns what the entrypoint's own parser makes of each text, of a kind that test/parse.c knows.
func askC(t *testing.T, kind byte, texts []string) []string {
	t.Helper()
	var in bytes.Buffer
	for _, text := range texts {
		in.WriteByte(kind)
		in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
		in.WriteString(text)
	}
	cmd := exec.Command(compile(t, "test/parse.c", "parse.c", "request.c", "say.c"))
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("test/parse.c: %v", err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(answers) != len(texts) {
		t.Fatalf("%d answers to %d texts", len(answers), len(texts))
	}
	return answers
}

// The entrypoint says of names that others chose what the rest of au would say of them: the one is read as the other.
func TestMessagesQuoteAsTheRestOfAuDoes(t *testing.T) {
	pieces := []string{"a", "~", " ", "'", `\`, "$", "é", "ß", "Ж", "Ω", "ひ", "カ", "日", "한", "\x7f", "\x80", "\xff", "\xc3", "\xe0\x83\x80", "\xc0\x80", "\xed\xa0\x80", "\xe9", "\u200b", "\u202e", "\u0085", "\ufeff"}
	for c := rune(1); c < 0x20; c++ {
		pieces = append(pieces, string(c))
	}
	texts := append([]string{""}, pieces...)
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		var text strings.Builder
		for range 1 + r.IntN(5) {
			text.WriteString(pieces[r.IntN(len(pieces))])
		}
		texts = append(texts, text.String())
	}
	for i, shown := range askC(t, 'n', texts) {
		if shown != quote.Name(texts[i]) {
			t.Errorf("%q is shown as %s, want %s", texts[i], shown, quote.Name(texts[i]))
		}
	}
}

// The entrypoint knows fewer letters: of every other character a shell reads back what it shows.
func TestMessagesShowNothingHarmful(t *testing.T) {
	var texts []string
	for c := rune(1); c < 0x30000; c++ {
		if utf8.ValidRune(c) {
			texts = append(texts, string(c))
		}
	}
	for i, shown := range askC(t, 'n', texts) {
		if !quote.Plain(shown) || shown != texts[i] && (!strings.HasPrefix(shown, "$'") || readBack(shown) != texts[i]) {
			t.Errorf("%q is shown as %q", texts[i], shown)
		}
	}
}

// readBack returns what a shell takes a word in dollar-quotes for, as Go takes it for, too.
func readBack(shown string) string {
	inside := strings.TrimSuffix(strings.TrimPrefix(shown, "$'"), "'")
	text, _ := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(inside, `"`, `\"`), `\'`, "'") + `"`)
	return text
}

// mutate returns text with a few bytes or lines changed, most often into what a policy might hold.
func mutate(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for range 1 + r.IntN(3) {
		i := r.IntN(len(lines))
		switch r.IntN(6) {
		case 0:
			lines[i] = ""
		case 1:
			lines[i] += lines[r.IntN(len(lines))]
		case 2:
			lines[i] = strings.Replace(lines[i], " ", []string{"  ", "", " /", "\t", " 0"}[r.IntN(5)], 1)
		case 3:
			lines[i] = strings.Replace(lines[i], "/", []string{"//", "/../", "/./", ""}[r.IntN(4)], 1)
		case 4:
			lines[i] += []string{"uid 4294967294\n", "hide /", "enter-uid 1 ", "allow i386\n", "#", "\n", "cgroup a b\n", "show /run/"}[r.IntN(8)]
		default:
			if b := []byte(lines[i]); len(b) > 0 {
				b[r.IntN(len(b))] = byte(r.IntN(256))
				lines[i] = string(b)
			}
		}
	}
	return strings.Join(lines, "")
}

func TestBothHalvesReadTheSamePolicies(t *testing.T) {
	texts := []string{least, good().Text()}
	for _, c := range faulty {
		texts = append(texts, c.text)
	}
	corpus, _ := filepath.Glob("test/corpus/p-*")
	for _, name := range corpus {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text[1:]))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		texts = append(texts, mutate(r, texts[r.IntN(2)]))
	}
	accepted := 0
	for i, answer := range askC(t, 'p', texts) {
		p, err := ParsePolicy([]byte(texts[i]))
		refused := strings.HasPrefix(answer, "refused: ")
		switch {
		case err == nil && refused:
			t.Errorf("Go accepts what C does not (%s):\n%q", answer, texts[i])
		case err != nil && !refused:
			t.Errorf("C accepts what Go does not (%v):\n%q", err, texts[i])
		case err == nil && p.Text() != answer:
			t.Errorf("of\n%q\nGo reads\n%sand C\n%s", texts[i], p.Text(), answer)
		case err == nil:
			accepted++
		}
	}
	t.Logf("%d policies, %d of them accepted by both", len(texts), accepted)
	if accepted < 100 {
		t.Errorf("only %d policies were accepted: the comparison shows little", accepted)
	}
}

func TestEntrypointReadsArgv(t *testing.T) {
	runs := []Run{
		{Agent: "agent", Command: []string{"true"}},
		{Agent: "agent", Dir: "/x/..", Command: []string{"--", "-x", "", "--rw"}},
		{Agent: "a-1", Shares: []Share{
			{Source: "/home/alice/proj", Target: "proj"}, {Source: "/a b", Target: "c d/e", ReadOnly: true}, {Source: "/n", Target: "n", ReadOnly: true, ACL: true},
			{Source: "/o", Target: "o", Optional: true}, {Source: "/s", Target: "s", SamePath: true},
			{Source: "/p", Target: "p", ReadOnly: true, ACL: true, Optional: true, SamePath: true},
		},
			Worktrees: []string{"/home/alice/wt"}, Env: []string{"A=1"}, Command: []string{"sh", "-c", "exit 3"}},
		{Agent: "a", Shares: []Share{{Source: "/d", Target: "d", Draft: "/s/d"}, {Source: "/e", Target: "e", Optional: true, SamePath: true, Draft: "/s/e"}, {Source: "/f", Target: "f"},
			{Source: "/g", Target: "g", SamePath: true, Draft: "/s/g", Hiding: true}, {Source: "/h", Target: "h", Optional: true, ReadOnly: true, Draft: "/s/h", Hiding: true}},
			Command: []string{"true"}},
	}
	want := []string{
		"agent agent\ndir \nword true\n",
		"agent agent\ndir /x/..\nword --\nword -x\nword \nword --rw\n",
		"agent a-1\ndir \nrw /home/alice/proj proj\nro /a b c d/e\nacl-ro /n n\ntry-rw /o o\nsame-rw /s s\ntry-acl-same-ro /p p\nworktree /home/alice/wt\nword sh\nword -c\nword exit 3\n",
		"agent a\ndir \ndraft /d d\ntry-same-draft /e e\nrw /f f\nsame-hiding-draft /g g\ntry-hiding-ro /h h\nstate /s/d\nstate /s/e\nstate /s/g\nstate /s/h\nword true\n",
	}
	var texts []string
	for _, r := range runs {
		texts = append(texts, strings.Join(r.Argv(), "\x00")+"\x00")
	}
	for i, answer := range askC(t, 'a', texts) {
		if answer != want[i] {
			t.Errorf("%q was read as\n%s", runs[i].Argv(), answer)
		}
	}
}

func TestEntrypointRefusesArgv(t *testing.T) {
	cases := map[string][]string{
		"want the agent's name first": {"", "x", "x\x00../agent\x00--\x00id", "x\x00agent/../x\x00--\x00id", "x\x00Agent\x00--\x00id", "x\x00--\x00id"},
		"want -- and a command":       {"x\x00agent", "x\x00agent\x00--", "x\x00agent\x00--dir\x00/x"},
		"is not an option":            {"x\x00agent\x00id", "x\x00agent\x00--acl-draft\x00/a\x00a\x00/s\x00--\x00id", "x\x00agent\x00--hiding-rw\x00/a\x00a\x00/s\x00--\x00id", "x\x00agent\x00--debug\x00--\x00id", "x\x00agent\x00-\x00--\x00id"},
		"want an absolute path":       {"x\x00agent\x00--dir\x00x\x00--\x00id", "x\x00agent\x00--dir", "x\x00agent\x00--dir\x00\x00--\x00id"},
		"is given twice":              {"x\x00agent\x00--dir\x00/x\x00--dir\x00/x\x00--\x00id"},
		"want a clean absolute SOURCE": {
			"x\x00agent\x00--rw\x00x\x00y\x00--\x00id", "x\x00agent\x00--rw\x00/\x00y\x00--\x00id", "x\x00agent\x00--ro\x00/a/../b\x00y\x00--\x00id",
			"x\x00agent\x00--rw\x00/a/\x00y\x00--\x00id", "x\x00agent\x00--rw\x00//a\x00y\x00--\x00id",
		},
		"want a clean TARGET, relative to the agent's home": {
			"x\x00agent\x00--rw\x00/a\x00/y\x00--\x00id", "x\x00agent\x00--rw\x00/a\x00../y\x00--\x00id", "x\x00agent\x00--rw\x00/a\x00y/../../z\x00--\x00id",
			"x\x00agent\x00--rw\x00/a\x00\x00--\x00id", "x\x00agent\x00--rw\x00/a\x00.\x00--\x00id",
		},
		"want a SOURCE and a TARGET after it": {"x\x00agent\x00--rw\x00/a", "x\x00agent\x00--ro"},
		"want a clean absolute STATE after its TARGET": {
			"x\x00agent\x00--draft\x00/a\x00a", "x\x00agent\x00--hiding-ro\x00/a\x00a\x00--\x00id", "x\x00agent\x00--draft\x00/a\x00a\x00/s/../t\x00--\x00id",
		},
		"want one clean absolute STATE after it": {
			"x\x00agent\x00--draft-marks", "x\x00agent\x00--draft-marks\x00s", "x\x00agent\x00--draft-marks\x00/s\x00/t", "x\x00agent\x00--draft-marks\x00/s\x00--\x00id",
		},
		"more than 16 drafts, and shares that hide something": {"x\x00agent" + strings.Repeat("\x00--draft\x00/a\x00a\x00/s", 17) + "\x00--\x00id"},
		"more than 256 shares":                                {"x\x00agent" + strings.Repeat("\x00--ro\x00/a\x00a", 257) + "\x00--\x00id"},
	}
	var texts, wants []string
	for want, of := range cases {
		for _, text := range of {
			if text != "" {
				text += "\x00"
			}
			texts, wants = append(texts, text), append(wants, want)
		}
	}
	for i, answer := range askC(t, 'a', texts) {
		if !strings.HasPrefix(answer, "refused: ") || !strings.HasSuffix(answer, ": "+wants[i]+"\n") {
			t.Errorf("%q: %q instead of %q", texts[i], answer, wants[i])
		}
	}
}

// filtered is every call the filter judges, and what comes of it under the strictest policy.
var filtered = strings.Fields(`
	chmod_u+s:EPERM chmod_g+s:ok chmod_plain:ok creat_u+s:EPERM creat_g+s:EPERM creat_plain:ok mknod_u+s:EPERM mknod_g+s:EPERM
	mknod_fifo:ok open_u+s:EPERM open_g+s:EPERM open_without_creating:ok fchmod_u+s:EPERM fchmod_high_bits:EPERM fchmod_g+s:ok
	fchmodat_u+s:EPERM fchmodat_folder_g+s:ok fchmodat2_u+s:EPERM mknodat_u+s:EPERM mknodat_g+s:EPERM openat_u+s:EPERM
	openat_g+s:EPERM openat_plain:ok openat_without_creating:ok openat_tmpfile_u+s:EPERM openat_tmpfile_bit_alone_u+s:EPERM
	openat2:ENOSYS io_setup:ENOSYS io_uring:ENOSYS socket_unix:ok socket_inet:ok socket_inet6:ok socket_netlink:ok socket_vsock:EAFNOSUPPORT
	socket_rds:EAFNOSUPPORT socket_packet:EAFNOSUPPORT socket_alg:EAFNOSUPPORT socket_bluetooth:EAFNOSUPPORT socket_tipc:EAFNOSUPPORT
	socket_netlink_ipsec:EAFNOSUPPORT socket_netlink_route:ok socketpair_unix:ok socketpair_packet:EAFNOSUPPORT socketpair_tipc:EAFNOSUPPORT
	socket_vsock_with_high_bits:EAFNOSUPPORT TIOCSTI:EPERM TIOCSTI_with_high_bits:EPERM TIOCLINUX:EPERM
	ioctl_for_moved_extents:EPERM ioctl_for_swapped_extents:EPERM
	ioctl_for_an_encryption_policy:EPERM ioctl_for_an_encryption_key:EPERM TIOCGWINSZ_on_a_file:ENOTTY
	unshare_user:EPERM clone3:ENOSYS request_key_with_a_word_for_a_helper:EPERM
	add_key_user_keyring:EPERM add_key_user_session_keyring:EPERM request_key_user_keyring:EPERM request_key_user_session_keyring:EPERM
	keyctl_1_user_keyring:EPERM keyctl_1_user_session_keyring:EPERM keyctl_2_user_keyring:EPERM keyctl_2_user_session_keyring:EPERM
	keyctl_3_user_keyring:EPERM keyctl_3_user_session_keyring:EPERM keyctl_4_user_keyring:EPERM keyctl_4_user_session_keyring:EPERM
	keyctl_default_keyring:EPERM keyctl_persistent_keyring:EPERM x32_getpid:ENOSYS i386_getpid:SIGSYS`)

var errnoTexts = map[string]string{
	"Operation not permitted": "EPERM", "Function not implemented": "ENOSYS", "Inappropriate ioctl for device": "ENOTTY",
	"Address family not supported by protocol": "EAFNOSUPPORT", "Bad system call": "SIGSYS",
}

func runFilter(t *testing.T, program string, allow ...string) map[string]string {
	t.Helper()
	cmd := exec.Command(program, allow...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"LC_ALL=C", "ASAN_OPTIONS=detect_leaks=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("test/filter.c: %v\n%s", err, out)
	}
	results := map[string]string{}
	for line := range strings.Lines(string(out)) {
		what, result, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if short := errnoTexts[result]; short != "" {
			result = short
		}
		results[strings.ReplaceAll(what, " ", "_")] = result
	}
	if results["end"] != "0" {
		t.Fatalf("test/filter.c did not get to its end:\n%s", out)
	}
	return results
}

func TestFilter(t *testing.T) {
	program := compile(t, "test/filter.c", "filter.c")
	strict := runFilter(t, program)
	without32 := strict["i386_getpid_without_a_filter"] != "ok"
	if without32 {
		t.Log("this kernel runs no 32-bit programs, so what the filter does to them was not seen")
	}
	for _, want := range filtered {
		what, result, _ := strings.Cut(want, ":")
		if what == "i386_getpid" && without32 {
			continue
		}
		got, tried := strict[what]
		if tried && got != result {
			t.Errorf("%s: %s, not %s", what, got, result)
		}
		if !tried && runtime.GOARCH == "amd64" {
			t.Errorf("%s was not tried", what)
		}
	}
	open := runFilter(t, program, "userns", "i386")
	for _, what := range []string{"unshare_user", "clone3", "openat2", "i386_getpid"} {
		if open[what] == strict[what] && (what != "i386_getpid" || !without32) {
			t.Errorf("%s: %s whether it is allowed or not", what, open[what])
		}
	}
	// Only a user namespace would make a use of the first.
	for _, what := range []string{"socket_netlink_ipsec", "io_uring", "openat_u+s", "fchmodat2_u+s"} {
		if open[what] != strict[what] {
			t.Errorf("with userns allowed %s: %s", what, open[what])
		}
	}
}

// A call that the table does not name must be left alone: the filter is no place for surprises.
func TestFilterKeepsToItsTable(t *testing.T) {
	text, err := os.ReadFile("filter.c")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`\brefuse[a-z_]*\(f, ((?:SYS|NR)_\w+)`).FindAllStringSubmatch(string(text), -1)
	if len(rules) < 15 {
		t.Fatalf("found %d rules in filter.c", len(rules))
	}
	for _, rule := range rules {
		call := strings.ToLower(rule[1][strings.Index(rule[1], "_")+1:])
		call = strings.TrimSuffix(strings.TrimSuffix(call, "_setup"), "_enter")
		if call = strings.TrimSuffix(call, "_register"); call == "clone" {
			continue // a fork of the test's own, judged by its flags; e2e tries the namespace
		}
		if !strings.Contains(fmt.Sprint(filtered), call) {
			t.Errorf("filter.c judges %s, and no test tries it", call)
		}
	}
}

func TestExpiryIsReadAsShadowHasIt(t *testing.T) {
	texts := map[string]string{
		"claude:!:20000::::::\n":                                  "1 0",
		"claude:!:20000::::1:\n":                                  "1 0", // inactive, the field before
		"claude:!:20000:0:99999:7::1:\n":                          "1 1",
		"claude:!:20000:0:99999:7::1\n":                           "1 1",
		"root:*:1::::::\nclaude:!:::::::20000:\n":                 "1 0",
		"root:*:1::::::\nclaude:!::::::20000:\n":                  "1 20000",
		"claud:!::::::1:\nclaudette:!::::::1:\n":                  "0 0",
		"xclaude:!::::::1:\nclaude:!::::::2:\nclaude:!::::::3:\n": "1 2",
		"x:claude:!::::::1:\n":                                    "0 0",
		"claude:!::::::-1:\n":                                     "1 0",
		"claude:!::::::1x:\n":                                     "1 0",
		"claude:!:::::: 1:\n":                                     "1 0",
		"claude:!::::::99999999999999999999:\n":                   "1 0",
		"claude\x00:!::::::1:\n":                                  "0 0",
		"claude\n":                                                "0 0",
		"claude:!::::::1:":                                        "0 1", // no whole line
		"":                                                        "0 0",
		"claude:" + strings.Repeat("x", 5000) + "::::::1:\n":      "1 1",
		strings.Repeat("a:b:c:1:1:1:1:1:1\n", 3) + "claude:!:\n":  "1 0",
	}
	all := slices.Sorted(maps.Keys(texts))
	for i, got := range askC(t, 's', all) {
		if got != texts[all[i]] {
			t.Errorf("%.60q: the entrypoint reads %q, want %q", all[i], got, texts[all[i]])
		}
	}
}
