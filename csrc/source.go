// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

//go:embed su_as_agent.c base.h show.h parse.h filter.h idmap.h mounts.h links.h walls.h strays.h devices.h shares.h
var sources embed.FS

// Source is the entrypoint's main file, for whoever wants to read it; it needs its headers beside it to compile.
//
//go:embed su_as_agent.c
var Source []byte

// WriteSource writes the entrypoint's source into dir, which must exist.
func WriteSource(dir string) error {
	entries, err := sources.ReadDir(".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := sources.ReadFile(entry.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, entry.Name()), text, 0o644); err != nil {
			return fmt.Errorf("write the entrypoint's source: %w", err)
		}
	}
	return nil
}

// BuildCommands returns the commands that compile the source in dir to out, best first: the first that succeeds is enough.
// The last one is for machines without a static C library.
func BuildCommands(dir, out string) [][]string {
	var all [][]string
	for _, link := range []string{"-static-pie", "-pie"} {
		argv := []string{
			"cc", "-std=c11", "-O2", "-s", "-fPIE", link, "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
			"-ffile-prefix-map=" + dir + "=.", "-Wl,-z,relro,-z,now,-z,noexecstack",
		}
		if runtime.GOARCH == "amd64" {
			argv = append(argv, "-fcf-protection=full")
		}
		all = append(all, append(argv, "-o", out, filepath.Join(dir, "su_as_agent.c")))
	}
	return all
}
