// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// FileACLs reads a file's ACLs; access is never nil, and kept is false where that is its mode alone.
func FileACLs(fd int, st unix.Stat_t) (access, def share.ACL, kept bool, err error) {
	value, err := step.ReadXattr(fd, share.ACLAccess)
	if err != nil {
		return nil, nil, false, err
	}
	access = share.ModeACL(st.Mode)
	if value != nil {
		if access, err = share.ParseACL(value); err != nil {
			return nil, nil, false, err
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return access, nil, value != nil, nil
	}
	of, err := step.ReadXattr(fd, share.ACLDefault)
	if err == nil && of != nil {
		def, err = share.ParseACL(of)
	}
	return access, def, value != nil || of != nil, err
}
