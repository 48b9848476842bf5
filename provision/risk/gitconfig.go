// SPDX-License-Identifier: GPL-3.0-or-later

package risk

import (
	"path"
	"strings"
	"sync"

	"github.com/a4u2/au/provision/share"
)

// gitPrograms are the keys of a git config whose values git runs, or which lead to other configs, git-config(1). * matches any one
// part.
var gitPrograms = []string{
	"core.fsmonitor", "core.hookspath", "core.sshcommand", "core.editor", "core.pager", "core.askpass", "core.gitproxy", "core.alternaterefscommand",
	"core.worktree", "sequence.editor", "pager.*", "filter.*.clean", "filter.*.smudge", "filter.*.process",
	"diff.external", "diff.*.command", "diff.*.textconv", "difftool.*.cmd", "difftool.*.path", "merge.*.driver", "mergetool.*.cmd", "mergetool.*.path",
	"include.path", "includeif.*.path", "credential.helper", "credential.*.helper", "gpg.program", "gpg.*.program", "gpg.ssh.defaultkeycommand",
	"interactive.difffilter", "browser.*.cmd", "browser.*.path", "man.*.cmd", "man.*.path", "guitool.*.cmd", "hook.*.command", "trailer.*.command", "trailer.*.cmd",
	"remote.*.uploadpack", "remote.*.receivepack", "remote.*.vcs", "uploadpack.packobjectshook", "sendemail.sendmailcmd", "sendemail.tocmd",
	"sendemail.cccmd", "tar.*.command", "protocol.allow", "protocol.ext.allow", "web.browser", "gc.recentobjectshook",
	"imap.tunnel", "instaweb.httpd", "instaweb.browser", "init.templatedir", "svn.authorsprog",
	"sendemail.smtpserver", "sendemail.*.smtpserver", "sendemail.*.sendmailcmd", "sendemail.*.tocmd", "sendemail.*.cccmd", "sendemail.headercmd", "sendemail.*.headercmd",
	"lfs.customtransfer.*.path", "lfs.customtransfer.*.args", "lfs.extension.*.clean", "lfs.extension.*.smudge", "lfs.standalonetransferagent", "lfs.*.standalonetransferagent",
	"url.*.insteadof", "url.*.pushinsteadof", "http.proxy", "http.*.proxy", "remote.*.proxy", "http.curloptresolve", "core.*command",
}

// gitSections are the same by their sections: a config can have a hundred thousand lines.
var gitSections = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for _, pattern := range gitPrograms {
		section, _, _ := strings.Cut(pattern, ".")
		m[section] = append(m[section], pattern)
	}
	return m
})

// harmlessGit are values that those keys have in the repositories of ordinary tools, and that run nothing in the repository.
var harmlessGit = map[string][]string{
	"core.fsmonitor":      {"true", "false", ""},
	"filter.*.clean":      {"git-lfs clean -- %f"},
	"filter.*.smudge":     {"git-lfs smudge -- %f", "git-lfs smudge --skip -- %f"},
	"filter.*.process":    {"git-lfs filter-process", "git-lfs filter-process --skip"},
	"core.editor":         {":", ""},
	"pager.*":             {"true", "false"},
	"credential.helper":   {"", "cache", "store", "osxkeychain", "libsecret"},
	"credential.*.helper": {"", "cache", "store", "osxkeychain", "libsecret"},
}

// GitSetting is a line of a git config; Key is lower case but for the middle part.
type GitSetting struct{ Key, Value string }

// GitRuns returns the settings of a git config's text by which git runs something that the config names.
func GitRuns(text string) []GitSetting {
	var found []GitSetting
	for _, s := range parseGitConfig(text) {
		if s.runs() {
			found = append(found, s)
		}
	}
	return found
}

// GitPathIn returns what a path in a git config means in a folder; "" where it leads elsewhere. A relative one is meant from base,
// which is in the folder. With ~ it is in the home of the person who runs git: each folder above may be that.
func GitPathIn(folder, base, value string) string {
	rest, ofHome := strings.CutPrefix(value, "~")
	if !ofHome && !path.IsAbs(value) {
		return path.Join(base, value)
	}
	if !ofHome {
		in, _ := share.Within(folder, value)
		return in
	}
	_, rest, _ = strings.Cut(rest, "/")
	for home := folder; home != "/"; {
		home = path.Dir(home)
		if in, ok := share.Within(folder, path.Join(home, rest)); ok {
			return in
		}
	}
	return ""
}

