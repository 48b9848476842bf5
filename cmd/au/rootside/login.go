// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"fmt"
	"os"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/netfilter"
	"golang.org/x/sys/unix"
)

// CheckLogin refuses a file with a login for an upstream proxy that somebody beside root can read, or could put in its place, and
// one that holds no login.
func (r *Root) CheckLogin(path string) error {
	if err := checkLogin(r.host.Root+"/", path); err != nil {
		return fmt.Errorf("login for the upstream: %w", err)
	}
	return nil
}

func checkLogin(root, path string) error {
	place, err := walk.To(root, path, walk.Trust{Owners: []uint32{uint32(os.Geteuid())}}.Judge)
	if err != nil {
		return err
	}
	defer place.Close()
	switch {
	case len(place.Missing) > 0:
		return host.WithHint(fmt.Errorf("%s is not there", quote.Name(path)), "sudo install -m 600 /dev/stdin "+quote.Word(path))
	case place.File < 0 || place.Stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s is not a file", quote.Name(path))
	case place.Stat.Mode&0o077 != 0:
		return host.WithHint(fmt.Errorf("%s: others can read it (mode %04o)", quote.Name(path), place.Stat.Mode&0o7777), "sudo chmod 600 "+quote.Word(path))
	}
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", place.File))
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := bounded.Read(file, netfilter.MaxLogin)
	if err == nil {
		_, err = netfilter.ParseLogin(text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", quote.Name(path), err)
	}
	return nil
}
