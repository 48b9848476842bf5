// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// about returns a message of nftables as the kernel sends it to those who listen.
func about(kind uint16, table string) []byte {
	return message(unix.NFNL_SUBSYS_NFTABLES<<8|kind, 0, append([]byte{unix.NFPROTO_INET, 0, 0, 0}, attribute(1, append([]byte(table), 0))...))
}

// A listener is told of changes, until the socket is closed.
func TestChangesAreToldAndEnd(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, told, ended := &Changes{}, make(chan struct{}, 1), make(chan struct{})
	go func() {
		c.hear(from, make([]byte, 4096), told)
		close(ended)
	}()
	to.Write(about(unix.NFT_MSG_DELTABLE, "au_net_1001"))
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
	}
	if news := c.Since(); !news.Has("au_net_1001") || news.Has("au_net_1002") {
		t.Errorf("it heard of %v", news)
	}
	from.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it listens on after its end")
	}
}

// After changes were lost, the kernel drops more of them without a word until all that is there is read. None of these is
// forgotten, though what is read names other tables.
func TestLostChangesAreNotForgotten(t *testing.T) {
	inLab(t, func(l *lab) {
		l.feed("add table inet mine; add table inet other", "nft", "-f", "-")
		c, err := converse(unix.NETLINK_NETFILTER)
		must(t, err)
		must(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
		must(t, unix.Bind(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.NFNLGRP_NFTABLES - 1)}))
		must(t, unix.SetNonblock(c.fd, true))
		from, changes, buf := os.NewFile(uintptr(c.fd), "netlink"), &Changes{}, make([]byte, 64<<10)
		defer from.Close()
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			l.must("nft", "add", "chain", "inet", "other", name)
		}
		if _, err := changes.next(from, buf); !errors.Is(err, unix.ENOBUFS) || !changes.Since().Has("mine") {
			t.Fatalf("nothing was lost: %v", err)
		}
		l.must("nft", "delete", "table", "inet", "mine")
		must(t, from.SetReadDeadline(time.Now().Add(time.Second)))
		for heard := false; !heard; heard = changes.Since().Has("mine") {
			if _, err := changes.next(from, buf); err != nil {
				t.Fatal("the end of a table is forgotten")
			}
		}
	})
}

// A change is told by the names of its tables, once; if nothing names them, it may be all of them.
func TestChangesNameTheirTables(t *testing.T) {
	end := message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN, 0, []byte{unix.NFPROTO_UNSPEC, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 1})
	both := bytes.Join([][]byte{about(unix.NFT_MSG_DELRULE, "mine"), about(unix.NFT_MSG_NEWSETELEM, "other"), end}, nil)
	for name, c := range map[string]struct {
		heard             []byte
		whole             bool
		mine, other, some bool
	}{
		"two":               {both, true, true, true, true},
		"one":               {about(unix.NFT_MSG_NEWCHAIN, "other"), true, false, true, true},
		"the_end_of_one":    {end, true, false, false, false},
		"lost":              {nil, false, true, true, true},
		"cut_off":           {both[:len(both)-3], true, true, true, true},
		"without_a_table":   {message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWRULE, 0, []byte{1, 0, 0, 0}), true, true, true, true},
		"of_something_else": {message(unix.NFNL_SUBSYS_CTNETLINK<<8, 0, []byte{1, 0, 0, 0}), true, true, true, true},
		"short":             {message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWRULE, 0, nil), true, true, true, true},
	} {
		changes := &Changes{}
		some := changes.note(c.heard, c.whole)
		news := changes.Since()
		if some != c.some || news.Has("mine") != c.mine || news.Has("other") != c.other {
			t.Errorf("%s: told %v, mine %v, other %v", name, some, news.Has("mine"), news.Has("other"))
		}
		if again := changes.Since(); again.Has("mine", "other") {
			t.Errorf("%s: it is told again", name)
		}
	}
}
