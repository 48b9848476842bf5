// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// DeleteTables takes tables of nftables away, as netfilter.Removal does, without the program nft: who uninstalls that leaves in the
// kernel what it has loaded. It needs CAP_NET_ADMIN. Where there is no such table, or no nftables, nothing is done.
func DeleteTables(names ...string) error {
	c, err := converse(unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete tables: %w", err)
	}
	defer c.close()
	for _, name := range names {
		err = c.deleteTables(nil, []table{{unix.NFPROTO_INET, name}})
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("delete table %s: %w", name, err)
		}
	}
	return nil
}

// A table is one of nftables. The family is one of NFPROTO_*.
type table struct {
	family byte
	name   string
}

// deleteTables deletes tables with all that is in them, in one transaction.
func (c *conversation) deleteTables(generation []byte, tables []table) error {
	var batch [][]byte
	for i, table := range tables {
		flags := uint16(0)
		if i == len(tables)-1 {
			flags = unix.NLM_F_ACK
		}
		batch = append(batch, netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_DELTABLE, flags, table.family, 0, attribute(unix.NFTA_TABLE_NAME, text(table.name))))
	}
	return c.transact(generation, batch)
}

// transact has the kernel do all that messages ask for, or nothing; the last one asks for an answer. Where generation is not nil
// and the rules have been changed since, nothing is done: the error is ERESTART (NFNL_BATCH_GENID, Linux 4.11).
func (c *conversation) transact(generation []byte, messages [][]byte) error {
	var since []byte
	if generation != nil {
		since = attribute(unix.NFNL_BATCH_GENID, generation)
	}
	batch := [][]byte{netfilterMessage(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, since)}
	batch = append(batch, messages...)
	batch = append(batch, netfilterMessage(unix.NFNL_MSG_BATCH_END, 0, unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil))
	return c.ask(nil, batch...)
}

// netfilterMessage returns a struct nlmsghdr, a struct nfgenmsg and attributes.
func netfilterMessage(kind, flags uint16, family byte, resource uint16, attributes []byte) []byte {
	body := binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
	return message(kind, flags, append(body, attributes...))
}

// DeleteEmptyTables deletes the tables that iptables makes in nftables at first use, and leaves there, if nothing is in them. They
// have no rule, no set, and no chain but iptables' own with the policy that they start with. It needs CAP_NET_ADMIN. The tables of
// the older iptables are the kernel's own and are always there.
func DeleteEmptyTables() error {
	c, err := converse(unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("delete iptables' empty tables: %w", err)
	}
	defer c.close()
	for range 5 {
		var generation []byte
		var tables []table
		if generation, tables, err = c.emptyTables(); err == nil && len(tables) > 0 {
			err = c.deleteTables(generation, tables)
		}
		if !errors.Is(err, unix.ERESTART) {
			break
		}
	}
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) { // there is no nftables
		return fmt.Errorf("delete iptables' empty tables: %w", err)
	}
	return nil
}

// emptyTables returns iptables' tables in which there is nothing, and the generation of the rules of which that was true.
func (c *conversation) emptyTables() (generation []byte, empty []table, err error) {
	generation, err = c.generation()
	for _, family := range []byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		if err != nil {
			break
		}
		var names []string
		names, err = c.emptyTablesOf(family)
		for _, name := range names {
			empty = append(empty, table{family, name})
		}
	}
	return generation, empty, err
}

// generation returns the number of the rules' present state, as it came.
func (c *conversation) generation() (number []byte, err error) {
	err = c.nftables(unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC, func(a map[uint16][]byte) { number = slices.Clone(a[unix.NFTA_GEN_ID]) })
	return number, err
}

func (c *conversation) emptyTablesOf(family byte) (empty []string, err error) {
	bare := map[string]int{} // chains in which there is nothing, by their table
	err = c.nftables(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, family, func(a map[uint16][]byte) {
		own := slices.Contains(netfilter.IptablesHooks(), nameOf(a[unix.NFTA_CHAIN_NAME]))
		if own && number(a[unix.NFTA_CHAIN_USE]) == 0 && number(a[unix.NFTA_CHAIN_POLICY]) == nfAccept {
			bare[nameOf(a[unix.NFTA_CHAIN_TABLE])]++
		}
	})
	if err != nil {
		return nil, err
	}
	err = c.nftables(unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, family, func(a map[uint16][]byte) {
		name := nameOf(a[unix.NFTA_TABLE_NAME])
		if slices.Contains(netfilter.IptablesTables(), name) && number(a[unix.NFTA_TABLE_USE]) == bare[name] {
			empty = append(empty, name)
		}
	})
	return empty, err
}

// nftables asks something of nftables, about what the attributes say, and hands those of each answer to each.
func (c *conversation) nftables(kind, flags uint16, family byte, each func(attributes map[uint16][]byte), about ...[]byte) error {
	return c.ask(func(body []byte) { each(attributes(body[min(nfgenmsgSize, len(body)):])) },
		netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, family, 0, slices.Concat(about...)))
}

const (
	nfgenmsgSize = 4 // struct nfgenmsg
	nfAccept     = 1 // NF_ACCEPT
)

// number reads one of nftables' numbers, which are in network order; -1 where there is none.
func number(value []byte) int {
	if len(value) < 4 {
		return -1
	}
	return int(binary.BigEndian.Uint32(value))
}
