// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// in runs a shell script in a folder. The commands that it begins with are done without a shell, where they are simple: tests make
// the same tree for each step, and to start programs for that would take most of their time.
func (b *bench) in(dir, script string) string {
	b.t.Helper()
	said, err := run(dir, script)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", script, err, said)
	}
	return said
}

func run(dir, script string) (said string, err error) {
	for rest := script; rest != ""; {
		command, after, _ := strings.Cut(rest, ";")
		text, done := simple(dir, command)
		if !done {
			cmd := exec.Command("sh", "-ec", rest)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			return said + string(out), err
		}
		said, rest = said+text, after
	}
	return said, nil
}

// plants are what scripts of plant have made.
var plants = struct {
	sync.Mutex
	top  string
	made map[string]string
}{made: map[string]string{}}

// plant makes of an empty folder what a script makes of one. The script is run once for all tests: most of them begin with the same
// repository, for which git is started many times.
func (b *bench) plant(script string) {
	b.t.Helper()
	plants.Lock()
	defer plants.Unlock()
	from := plants.made[script]
	if from == "" {
		var err error
		from, err = os.MkdirTemp(plants.top, "plant")
		b.ok(err)
		b.ok(os.Chmod(from, 0o755))
		b.in(from, script)
		plants.made[script] = from
	}
	b.in(b.folder, "cp -a "+from+"/. .; git update-index -q --refresh")
}

// isSimple matches a command in which a shell expands nothing.
var isSimple = regexp.MustCompile(`^[ \w./:+-]*(>>?[\w./+-]+)? *$`)

// simple does a command as the program of that name does, and returns what that says. Where it does not, a shell is to do it, and
// to say what is wrong.
func simple(dir, command string) (said string, done bool) {
	if !isSimple.MatchString(command) {
		return "", false
	}
	command, to, redirected := strings.Cut(command, ">")
	words, option := strings.Fields(command), ""
	if len(words) == 0 {
		return "", !redirected
	}
	verb, names := words[0], words[1:]
	if len(names) > 0 && strings.HasPrefix(names[0], "-") {
		option, names = names[0], names[1:]
	}
	if (verb == "echo" || verb == ":") && redirected && option == "" {
		return "", redirect(dir, strings.TrimSpace(to), verb, names) == nil
	}
	if verb == "chmod" && len(names) > 1 {
		option, names = names[0]+option, names[1:]
	}
	if redirected || len(names) == 0 {
		return "", verb == "true" && len(words) == 1
	}
	for i, name := range names {
		if strings.HasSuffix(name, "/") || filepath.Base(name) == "." && verb != "chmod" {
			return "", false
		}
		if names[i] = name; !filepath.IsAbs(name) {
			names[i] = filepath.Join(dir, name)
		}
	}
	if verb == "mv" {
		return "", option == "" && len(names) == 2 && (is(names[1], unix.S_IFREG) || !Holds(filepath.Dir(names[1]), filepath.Base(names[1]))) && unix.Rename(names[0], names[1]) == nil
	}
	for _, name := range names {
		text, err := one(verb, option, name)
		if err != nil {
			return "", false
		}
		said += text
	}
	return said, true
}

// redirect writes words, or nothing where the verb is ":".
func redirect(dir, to, verb string, words []string) error {
	flags, text := unix.O_TRUNC, strings.Join(words, " ")+"\n"
	if name, more := strings.CutPrefix(to, ">"); more {
		flags, to = unix.O_APPEND, name
	}
	if verb == ":" {
		text = ""
	}
	f, err := os.OpenFile(filepath.Join(dir, to), os.O_WRONLY|os.O_CREATE|flags, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if text != "" {
		_, err = f.WriteString(text)
	}
	return err
}

// one does a command with one name.
func one(verb, option, name string) (said string, err error) {
	switch verb + " " + option {
	case "mkdir ":
		return "", unix.Mkdir(name, 0o777)
	case "mkdir -p":
		return "", os.MkdirAll(name, 0o777)
	case "rmdir ":
		return "", unix.Rmdir(name)
	case "mkfifo ":
		return "", unix.Mkfifo(name, 0o666)
	case "rm ":
		return "", unix.Unlink(name)
	case "rm -r":
		if _, err := os.Lstat(name); err != nil {
			return "", err
		}
		return "", os.RemoveAll(name)
	case "rm -f", "rm -rf":
		if verb+option == "rm-f" && is(name, unix.S_IFDIR) {
			return "", unix.EISDIR
		}
		return "", os.RemoveAll(name)
	case "cat ":
		text, err := os.ReadFile(name)
		return string(text), err
	}
	var st unix.Stat_t
	mode, err := strconv.ParseUint(option, 8, 12)
	if verb != "chmod" || err != nil || unix.Stat(name, &st) != nil || st.Mode&0o7000 != 0 { // which chmod may leave to a folder
		return "", unix.EINVAL
	}
	return "", unix.Chmod(name, uint32(mode))
}

// hasAll fails where a text is in no file below the home.
func (b *bench) hasAll(texts []string, when string) {
	b.t.Helper()
	for _, text := range texts {
		if !b.holds(text) {
			b.t.Fatalf("%s: %s is lost\n%s", when, text, b.in(b.home, "grep -r . . || :"))
		}
	}
}

// holds reports whether a file below the home has a text in it.
func (b *bench) holds(text string) (found bool) {
	b.t.Helper()
	b.ok(filepath.WalkDir(b.home, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		has, err := os.ReadFile(name)
		if found = found || strings.Contains(string(has), text); found {
			return filepath.SkipAll
		}
		return err
	}))
	return found
}

// A shell makes of a folder what in makes of it without one.
func TestSimpleCommands(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("want root, who can read what is closed")
	}
	const lower = "mkdir d; mkdir -p e/f; echo a >a; echo b  c >d/b; chmod 2750 e; ln -s d l; mkfifo p"
	for _, script := range []string{
		"echo x y  z >>a; echo x >a", ": >>n; : >a", "echo -n x >n", "echo >n", "true; echo x>n", "echo x > n", "cat a d/b", "mkdir a", "mkdir d/x y", "mkdir -p e/f/g/h d", "mkdir e/f/", "rmdir e/f",
		"rmdir e", "rm a d/b", "rm d", "rm -r d p", "rm -r none", "rm -f none a", "rm -f d", "rm -rf d none", "rm l", "rm -r l", "mv a n", "mv a d/b", "mv a d", "mv d e", "mv d l", "mv a none/n",
		"mv d n; echo x >n/x", "chmod 0 a; chmod 0700 d .", "chmod 700 e", "chmod 4755 a", "chmod 600 l none", "mkfifo d/p", "rm -r .", "echo x >d", "cat none", "echo a; echo $HOME >n", "mkdir n; cd n; echo x >x",
	} {
		var looks [2]string
		for i, without := range []string{"", "(true); "} { // which is not simple
			dir := t.TempDir()
			if out, err := run(dir, "(true); "+lower); err != nil {
				t.Fatal(out)
			}
			said, err := run(dir, without+script)
			looks[i] = said + strings.ReplaceAll(dump(t, dir, false, false), dir, "") + strconv.FormatBool(err == nil)
		}
		if looks[0] != looks[1] {
			t.Errorf("%s: it makes\n%s\nand a shell\n%s", script, looks[0], looks[1])
		}
	}
}
