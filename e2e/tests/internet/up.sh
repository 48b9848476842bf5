# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# A small internet behind the machine, in a network namespace, for the tests of `au net`. Sourced after lib.sh.
# internet_also="NAME…" gives it more names.
#
#   internet_up            makes it: names allowed.test, www.allowed.test, git.test, mirror.test, other.test, attacker.test (see server.py),
#                          IPv4 and IPv6, DNS, HTTP, HTTPS under a test CA that the machine trusts
#   attacked               prints how many packets reached the attacker's addresses or asked DNS servers for anything but ns.test
#   on_wire                prints how many packets left the machine, but for questions to the resolvers, resets and what finds neighbours
#   stays COMMAND…         runs COMMAND, whatever its status; nothing left the machine meanwhile
#   untouched COMMAND…     runs COMMAND, whatever its status; nothing reached the attacker meanwhile
#   taken WAY…             the last command was ways.py, which came to the end of each
#   agent COMMAND…         runs COMMAND as the agent under `au run` of alice

internet_up() {
	internet=/opt/e2e/tests/internet
	mkdir -p /run/internet/files
	if ! command -v ip >/dev/null || ! ip netns add internet 2>/dev/null; then
		skip "no network namespaces in this machine"
	fi
	ip link add up0 type veth peer name down0 netns internet || skip "no veth in this machine"
	ip addr add 198.51.100.2/24 dev up0
	ip addr add 2001:db8:1::2/64 dev up0 nodad
	ip link set up0 up
	ip -n internet link set lo up
	ip -n internet addr add 198.51.100.1/24 dev down0
	ip -n internet addr add 2001:db8:1::1/64 dev down0 nodad
	for last in 7 8 9 10 53 54 66; do
		ip -n internet addr add 203.0.113.$last/32 dev lo
		ip -n internet addr add 2001:db8:2::$last/128 dev lo nodad
	done
	ip -n internet link set down0 up
	ip route add default via 198.51.100.1
	ip -6 route add default via 2001:db8:1::1
	ip netns exec internet nft -f - <<-RULES
		table inet seen {
			counter attacker { }
			counter wire { }
			chain in {
				type filter hook prerouting priority -400;
				ip daddr 203.0.113.66 counter name attacker
				ip6 daddr 2001:db8:2::66 counter name attacker
			}
			chain wire { # before fragments are put together
				type filter hook prerouting priority -450;
				iifname != "down0" return
				icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report } return
				meta l4proto 2 return
				tcp flags & rst == rst return
				ip daddr 203.0.113.53 return
				ip6 daddr 2001:db8:2::53 return
				counter name wire
			}
		}
	RULES
	ip -n internet -6 -o addr show dev down0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/' >/run/internet/link-local
	rm -f /etc/resolv.conf
	printf 'nameserver 203.0.113.53\nnameserver 2001:db8:2::53\n' >/etc/resolv.conf
	internet_ca
	(exec ip netns exec internet setsid env INTERNET_ALSO="${internet_also-}" python3 "$internet/server.py" >/run/internet/log 2>&1) &
	soon test -e /run/internet/ready
	ok as alice curl -sS https://allowed.test/
	says "INTERNET allowed.test"
	ok as alice curl -4 -sS https://attacker.test/
	[ "$(attacked)" -gt 0 ] || fail "the attacker sees nothing, so that these tests would show nothing"
}

internet_ca() {
	(
		cd /run/internet || exit 1
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=test CA" \
			-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj "/CN=internet"
		names=DNS:allowed.test,DNS:www.allowed.test,DNS:git.test,DNS:mirror.test,DNS:other.test,DNS:attacker.test,IP:203.0.113.66
		for name in ${internet_also-}; do names=$names,DNS:$name; done
		printf 'subjectAltName=%s\n' "$names" >ext
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 30 -extfile ext
		cp ca.pem /usr/local/share/ca-certificates/au-test.crt
		update-ca-certificates
	) >/run/internet/ca.log 2>&1 || fail "no test CA: $(cat /run/internet/ca.log)"
}

on_wire() { ip netns exec internet nft list counter inet seen wire | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }

# settled returns when what the machine has sent has arrived. A busy processor may take long to hand on what was sent on it, and what is sent on it later waits behind.
settled() {
	for processor in $(seq 0 $(($(nproc --all) - 1))); do
		timeout 20 taskset -c "$processor" bash -c ': >/dev/tcp/203.0.113.53/53' 2>/dev/null || true
	done
}

stays() {
	settled
	: >/run/internet/wire
	left_before=$(on_wire)
	e2e_run "$@"
	sleep 0.3
	[ "$(on_wire)" = "$left_before" ] || fail "$(($(on_wire) - left_before)) packets left the machine:
$(tail -n 20 /run/internet/wire)"
}

attacked() { ip netns exec internet nft list counter inet seen attacker | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }

untouched() {
	seen_before=$(attacked)
	e2e_run "$@"
	sleep 0.3
	seen_now=$(attacked)
	[ "$seen_now" = "$seen_before" ] || fail "$((seen_now - seen_before)) packets reached the attacker"
}

taken() { for e2e_way; do grep -q "^$e2e_way [0-9]" "$e2e/out" || fail "$e2e_way was not taken"; done; }

agent() { as alice au run -- "$@"; }
