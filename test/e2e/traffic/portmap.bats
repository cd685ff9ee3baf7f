# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# What portmap publishes is reached from everywhere it should be and from nowhere else, over each
# protocol and family, and the server sees the address that snat and masqAll promise.
#
# The reference fails some of these; where a test asks is_ref, that is what it does instead.

load ../lib
load traffic

ALL="tcp udp sctp"
RANGE=3

# What is published where, and RANGE ports in a row: 8081 and 8083 stand twice, with an address of each family.
published() {
	map_ports <<-EOF
		8080 80 tcp,udp,sctp
		8081 80 tcp,udp,sctp 192.0.2.1
		8081 80 tcp,udp,sctp 2001:db8:2::1
		8083 80 tcp,udp,sctp 127.0.0.1
		8083 80 tcp,udp,sctp ::1
		8084 80 tcp,udp,sctp 0.0.0.0
		8085 80 tcp,udp,sctp ::
		5000 6000 tcp,udp,sctp - $RANGE
	EOF
}

# start PLUGIN CONF... : the chain, a container "web" with all of the above, "near" with nothing.
start() {
	chain "$@"
	MAPPINGS=$(published)
	container web
	chain_add
	serve web {tcp,udp,sctp}/{80,"6000-$((6000 + RANGE))"}
	MAPPINGS='[]'
	container near
	chain_add
	about web
}

