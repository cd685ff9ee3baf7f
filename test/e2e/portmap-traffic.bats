# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# What portmap publishes is reached from everywhere it should be and from nowhere else, over each
# protocol and family, and the server sees the address that snat and masqAll promise.
#
# The reference fails some of these; where a test asks is_ref, that is what it does instead.

load lib
load traffic

ALL="tcp udp sctp"
RANGE=3

portmap() {
	jq -nc --arg backend "$1" --argjson more "${2:-{\}}" \
		'(if $backend == "" then {} else {backend: $backend} end) + $more'
}

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

# The next backend begins where the first one did.
again() {
	traffic_teardown
	traffic_setup
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
	start bridge '{}' portmap "$(portmap "$1")"
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

# The kernel takes a packet for ::1 from another device than lo only after translating it back,
# and then only by a route of that device: `local ::1 dev br0`. The reference makes none.
@test "::1 reaches what is published everywhere and on ::1" {
	local backend answer=web:80 answer7=web:6002 seen=GATEWAY
	if is_ref; then answer=none answer7=none seen=''; fi
	for backend in nftables iptables; do
		start bridge '{}' portmap "$(portmap "$backend")"
		from '' "$ALL" <<-EOF
			6 unset LOOPBACK 8080 $answer $seen
			6 loopback LOOPBACK 8083 $answer $seen
			6 any6 LOOPBACK 8085 $answer $seen
			6 any4 LOOPBACK 8084 none
			6 range LOOPBACK 5002 $answer7 $seen
		EOF
		chain_del
		again
	done
}

# Translation comes before the kernel looks for loopback addresses on a wire: without a rule
# against it a neighbour of the host reaches what is published on 127.0.0.1 by routing it here.
@test "what is published on 127.0.0.1 is not for a neighbour that sends 127.0.0.1 on the wire" {
	local backend answer=none seen=''
	if is_ref; then answer=web:80 seen=REMOTE; fi
	for backend in nftables iptables; do
		ns_ip remote addr flush dev lo
		in_ns remote sysctl -qw net.ipv4.conf.eth0.route_localnet=1
		ns_ip remote route add 127.0.0.0/8 via "${ADDRESS[HOST4]}" dev eth0
		start bridge '{}' portmap "$(portmap "$backend")"
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
	for backend in nftables iptables; do
		start bridge '{}' portmap "$(portmap "$backend" '{"snat": false}')"
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
	for backend in nftables iptables; do
		! is_ref || [ "$backend" != nftables ] || continue
		start bridge '{}' portmap "$(portmap "$backend" '{"masqAll": true}')"
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
	for backend in nftables iptables; do
		start ptp '{}' portmap "$(portmap "$backend")"
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
	for backend in nftables iptables; do
		start bridge "$(jq -nc --arg b "$backend" \
			'{ipMasq: true} + if $b == "" then {} else {ipMasqBackend: $b} end')" \
			portmap "$(portmap "$backend")"
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
	for backend in nftables iptables; do
		! is_ref || [ "$backend" != nftables ] || continue
		sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
		start bridge '{"hairpinMode": false}' portmap "$(portmap "$backend")"
		from_remote
		from_host
		from_inside web GATEWAY
		from_inside near GATEWAY
		chain_del
		again
	done
}

# ---- which address, whose port -------------------------------------------------------------

# with_addresses FILTER : ADD of portmap alone, with the bridge's result changed by jq.
publish_changed() {
	MAPPINGS=$(map_ports <<<"8080 80 tcp")
	MAPPED[web]=$MAPPINGS
	call add portmap <<<"$(plugin_conf 1 "$(jq -c "$1" <<<"${RESULTS[web]}")")"
}

@test "the container's address is the first of its family that is on its own interface" {
	local backend
	for backend in nftables iptables; do
		chain bridge '{}'
		container web
		chain_add
		chain bridge '{}' portmap "$(portmap "$backend")"
		serve web tcp/80
		publish_changed '.ips = [
			{address: "10.88.0.99/24", interface: 1}, {address: "fd00:88::99/64", interface: 0},
			.ips[1], {address: "10.88.0.2/24"},
			{address: "10.88.0.98/24", interface: 2}, {address: "fd00:88::98/64", interface: 2}]'
		expect_ok
		from remote tcp <<<"46 published HOST 8080 web:80 REMOTE"
		chain_del
		again
	done
}

@test "a family that the container has no address of is not published" {
	local backend
	for backend in nftables iptables; do
		chain bridge '{}'
		container web
		chain_add
		serve web tcp/80
		chain bridge '{}' portmap "$(portmap "$backend")"
		publish_changed '.ips |= .[:1]'
		from remote tcp <<-EOF
			4 published HOST 8080 web:80 REMOTE
			6 published HOST 8080 none
		EOF
		chain_del
		again
	done
}

