// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"context"
	"errors"
	"fmt"
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
	told := make(chan struct{}, 1)
	go c.tell(ctx, told)
	return told, nil
}

// tell says on told that something was heard, until ctx ends.
func (c *conversation) tell(ctx context.Context, told chan<- struct{}) {
	defer c.close()
	for ctx.Err() == nil {
		_, _, err := unix.Recvfrom(c.fd, c.buf[:], 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil && !errors.Is(err, unix.ENOBUFS): // ENOBUFS: more changes than were read, so there were some
			time.Sleep(time.Second)
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}
