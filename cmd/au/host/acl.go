// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// FileACLs reads a file's ACLs; access is never nil, and kept is false where that is its mode alone.
func FileACLs(fd int, st unix.Stat_t) (access, def provision.ACL, kept bool, err error) {
	value, err := step.ReadXattr(fd, provision.ACLAccess)
	if err != nil {
		return nil, nil, false, err
	}
	access = provision.ModeACL(st.Mode)
	if value != nil {
		if access, err = provision.ParseACL(value); err != nil {
			return nil, nil, false, err
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return access, nil, value != nil, nil
	}
	of, err := step.ReadXattr(fd, provision.ACLDefault)
	if err == nil && of != nil {
		def, err = provision.ParseACL(of)
	}
	return access, def, value != nil || of != nil, err
}