# The reference says nothing, and the first container keeps the port.
@test "a port is published once: the second ADD fails and the first container keeps it" {
	local backend
	for backend in nftables iptables; do
		chain bridge '{}' portmap "$(portmap "$backend")"
		container web
		MAPPINGS=$(map_ports <<<"8080 80 tcp,udp")
		chain_add
		serve web {tcp,udp}/80
		container near
		serve near {tcp,udp}/80
		if is_ref; then
			chain_add
		else
			MAPPINGS=$(map_ports <<<$'8090 80 tcp\n8080 80 udp')
			chain_add && fail "no second owner"
			[ "$(jq -r 'has("code")' <<<"$output")" = true ] || fail "an error object"
			from remote tcp <<<"46 undone HOST 8090 none"
		fi
		from remote "tcp udp" <<<"46 first HOST 8080 web:80 REMOTE"
		chain_del || true
		from remote "tcp udp" <<<"46 still HOST 8080 web:80 REMOTE"
		about web
		chain_del
		from remote "tcp udp" <<<"46 gone HOST 8080 none"
		again
	done
}

@test "one port on two addresses of the host is two containers'" {
	local backend
	for backend in nftables iptables; do
		chain bridge '{}' portmap "$(portmap "$backend")"
		container web
		MAPPINGS=$(map_ports <<<$'8080 80 tcp 192.0.2.1\n8080 80 tcp 2001:db8:2::1')
		chain_add
		serve web tcp/80
		container near
		MAPPINGS=$(map_ports <<<$'8080 81 tcp 192.0.2.11\n8080 81 tcp 2001:db8:2::11')
		chain_add
		serve near tcp/81
		from remote tcp <<-EOF
			46 one HOST 8080 web:80 REMOTE
			46 other ALIAS 8080 near:81 REMOTE
		EOF
		chain_del
		from remote tcp <<-EOF
			46 one HOST 8080 web:80 REMOTE
			46 other ALIAS 8080 none
		EOF
		again
	done
}

@test "ADD twice is as ADD once" {
	local backend
	for backend in nftables iptables; do
		chain bridge '{}' portmap "$(portmap "$backend")"
		MAPPINGS=$(map_ports <<<"8080 80 tcp")
		container web
		chain_add
		serve web tcp/80
		call add portmap <<<"$(plugin_conf 1 "${RESULTS[web]}")"
		expect_ok
		from remote tcp <<<"46 published HOST 8080 web:80 REMOTE"
		chain_del
		from remote tcp <<<"46 published HOST 8080 none"
		again
	done
}

# ---- conditions ----------------------------------------------------------------------------

@test "conditions keep out whom they do not name" {
	local conditions
	for conditions in \
		'{"backend": "iptables", "conditionsV4": ["!", "-s", "192.0.2.2/32"], "conditionsV6": ["!", "-s", "2001:db8:2::2/128"]}' \
		'{"backend": "nftables", "conditionsV4": ["ip", "saddr", "!=", "192.0.2.2"], "conditionsV6": ["ip6", "saddr", "!=", "2001:db8:2::2"]}'; do
		chain bridge '{}' portmap "$conditions"
		MAPPINGS=$(map_ports <<<"8080 80 tcp,udp")
		container web
		chain_add
		serve web {tcp,udp}/80
		from remote "tcp udp" <<<"46 kept-out HOST 8080 none"
		from '' "tcp udp" <<<"46 let-in HOST 8080 web:80 HOST"
		chain_del
		again
	done
}

# ---- flows that are there already ----------------------------------------------------------

# A client that sends from one port all the time.
same_flow() {
	local family
	for family in 4 6; do
		echo "flow$family udp ${ADDRESS[REMOTE$family]}#3333 ${ADDRESS[HOST$family]} 8080 $1 ${ADDRESS[$2$family]-}"
	done | expect_answers remote
}

@test "a UDP client that sent before ADD is answered after it, and after DEL by nobody" {
	local backend
	for backend in nftables iptables; do
		# The kernel keeps track of flows from the first rule on that asks for it.
		chain bridge '{}' portmap "$(portmap "$backend")"
		MAPPINGS=$(map_ports <<<"8070 80 udp")
		container earlier
		chain_add
		serve earlier udp/80

		MAPPINGS=$(map_ports <<<"8080 80 udp")
		same_flow none
		container web
		chain_add
		serve web udp/80
		same_flow web:80 REMOTE

		# portmap alone, so that the container is still there to answer.
		call del portmap <<<"$(plugin_conf 1 "${RESULTS[web]}")"
		expect_silent
		if is_ref; then same_flow web:80 REMOTE; else same_flow none; fi

		container next
		chain_add
		serve next udp/80
		same_flow next:80 REMOTE
		again
	done
}

flows_of_client() {
	grep -oE 'src=.*sport=3333 dport=8080 src=[^ ]*' /proc/net/nf_conntrack
}

@test "flows of other ports and other containers go on" {
	local backend flows
	for backend in nftables iptables; do
		chain bridge '{}' portmap "$(portmap "$backend")"
		MAPPINGS=$(map_ports <<<$'8080 80 udp\n8080 80 tcp')
		container web
		chain_add
		serve web {udp,tcp}/80
		same_flow web:80 REMOTE
		flows=$(flows_of_client)
		MAPPINGS=$(map_ports <<<$'8070 80 udp\n8080 80 sctp')
		container near
		chain_add
		chain_del
		expect_same "flows" "$flows" "$(flows_of_client)"
		again
	done
}
