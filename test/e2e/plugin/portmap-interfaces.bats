# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# One container with several interfaces, on one network or on several, and what each of them
# publishes: who has a port that both ask for, and that nobody takes another's with him.

load ../lib
load ../traffic/traffic

# Neighbours or not, the container sees the gateway, so that its own routes do not matter.
declare -gA BACKEND=(
	[own]='{}'
	[nftables]='{"backend": "nftables"}'
	[iptables]='{"backend": "iptables"}'
	[mark]='{"externalSetMarkChain": "MARK-ALL"}'
	[conditions]='{"conditionsV4": ["-m", "addrtype", "--src-type", "UNICAST"], "conditionsV6": ["-m", "addrtype", "--src-type", "UNICAST"]}'
)

# The chain of somebody else's that marks what is to be masqueraded.
mark_all() {
	local program
	for program in iptables ip6tables; do
		$program-restore --noflush <<-END
			*nat
			:MARK-ALL - [0:0]
			:SEEN - [0:0]
			-A MARK-ALL -j MARK --set-xmark 0x1/0x1
			-A POSTROUTING -j SEEN
			-A SEEN -m mark --mark 0x1/0x1 -j MASQUERADE
			COMMIT
		END
	done
}

# on N BACKEND : network N from here on.
on() {
	local routes=
	[ "$1" -ne 0 ] || routes='"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],'
	NET=$1 chain bridge "{\"ipam\":{\"type\":\"host-local\",$routes
		\"ranges\":[[{\"subnet\":\"$(subnet 4 "$1")\"}],[{\"subnet\":\"$(subnet 6 "$1")\"}]]}}" \
		portmap "$(jq -c '.masqAll = true' <<<"${BACKEND[$2]}")"
	[ "$2" != mark ] || nft list chain ip nat MARK-ALL >/dev/null 2>&1 || mark_all
}

declare -gA ATTACHED ASKED NETWORK

# attach IFNAME MAPPINGS : of $CID, to the network that is on.
attach() {
	MAPPED[$CID]=$2
	add bridge "$1" <<<"$(plugin_conf 0)"
	expect_ok
	ATTACHED[$1]=$result
	ASKED[$1]=$2
	NETWORK[$1]=$(declare -p CONFS)
	add portmap "$1" <<<"$(plugin_conf 1 "$result")"
	expect_ok
}

about_interface() {
	eval "${NETWORK[$1]/declare -a/declare -ga}"
}

check_of() {
	about_interface "$1"
	MAPPED[$CID]=${2-${ASKED[$1]}}
	check portmap "$1" <<<"$(plugin_conf 1 "${ATTACHED[$1]}")"
}

checks() {
	check_of "$1"
	expect_silent
}

# detach IFNAME : portmap and the interface, as a runtime does. Either of two interfaces on one network answers
# to ARP for both, and the host may remember the one that goes.
detach() {
	local n
	about_interface "$1"
	MAPPED[$CID]=${ASKED[$1]}
	for n in 1 0; do
		del "${PLUGIN_NAMES[$n]}" "$1" <<<"$(plugin_conf $n "${ATTACHED[$1]}")"
		expect_silent
	done
	ip neigh flush dev "$(jq -r .bridge <<<"${CONFS[0]}")"
}

# published PORT none|N : the remote host gets an answer there, by the container's interface on network N.
# Of two interfaces on one network, UDP's answer comes from the first one's address: it is left out there.
published() {
	local net=$2
	if [ "$net" = none ]; then
		from remote "tcp udp" <<<"46 published HOST $1 none"
		return
	fi
	from remote "${PROTOCOLS-tcp}" <<-EOF
		4 published HOST $1 web:80 10.88.$net.1
		6 published HOST $1 web:80 $([ "$net" = 0 ] && echo fd00:88:: || echo "fd00:88:0:$net::")1
	EOF
}

ports() {
	map_ports <<<"$1 80 tcp,udp"
}

no_chain_left() {
	[ -z "$(all_rules 2>/dev/null | grep -E 'CNI-DN-|10\.88\.[0-9]+\.[2-9]')" ] || fail "nothing left"
}

begin() {
	rules_clean
	again
	on 0 "$1"
	container web
	serve web {tcp,udp}/80
}

