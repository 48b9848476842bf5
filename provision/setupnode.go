// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/step"
)

// NodeFrom is where the node of a program comes from.
type NodeFrom string

// What au setup --node takes.
const (
	NodeAuto    NodeFrom = "auto"    // what the agent finds, if that is new enough
	NodeMachine NodeFrom = "machine" // what the agent finds, however old
	NodeOwn     NodeFrom = "own"     // a new one in the agent's home
)

// checkNode says why a program of npm's cannot be installed.
func checkNode(p setup.Program, f setup.Facts, g SetupAgent) error {
	from, linked := otherNode(p, f, g)
	if linked && (from.NPM || f.NPM) || f.NodeMajor() > 0 && f.NPM {
		return checkOwn(p, f, g)
	}
	return refuse(cmp.Or(native(p, g.Run), fnm(g)), "%s needs node and npm, and agent %q does not find both: install them on this machine, such as Debian's nodejs and npm; or share yours (au mount add, au path add); or give the agent its own, by fnm", p.Name, g.Name)
}

// checkOwn says why npm has no node for an agent that would get one from there.
func checkOwn(p setup.Program, f setup.Facts, g SetupAgent) error {
	switch {
	case !getsOwn(p, f, g) || setup.NodePackage(f.Machine) != "":
		return nil
	case g.Node == NodeOwn:
		return refuse(fnm(g), "npm has no node for this processor (%q): give the agent one by fnm, and leave out --node own", f.Machine)
	}
	return refuse(fnm(g), "%s, and npm has none for this processor (%q): give the agent one by fnm, or say --node machine", asksForNode(p, f), f.Machine)
}

// fnm is the line by which a human gives an agent a node manager, and a node of it.
func fnm(g SetupAgent) string {
	return inRun(g.Run, "bash", "-c", fmt.Sprintf("curl -fsSL https://fnm.vercel.app/install | bash -s -- --skip-shell && .local/share/fnm/fnm install %d", setup.OwnNode)).Shell(nil)
}

// needsNode says whether the agent finds no node that is new enough.
func needsNode(p setup.Program, f setup.Facts, g SetupAgent) bool {
	return p.NPM != "" && g.Node != NodeMachine && f.NodeMajor() < max(p.Node, 1)
}

// otherNode returns the newest node that is new enough, and not the first on the PATH of runs.
func otherNode(p setup.Program, f setup.Facts, g SetupAgent) (newest setup.Node, found bool) {
	if g.Node == NodeOwn || !needsNode(p, f, g) {
		return newest, false
	}
	for _, n := range f.Others {
		if n.Major() >= max(p.Node, 1) && (!found || newer(n.Version, newest.Version)) {
			newest, found = n, true
		}
	}
	return newest, found
}

// getsOwn says whether npm brings the agent a node.
func getsOwn(p setup.Program, f setup.Facts, g SetupAgent) bool {
	_, linked := otherNode(p, f, g)
	return p.NPM != "" && !linked && (g.Node == NodeOwn || needsNode(p, f, g))
}

// planNode gives the agent a node where the one that it finds is too old. One that is there already, such as nvm's or the human's,
// is linked to where runs look first; or else npm brings one.
func planNode(p setup.Program, f setup.Facts, g SetupAgent) []step.Step {
	if from, found := otherNode(p, f, g); found {
		return []step.Step{{Do: inRun(g.Run, "/bin/sh", "-c", csrc.WithoutOwn+`mkdir -p .local/bin && for name in node npm npx; do [ ! -e "$1/$name" ] || ln -sf "$1/$name" .local/bin/; done`, "sh", from.Folder)}}
	}
	if !getsOwn(p, f, g) {
		return nil
	}
	words := append(append([]string{}, npmInstall...), "--prefix", ownPrefix(g), setup.NodePackage(f.Machine)+"@"+strconv.Itoa(setup.OwnNode))
	return []step.Step{{Do: inRun(g.Run, words...)}}
}

// NodeNote says what a program's node is going to be, where that is not simply the one that the agent finds; "" where it is.
func NodeNote(p setup.Program, f setup.Facts, g SetupAgent) string {
	asks := asksForNode(p, f)
	from, linked := otherNode(p, f, g)
	switch {
	case linked:
		return fmt.Sprintf("%s: the %s in %s is linked into its ~/.local/bin, where runs look first", asks, from.Version, from.Folder)
	case getsOwn(p, f, g):
		brought := fmt.Sprintf("node %d is installed from npm (%s), for this agent alone", setup.OwnNode, setup.NodePackage(f.Machine))
		if g.Node == NodeOwn {
			return p.Name + ": " + brought
		}
		return asks + ": " + brought + ". --node machine leaves that out"
	case p.NPM != "" && f.NodeMajor() < p.Node:
		return asks + ": it may not start"
	}
	return ""
}

// asksForNode says which node a program asks for, and which one the agent finds.
func asksForNode(p setup.Program, f setup.Facts) string {
	wanted := "node"
	if p.Node > 0 {
		wanted = fmt.Sprintf("node %d", p.Node)
	}
	return fmt.Sprintf("%s asks for %s, and the agent has %s", p.Name, wanted, cmp.Or(f.Node, "none"))
}
