// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/whole"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/dns"
)

// The daemon leaves this to the next one. Without the addresses that were answered for each name, that one would refuse what is
// allowed. Without the prefixes below which the network reaches IPv4, it would take an address inside for one outside. Only the
// daemon's user and root can write the file, or read it.
//
// It has no version. The rules judge each of these anew, so a daemon of another au takes over what it can read, and asks for the
// rest again.
type kept struct {
	Slept   bool           `json:"slept,omitempty"` // it ended because nothing was open
	NAT64   []netip.Prefix `json:"nat64,omitempty"`
	Answers []dns.Kept     `json:"answers,omitempty"`
}

// maxKept bounds the file. A full memory of answers takes half of it.
const maxKept = 4 << 20

// keep writes what is to be kept at path. With no path nothing is written.
func (j *judge) keep(path string, slept bool) error {
	if path == "" {
		return nil
	}
	text, err := json.Marshal(kept{slept, j.policy.Load().NAT64, j.answers.Keep()})
	if err == nil && len(text) > maxKept {
		err = bounded.TooLarge(path, maxKept)
	}
	if err == nil {
		err = whole.At(path, text, whole.As{Mode: 0o600, UID: -1, GID: -1})
	}
	return err
}

// recall takes over what the last daemon kept, and reports whether that one fell asleep. An address that the rules leave out of
// answers by now is not taken over.
func (j *judge) recall(path string) (slept bool, err error) {
	if path == "" {
		return false, nil
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	text, err := bounded.Read(file, maxKept)
	if err != nil {
		return false, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	j.Translated(netfilter.FitTranslations(k.NAT64))
	j.answers.Restore(k.Answers, j.Address)
	return k.Slept, nil
}
