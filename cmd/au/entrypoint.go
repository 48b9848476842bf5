// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

// findSource returns the entrypoint to install: the one beside this program, or, with build, one that buildSource must make.
func findSource(h *host.Host) (source provision.Source, build bool, err error) {
	candidates := []string{h.Installed}
	if self, err := h.Executable(); err == nil {
		dir := filepath.Dir(self)
		candidates = append(candidates, filepath.Join(dir, "../libexec/au/su_as_agent"), filepath.Join(dir, "su_as_agent"))
	}
	for _, path := range candidates {
		if path == "" {
			continue
		}
		if sum := h.Fingerprint(path); sum != "" {
			return provision.Source{Path: filepath.Clean(path), SHA256: sum}, false, nil
		}
	}
	if _, err := h.FindProgram("cc"); err != nil {
		return source, false, errors.New("no entrypoint to install: it is neither beside au nor in ../libexec/au, and there is no cc to build it with; " +
			"install au as a package or by `make install`, or a C compiler (on Debian: apt install gcc libc6-dev)")
	}
	return provision.Source{Path: "su_as_agent", SHA256: unbuilt}, true, nil
}

// buildSource compiles the embedded source in a folder that the caller removes.
func buildSource(h *host.Host, ctx context.Context, r *step.Runner) (provision.Source, error) {
	self, err := h.OwnPath()
	if err != nil {
		return provision.Source{}, err
	}
	dir, err := buildFolder(r.DryRun)
	if err != nil {
		return provision.Source{}, fmt.Errorf("build the entrypoint: %w", err)
	}
	source := provision.Source{Path: filepath.Join(dir, "su_as_agent"), SHA256: unbuilt}
	if err = r.Apply(ctx, []step.Step{{Do: step.Human(self, "source", dir)}}); err == nil {
		err = compile(ctx, r, dir, source.Path)
	}
	switch {
	case err != nil:
		os.RemoveAll(dir)
		return provision.Source{}, fmt.Errorf("build the entrypoint: %w", err)
	case !r.DryRun:
		source.SHA256 = h.Fingerprint(source.Path)
	}
	return source, nil
}

// unbuilt is in place of the SHA-256 of an entrypoint that is still to be built.
var unbuilt = strings.Repeat("0", 64)

// buildFolder makes a folder of the caller's own, where no agent writes: each has a /tmp of its own, and what is shared with it
// lies in the home. A dry run only names it.
func buildFolder(dryRun bool) (string, error) {
	if dryRun {
		return "/tmp/au-build", nil
	}
	return os.MkdirTemp("/tmp", "au-build-")
}

// compile runs the compiler's commands until one works: static where there is a libc.a.
func compile(ctx context.Context, r *step.Runner, dir, out string) (err error) {
	for _, argv := range csrc.BuildCommands(dir, out) {
		if err = r.Apply(ctx, []step.Step{{Do: step.Human(argv...)}}); err == nil {
			return nil
		}
	}
	return err
}
