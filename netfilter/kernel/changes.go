// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Changes tells whenever somebody has changed nftables rules, iptables-nft included, until ctx ends. Several changes may be told as
// one; iptables-legacy is not heard. It needs CAP_NET_ADMIN.
func Changes(ctx context.Context) (<-chan struct{}, error) {
	c, err := converse(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("listen for changed rules: %w", err)
	}
	if err := unix.Bind(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.NFNLGRP_NFTABLES - 1)}); err != nil {
		c.close()
		return nil, fmt.Errorf("listen for changed rules: %w", err)
	}
	if err := unix.SetNonblock(c.fd, true); err != nil { // it is waited for without looking up in between
		c.close()
		return nil, fmt.Errorf("listen for changed rules: %w", err)
	}
	news := os.NewFile(uintptr(c.fd), "netlink")
	context.AfterFunc(ctx, func() { news.Close() })
	told := make(chan struct{}, 1)
	go tell(news, c.buf[:], told)
	return told, nil
}

// tell says on told that something was heard, until news is closed.
func tell(news *os.File, buf []byte, told chan<- struct{}) {
	for {
		_, err := news.Read(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil && !errors.Is(err, unix.ENOBUFS): // ENOBUFS: more changes than were read, so there were some
			time.Sleep(time.Second)
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}
