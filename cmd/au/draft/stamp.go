// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"io/fs"
	"strconv"
)

// The stamp of a draft is a file that was made as the draft began. The human has since changed those of their files that
// have a later change time. A rename would make it younger, so a draft that was kept has the time in it.

// stamped returns the time that a stamp stands for, in nanoseconds.
func (p place) stamped(name string) (int64, error) {
	text, err := p.readAll(name)
	if err != nil {
		return 0, err
	}
	if len(text) > 0 {
		at, err := strconv.ParseInt(string(text), 10, 64)
		return at, p.failed("read", name, err)
	}
	st, err := p.stat(name)
	return st.Ctim.Nano(), p.failed("stat", name, err)
}

// stampAside writes the time into the stamp before that goes elsewhere.
func (d *Draft) stampAside() error {
	at, err := d.state.stamped("stamp")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has gone already
	}
	if err != nil {
		return err
	}
	return d.state.write("stamp", strconv.AppendInt(nil, at, 10))
}
