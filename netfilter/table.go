// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// DeleteTable takes the rules of Ruleset away, as RulesetRemoval does, without the program nft: who uninstalls that leaves in the kernel what
// it has loaded. It needs CAP_NET_ADMIN. Where there is no such table, or no nftables, nothing is done.
func (p Policy) DeleteTable() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete table %s: %w", p.Table(), err)
	}
	defer unix.Close(fd)
	name := append([]byte(p.Table()), 0)
	attr := binary.NativeEndian.AppendUint16(nil, uint16(4+len(name)))
	attr = append(binary.NativeEndian.AppendUint16(attr, unix.NFTA_TABLE_NAME), name...)
	attr = append(attr, make([]byte, -len(attr)&3)...)
	// Changes come as one transaction, between a begin and an end.
	request := netfilterMessage(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.NFNL_SUBSYS_NFTABLES, nil)
	request = append(request, netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_DELTABLE, unix.NLM_F_ACK, 0, attr)...)
	request = append(request, netfilterMessage(unix.NFNL_MSG_BATCH_END, 0, unix.NFNL_SUBSYS_NFTABLES, nil)...)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("delete table %s: %w", p.Table(), err)
	}
	err = acknowledged(fd)
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return fmt.Errorf("delete table %s: %w", p.Table(), err)
}

// netfilterMessage returns a struct nlmsghdr, a struct nfgenmsg and body. The family is inet.
func netfilterMessage(kind, flags, resource uint16, body []byte) []byte {
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+4+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|unix.NLM_F_REQUEST)
	message = append(message, make([]byte, 8)...)
	message = append(message, unix.NFPROTO_INET, unix.NFNETLINK_V0)
	return append(binary.BigEndian.AppendUint16(message, resource), body...)
}

// acknowledged waits for what the kernel says of a request.
func acknowledged(fd int) error {
	buf := make([]byte, 4096)
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
			if m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4 {
				if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
					return syscall.Errno(-code)
				}
				return nil
			}
		}
	}
}