// Includes reports whether the value is the path of one more config.
func (s GitSetting) Includes() bool {
	return s.Key == "include.path" || s.OnCondition()
}

// OnCondition reports whether git passes over that config but for some folders, branches or remotes.
func (s GitSetting) OnCondition() bool { return matchKey("includeif.*.path", s.Key) }

func (s GitSetting) runs() bool {
	section, _, _ := strings.Cut(s.Key, ".")
	switch {
	case section == "alias" || strings.HasPrefix(s.Key, "submodule.") && strings.HasSuffix(s.Key, ".update"):
		return strings.HasPrefix(s.Value, "!")
	case strings.HasPrefix(s.Key, "remote.") && strings.HasSuffix(s.Key, "url"):
		return strings.HasPrefix(s.Value, "ext::")
	}
	for _, pattern := range gitSections()[section] {
		if matchKey(pattern, s.Key) {
			for _, value := range harmlessGit[pattern] {
				if s.Value == value {
					return false
				}
			}
			return true
		}
	}
	return false
}

// matchKey compares a key with a pattern; the middle part of a key may hold dots.
func matchKey(pattern, key string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == key
	}
	return len(key) > len(before)+len(after) && strings.HasPrefix(key, before) && strings.HasSuffix(key, after)
}

// parseGitConfig reads what git-config(1) "Syntax" describes. It passes over lines that it does not understand: git would refuse
// such a file.
func parseGitConfig(text string) []GitSetting {
	var all []GitSetting
	section := ""
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	for text != "" {
		text = strings.TrimLeft(text, " \t\n\r\v\f")
		switch {
		case text == "":
		case text[0] == '#' || text[0] == ';':
			_, text, _ = strings.Cut(text, "\n")
		case text[0] == '[':
			section, text = gitSection(text[1:])
		default:
			var s GitSetting
			s, text = gitLine(text)
			s.Key = section + "." + s.Key
			all = append(all, s)
		}
	}
	return all
}

// longestSection is how much of a section's name is kept: each of its settings has it in its key.
const longestSection = 500

// gitSection reads NAME] or NAME "SUB"] and returns what follows.
func gitSection(text string) (section, rest string) {
	var name, sub strings.Builder
	quoted, hasSub := false, false
	i := 0
loop:
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			break loop
		case quoted && c == '\\' && i+1 < len(text):
			i++
			sub.WriteByte(text[i])
		case c == '"':
			quoted, hasSub = !quoted, true
		case quoted:
			sub.WriteByte(c)
		case c == ']':
			i++
			break loop
		case !hasSub:
			name.WriteByte(c)
		}
	}
	section = strings.ToLower(strings.TrimSpace(name.String()))
	if hasSub {
		section += "." + sub.String()
	}
	if len(section) > longestSection {
		section = section[:longestSection] + "…"
	}
	return section, text[i:]
}

// gitLine reads KEY = VALUE with quotes, escapes, continued lines and a comment behind it. A key alone is true.
func gitLine(text string) (s GitSetting, rest string) {
	n := strings.IndexAny(text, "= \t\n#;")
	if n < 0 {
		return GitSetting{strings.ToLower(text), "true"}, ""
	}
	s.Key, text = strings.ToLower(text[:n]), strings.TrimLeft(text[n:], " \t")
	if text == "" || text[0] != '=' {
		_, rest, _ = strings.Cut(text, "\n")
		return GitSetting{s.Key, "true"}, rest
	}
	var value strings.Builder
	quoted, comment := false, false
	i := 1
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\n' && !quoted || c == '\n' && comment:
			s.Value = strings.TrimSpace(value.String())
			return s, text[i:]
		case comment:
		case c == '\\' && i+1 < len(text):
			i++
			if escaped := strings.IndexByte("ntb\"\\", text[i]); escaped >= 0 {
				value.WriteByte("\n\t\b\"\\"[escaped])
			}
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '#' || c == ';'):
			comment = true
		default:
			value.WriteByte(c)
		}
	}
	s.Value = strings.TrimSpace(value.String())
	return s, ""
}

// GitSubmodules returns the paths that the text of a .gitmodules file names.
func GitSubmodules(text string) []string {
	var all []string
	for _, s := range parseGitConfig(text) {
		if strings.HasPrefix(s.Key, "submodule.") && strings.HasSuffix(s.Key, ".path") {
			all = append(all, s.Value)
		}
	}
	return all
}
