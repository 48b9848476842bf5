// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// systemTerminfo are the folders in which programs look for descriptions of terminals by default (terminfo(5); Debian, Fedora,
// NixOS).
var systemTerminfo = []string{"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo", "/run/current-system/sw/share/terminfo"}

// maxTerminfo is as long as ncurses takes a description to be.
const maxTerminfo = 32 << 10

// terminfo returns the TERMINFO=… entry for a command whose terminal is described in the human's own folders alone, as those of
// kitty and ghostty are: a run sees neither their home nor what an application keeps there. The variable holds the description
// itself, which ncurses has read since 6.1, and infocmp for those that ask it. It is "" where the machine knows the terminal, or
// nobody does.
func terminfo(term, home string) string {
	if term == "" || strings.ContainsAny(term, "/\x00") || term[0] == '.' {
		return ""
	}
	if in := os.Getenv("TERMINFO"); strings.HasPrefix(in, "b64:") || strings.HasPrefix(in, "hex:") {
		return "TERMINFO=" + in
	}
	data := findTerminfo(term, humansTerminfo(home))
	if data == nil || findTerminfo(term, systemTerminfo) != nil {
		return ""
	}
	return "TERMINFO=b64:" + base64.StdEncoding.EncodeToString(data)
}

// humansTerminfo returns the folders in which the human's own programs look first.
func humansTerminfo(home string) []string {
	folders := []string{os.Getenv("TERMINFO")}
	if home != "" {
		folders = append(folders, filepath.Join(home, ".terminfo"))
	}
	return append(folders, filepath.SplitList(os.Getenv("TERMINFO_DIRS"))...)
}

// findTerminfo returns the first description of the terminal in the folders, nil where there is none.
func findTerminfo(term string, folders []string) []byte {
	for _, folder := range folders {
		if !filepath.IsAbs(folder) {
			continue
		}
		for _, below := range []string{term[:1], fmt.Sprintf("%02x", term[0])} { // the latter where file names know no case
			if data := readTerminfo(filepath.Join(folder, below, term)); data != nil {
				return data
			}
		}
	}
	return nil
}

// readTerminfo reads a compiled description (term(5)), nil where there is none.
func readTerminfo(path string) []byte {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTerminfo+1))
	magic := bytes.HasPrefix(data, []byte{0x1a, 0x01}) || bytes.HasPrefix(data, []byte{0x1e, 0x02}) // with numbers of 16 or 32 bits
	if err != nil || !magic || len(data) > maxTerminfo {
		return nil
	}
	return data
}
