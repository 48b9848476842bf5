// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// A Holder keeps agents' packets on the machine by tables of nftables that belong to its socket (NFT_TABLE_F_OWNER, Linux 5.12).
// Nobody else can flush or delete them, and they go with the socket, and so with the process. It needs CAP_NET_ADMIN. The zero
// value holds nothing.
type Holder struct {
	c    *conversation
	held map[string]netfilter.Held // by table
}

// Hold puts a table in force, or what has changed of it, in one transaction.
func (h *Holder) Hold(held netfilter.Held) error {
	if is, ok := h.held[held.Table]; ok && reflect.DeepEqual(is, held) {
		return nil
	}
	if err := h.ask(heldBatch(held)); err != nil {
		return fmt.Errorf("hold packets back while rules are flushed: %w", err)
	}
	h.held[held.Table] = held
	return nil
}

// Release takes a table away, if it is there.
func (h *Holder) Release(table string) error {
	if _, ok := h.held[table]; !ok {
		return nil
	}
	delete(h.held, table)
	if err := h.ask([][]byte{tableMessage(unix.NFT_MSG_DELTABLE, unix.NLM_F_ACK, attribute(unix.NFTA_TABLE_NAME, text(table)))}); err != nil {
		return fmt.Errorf("delete table %s: %w", table, err)
	}
	return nil
}

// Close takes all tables away.
func (h *Holder) Close() {
	if h.c != nil {
		h.c.close()
	}
	h.c, h.held = nil, nil
}

// ask has the kernel do all that messages say, or nothing. With a socket that breaks all tables go: the others are made again.
func (h *Holder) ask(messages [][]byte) (err error) {
	if h.c == nil {
		if h.c, err = converse(unix.NETLINK_NETFILTER); err != nil {
			return err
		}
		h.held = map[string]netfilter.Held{}
	}
	err = h.c.transact(nil, messages)
	if broken := (brokenLink{}); errors.As(err, &broken) {
		all := h.held
		h.Close()
		for _, held := range all {
			err = errors.Join(err, h.Hold(held))
		}
	}
	return err
}

// heldBatch returns the messages that make a table hold exactly this, whether or not it is there.
func heldBatch(held netfilter.Held) [][]byte {
	named, wire, translate := attribute(unix.NFTA_RULE_TABLE, text(held.Table)), "wire", "translate"
	batch := [][]byte{tableMessage(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE,
		attribute(unix.NFTA_TABLE_NAME, text(held.Table)), attribute(unix.NFTA_TABLE_FLAGS, bigEndian(tableOfOwner)))}
	chain := func(name, kind string, hook, priority int32) {
		hooked := nest(unix.NFTA_CHAIN_HOOK, attribute(unix.NFTA_HOOK_HOOKNUM, bigEndian(uint32(hook))), attribute(unix.NFTA_HOOK_PRIORITY, bigEndian(uint32(priority))))
		batch = append(batch,
			tableMessage(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, attribute(unix.NFTA_CHAIN_TABLE, text(held.Table)), attribute(unix.NFTA_CHAIN_NAME, text(name)),
				hooked, attribute(unix.NFTA_CHAIN_POLICY, bigEndian(nfAccept)), attribute(unix.NFTA_CHAIN_TYPE, text(kind))),
			tableMessage(unix.NFT_MSG_DELRULE, 0, named, attribute(unix.NFTA_RULE_CHAIN, text(name)))) // all rules of the chain
	}
	rule := func(chain string, expressions ...[]byte) {
		batch = append(batch, tableMessage(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND,
			named, attribute(unix.NFTA_RULE_CHAIN, text(chain)), nest(unix.NFTA_RULE_EXPRESSIONS, expressions...)))
	}
	chain(wire, "filter", unix.NF_INET_POST_ROUTING, 0)
	chain(translate, "nat", unix.NF_INET_LOCAL_OUT, -100)
	// While some chain translates and some rule asks what is tracked, the kernel goes on with both for the connections there are.
	// The last packets of a closed socket carry no uid, and would otherwise go where the agent meant them to.
	rule(translate, append(established(), verdict(nfAccept))...)
	for _, server := range held.Servers {
		for _, uids := range held.UIDs {
			for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
				rule(wire, append(append(sentBy(uids), sentTo(server, protocol)...), verdict(nfAccept))...)
			}
		}
	}
	for _, uids := range held.UIDs {
		rule(wire, append(sentBy(uids), meta(unix.NFT_META_OIFNAME), compare(unix.NFT_CMP_NEQ, loopback[:]), expression("counter"), verdict(nfDrop))...)
	}
	last := batch[len(batch)-1]
	binary.NativeEndian.PutUint16(last[6:], binary.NativeEndian.Uint16(last[6:])|unix.NLM_F_ACK) // struct nlmsghdr, nlmsg_flags
	return batch
}
