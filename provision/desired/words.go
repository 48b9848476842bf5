// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"reflect"
	"strings"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	auslices "github.com/a4u2/au/slices"
)

// Each of these is a text that is right, or is refused as it is read.
type (
	// Name is an agent's.
	Name string
	// User is a human's name.
	User string
	// Switch is one of `au new --unlock`.
	Switch string
	// Variable is a name of a variable, or a pattern of names.
	Variable string
	// Pair is KEY=VALUE.
	Pair string
	// FolderPath is an absolute path, or one below ~/.
	FolderPath string
	// Target is a path, which may be relative to the agent's home.
	Target string
	// Hidden is a name or a pattern of what a share hides.
	Hidden string
	// Preset is the name of a netfilter.Preset.
	Preset string
	// Server is a DNS server.
	Server netip.AddrPort
	// Upstream is the URL of a proxy.
	Upstream string
	// Ports are the two of a human's own proxy.
	Ports netfilter.HumanProxy
	// Backend is netfilter's.
	Backend netfilter.Backend
)

func (n *Name) UnmarshalText(text []byte) error {
	*n = Name(text)
	return provision.CheckName(string(text))
}

func (u *User) UnmarshalText(text []byte) error {
	if *u = User(text); len(text) == 0 || strings.HasPrefix(string(text), "-") || strings.ContainsAny(string(text), ":/\x00\n,") {
		return fmt.Errorf("%q: want the name of a user of this machine", text)
	}
	return nil
}

func (s *Switch) UnmarshalText(text []byte) error {
	*s = Switch(text)
	return provision.CheckAllow([]string{string(text)})
}

func (v *Variable) UnmarshalText(text []byte) error {
	*v = Variable(text)
	return config.CheckVariable(string(text))
}

func (p *Pair) UnmarshalText(text []byte) error {
	*p = Pair(text)
	return config.CheckPair(string(text))
}

func (p *FolderPath) UnmarshalText(text []byte) error {
	read, err := config.ParsePath(string(text))
	if *p = FolderPath(read); err == nil && !path.IsAbs(string(read)) && !strings.HasPrefix(string(read), "~/") {
		err = fmt.Errorf("%q: want an absolute path, or one that begins with ~/", text)
	}
	return err
}

func (t *Target) UnmarshalText(text []byte) error {
	read, err := config.ParsePath(string(text))
	if *t = Target(read); err == nil && read == "" {
		err = errors.New("want a folder in the agent's home")
	}
	return err
}

func (h *Hidden) UnmarshalText(text []byte) error {
	*h = Hidden(text)
	return config.CheckHide(string(text))
}

func (p *Preset) UnmarshalText(text []byte) error {
	*p = Preset(text)
	_, err := netfilter.FindPreset(string(text))
	return err
}

func (s *Server) UnmarshalText(text []byte) error {
	at, err := netfilter.ParseServer(string(text))
	*s = Server(at)
	return err
}

func (u *Upstream) UnmarshalText(text []byte) error {
	read, err := netfilter.ParseUpstream(string(text))
	*u = Upstream(read.URL)
	return err
}

func (p *Ports) UnmarshalText(text []byte) error {
	read, err := netfilter.ParseHumanProxy(string(text))
	*p = Ports(read)
	return err
}

func (b *Backend) UnmarshalText(text []byte) error {
	if *b = Backend(text); *b != Backend(netfilter.NFT) && *b != Backend(netfilter.Iptables) {
		return fmt.Errorf("%q: want nft or iptables", text)
	}
	return nil
}

func (p Ports) String() string { return fmt.Sprintf("%d,%d", p.HTTP, p.HTTPS) }

// isNumber reports whether people write values of that type as a number, too.
func isNumber(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[auslices.CPU](), reflect.TypeFor[auslices.Size](), reflect.TypeFor[auslices.Swap](), reflect.TypeFor[auslices.Tasks](), reflect.TypeFor[auslices.Weight](),
		reflect.TypeFor[Ports]():
		return true
	}
	return false
}

func (s Server) String() string { return netip.AddrPort(s).String() }
