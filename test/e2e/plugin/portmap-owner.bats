# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Whose port is whose: which address of a container is published, what becomes of a port that is
# asked for twice, of conditions, and of flows that are there before ADD and after DEL.

load ../lib
load ../traffic/traffic

# ---- which address, whose port -------------------------------------------------------------

# with_addresses FILTER : ADD of portmap alone, with the bridge's result changed by jq.
publish_changed() {
	MAPPINGS=$(map_ports <<<"8080 80 tcp")
	MAPPED[web]=$MAPPINGS
	call add portmap <<<"$(plugin_conf 1 "$(jq -c "$1" <<<"${RESULTS[web]}")")"
}

@test "the container's address is the first of its family that is on its own interface" {
	local backend
	for backend in '' nftables iptables; do
		chain bridge '{}'
		container web
		chain_add
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		chain bridge '{}'
		container web
		chain_add
		serve web tcp/80
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		# The kernel keeps track of flows from the first rule on that asks for it.
		chain bridge '{}' portmap "$(backend "$backend")"
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
	for backend in '' nftables iptables; do
		chain bridge '{}' portmap "$(backend "$backend")"
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
