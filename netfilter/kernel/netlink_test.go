// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// routes is a conversation about routes, which needs no right.
func routes(t *testing.T) *conversation {
	c, err := converse(unix.NETLINK_ROUTE)
	must(t, err)
	t.Cleanup(c.close)
	return c
}

func askRoute(addr string) []byte {
	return message(unix.RTM_GETROUTE, 0, routeRequest(netip.MustParseAddr(addr)))
}

// typeOfRoute asks, and returns the RTN_* that is answered.
func (c *conversation) typeOfRoute(addr string) (kind byte, err error) {
	err = c.ask(func(body []byte) { kind = body[7] }, askRoute(addr))
	return kind, err
}

// An answer of the kernel to a question that nobody waits for any more is no answer to the next.
func TestLateAnswersArePassedOver(t *testing.T) {
	c := routes(t)
	must(t, unix.Sendto(c.fd, askRoute("224.0.0.1"), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})) // a multicast route, or an error
	if kind, err := c.typeOfRoute("127.0.0.1"); err != nil || kind != unix.RTN_LOCAL {
		t.Errorf("after a late answer, the route to 127.0.0.1 is of type %d, %v; want %d", kind, err, unix.RTN_LOCAL)
	}
	refused := message(unix.RTM_GETROUTE, 0, []byte{unix.AF_INET, 0, 0, 0}) // less than a struct rtmsg
	if err := c.ask(nil, refused); !errors.Is(err, unix.EINVAL) {
		t.Errorf("half a question: %v, want %v", err, unix.EINVAL)
	}
	if kind, err := c.typeOfRoute("127.0.0.1"); err != nil || kind != unix.RTN_LOCAL {
		t.Errorf("after an error, the route to 127.0.0.1 is of type %d, %v; want %d", kind, err, unix.RTN_LOCAL)
	}
}

// Another process that may send to this one's socket is not believed.
func TestOnlyTheKernelAnswers(t *testing.T) {
	c, other := routes(t), routes(t)
	must(t, unix.Bind(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	at, err := unix.Getsockname(c.fd)
	must(t, err)
	forged := message(unix.RTM_NEWROUTE, 0, []byte{unix.AF_INET, 32, 0, 0, 0, 0, 0, unix.RTN_BLACKHOLE, 0, 0, 0, 0})
	binary.NativeEndian.PutUint32(forged[8:], c.seq+1)
	err = unix.Sendto(other.fd, forged, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: at.(*unix.SockaddrNetlink).Pid})
	if errors.Is(err, unix.EPERM) {
		t.Skip("only root may send to another's netlink socket")
	}
	must(t, err)
	if kind, err := c.typeOfRoute("127.0.0.1"); err != nil || kind != unix.RTN_LOCAL {
		t.Errorf("the forged answer was taken: type %d, %v", kind, err)
	}
}

// A question without an answer ends, and the next is asked on another socket.
func TestNoAnswerIsWaitedForForEver(t *testing.T) {
	c, began := routes(t), time.Now()
	err := c.ask(nil, message(unix.NLMSG_NOOP, 0, nil))
	if !errors.As(err, new(brokenLink)) {
		t.Errorf("a question without an answer: %v", err)
	}
	if took := time.Since(began); took < patience/2 || took > 10*patience {
		t.Errorf("it ended after %s, want %s", took, patience)
	}
	l := &Lookup{}
	if _, err := l.ask(&l.routes, unix.NETLINK_ROUTE, unix.NLMSG_NOOP, nil); err == nil || l.routes != nil {
		t.Errorf("after %v the same socket would be asked again", err)
	}
	if local, err := l.IsLocal(netip.MustParseAddr("127.9.9.9")); err != nil || !local {
		t.Errorf("the next question: %v, %v", local, err)
	}
}
