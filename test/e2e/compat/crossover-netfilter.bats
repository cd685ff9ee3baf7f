# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# A live node changes over in either direction with rules in place: what one added the other checks
# and deletes, and nothing of the attachment is left in any rule set.

load ../lib
load ../traffic/traffic

other() {
	if [ "$1" = ref ]; then echo ours; else echo ref; fi
}

# The reference names chains by a hash, which is not a word by itself.
expect_nothing_left() {
	local hash rules
	hash=$(printf '%s' "net0$CID" | sha512sum | cut -c-15)
	expect_no_trace "$CID" "${ADDRESS[BOX4]}" "${ADDRESS[BOX6]}"
	rules=$(all_rules 2>/dev/null)
	! grep -F "$hash" <<<"$rules" || fail "no chain of the container's"
}

plugins_dir() {
	echo "$PLUGINS"
}

# The reference's bridge and ptp delete both backends' rules, and fail for want of what was not there.
del_by() {
	if [ "$(by "$1" plugins_dir)" = "$REF_BIN" ] && [[ ${CONFS[0]} == *'"ipMasq":true'* ]]; then
		chain_del "$1" || echo "(as expected)"
	else
		chain_del "$1"
	fi
}

# one_way ADDER DELETER : with another container of the adder's beside it, that keeps what it has.
one_way() {
	MAPPINGS=$(map_ports <<<$'8080 80 tcp,udp\n8081 81 tcp 192.0.2.1\n8082 82 tcp ::1')
	container box
	chain_add "$1"
	expect_trace "${ADDRESS[BOX4]}" "${ADDRESS[BOX6]}"
	MAPPINGS=$(map_ports <<<"9080 80 tcp,udp")
	container stays
	chain_add "$1"
	about box
	chain_check "$2"
	del_by "$2"
	expect_nothing_left
	expect_trace "${ADDRESS[STAYS4]}" "${ADDRESS[STAYS6]}"
	about stays
	chain_check "$1"
	del_by "$1"
	expect_no_trace stays "${ADDRESS[STAYS4]}" "${ADDRESS[STAYS6]}"
}

# both_ways PLUGIN CONF...
both_ways() {
	chain "$@"
	one_way ref ours
	again
	chain "$@"
	one_way ours ref
}

# goes_on ADDER : who was served before the change-over is served after it, and beside those that
# the other one adds.
goes_on() {
	local deleter
	deleter=$(other "$1")
	MAPPINGS=$(map_ports <<<$'8080 80 tcp,udp,sctp')
	container box
	chain_add "$1"
	serve box {tcp,udp,sctp}/80
	MAPPINGS=$(map_ports <<<"8090 80 tcp,udp,sctp")
	container more
	chain_add "$deleter"
	serve more {tcp,udp,sctp}/80
	serve remote {tcp,udp,sctp}/90
	from remote "tcp udp sctp" <<-EOF
		46 old HOST 8080 box:80 REMOTE
		46 new HOST 8090 more:80 REMOTE
	EOF
	from box "tcp udp sctp" <<<"46 out REMOTE 90 remote:90 HOST"
	from more "tcp udp sctp" <<<"46 out REMOTE 90 remote:90 HOST"
	about box
	del_by "$deleter"
	from remote "tcp udp sctp" <<-EOF
		46 old HOST 8080 none
		46 new HOST 8090 more:80 REMOTE
	EOF
}

MASQ_IPTABLES='{"ipMasq": true, "ipMasqBackend": "iptables"}'
MASQ_NFTABLES='{"ipMasq": true, "ipMasqBackend": "nftables"}'

@test "ipMasq of bridge, iptables" { both_ways bridge "$MASQ_IPTABLES"; }
@test "ipMasq of bridge, nftables" { both_ways bridge "$MASQ_NFTABLES"; }
@test "ipMasq of ptp, iptables" { both_ways ptp "$MASQ_IPTABLES"; }
@test "ipMasq of ptp, nftables" { both_ways ptp "$MASQ_NFTABLES"; }
@test "portmap, iptables" { both_ways bridge '{}' portmap '{"backend": "iptables"}'; }
@test "portmap, nftables" { both_ways bridge '{}' portmap '{"backend": "nftables"}'; }
@test "portmap with masqAll, iptables" { both_ways bridge '{}' portmap '{"backend": "iptables", "masqAll": true}'; }
@test "portmap with masqAll, nftables" { both_ways bridge '{}' portmap '{"backend": "nftables", "masqAll": true}'; }

# Releases after 1.9.1 have one rule for all sources, whose match of 0.0.0.0/0 the kernel is given, or is not, as
# nft's release has it.
@test "portmap with masqAll, nftables, as the newest reference writes it" {
	local all4 all6
	for all4 in '' 'ip saddr 0.0.0.0/0'; do
		all6=${all4:+ip6 saddr ::/0}
		chain bridge '{}' portmap '{"backend": "nftables", "masqAll": true}'
		MAPPINGS=$(map_ports <<<"8080 80 tcp")
		container box
		chain_add ref
		nft flush chain ip cni_hostport masquerading
		nft flush chain ip6 cni_hostport masquerading
		# shellcheck disable=SC2086
		nft add rule ip cni_hostport masquerading $all4 ip daddr "${ADDRESS[BOX4]}" masquerade comment "\"$CID\""
		# shellcheck disable=SC2086
		nft add rule ip6 cni_hostport masquerading $all6 ip6 daddr "${ADDRESS[BOX6]}" masquerade comment "\"$CID\""
		chain_check ours
		chain_del ours
		expect_nothing_left
		again
	done
}

@test "firewall, iptables" { both_ways bridge '{}' firewall '{"backend": "iptables"}'; }

# Acceptance asks for no more: the reference finds rules by its comments, not elements of a set.
@test "macspoofchk, added by the reference" {
	chain bridge '{"macspoofchk": true}'
	container box
	chain_add ref
	expect_trace box
	chain_del ours
	expect_no_trace box
}

@test "the usual four, iptables" {
	both_ways bridge "$MASQ_IPTABLES" portmap '{"backend": "iptables"}' firewall '{"backend": "iptables"}'
}

@test "legacy iptables: ipMasq, portmap, firewall" {
	with_legacy
	both_ways bridge "$MASQ_IPTABLES" portmap '{"backend": "iptables"}' firewall '{"backend": "iptables"}'
}

@test "legacy iptables beside portmap and ipMasq by nftables" {
	with_legacy
	iptables -t nat -N SOMEBODYS
	both_ways bridge "$MASQ_NFTABLES" portmap '{"backend": "nftables"}' firewall '{"backend": "iptables"}'
}

@test "traffic goes on over the change, iptables" {
	chain bridge "$MASQ_IPTABLES" portmap '{"backend": "iptables"}' firewall '{"backend": "iptables"}'
	goes_on ref
	again
	chain bridge "$MASQ_IPTABLES" portmap '{"backend": "iptables"}' firewall '{"backend": "iptables"}'
	goes_on ours
}

@test "traffic goes on over the change, nftables" {
	chain bridge "$MASQ_NFTABLES" portmap '{"backend": "nftables"}'
	goes_on ref
	again
	chain bridge "$MASQ_NFTABLES" portmap '{"backend": "nftables"}'
	goes_on ours
}

# A reference without the key chose iptables; ours without it chooses nftables. A node that changes
# over keeps its configuration.
@test "no backend chosen: ours finds what the reference chose" {
	chain bridge '{"ipMasq": true}' portmap '{}' firewall '{}'
	one_way ref ours
}
