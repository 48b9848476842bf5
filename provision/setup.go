// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/step"
)

// SetupAgent is an agent for which a program is set up.
type SetupAgent struct {
	Name, Home string
	Switches   []string // what its policy allows
	Run        []string // what begins a run of the agent in its home
	Node       NodeFrom
}

// CheckSetup says why a program cannot be set up.
func CheckSetup(p setup.Program, f setup.Facts, g SetupAgent) error {
	_, there := f.Installed[p.Name]
	switch {
	case there:
		return nil
	case p.Python != "" && (f.UV || f.Pipx || f.Venv != ""):
		return nil
	case p.Python != "":
		return refuse(native(p, g.Run), "%s needs uv, pipx or Python's venv, and agent %q finds none of them: install one on this machine, such as Debian's python3-venv", p.Name, g.Name)
	case p.NPM == "":
		return refuse(native(p, g.Run), "%s comes with an installer of its own (%s), which au does not run: run it as the agent, and then au setup %s again", p.Name, p.Page, p.Name)
	}
	return checkNode(p, f, g)
}

// native returns the line by which a human runs the program's own installer as the agent; "" where it has none.
func native(p setup.Program, run []string) string {
	if p.Native == "" {
		return ""
	}
	return inRun(run, "bash", "-c", p.Native).Shell(nil)
}

// PlanSetup returns what sets a program up: only what is missing, each a run as the agent in its home. Nothing is taken back: what
// is there is of use without the rest.
func PlanSetup(p setup.Program, f setup.Facts, g SetupAgent) (steps []step.Step) {
	if _, there := f.Installed[p.Name]; !there {
		if p.Python != "" {
			steps = []step.Step{{Do: inRun(g.Run, pythonInstall(p, f)...)}}
		} else {
			steps = planInstall(p, f, g)
		}
	}
	for _, s := range p.Settings {
		if !f.There[s.File] && s.Wanted(g.Switches) {
			steps = append(steps, step.Step{Do: putAsAgent(g.Run, s.File, strings.TrimPrefix(s.Text, "\n"))})
		}
	}
	return steps
}

// pythonInstall returns the command that installs a program of Python in an environment of its own, as the pages of such programs
// have it: by uv, by pipx, or by pip.
func pythonInstall(p setup.Program, f setup.Facts) []string {
	switch {
	case f.UV:
		words := []string{"uv", "tool", "install"}
		if p.Newest != "" { // uv has Pythons of its own
			words = append(words, "--python", p.Newest)
		}
		return append(words, p.Python)
	case f.Pipx:
		return []string{"pipx", "install", p.Python}
	}
	own := ".local/share/" + quote.Word(p.Name)
	return []string{"/bin/sh", "-c", "python3 -m venv " + own + " && " + own + "/bin/pip install --quiet " + quote.Word(p.Python) +
		" && mkdir -p .local/bin && ln -sf ../share/" + quote.Word(p.Name) + "/bin/" + quote.Word(p.Command) + " .local/bin/"}
}

// planInstall installs with npm. Its prefix goes into the agent's .npmrc where that is not there yet: updates of the program's own
// then find it, too.
func planInstall(p setup.Program, f setup.Facts, g SetupAgent) (steps []step.Step) {
	install := slices.Clone(npmInstall)
	switch {
	case f.OwnPrefix:
	case f.There[".npmrc"]:
		install = append(install, "--prefix", ownPrefix(g))
	default:
		steps = []step.Step{{Do: putAsAgent(g.Run, ".npmrc", "prefix="+ownPrefix(g)+"\n")}}
	}
	return append(append(steps, planNode(p, f, g)...), step.Step{Do: inRun(g.Run, append(install, p.NPM)...)})
}

var npmInstall = []string{"npm", "install", "--global", "--no-audit", "--no-fund"}

// ownPrefix is the folder of an agent whose bin comes first on the PATH of its runs.
func ownPrefix(g SetupAgent) string { return g.Home + "/.local" }

// inRun is a command as the agent.
func inRun(run []string, command ...string) step.Command {
	return step.Human(slices.Concat(run, command)...)
}

// putAsAgent writes a new file below the agent's home, as the agent. One that is there stays as it is.
func putAsAgent(run []string, file, text string) step.Command {
	c := inRun(run, "/bin/sh", "-c", putting(file, ""))
	c.Text = text
	return c
}

// putting returns the words of a shell that write a file that is not there yet; with a mode, it has that before anything is in it.
func putting(file, mode string) string {
	words := csrc.WithoutOwn + "set -C && "
	if folder := path.Dir(file); folder != "." {
		words += "mkdir -p " + quote.Word(folder) + " && "
	}
	name := quote.Word(file)
	if mode != "" { // the default ACL of the home would let its humans in
		return words + ": >" + name + " && chmod " + mode + " " + name + " && cat >>" + name
	}
	return words + "cat >" + name
}