# ---- one port for all ------------------------------------------------------------------------

# everywhere BACKEND N... : the container is on each of these networks, by netN, with the same ports.
everywhere() {
	local net
	for net in "${@:2}"; do
		on "$net" "$1"
		attach "net$net" "$SHARED"
	done
}

# gc_of BACKEND N [ID/IFNAME...] : of network N, where these are valid.
gc_of() {
	on "$2" "$1"
	gc portmap <<<"$(with_valid "$(plugin_conf 1 | jq '.cniVersion = "1.1.0"')" "${@:3}")"
	expect_silent
}

# held_by N : the port leads to the container on network N, by a loopback address of the host, too; ::1 by our
# table only.
held_by() {
	local PROTOCOLS="tcp udp"
	published 9000 "$1"
	[ "$1" != none ] || return 0
	from '' tcp <<<"4 loopback LOOPBACK 9000 web:80 10.88.$1.1"
	[ "$backend" != own ] ||
		from '' tcp <<<"6 loopback LOOPBACK 9001 web:80 $([ "$1" = 0 ] && echo fd00:88:: || echo "fd00:88:0:$1::")1"
}

SHARED=$(map_ports <<<$'9000 80 tcp,udp\n9001 80 tcp ::1')

@test "row 1: several interfaces ask for a port: when one leaves, it stays, by one that is left" {
	local backend
	for backend in own nftables iptables; do
		begin $backend
		everywhere $backend 0 1 2
		held_by 0
		detach net0
		checks net1
		checks net2
		PROTOCOLS=udp published 9000 1 || PROTOCOLS=udp published 9000 2
		detach net1
		checks net2
		held_by 2
		everywhere $backend 1
		checks net1
		detach net1
		checks net2
		held_by 2
		detach net2
		held_by none
		no_chain_left
	done
}

@test "row 1: the interface leaves whose turn has not come" {
	local backend
	for backend in own nftables iptables; do
		begin $backend
		everywhere $backend 0 1 2
		detach net1
		checks net0
		checks net2
		held_by 0
		detach net0
		checks net2
		held_by 2
		detach net2
		held_by none
		no_chain_left
	done
}

@test "row 1: GC of a network leaves the port to an interface on another" {
	local backend
	for backend in own nftables iptables; do
		begin $backend
		everywhere $backend 0 1 2
		gc_of $backend 0
		checks net1
		checks net2
		published 9000 1 || published 9000 2
		gc_of $backend 1
		checks net2
		held_by 2
		gc_of $backend 2 web/net2
		checks net2
		gc_of $backend 2
		held_by none
		no_chain_left
	done
}

