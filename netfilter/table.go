// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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
	for _, name := range []string{p.InboundTable(), p.Table()} {
		err = deleteTables(fd, nil, []tableName{{unix.NFPROTO_INET, name}})
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("delete table %s: %w", name, err)
		}
	}
	return nil
}

// A tableName names a table of nftables. The family is one of NFPROTO_*.
type tableName struct {
	family byte
	name   string
}

// deleteTables deletes tables with all that is in them, in one transaction. Where generation is not nil and the rules have been changed since, nothing
// is deleted: the error is ERESTART (NFNL_BATCH_GENID, Linux 4.11).
func deleteTables(fd int, generation []byte, tables []tableName) error {
	var since []byte
	if generation != nil {
		since = attribute(unix.NFNL_BATCH_GENID, generation)
	}
	request := netfilterMessage(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, since)
	for i, table := range tables {
		flags := uint16(0)
		if i == len(tables)-1 {
			flags = unix.NLM_F_ACK
		}
		name := attribute(unix.NFTA_TABLE_NAME, append([]byte(table.name), 0))
		request = append(request, netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_DELTABLE, flags, table.family, 0, name)...)
	}
	request = append(request, netfilterMessage(unix.NFNL_MSG_BATCH_END, 0, unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)...)
	return talk(fd, request, nil)
}

// DeleteEmptyTables deletes the tables that iptables makes in nftables as they are first used, and itself leaves there, as far as nothing is in
// them: no rule, no set, no chain but iptables' own with the policy that they start with. It needs CAP_NET_ADMIN. The tables of the older
// iptables are the kernel's own and are always there.
func DeleteEmptyTables() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("delete iptables' empty tables: %w", err)
	}
	defer unix.Close(fd)
	for range 5 {
		var generation []byte
		var tables []tableName
		if generation, tables, err = emptyTables(fd); err == nil && len(tables) > 0 {
			err = deleteTables(fd, generation, tables)
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
func emptyTables(fd int) (generation []byte, empty []tableName, err error) {
	ask := func(kind, flags uint16, family byte, each func(attributes map[uint16][]byte)) {
		if err == nil {
			request := netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, family, 0, nil)
			err = talk(fd, request, func(body []byte) { each(attributes(body[min(4, len(body)):])) })
		}
	}
	ask(unix.NFT_MSG_GETGEN, unix.NLM_F_ACK, unix.NFPROTO_UNSPEC, func(a map[uint16][]byte) { generation = slices.Clone(a[unix.NFTA_GEN_ID]) })
	number := func(b []byte) int { // in network order, as all of nftables' are
		if len(b) < 4 {
			return -1
		}
		return int(binary.BigEndian.Uint32(b))
	}
	for _, family := range []byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		bare := map[string]int{} // chains in which there is nothing, by their table
		ask(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, family, func(a map[uint16][]byte) {
			if iptablesChains[nameOf(a[unix.NFTA_CHAIN_NAME])] && number(a[unix.NFTA_CHAIN_USE]) == 0 && number(a[unix.NFTA_CHAIN_POLICY]) == nfAccept {
				bare[nameOf(a[unix.NFTA_CHAIN_TABLE])]++
			}
		})
		ask(unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, family, func(a map[uint16][]byte) {
			name := nameOf(a[unix.NFTA_TABLE_NAME])
			own := slices.ContainsFunc(iptablesTables, func(t iptablesTable) bool { return t.name == name })
			if own && number(a[unix.NFTA_TABLE_USE]) == bare[name] {
				empty = append(empty, tableName{family, name})
			}
		})
	}
	return generation, empty, err
}

const nfAccept = 1 // NF_ACCEPT

// iptablesChains are the chains that iptables makes itself.
var iptablesChains = map[string]bool{"PREROUTING": true, "INPUT": true, "FORWARD": true, "OUTPUT": true, "POSTROUTING": true}
