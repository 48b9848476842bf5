// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Changes hears of what somebody changes of nftables rules, iptables-nft included; iptables-legacy is not heard.
type Changes struct {
	Told <-chan struct{} // several changes may be told as one

	mu   sync.Mutex
	news Tables
}

// Tables are nftables tables that may have changed, by name. The zero value is none.
type Tables struct {
	all   bool
	names map[string]bool
}

// AllTables are all that there are.
func AllTables() Tables { return Tables{all: true} }

// Has reports whether one of the tables may have changed.
func (t Tables) Has(names ...string) bool {
	for _, name := range names {
		if t.all || t.names[name] {
			return true
		}
	}
	return false
}

// HearChanges begins to listen, until ctx ends. It needs CAP_NET_ADMIN.
func HearChanges(ctx context.Context) (*Changes, error) {
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
	from := os.NewFile(uintptr(c.fd), "netlink")
	context.AfterFunc(ctx, func() { from.Close() })
	told := make(chan struct{}, 1)
	changes := &Changes{Told: told}
	go changes.hear(from, make([]byte, 64<<10), told)
	return changes, nil
}

// Since returns the tables that may have changed since it was asked before.
func (c *Changes) Since() Tables {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.news
	c.news = Tables{}
	return news
}

// hear notes what was heard and says so on told, until from is closed.
func (c *Changes) hear(from *os.File, buf []byte, told chan<- struct{}) {
	for {
		some, err := c.next(from, buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if !some {
			continue
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// next waits for messages, notes them, and reports whether there are any.
func (c *Changes) next(from *os.File, buf []byte) (some bool, err error) {
	n, err := from.Read(buf)
	switch {
	case errors.Is(err, os.ErrClosed):
		return false, err
	case errors.Is(err, unix.ENOBUFS): // more changes than were read
		drain(from, buf)
	case err != nil:
		time.Sleep(time.Second)
	}
	return c.note(buf[:max(n, 0)], err == nil && n < len(buf)), err
}

// drain reads what is still there after some was lost. Until nothing is, the kernel drops what comes, and does not say so again
// (net/netlink/af_netlink.c: NETLINK_S_CONGESTED): the messages that are read meanwhile do not name all that has changed.
func drain(from *os.File, buf []byte) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for range 1 << 16 { // no queue holds more, and who changes rules all the time does not hold this up
			if n, err := unix.Read(int(fd), buf); n <= 0 && err != unix.EINTR && err != unix.ENOBUFS {
				return
			}
		}
	})
}

// note notes the tables of the messages in buf, and reports whether there are any. Messages that are not whole, or that it cannot
// read, may have been about all of them.
func (c *Changes) note(buf []byte, whole bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	messages, err := syscall.ParseNetlinkMessage(buf)
	if !whole || err != nil {
		c.news.all = true
		return true
	}
	some := false
	for _, m := range messages {
		name, about := tableOf(m)
		if !about {
			continue
		}
		some = true
		if name == "" {
			c.news.all = true
			continue
		}
		if c.news.names == nil {
			c.news.names = map[string]bool{}
		}
		c.news.names[name] = true
	}
	return some
}

// tableOf returns the table that a message of nfnetlink is about: "" where it does not say so. The one that ends a change is about
// none. In all others of nftables the first attribute is the table's name (linux/netfilter/nf_tables.h: NFTA_TABLE_NAME,
// NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE, NFTA_FLOWTABLE_TABLE are 1).
func tableOf(m syscall.NetlinkMessage) (name string, about bool) {
	const headed = 4 // bytes: struct nfgenmsg
	if m.Header.Type == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN {
		return "", false
	}
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES || len(m.Data) < headed {
		return "", true
	}
	return nameOf(attributes(m.Data[headed:])[1]), true
}
