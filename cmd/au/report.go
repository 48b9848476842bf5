// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// reported is how many findings a report has at most, and topEntries how many entries of a share's top it looks at: it must not keep the human waiting.
const (
	reported   = 10
	topEntries = 1000
)

// sayChanged reports what the run changed among the things that run by themselves.
func (c *afterCmd) sayChanged(a *app) {
	var sources []config.Path
	if json.Unmarshal([]byte(c.Shares), &sources) != nil {
		return
	}
	for _, folder := range sources {
		source := string(folder)
		found := changedSince(source, c.Since)
		if len(found) == 0 {
			continue
		}
		fmt.Fprintf(a.err, "au: changed by this run, and run on your side without being asked for, in %s:\n", show(source))
		for i, f := range found {
			if i == reported {
				fmt.Fprintf(a.err, "au:   … and %d more\n", len(found)-i)
				break
			}
			fmt.Fprintf(a.err, "au:   %s%s\n", show(f.Path), detail(strings.Trim(provision.KindWord(f.Kind)+": "+f.Detail, ": ")))
		}
		fmt.Fprintf(a.err, "au: hint: %s\n", mountLine("check", c.Agent, source))
	}
}

// changedSince looks at the top of a share, at the files below it that the rules name, and at its repository's config and hooks.
func changedSince(source string, since int64) []provision.Finding {
	tree, err := step.OpenTree(source, false)
	if err != nil {
		return nil
	}
	defer tree.Close()
	in := newInspector(tree, source, uint32(getuid()))
	in.since = since
	for _, rel := range provision.SelfRunningIn("") {
		in.look(rel)
	}
	for _, name := range namesIn(tree, ".husky") {
		in.look(".husky/" + name)
	}
	isRepo := in.gitChanged(".git")
	for _, name := range namesIn(tree, ".") {
		above := in.look(name)
		if name == ".git" || !in.gitChanged(name+"/.git") {
			continue
		}
		// A repository's own folder changes with each git command; the one above it only when something is put there.
		if isRepo && above && in.look(name+"/.git") && !in.submodule(".", name) {
			in.add(name+"/.git", "git-nested", "")
		}
	}
	return in.findings()
}

// namesIn returns some names of what is in a folder of the tree.
func namesIn(tree *step.Tree, rel string) []string {
	fd, err := tree.Open(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), rel)
	defer f.Close()
	names, _ := f.Readdirnames(topEntries)
	return names
}

// look visits one file if it is there and has changed, and says whether it did.
func (in *inspector) look(rel string) bool {
	dir, err := in.tree.Open(path.Dir(rel), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	e := step.TreeEntry{In: folderAt(path.Dir(rel)), Name: path.Base(rel), Dir: dir}
	if unix.Fstatat(dir, e.Name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW) != nil || !in.changed(e.Stat) {
		return false
	}
	in.visit(e)
	return true
}

func folderAt(rel string) *step.Folder {
	f := &step.Folder{}
	for name := range strings.SplitSeq(rel, "/") {
		if name != "." {
			f = &step.Folder{Up: f, Name: name}
		}
	}
	return f
}

func (in *inspector) changed(st unix.Stat_t) bool { return st.Ctim.Nano() >= in.since }

// gitChanged looks at the config and the hooks of a repository, and says whether there is one.
func (in *inspector) gitChanged(folder string) bool {
	in.look(folder) // it may be a file that leads elsewhere
	dir, err := in.tree.Open(folder, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	for _, name := range []string{"config", "config.worktree"} {
		if unix.Fstatat(dir, name, &st, 0) == nil && in.changed(st) {
			in.gitConfig(dir, name, path.Join(folder, name))
		}
	}
	in.look(folder + "/commondir")
	for _, name := range hooksIn(dir) {
		if unix.Fstatat(dir, "hooks/"+name, &st, 0) == nil && in.changed(st) {
			in.add(path.Join(folder, "hooks", name), "git-hook", "")
		}
	}
	return true
}
