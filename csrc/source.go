// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

//go:embed *.c *.h Makefile
var sources embed.FS

// sourceNames returns the names of the entrypoint's files that match a pattern.
func sourceNames(pattern string) []string {
	names, err := fs.Glob(sources, pattern)
	if err != nil {
		panic(err) // a pattern of ours
	}
	return names
}

// WriteSource writes the entrypoint's source into dir, which must exist.
func WriteSource(dir string) error {
	for _, name := range sourceNames("*") {
		text, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write the entrypoint's source: %w", err)
		}
	}
	return nil
}

// flags returns what the Makefile has for a name: there, and nowhere else, is how the entrypoint is compiled.
func flags(name string) []string {
	text, err := sources.ReadFile("Makefile")
	_, after, found := strings.Cut(string(text), "\n"+name+" := ")
	line, _, ended := strings.Cut(after, "\n")
	if err != nil || !found || !ended {
		panic("the Makefile has no " + name) // a test sees that it has
	}
	return strings.Fields(line)
}

// BuildCommands returns the commands that compile the source in dir to out, best first: the first that succeeds is enough.
// The last one is for machines without a static C library.
func BuildCommands(dir, out string) [][]string {
	common := append([]string{"cc"}, flags("HARDENING")...)
	common = append(common, "-ffile-prefix-map="+dir+"=.")
	if runtime.GOARCH == "amd64" {
		common = append(common, flags("FOR_X86")...)
	}
	files := []string{"-o", out}
	for _, unit := range sourceNames("*.c") {
		files = append(files, filepath.Join(dir, unit))
	}
	return [][]string{slices.Concat(common, flags("STATIC"), files), slices.Concat(common, flags("DYNAMIC"), files)}
}