# Whom the server sees when a neighbour asks is its own address or the gateway's, whichever the
# backend says; it says the same everywhere.
neighbour_seen() {
	local family seen
	for family in 4 6; do
		seen=$(in_ns near "$TRAFFIC" ask <<<"x tcp - ${ADDRESS[HOST$family]} 8080 web:80 ?")
		ADDRESS[SEEN$family]=${seen##* }
		[[ ${ADDRESS[SEEN$family]} == "${ADDRESS[GATEWAY$family]}" ||
			${ADDRESS[SEEN$family]} == "${ADDRESS[NEAR$family]}" ]] ||
			fail "near to be seen by its address or as the gateway: $seen"
	done
}

# ---- the whole matrix ----------------------------------------------------------------------

from_remote() {
	from remote "$ALL" <<-EOF
		46 unset HOST 8080 web:80 ${1:-REMOTE}
		46 unset-other ALIAS 8080 web:80 ${1:-REMOTE}
		46 address HOST 8081 web:80 ${1:-REMOTE}
		46 address-other ALIAS 8081 none
		46 loopback HOST 8083 none
		4 any4 HOST 8084 web:80 ${1:-REMOTE}
		6 any4 HOST 8084 none
		6 any6 HOST 8085 web:80 ${1:-REMOTE}
		4 any6 HOST 8085 none
		46 first HOST 5000 web:6000 ${1:-REMOTE}
		46 middle HOST 5002 web:6002 ${1:-REMOTE}
		46 last HOST $((4999 + RANGE)) web:$((5999 + RANGE)) ${1:-REMOTE}
		46 beyond HOST $((5000 + RANGE)) none
		46 unpublished HOST 80 none
	EOF
}

# ::1 of its own is a test below: the reference does not reach it.
from_host() {
	from '' "$ALL" <<-EOF
		46 unset HOST 8080 web:80 ${1:-HOST}
		4 unset-other ALIAS 8080 web:80 ${1:-HOST}
		6 unset-other ALIAS 8080 web:80 ${1:-ALIAS}
		46 unset-gateway GATEWAY 8080 web:80 GATEWAY
		4 unset-loopback LOOPBACK 8080 web:80 GATEWAY
		46 address HOST 8081 web:80 ${1:-HOST}
		46 address-other ALIAS 8081 none
		46 address-loopback LOOPBACK 8081 none
		4 loopback LOOPBACK 8083 web:80 GATEWAY
		46 loopback-address HOST 8083 none
		4 loopback-other 127.0.0.2 8083 none
		46 range HOST 5002 web:6002 ${1:-HOST}
		4 range-loopback LOOPBACK 5002 web:6002 GATEWAY
		46 beyond HOST $((5000 + RANGE)) none
	EOF
}

# from_inside NAME SEEN
from_inside() {
	from "$1" "$ALL" <<-EOF
		46 unset HOST 8080 web:80 $2
		46 unset-gateway GATEWAY 8080 web:80 $2
		46 address HOST 8081 web:80 $2
		46 address-other ALIAS 8081 none
		46 loopback HOST 8083 none
		46 range HOST 5002 web:6002 $2
		46 range-last HOST $((4999 + RANGE)) web:$((5999 + RANGE)) $2
		46 beyond HOST $((5000 + RANGE)) none
	EOF
}

from_nowhere() {
	local name
	for name in remote '' near; do
		from "$name" "$ALL" <<-EOF
			46 unset HOST 8080 none
			46 address HOST 8081 none
			46 loopback LOOPBACK 8083 none
			46 first HOST 5000 none
			46 last HOST $((4999 + RANGE)) none
		EOF
	done
}

# The reference puts up to fifteen ports of a container into one rule.
matrix() {
	RANGE=20
	start bridge '{}' portmap "$(backend "$1")"
	chain_check
	neighbour_seen
	from_remote
	from_host
	from_inside web GATEWAY
	from_inside near SEEN
	chain_del
	from_nowhere
}

@test "every row: no backend chosen" { matrix ""; }
@test "every row: nftables" { matrix nftables; }
@test "every row: iptables" { matrix iptables; }

# ---- loopback ------------------------------------------------------------------------------

# From a bridge whose packets netfilter sees the kernel takes none that has ::1 once it is translated back. Our own
# table does without; the others, and never the reference, only where netfilter does not see them.
@test "::1 reaches what is published everywhere and on ::1" {
	local backend answer=web:80 answer7=web:6002 seen=GATEWAY
	if is_ref; then answer=none answer7=none seen=''; fi
	for backend in '' nftables iptables; do
		[ -z "$backend" ] || sysctl -qw net.bridge.bridge-nf-call-ip6tables=0
		start bridge '{}' portmap "$(backend "$backend")"
		from '' "$ALL" <<-EOF
			6 unset LOOPBACK 8080 $answer $seen
			6 loopback LOOPBACK 8083 $answer $seen
			6 any6 LOOPBACK 8085 $answer $seen
			6 any4 LOOPBACK 8084 none
			6 range LOOPBACK 5002 $answer7 $seen
		EOF
		chain_del
		sysctl -qw net.bridge.bridge-nf-call-ip6tables=1
		again
	done
}

# Translation comes before the kernel looks for loopback addresses on a wire: without a rule
# against it a neighbour of the host reaches what is published on 127.0.0.1 by routing it here.
@test "what is published on 127.0.0.1 is not for a neighbour that sends 127.0.0.1 on the wire" {
	local backend answer=none seen=''
	if is_ref; then answer=web:80 seen=REMOTE; fi
	for backend in '' nftables iptables; do
		ns_ip remote addr flush dev lo
		in_ns remote sysctl -qw net.ipv4.conf.eth0.route_localnet=1
		ns_ip remote route add 127.0.0.0/8 via "${ADDRESS[HOST4]}" dev eth0
		start bridge '{}' portmap "$(backend "$backend")"
		from remote "$ALL" <<<"4 loopback LOOPBACK 8083 $answer $seen"
		from remote "$ALL" <<<"4 unset LOOPBACK 8080 $answer $seen"
		from remote "$ALL" <<<"4 address HOST 8081 web:80 REMOTE"
		chain_del
		again
	done
}

# ---- snat, masqAll -------------------------------------------------------------------------

@test "snat false: nothing is masqueraded, and what cannot do without is not reached" {
	local backend
	for backend in '' nftables iptables; do
		start bridge '{}' portmap "$(backend "$backend" '{"snat": false}')"
		chain_check
		from_remote
		from '' "$ALL" <<-EOF
			46 unset HOST 8080 web:80 HOST
			46 loopback LOOPBACK 8083 none
			46 unset-loopback LOOPBACK 8080 none
		EOF
		from web "$ALL" <<<"46 unset HOST 8080 none"
		from near "$ALL" <<<"46 unset HOST 8080 web:80 NEAR"
		chain_del
		again
	done
}

# The reference's nftables backend ignores it.
@test "masqAll: everybody is seen as the gateway" {
	local backend
	for backend in '' nftables iptables; do
		! is_ref || [ "$backend" != nftables ] || continue
		start bridge '{}' portmap "$(backend "$backend" '{"masqAll": true}')"
		chain_check
		from_remote GATEWAY
		from_host GATEWAY
		from_inside web GATEWAY
		from_inside near GATEWAY
		chain_del
		again
	done
}

# ---- other networks ------------------------------------------------------------------------

@test "through ptp" {
	local backend
	for backend in '' nftables iptables; do
		start ptp '{}' portmap "$(backend "$backend")"
		chain_check
		neighbour_seen
		from_remote
		from_host
		from_inside web GATEWAY
		from_inside near SEEN
		chain_del
		again
	done
}

@test "behind a bridge that masquerades as well" {
	local backend
	for backend in '' nftables iptables; do
		start bridge "$(jq -nc --arg b "$backend" \
			'{ipMasq: true} + if $b == "" then {} else {ipMasqBackend: $b} end')" \
			portmap "$(backend "$backend")"
		from_remote
		from_inside web GATEWAY
		serve remote {tcp,udp,sctp}/90
		from web "$ALL" <<<"46 out REMOTE 90 remote:90 HOST"
		chain_del || is_ref # whose bridge fails for want of the other backend's chain
		again
	done
}

# Where frames between ports of a bridge pass no netfilter, a neighbour's answer finds its way back
# only if the question was masqueraded. The reference's nftables backend does not.
@test "a bridge whose ports netfilter does not see" {
	local backend
	for backend in '' nftables iptables; do
		! is_ref || [ "$backend" != nftables ] || continue
		sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
		start bridge '{"hairpinMode": false}' portmap "$(backend "$backend")"
		from_remote
		from_host
		from_inside web GATEWAY
		from_inside near GATEWAY
		chain_del
		again
	done
}
