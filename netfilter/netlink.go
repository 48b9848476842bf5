// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// netlinkMessage returns a struct nlmsghdr and body.
func netlinkMessage(kind, flags uint16, body []byte) []byte {
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|unix.NLM_F_REQUEST)
	return append(append(message, make([]byte, 8)...), body...)
}

// netfilterMessage returns a struct nlmsghdr, a struct nfgenmsg and attributes.
func netfilterMessage(kind, flags uint16, family byte, resource uint16, attributes []byte) []byte {
	body := binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
	return netlinkMessage(kind, flags, append(body, attributes...))
}

// attribute returns a struct nlattr with its value, padded.
func attribute(kind uint16, value []byte) []byte {
	attr := binary.NativeEndian.AppendUint16(nil, uint16(unix.NLA_HDRLEN+len(value)))
	attr = append(binary.NativeEndian.AppendUint16(attr, kind), value...)
	return append(attr, make([]byte, -len(attr)&3)...)
}

// attributes returns the values of a row of struct nlattr by their kind.
func attributes(row []byte) map[uint16][]byte {
	values := map[uint16][]byte{}
	for len(row) >= unix.NLA_HDRLEN {
		size, kind := int(binary.NativeEndian.Uint16(row)), binary.NativeEndian.Uint16(row[2:])
		if size < unix.NLA_HDRLEN || size > len(row) {
			break
		}
		values[kind&nlaTypeMask] = row[unix.NLA_HDRLEN:size]
		row = row[min((size+3)&^3, len(row)):]
	}
	return values
}

const nlaTypeMask = 1<<14 - 1 // NLA_TYPE_MASK

// nameOf returns the string that an attribute holds.
func nameOf(value []byte) string { return string(bytes.TrimRight(value, "\x00")) }

// talk sends a netlink request and hands the bodies of the answers to each, until the kernel says that it is done, or what was wrong.
func talk(fd int, request []byte, each func(body []byte)) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
					return syscall.Errno(-code)
				}
				return nil
			default:
				each(m.Data)
			}
		}
	}
}