// UnknownForges returns the forges whose keys are missing where the agent's ssh looks for them; none where there is no ssh.
func UnknownForges(f setup.Facts) (forges []setup.Forge) {
	for _, forge := range setup.Forges() {
		if f.SSH && !f.Known[forge.Host] {
			forges = append(forges, forge)
		}
	}
	return forges
}

// KnowForges returns what adds their keys to the agent's known_hosts. Lines that are there stay; a forge that has one gets none.
func KnowForges(forges []setup.Forge, run []string) []step.Step {
	if len(forges) == 0 {
		return nil
	}
	const file = ".ssh/known_hosts"
	// The last line may lack its end.
	const end = `{ [ -z "$(tail -c 1 ` + file + ` 2>/dev/null)" ] || echo >>` + file + `; }`
	add := inRun(run, "/bin/sh", "-c", csrc.WithoutOwn+"mkdir -p -m 700 .ssh && "+end+" && cat >>"+file)
	for _, forge := range forges {
		add.Text += forge.Keys
	}
	return []step.Step{{Do: add}}
}

// PutLogin is the step that gives the agent a login of the human.
func PutLogin(p setup.Program, from string, text []byte, run []string) step.Step {
	return step.Step{Do: inRun(run, "/bin/sh", "-c", putting(p.Credentials, "600")).Given(from, text)}
}

// Author is whom git names in what an agent commits.
type Author struct{ Name, Mail string }

// AgentAuthor returns the author that an agent is for a human. No host can have a name below invalid (RFC 2606), so the address is
// nobody's.
func AgentAuthor(agent, human string) Author {
	return Author{fmt.Sprintf("%s (agent of %s)", agent, human), agent + "@" + human + ".invalid"}
}

// CheckAuthor says why git would not name somebody so.
func CheckAuthor(a Author) error {
	for _, word := range []string{a.Name, a.Mail} {
		if strings.TrimSpace(word) == "" || strings.ContainsAny(word, "<>\n\x00") {
			return fmt.Errorf("author %q: git wants one line without < and >", word)
		}
	}
	return nil
}

// Variables returns what makes git name author and committer in a run.
func (a Author) Variables(committer Author) []string {
	return []string{"GIT_AUTHOR_NAME=" + a.Name, "GIT_AUTHOR_EMAIL=" + a.Mail, "GIT_COMMITTER_NAME=" + committer.Name, "GIT_COMMITTER_EMAIL=" + committer.Mail}
}

// Unsigned returns what makes git sign nothing in a run, beside what is set: the human's keys are not the agent's. Settings that a
// human has put there stay, and what is there already is left out.
func Unsigned(set []string) (pairs []string) {
	count := 0
	for _, pair := range set {
		if text, is := strings.CutPrefix(pair, "GIT_CONFIG_COUNT="); is {
			count = 0 // git reads none of them where that is not a number
			if n, err := strconv.Atoi(text); err == nil {
				count = max(n, 0)
			}
		}
	}
	before := count
	for _, key := range []string{"commit.gpgsign", "tag.gpgsign"} {
		there := slices.ContainsFunc(set, func(pair string) bool {
			text, is := strings.CutPrefix(pair, "GIT_CONFIG_KEY_")
			at, name, _ := strings.Cut(text, "=")
			n, err := strconv.Atoi(at)
			return is && err == nil && n < before && name == key // git reads none from the count on
		})
		if !there {
			pairs = append(pairs, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", count, key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=false", count))
			count++
		}
	}
	if count > before {
		pairs = append([]string{fmt.Sprintf("GIT_CONFIG_COUNT=%d", count)}, pairs...)
	}
	return pairs
}

// Missing returns those of the variables that are not among what is set; with anew, also those that have another value there.
func Missing(wanted, set []string, anew bool) (missing []string) {
	for _, pair := range wanted {
		key, _, _ := strings.Cut(pair, "=")
		there := slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, key+"=") })
		if !there || anew && !slices.Contains(set, pair) {
			missing = append(missing, pair)
		}
	}
	return missing
}

// PythonNote says that a program asks for an older Python than it is going to have; "" where it does not.
func PythonNote(p setup.Program, f setup.Facts) string {
	if p.Newest == "" || f.UV || !newer(f.Venv, p.Newest) {
		return ""
	}
	return fmt.Sprintf("%s asks for Python %s or older, and the agent has %s: pip may choose an old version of it, or none. If the agent finds uv, that brings Python %s along", p.Name, p.Newest, f.Venv, p.Newest)
}

// newer compares versions as Python and Node write them.
func newer(version, than string) bool {
	return slices.Compare(numbers(version), numbers(than)) > 0
}

// numbers returns the numbers of a version such as v22.1.0.
func numbers(version string) (all []int) {
	for word := range strings.SplitSeq(strings.TrimPrefix(version, "v"), ".") {
		n, err := strconv.Atoi(word)
		if err != nil {
			break
		}
		all = append(all, n)
	}
	return all
}
