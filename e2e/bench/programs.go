// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A product is what has to be installed.
type product struct {
	title  string
	own    []string // files and folders of its own; patterns
	shared []string // what it runs on, beside the libraries its programs name
}

// programs adds up what au and the others take on the disk.
func programs(m *machine, f *figures) error {
	const libs = "/usr/lib/x86_64-linux-gnu"
	products := []product{
		{"**`au`**, which starts runs", []string{"/usr/local/bin/au"}, nil},
		{"**`au-complete`**, for all else", []string{"/usr/local/libexec/au/au-complete"}, nil},
		{"**its entrypoint**", []string{"/usr/local/libexec/au/su_as_agent"}, nil},
		{"bubblewrap", []string{"/usr/bin/bwrap"}, nil},
		{"firejail", []string{"/usr/bin/firejail", "/usr/bin/firecfg", "/usr/bin/firemon", "/usr/lib/*/firejail", "/etc/firejail"}, nil},
		{"sudo", []string{"/usr/bin/sudo", "/usr/libexec/sudo/*.so*", "/usr/lib/sudo/*.so*"}, []string{libs + "/security/pam_unix.so", libs + "/libpam.so.0"}},
		{"doas", []string{"/usr/bin/doas"}, nil},
		{"systemd-run", []string{"/usr/bin/systemd-run"}, nil},
	}
	if m.original {
		products = append(products, product{"agent-as-unix-user 2.x",
			[]string{"/opt/original/agent_as_unix_user"}, []string{"/usr/bin/python3", "/usr/lib/python3.*", "/opt/original/click"}})
	}
	var rows [][3]string
	for _, p := range products {
		own, shared := map[string]int64{}, map[string]int64{}
		for _, pattern := range p.own {
			add(own, pattern)
		}
		for _, pattern := range p.shared {
			add(shared, pattern)
		}
		for file := range own {
			libraries(file, shared)
		}
		for file := range shared {
			libraries(file, shared)
		}
		for file := range own {
			delete(shared, file)
		}
		rows = append(rows, [3]string{p.title, size(sum(own)), size(sum(own) + sum(shared))})
	}
	f.sizes(rows)
	return nil
}

// add adds the files that a pattern names, and those below folders, each once, without what Python has compiled.
func add(to map[string]int64, pattern string) {
	found, _ := filepath.Glob(pattern)
	for _, top := range found {
		real, err := filepath.EvalSymlinks(top)
		if err != nil {
			continue
		}
		filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".pyc") {
				return nil
			}
			if info, err := d.Info(); err == nil {
				to[path] = info.Size()
			}
			return nil
		})
	}
}

var library = regexp.MustCompile(`(?m)^\s+(?:\S+ => )?(/\S+) \(0x`)

// libraries adds the libraries that a program loads.
func libraries(program string, to map[string]int64) {
	f, err := os.Open(program)
	if err != nil {
		return
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := f.Read(magic); err != nil || string(magic) != "\x7fELF" {
		return
	}
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return // static
	}
	for _, found := range library.FindAllStringSubmatch(string(out), -1) {
		add(to, found[1])
	}
}

func sum(files map[string]int64) (total int64) {
	for _, n := range files {
		total += n
	}
	return total
}
