// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// ReadText returns what a file of the human's holds, if that is no more than limit bytes.
func (h *Host) ReadText(path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := bounded.Read(file, limit)
	return string(text), err
}

// Exists reports whether a path can be seen, a dangling link too.
func (h *Host) Exists(path string) bool {
	_, err := h.Lstat(h.Root + path)
	return err == nil
}

// empty reports whether path is a folder with nothing in it.
func (h *Host) empty(path string) bool {
	entries, err := h.ReadDir(h.Root + path)
	return err == nil && len(entries) == 0
}

// Path reads a path's owner, mode and ACL.
func (h *Host) Path(path string) provision.Path {
	p := h.Bare(path)
	if p.Exists && p.Mode&fs.ModeSymlink == 0 {
		p.ACL = h.acl(path)
	}
	return p
}

// Bare is Path without the ACL, for which a program has to be asked.
func (h *Host) Bare(path string) provision.Path {
	info, err := h.Lstat(h.Root + path)
	if err != nil {
		return provision.Path{}
	}
	p := provision.Path{Exists: true, Mode: info.Mode()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		p.UID, p.GID = st.Uid, st.Gid
	}
	return p
}

// acl returns the entries of a path's ACL, nil where it has only its mode bits.
func (h *Host) acl(path string) []string {
	out, err := h.Output("getfacl", "--absolute-names", "--omit-header", "--numeric", "--skip-base", "--no-effective", path)
	if err != nil || len(out) == 0 {
		return nil
	}
	return strings.Fields(string(out))
}

// nosuid reports whether the file system of path ignores set-uid bits, statvfs(3).
func (h *Host) nosuid(path string) bool {
	var st unix.Statfs_t
	return h.Statfs(h.Root+path, &st) == nil && st.Flags&unix.ST_NOSUID != 0
}

// Fingerprint returns the SHA-256 of a file, empty where it cannot be read.
func (h *Host) Fingerprint(path string) string {
	_, sum := h.stamped(path)
	return sum
}

// stamped returns the fingerprint of a file and the stamp that goes with it.
func (h *Host) stamped(path string) (stamp, sum string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	if stamp, err = h.Stamp(f); err == nil {
		sum, err = csrc.Fingerprint(f)
	}
	if err != nil {
		return "", ""
	}
	return stamp, sum
}

func (h *Host) Kernel() (provision.Kernel, error) {
	var uts unix.Utsname
	if err := h.Uname(&uts); err != nil {
		return provision.Kernel{}, fmt.Errorf("uname: %w", err)
	}
	return provision.ParseKernel(unix.ByteSliceToString(uts.Release[:])), nil
}

// RealPath returns the path without symbolic links, as it is without Root.
func (h *Host) RealPath(path string) (string, error) { return filepath.EvalSymlinks(path) }

// Folder is the one that au was started in; empty where it is not there any more.
func (h *Host) Folder() string {
	folder, _ := os.Getwd()
	return folder
}

// Absolute returns the path that a person means by a word: from the folder that au was started in.
func (h *Host) Absolute(word string) string {
	if filepath.IsAbs(word) {
		return filepath.Clean(word)
	}
	return filepath.Join(h.Folder(), word)
}

// Mounts returns what is mounted where au sees it.
func (h *Host) Mounts() ([]share.MountPoint, error) {
	text, err := h.mountinfo()
	if err != nil {
		return nil, fmt.Errorf("read the machine's mounts: %w", err)
	}
	return share.ParseMountinfo(string(text)), nil
}

func (h *Host) mountinfo() ([]byte, error) { return os.ReadFile(h.Root + "/proc/self/mountinfo") }

// RemoteAt returns where file systems are mounted, at a folder and in it, that another machine or a program answers for.
func (h *Host) RemoteAt(source string) []string {
	text, _ := h.mountinfo()
	return share.RemoteAt(text, source)
}

// AreLocal reports whether a look through some folders asks file systems of this machine alone, which answer.
func (h *Host) AreLocal(folders []config.Path) bool {
	text, err := h.mountinfo()
	return err == nil && share.AreLocal(text, folders)
}

// Listening returns the sockets on which somebody listens, by their paths.
func (h *Host) Listening() (paths []string) {
	text, _ := os.ReadFile(h.Root + "/proc/net/unix")
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		const accepts = 1 << 16 // __SO_ACCEPTCON
		if len(words) < 8 || words[7][0] != '/' {
			continue
		}
		if flags, err := strconv.ParseUint(words[3], 16, 64); err == nil && flags&accepts != 0 && !slices.Contains(paths, words[7]) {
			paths = append(paths, words[7])
		}
	}
	return paths
}

// Born is when a file was made, in nanoseconds since 1970; 0 where nobody knows.
func (h *Host) Born(path string) int64 {
	var born unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, h.Root+path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME, &born) != nil || born.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return born.Btime.Sec*1e9 + int64(born.Btime.Nsec)
}