@test "row 1: a DEL without a record leaves the port to the other" {
	local backend
	for backend in own nftables iptables; do
		begin $backend
		everywhere $backend 0
		rm /run/cnic/rules/*
		everywhere $backend 1
		detach net0
		checks net1
		held_by 1
		detach net1
		held_by none
		no_chain_left
	done
}

@test "row 1: on one network, too" {
	local backend first second
	for backend in own nftables iptables; do
		for first in eth0 net1; do
			second=net1
			[ $first = eth0 ] || second=eth0
			begin $backend
			attach eth0 "$(ports 9000)"
			attach net1 "$(ports 9000)"
			checks eth0
			checks net1
			detach $first
			published 9000 0
			checks $second
			detach $second
			published 9000 none
			no_chain_left
		done
	done
}

@test "row 1: GC on one network" {
	local backend
	for backend in own nftables iptables; do
		begin $backend
		attach eth0 "$(ports 9000)"
		attach net1 "$(ports 9000)"
		gc_of $backend 0 web/net1
		checks net1
		published 9000 0
		[ "$(find /run/cnic/rules -name '*-portmap' | wc -l)" -eq 1 ]
		detach net1
		no_chain_left
	done
}

# What changes our table is counted: each is a generation of its own.
@test "row 1: a port changes hands in the transaction that takes it away" {
	local transactions
	begin own
	everywhere own 0 1
	on 0 own
	MAPPED[web]=$SHARED
	CNI_COMMAND=DEL CNI_CONTAINERID=web CNI_NETNS=$(ns_path) CNI_IFNAME=net0 CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -f -e trace=sendto -o "$BATS_TEST_TMPDIR/trace" \
		"$CNIC_BIN/portmap" <<<"$(plugin_conf 1)"
	transactions=$(grep -c BATCH_BEGIN "$BATS_TEST_TMPDIR/trace")
	[ "$transactions" -eq 1 ] || fail "one transaction, not $transactions"
	checks net1
}

@test "row 1: an ADD that fails leaves the other's port as it was" {
	local before
	begin own
	everywhere own 0
	container near
	on 1 own
	attach eth0 "$(ports 9002)"
	before=$(nft list ruleset)
	about web
	MAPPED[web]=$(map_ports <<<$'9000 80 tcp\n9002 80 tcp')
	add bridge net1 <<<"$(plugin_conf 0)"
	add portmap net1 <<<"$(plugin_conf 1 "$result")"
	expect_code 101
	expect_same rules "$before" "$(nft list ruleset)"
}

# ---- ports of its own for each ---------------------------------------------------------------

@test "row 2: two interfaces on one network publish other ports, each backend, either leaves first" {
	local backend first
	for backend in own nftables iptables mark conditions; do
		for first in eth0 net1; do
			begin $backend
			attach eth0 "$(ports 8081)"
			attach net1 "$(ports 8082)"
			published 8081 0
			published 8082 0
			checks eth0
			checks net1
			check_of eth0 "$(ports 8083)"
			expect_code 102
			check_of net1 "$(ports 8083)"
			expect_code 102
			check_of net1 "$(ports 8082 | jq -c 'map(.containerPort = 81)')"
			expect_code 102
			detach $first
			if [ $first = eth0 ]; then
				published 8081 none
				published 8082 0
				checks net1
				detach net1
			else
				published 8082 none
				published 8081 0
				checks eth0
				detach eth0
			fi
			no_chain_left
		done
	done
}

@test "row 2: legacy iptables" {
	with_legacy
	begin iptables
	attach eth0 "$(ports 8081)"
	attach net1 "$(ports 8082)"
	attach net2 "$(ports 8083)"
	detach net1
	published 8081 0
	published 8082 none
	published 8083 0
	checks eth0
	checks net2
	check_of net2 "$(ports 8082)"
	expect_code 102
	detach eth0
	published 8083 0
	detach net2
	no_chain_left
}

@test "row 2: ADD again with other ports maps them" {
	local backend
	for backend in own nftables iptables mark conditions; do
		begin $backend
		attach eth0 "$(ports 8081)"
		attach net1 "$(ports 8082)"
		ASKED[eth0]=$(map_ports <<<$'8083 80 tcp,udp\n8084 80 tcp,udp')
		MAPPED[web]=${ASKED[eth0]}
		add portmap eth0 <<<"$(plugin_conf 1 "${ATTACHED[eth0]}")"
		expect_ok
		published 8082 0
		published 8083 0
		published 8084 0
		checks eth0
		checks net1
		published 8081 none
		detach net1
		published 8083 0
		detach eth0
		no_chain_left
	done
}

@test "row 2: a chain of the reference's is added to, and its ports stay" {
	begin iptables
	by ref attach eth0 "$(ports 8081)"
	attach net1 "$(ports 8082)"
	published 8081 0
	published 8082 0
	checks eth0
	checks net1
	MAPPED[web]=$(ports 8081)
	ref_run check portmap eth0 <<<"$(plugin_conf 1 "${ATTACHED[eth0]}")"
	expect_silent
	MAPPED[web]=$(ports 8082)
	ref_run check portmap net1 <<<"$(plugin_conf 1 "${ATTACHED[net1]}")"
	expect_silent
}

@test "row 2: a port of one address of the host goes before one of all, whoever comes first" {
	begin iptables
	attach eth0 "$(ports 8081)"
	attach net1 "$(map_ports <<<$'8081 81 tcp 192.0.2.1\n8081 81 tcp 2001:db8:2::1')"
	serve web tcp/81
	from remote tcp <<-EOF
		4 one HOST 8081 web:81 10.88.0.1
		6 one HOST 8081 web:81 fd00:88::1
		4 other ALIAS 8081 web:80 10.88.0.1
		6 other ALIAS 8081 web:80 fd00:88::1
	EOF
	detach net1
	published 8081 0
}
