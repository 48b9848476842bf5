// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// The attributes that say what chains, rules and sets do. The others are counters, and numbers that the kernel gives anew with each
// load.
var (
	chainWords = []uint16{unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_TYPE, unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY, nftaChainFlags}
	ruleWords  = []uint16{unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_EXPRESSIONS}
	setWords   = []uint16{unix.NFTA_SET_NAME, unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN, unix.NFTA_SET_DATA_TYPE}
)

const (
	nftaChainFlags = 10  // NFTA_CHAIN_FLAGS
	chainTries     = 100 // how often chains are asked for while some are missing
)

// Shown returns what the kernel shows of tables of the family inet, as a fingerprint of each by its name. A table that is not there
// has none. Rules that were loaded again have the same one, whatever their counters say. It needs CAP_NET_ADMIN.
func Shown(tables ...string) (map[string]string, error) {
	c, err := converse(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("look at tables: %w", err)
	}
	defer c.close()
	all, chains := map[string]string{}, chainsOf{}
	for _, table := range tables {
		shown, err := c.shown(table, chains)
		switch {
		case err == nil:
			sum := sha256.Sum256(shown)
			all[table] = string(sum[:])
		case !errors.Is(err, unix.ENOENT):
			return nil, fmt.Errorf("look at table %s: %w", table, err)
		}
	}
	return all, nil
}

// chainsOf are the chains of all tables, by table and name.
type chainsOf map[string]map[string][]byte

// shown returns all that makes a table what it is. Of chains that are not in chains it asks for all there are.
func (c *conversation) shown(table string, chains chainsOf) (all []byte, err error) {
	things := 0 // chains, in the end
	err = c.nftables(unix.NFT_MSG_GETTABLE, 0, unix.NFPROTO_INET, func(a map[uint16][]byte) {
		things = number(a[unix.NFTA_TABLE_USE])
		all = words(a, unix.NFTA_TABLE_FLAGS, unix.NFTA_TABLE_USE)
	}, attribute(unix.NFTA_TABLE_NAME, text(table)))
	if err != nil {
		return nil, err
	}
	sets := map[string][]byte{}
	err = c.nftables(unix.NFT_MSG_GETSET, unix.NLM_F_DUMP, unix.NFPROTO_INET, func(a map[uint16][]byte) {
		sets[nameOf(a[unix.NFTA_SET_NAME])] = words(a, setWords...)
		if number(a[unix.NFTA_SET_FLAGS])&unix.NFT_SET_ANONYMOUS == 0 {
			things-- // a set within a rule is not counted
		}
	}, attribute(unix.NFTA_SET_TABLE, text(table)))
	if err != nil {
		return nil, err
	}
	// The kernel tells the chains of all tables alone, going on by their number, and so passes some over while somebody changes
	// others' tables.
	for tries := chainTries; len(chains[table]) < things && tries > 0; tries-- {
		if err := c.addChains(chains); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(chains[table])) {
		all = append(all, chains[table][name]...)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		elements, err := c.elements(table, name)
		if err != nil {
			return nil, err
		}
		all = append(append(all, sets[name]...), elements...)
	}
	err = c.nftables(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, unix.NFPROTO_INET, func(a map[uint16][]byte) {
		a[unix.NFTA_RULE_EXPRESSIONS] = uncounted(a[unix.NFTA_RULE_EXPRESSIONS])
		all = append(all, words(a, ruleWords...)...)
	}, attribute(unix.NFTA_RULE_TABLE, text(table)))
	return all, err
}

// addChains adds the chains of all tables, as far as the kernel tells them.
func (c *conversation) addChains(chains chainsOf) error {
	return c.nftables(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, unix.NFPROTO_INET, func(a map[uint16][]byte) {
		table := nameOf(a[unix.NFTA_CHAIN_TABLE])
		if chains[table] == nil {
			chains[table] = map[string][]byte{}
		}
		chains[table][nameOf(a[unix.NFTA_CHAIN_NAME])] = words(a, chainWords...)
	})
}

// elements returns a fingerprint of what is in a set, which the kernel tells in another order after each load.
func (c *conversation) elements(table, set string) ([]byte, error) {
	all := make([]byte, sha256.Size)
	err := c.nftables(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, unix.NFPROTO_INET, func(a map[uint16][]byte) {
		eachAttribute(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS], func(_ uint16, element []byte) {
			for i, b := range sha256.Sum256(element) {
				all[i] ^= b
			}
		})
	}, attribute(unix.NFTA_SET_ELEM_LIST_TABLE, text(table)), attribute(unix.NFTA_SET_ELEM_LIST_SET, text(set)))
	return all, err
}

// words returns some of the attributes, one after the other.
func words(a map[uint16][]byte, kinds ...uint16) (all []byte) {
	for _, kind := range kinds {
		all = append(all, attribute(kind, a[kind])...)
	}
	return all
}

// uncounted returns a rule's expressions without what its counters have counted.
func uncounted(expressions []byte) (all []byte) {
	eachAttribute(expressions, func(kind uint16, expression []byte) {
		if name := attributes(expression)[unix.NFTA_EXPR_NAME]; nameOf(name) == "counter" {
			expression = name
		}
		all = append(all, attribute(kind, expression)...)
	})
	return all
}
