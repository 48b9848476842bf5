// SPDX-License-Identifier: GPL-3.0-or-later

// Package kernel does with the Linux kernel what package netfilter describes: it ends connections, shows and removes tables, loads
// BPF programs, hears of changes, tells whose a socket is, and tries whether the rules hold. Nothing else below netfilter talks to
// the kernel about rules and sockets.
package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take for an answer.
const patience = 2 * time.Second

// A conversation is a netlink socket on which one question is asked at a time.
type conversation struct {
	fd  int
	seq uint32
	buf [8192]byte // the kernel makes no answer longer, but of a lone message that needs it
}

// converse opens a netlink socket of a protocol, one of NETLINK_*.
func converse(protocol int) (*conversation, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &conversation{fd: fd}, nil
}

func (c *conversation) close() { unix.Close(c.fd) }

// A brokenLink is an error of the conversation itself, after which it is of no more use. The kernel's error is a syscall.Errno.
type brokenLink struct{ text string }

func (b brokenLink) Error() string { return "netlink: " + b.text }

// ask sends messages as one request and hands the bodies of the answers to each, until the kernel says that it is done, or what was
// wrong. A body is good until each returns. It passes over the kernel's late answers to an earlier request.
func (c *conversation) ask(each func(body []byte), messages ...[]byte) error {
	c.seq++
	request := bytes.Join(messages, nil)
	for at := 0; at < len(request); at += int(binary.NativeEndian.Uint32(request[at:])) {
		binary.NativeEndian.PutUint32(request[at+8:], c.seq)
	}
	if err := unix.Sendto(c.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return brokenLink{err.Error()}
	}
	for {
		messages, err := c.hear()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.Header.Seq != c.seq {
				continue
			}
			if done, err := take(m, each); done {
				return err
			}
		}
	}
}

// hear waits for the next messages of the kernel.
func (c *conversation) hear() ([]syscall.NetlinkMessage, error) {
	for {
		n, from, err := unix.Recvfrom(c.fd, c.buf[:], unix.MSG_TRUNC)
		switch sender, _ := from.(*unix.SockaddrNetlink); {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return nil, brokenLink{fmt.Sprintf("no answer within %s", patience)}
		case err != nil:
			return nil, brokenLink{err.Error()}
		case sender == nil || sender.Pid != 0: // another process
			continue
		case n > len(c.buf):
			return nil, brokenLink{fmt.Sprintf("answer of %d bytes", n)}
		}
		messages, err := syscall.ParseNetlinkMessage(c.buf[:n])
		if err != nil {
			return nil, brokenLink{"answer that cannot be read"}
		}
		return messages, nil
	}
}

// take takes one message, and says whether it is the last of the answer: one that is not, says so.
func take(m syscall.NetlinkMessage, each func(body []byte)) (last bool, err error) {
	switch m.Header.Type {
	case unix.NLMSG_DONE, unix.NLMSG_ERROR:
		if len(m.Data) >= 4 {
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code < 0 {
				return true, syscall.Errno(-code)
			}
			return true, nil
		}
		return true, brokenLink{"end of an answer without a number"}
	}
	if each != nil {
		each(m.Data)
	}
	return m.Header.Flags&unix.NLM_F_MULTI == 0, nil
}

// message returns a struct nlmsghdr and body. Its sequence number is ask's.
func message(kind, flags uint16, body []byte) []byte {
	text := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	text = binary.NativeEndian.AppendUint16(text, kind)
	text = binary.NativeEndian.AppendUint16(text, flags|unix.NLM_F_REQUEST)
	return append(append(text, make([]byte, 8)...), body...)
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
	eachAttribute(row, func(kind uint16, value []byte) { values[kind] = value })
	return values
}

// eachAttribute hands each of a row of struct nlattr to take, in their order.
func eachAttribute(row []byte, take func(kind uint16, value []byte)) {
	for len(row) >= unix.NLA_HDRLEN {
		size, kind := int(binary.NativeEndian.Uint16(row)), binary.NativeEndian.Uint16(row[2:])
		if size < unix.NLA_HDRLEN || size > len(row) {
			return
		}
		take(kind&nlaTypeMask, row[unix.NLA_HDRLEN:size])
		row = row[min((size+3)&^3, len(row)):]
	}
}

const nlaTypeMask = 1<<14 - 1 // NLA_TYPE_MASK

// nameOf returns the string that an attribute holds.
func nameOf(value []byte) string { return string(bytes.TrimRight(value, "\x00")) }
