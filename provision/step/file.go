// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/whole"
	"golang.org/x/sys/unix"
)

// ReplaceFile makes path hold text, whole at every moment, with mode 0644; without text it removes path. It is for a process
// that is root already: what the human sees as one command must not need several.
func ReplaceFile(path, text string) error {
	if text == "" {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return whole.At(path, []byte(text), whole.As{Mode: 0o644, UID: -1, GID: -1})
}

// maxLines is how large a file may be in which SetLine sets a line.
const maxLines = 1 << 20

// SetLine makes line one of the lines of a file that root owns, or none of them: last, and once. The file keeps its owner and mode;
// one that is not there, or is not a regular file that root owns, is left as it is.
func SetLine(path, line string, there bool) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return err
	}
	data, err := bounded.Read(f, maxLines)
	if err != nil {
		return err
	}
	text := withLine(string(data), line, there)
	if text == string(data) {
		return nil
	}
	return whole.At(path, []byte(text), whole.As{Mode: fs.FileMode(st.Mode & 0o777), UID: int(st.Uid), GID: int(st.Gid)})
}

// withLine returns text with line as its last line, or nowhere.
func withLine(text, line string, there bool) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if strings.TrimSuffix(l, "\n") != line {
			b.WriteString(l)
		}
	}
	if !there {
		return b.String()
	}
	if rest := b.String(); rest != "" && !strings.HasSuffix(rest, "\n") {
		b.WriteString("\n")
	}
	b.WriteString(line + "\n")
	return b.String()
}
