// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// The expressions of nftables that Holder's rules are made of, as nft --debug=netlink prints them (linux/netfilter/nf_tables.h).

const (
	tableOfOwner = 2 // NFT_TABLE_F_OWNER
	nfDrop       = 0 // NF_DROP
	nlaNested    = 1 << 15
	trackedState = 2 // of "established": 1 << (IP_CT_ESTABLISHED + 1)
)

var loopback = [unix.IFNAMSIZ]byte{'l', 'o'}

func tableMessage(kind, flags uint16, attributes ...[]byte) []byte {
	return netfilterMessage(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, unix.NFPROTO_INET, 0, slices.Concat(attributes...))
}

func nest(kind uint16, attributes ...[]byte) []byte {
	return attribute(kind|nlaNested, slices.Concat(attributes...))
}

func text(name string) []byte { return append([]byte(name), 0) }

func bigEndian(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

// native is for what the kernel keeps as a number of this processor.
func native(number uint32) []byte { return binary.NativeEndian.AppendUint32(nil, number) }

// expression returns one of a rule. All of them use the same register.
func expression(name string, attributes ...[]byte) []byte {
	return nest(unix.NFTA_LIST_ELEM, attribute(unix.NFTA_EXPR_NAME, text(name)), nest(unix.NFTA_EXPR_DATA, attributes...))
}

func register(kind uint16) []byte { return attribute(kind, bigEndian(unix.NFT_REG_1)) }

func value(kind uint16, data []byte) []byte {
	return nest(kind, attribute(unix.NFTA_DATA_VALUE, data))
}

// meta loads what the kernel knows of a packet, one of NFT_META_*.
func meta(key uint32) []byte {
	return expression("meta", attribute(unix.NFTA_META_KEY, bigEndian(key)), register(unix.NFTA_META_DREG))
}

// compare ends the rule unless what was loaded is so, by one of NFT_CMP_*.
func compare(how uint32, with []byte) []byte {
	return expression("cmp", register(unix.NFTA_CMP_SREG), attribute(unix.NFTA_CMP_OP, bigEndian(how)), value(unix.NFTA_CMP_DATA, with))
}

// payload loads bytes of a packet, from one of NFT_PAYLOAD_*_HEADER on.
func payload(header, at, size uint32) []byte {
	return expression("payload", register(unix.NFTA_PAYLOAD_DREG), attribute(unix.NFTA_PAYLOAD_BASE, bigEndian(header)),
		attribute(unix.NFTA_PAYLOAD_OFFSET, bigEndian(at)), attribute(unix.NFTA_PAYLOAD_LEN, bigEndian(size)))
}

// verdict ends the rule's chain, with NF_ACCEPT or NF_DROP.
func verdict(code uint32) []byte {
	return expression("immediate", attribute(unix.NFTA_IMMEDIATE_DREG, bigEndian(unix.NFT_REG_VERDICT)),
		nest(unix.NFTA_IMMEDIATE_DATA, nest(unix.NFTA_DATA_VERDICT, attribute(unix.NFTA_VERDICT_CODE, bigEndian(code)))))
}

// sentBy matches the packets of users' sockets.
func sentBy(uids netfilter.Range) [][]byte {
	if uids.First == uids.Last {
		return [][]byte{meta(unix.NFT_META_SKUID), compare(unix.NFT_CMP_EQ, native(uids.First))}
	}
	turned := expression("byteorder", register(unix.NFTA_BYTEORDER_SREG), register(unix.NFTA_BYTEORDER_DREG), // bytes are compared from the first on
		attribute(unix.NFTA_BYTEORDER_OP, bigEndian(unix.NFT_BYTEORDER_HTON)),
		attribute(unix.NFTA_BYTEORDER_LEN, bigEndian(4)), attribute(unix.NFTA_BYTEORDER_SIZE, bigEndian(4)))
	return [][]byte{meta(unix.NFT_META_SKUID), turned, compare(unix.NFT_CMP_GTE, bigEndian(uids.First)), compare(unix.NFT_CMP_LTE, bigEndian(uids.Last))}
}

// sentTo matches what goes to a port of an address.
func sentTo(server netip.AddrPort, protocol byte) [][]byte {
	address, family, at := server.Addr().AsSlice(), byte(unix.NFPROTO_IPV4), uint32(16)
	if server.Addr().Is6() {
		family, at = unix.NFPROTO_IPV6, 24
	}
	return [][]byte{
		meta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{family}),
		payload(unix.NFT_PAYLOAD_NETWORK_HEADER, at, uint32(len(address))), compare(unix.NFT_CMP_EQ, address),
		meta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{protocol}),
		payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2), compare(unix.NFT_CMP_EQ, binary.BigEndian.AppendUint16(nil, server.Port())),
	}
}

// established matches the packets of connections to which somebody has answered.
func established() [][]byte {
	return [][]byte{
		expression("ct", attribute(unix.NFTA_CT_KEY, bigEndian(unix.NFT_CT_STATE)), register(unix.NFTA_CT_DREG)),
		expression("bitwise", register(unix.NFTA_BITWISE_SREG), register(unix.NFTA_BITWISE_DREG), attribute(unix.NFTA_BITWISE_LEN, bigEndian(4)),
			value(unix.NFTA_BITWISE_MASK, native(trackedState)), value(unix.NFTA_BITWISE_XOR, native(0))),
		compare(unix.NFT_CMP_NEQ, native(0)),
	}
}
