# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# bandwidth: each of its keys, what it makes of them in the kernel, and what users of the reference complain
# of. That traffic is held to it: traffic/bandwidth.bats; fq_codel: test/vm.

load ../lib

FILES=/run/cnic/bandwidth
IFB=bwp623e1c388032 # of network "net" and container c1, as the reference has it
UP='"ingressRate":100000000,"ingressBurst":2000000'
DOWN='"egressRate":50000000,"egressBurst":1000000'

setup() {
	host_setup
	netns box
	veth box v0 eth0
}

# veth NETNS HOST INSIDE
veth() {
	ip link add "$2" type veth peer name "$3" netns "$1"
	ip link set "$2" up
	ip -n "$1" link set "$3" up
}

# limits KEYS [JQ] : a configuration in a chain with these keys (JSON members), changed by a jq program.
limits() {
	jq -c "${2:-.}" <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"bandwidth\",$1${1:+,}"'
		"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"v0"},
		{"name":"eth0","sandbox":"/run/netns/box"}],"ips":[{"address":"10.1.0.2/24","interface":1}]}}'
}

# qdisc NETNS DEV JQ : of its qdiscs, "" is the host.
qdisc() {
	if [ -n "$1" ]; then in_ns "$1" tc -j qdisc show dev "$2"; else tc -j qdisc show dev "$2"; fi | jq -c "$3"
}

TBF='map(select(.kind == "tbf")) | .[0] | [.handle, .root, .options.rate, .options.burst, (.options.lat // .options.limit)]'

# tbf_is NETNS DEV RATE BURST LAT : bytes a second, bytes as tc says them, microseconds; and it is the root 1:
tbf_is() {
	[ "$(qdisc "$1" "$2" "$TBF")" = "[\"1:\",true,$3,$4,$5]" ] ||
		fail "a tbf $3 $4 $5 on $2, not $(qdisc "$1" "$2" "$TBF")"
}

no_tbf() {
	[ "$(qdisc "$1" "$2" 'map(.kind) | (index("tbf") or index("ingress"))')" = false ] ||
		fail "no qdisc of ours on $2: $(qdisc "$1" "$2" .)"
}

# What the queue holds, in bytes.
tbf_limit() {
	tc -j -r qdisc show dev "$1" root | jq '.[0].options.limit'
}

# leads_to NETNS DEV IFB
leads_to() {
	local filters
	filters=$(if [ -n "$1" ]; then in_ns "$1" tc filter show dev "$2" ingress; else tc filter show dev "$2" ingress; fi)
	[[ $filters == *"match 00000000/00000000 at 0"*"mirred (Egress Redirect to device $3) stolen"* ]] ||
		fail "$2 to lead to $3: $filters"
}

ifbs() {
	ip -o link show type ifb | awk -F'[ :@]+' '{ print $2 }' | sort | paste -sd' '
}

expect_ifbs() {
	[ "$(ifbs)" = "$*" ] || fail "ifbs '$*', not '$(ifbs)'"
}

# shaped KEYS [JQ] : ADD that works, and CHECK of its result.
shaped() {
	conf=$(limits "$@")
	add bandwidth <<<"$conf"
	expect_ok
	check bandwidth <<<"$(with_result "$conf")"
	expect_silent
}

unshaped() {
	del bandwidth <<<"$conf"
	expect_silent
	expect_ifbs
	[ -z "$(ls $FILES 2>/dev/null)" ] || fail "no file: $(ls $FILES)"
}

@test "both directions, by keys: the reference's numbers, the host's end shaped, an ifb in the result" {
	shaped "$UP,$DOWN"
	tbf_is '' v0 12500000 250000 25000
	tbf_is '' $IFB 6250000 125000 25000
	leads_to '' v0 $IFB
	json_is "$(ip -d -j link show $IFB)" '.[0] | .mtu, (.txqlen // 0), .linkinfo.info_kind, (.flags | index("UP") != null)' \
		1500$'\n'0$'\n'ifb$'\n'true
	json_is "$result" '.interfaces | length' 3
	json_is "$result" '.interfaces[2] | del(.mtu)' "{\"mac\":\"$(<"/sys/class/net/$IFB/address")\",\"name\":\"$IFB\"}"
	json_is "$result" '.ips[0]' '{"address":"10.1.0.2/24","interface":1}'
	no_tbf box eth0
	unshaped
}

@test "the ifb has the MTU of what is shaped" {
	ip link set v0 mtu 9000
	shaped "$DOWN"
	json_is "$(ip -j link show $IFB)" '.[0].mtu' 9000
	unshaped
	ip link set v0 mtu 1500
	other_interface -n box tuntap add eth0 mode tap
	ip -n box link set eth0 mtu 1300
	shaped "$UP"
	json_is "$(ip -n box -j link show $IFB)" '.[0].mtu' 1300
	unshaped
}

@test "one direction only" {
	shaped "$UP"
	tbf_is '' v0 12500000 250000 25000
	expect_ifbs
	json_is "$result" '.interfaces | length' 2
	unshaped
	shaped "$DOWN"
	tbf_is '' $IFB 6250000 125000 25000
	leads_to '' v0 $IFB
	[ "$(qdisc '' v0 'map(.kind)')" = '["noqueue","ingress"]' ] || fail "no tbf on v0: $(qdisc '' v0 .)"
	unshaped
}

@test "by capability; one of the keys, be it 0, and none of the runtime's counts" {
	shaped '' '.runtimeConfig.bandwidth = {ingressRate: 8000000, ingressBurst: 800000, egressRate: 4000000, egressBurst: 400000}'
	tbf_is '' v0 1000000 100000 25000
	tbf_is '' $IFB 500000 50000 25000
	unshaped
	shaped "$UP" '.runtimeConfig.bandwidth = {ingressRate: 8000000, ingressBurst: 800000, egressRate: 4000000, egressBurst: 400000}'
	tbf_is '' v0 12500000 250000 25000
	expect_ifbs
	unshaped
	shaped '"egressBurst":0' '.runtimeConfig.bandwidth = {ingressRate: 8000000, ingressBurst: 800000}'
	no_tbf '' v0
	shaped '"egressBurst":null' '.runtimeConfig.bandwidth = {ingressRate: 8000000, ingressBurst: 800000}'
	tbf_is '' v0 1000000 100000 25000
	unshaped
}

@test "no limit: the previous result, whatever there is, and no file" {
	local keys
	for keys in '' '"ingressRate":0,"ingressBurst":0,"egressRate":0,"egressBurst":0' '"latency":5'; do
		add bandwidth eth9 <<<"$(limits "$keys")"
		expect_ok
		expect_same result "$(limits '' | jq -S .prevResult)" "$(jq -S . <<<"$output")"
		check bandwidth eth9 <<<"$(with_result "$(limits "$keys")")"
		expect_silent
		[ ! -e $FILES ] || fail "no file"
		del bandwidth eth9 <<<"$(limits "$keys")"
		expect_silent
	done
	no_tbf '' v0
}

@test "a burst that is given is taken as given: the kubelet's largest ones" {
	# containerd sends 2^32 - 1 bits, dockershim 2^31 - 1. At 1 Mbit/s they take over 2^32 ticks of 64 ns, which
	# the reference cuts: tc shows ticks, modulo that; the limit has the burst in bytes.
	shaped '"ingressRate":1000000,"ingressBurst":4294967295'
	[ "$(tbf_limit v0)" -eq $((3125 + 536870911)) ] || fail "all of the burst in the limit, not $(tbf_limit v0)"
	unshaped
	shaped '"ingressRate":100000000,"ingressBurst":2147483647'
	[ "$(tbf_limit v0)" -eq $((312500 + 268435455)) ] || fail "all of the burst"
	unshaped
	shaped '"ingressRate":10000,"ingressBurst":34359738359'
	[ "$(tbf_limit v0)" -eq 4294967295 ] || fail "the limit at its end"
	unshaped
	# one that the rate sends in less than a microsecond
	shaped '"ingressRate":100000000000,"ingressBurst":16000'
	[ "$(tbf_limit v0)" -eq $((312500000 + 2000)) ] || fail "all of the burst"
	unshaped
}

@test "no burst: what the rate sends in 20 ms, and no less than a packet in one piece" {
	shaped '"ingressRate":1000000000,"egressRate":1000000'
	[ "$(tbf_limit v0)" -eq $((3125000 + 2500000)) ] || fail "20 ms of burst, not $(tbf_limit v0)"
	[ "$(tbf_limit $IFB)" -eq $((3125 + 69632)) ] || fail "68 KiB of burst, not $(tbf_limit $IFB)"
	unshaped
	shaped '"ingressRate":1000000,"ingressBurst":0'
	[ "$(tbf_limit v0)" -eq $((3125 + 69632)) ] || fail "0 is none"
	unshaped
	shaped '"ingressRate":1000000000000000'
	[ "$(tbf_limit v0)" -eq 4294967295 ] || fail "the limit at its end"
	unshaped
}

@test "a rate of more than 32 bits" {
	shaped '"ingressRate":100000000000,"ingressBurst":2147483647'
	tbf_is '' v0 12500000000 '"268412500b/1"' 25001 || tbf_is '' v0 12500000000 268412500 25001
	unshaped
}

@test "latency: milliseconds that the queue holds beyond the burst" {
	shaped "$UP,$DOWN,\"latency\":5"
	tbf_is '' v0 12500000 250000 5000
	tbf_is '' $IFB 6250000 125000 5000
	unshaped
}

@test "fq_codel on a kernel without it: ADD and STATUS say so, and nothing is left" {
	! tc qdisc add dev v0 root fq_codel 2>/dev/null || skip "this kernel has fq_codel; test/vm has the other half"
	conf=$(limits "$UP,$DOWN,\"queue\":\"fq_codel\"")
	add bandwidth <<<"$conf"
	expect_code 7 'queue: this kernel has no fq_codel'
	no_tbf '' v0
	expect_ifbs
	[ -z "$(ls $FILES)" ] || fail "no file"
	status_of bandwidth <<<"$conf"
	expect_code 50 'fq_codel'
	status_of bandwidth <<<"$(limits "$UP")"
	expect_silent
	[ "$(ip -j link show | jq length)" = 2 ] || fail "STATUS makes no link"
	[ "$(qdisc '' lo 'map(.kind)')" = '["noqueue"]' ] || fail "STATUS makes no qdisc"
	add bandwidth <<<"$(limits "$UP,\"queue\":\"sfq\"")"
	expect_code 7 'queue: "sfq"'
}

@test "shapedSubnets and unshapedSubnets are refused, but by DEL" {
	local key at
	for key in shapedSubnets unshapedSubnets; do
		for at in .$key .runtimeConfig.bandwidth.$key; do
			conf=$(limits "$UP" "$at = [\"10.0.0.0/8\"]")
			add bandwidth <<<"$conf"
			expect_code 2 "${at#.}: [\"10.0.0.0/8\"]"
			status_of bandwidth <<<"$conf"
			expect_code 2 "${at#.}"
			del bandwidth <<<"$conf"
			expect_silent
		done
		shaped "$UP" ".$key = [] | .runtimeConfig.bandwidth.$key = null"
		unshaped
	done
}

@test "what cannot be" {
	local keys text
	while IFS=: read -r keys text; do
		add bandwidth <<<"$(limits "${keys//=/:}")"
		expect_code 7 "$text"
		add bandwidth <<<"$(limits '' ".runtimeConfig.bandwidth = {${keys//=/:}}")"
		expect_code 7 "runtimeConfig.bandwidth.$text"
		status_of bandwidth <<<"$(limits "${keys//=/:}")"
		expect_code 7 "$text"
	done <<-'END'
		"ingressBurst"=8000:ingressBurst: set without
		"egressRate"=0,"egressBurst"=8000:egressBurst: set without
		"ingressRate"=7,"ingressBurst"=8000:ingressRate: less than a byte a second
		"egressRate"=8000,"egressBurst"=7:egressBurst: less than a byte
		"egressRate"=8000,"egressBurst"=34359738360:egressBurst: more than 4294967294 bytes
	END
	add bandwidth <<<"$(limits "$UP" 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
	add bandwidth <<<"$(limits '' 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
	add bandwidth eth9 <<<"$(limits "$UP")"
	expect_code 999 'eth9'
	no_tbf '' v0
	[ ! -e $FILES ] || fail "no file"
}

@test "a previous result that lists nothing, or no sandbox: the interface is found by its name" {
	local change
	for change in 'del(.prevResult.interfaces)' '.prevResult.interfaces = []' 'del(.prevResult.interfaces[1].sandbox)' \
		'.prevResult.interfaces = [{name: "other"}]'; do
		shaped "$UP,$DOWN" "del(.prevResult.ips) | $change"
		tbf_is '' v0 12500000 250000 25000
		tbf_is '' $IFB 6250000 125000 25000
		unshaped
		no_tbf '' v0
	done
}

# ---- other interfaces than veth -------------------------------------------------------------------

# Of what is inside, egress is what the interface sends.
shaped_inside() {
	shaped "$UP,$DOWN"
	tbf_is box eth0 6250000 125000 25000
	tbf_is box $IFB 12500000 250000 25000
	leads_to box eth0 $IFB
	expect_ifbs
	json_is "$result" ".interfaces[2] | .name, .sandbox" "$IFB"$'\n'/run/netns/box
	json_is "$(ip -n box -d -j link show $IFB)" '.[0] | .inet6_addr_gen_mode, (.flags | index("UP") != null)' none$'\n'true
	json_is "$(ip -n box -j addr show $IFB)" '.[0].addr_info' '[]'
	unshaped
	no_tbf box eth0
	! ip -n box link show $IFB 2>/dev/null || fail "no ifb in the container"
}

other_interface() {
	ip link del v0
	ip "$@"
	ip -n box link set eth0 up
}

@test "macvlan, tap, tun, a bridge: shaped in the container's namespace" {
	ip link add up0 type veth peer name up1
	ip link set up0 up
	other_interface link add eth0 link up0 netns box type macvlan
	shaped_inside
	ip -n box link del eth0
	ip link add v0 type veth peer name v1
	other_interface -n box tuntap add eth0 mode tap
	shaped_inside
	ip -n box link del eth0
	ip link add v0 type veth peer name v1
	other_interface -n box tuntap add eth0 mode tun
	shaped_inside
	ip -n box link del eth0
	ip link add v0 type veth peer name v1
	other_interface -n box link add eth0 type bridge
	shaped_inside
}

@test "a veth whose other end is in another namespace, or in the same" {
	netns other
	NS=box
	ip link set v0 netns other
	ip -n other link set v0 up
	shaped_inside
	ip -n other link del v0
	ip -n box link add eth0 type veth peer name eth1
	ip -n box link set eth0 up
	shaped_inside
}

@test "the index of the other end is another container's veth here" {
	local index
	index=$(<"/sys/class/net/v0/ifindex")
	netns other
	netns elsewhere
	ip link set v0 netns elsewhere
	ip link add v0 index "$index" type veth peer name eth0 index "$(ip -n box -j link show eth0 | jq '.[0].ifindex')" netns other
	ip link set v0 up
	[ "$(ip -n box -j link show eth0 | jq '.[0].link_index')" = "$index" ] || fail "two of that index"
	NS=box
	shaped "$UP,$DOWN"
	no_tbf '' v0
	tbf_is box eth0 6250000 125000 25000
	unshaped
}

# ---- what is not ours -----------------------------------------------------------------------------

kept() {
	qdisc '' "$1" 'map(del(.options.direct_packets_stat))'
}

# refused_by KIND DEV TC-ARGUMENTS... : another's qdisc on the device is named, and is as before.
refused_by() {
	local kind=$1 dev=$2 before
	shift 2
	tc qdisc add dev "$dev" "$@"
	before=$(kept "$dev")
	add bandwidth <<<"$(limits "$UP,$DOWN")"
	expect_code 101 "$dev has a qdisc that is not ours and is not replaced: $kind"
	expect_same "qdiscs" "$before" "$(kept "$dev")"
	expect_ifbs
	[ -z "$(ls $FILES 2>/dev/null)" ] || fail "no file"
	check bandwidth <<<"$(with_result "$(limits "$UP,$DOWN")" "$(limits '' | jq .prevResult)")"
	expect_code 102
	del bandwidth <<<"$(limits "$UP,$DOWN")"
	expect_silent
	expect_same "qdiscs after DEL" "$before" "$(kept "$dev")"
}

@test "another's root qdisc is not replaced" {
	refused_by 'htb 5:' v0 root handle 5: htb
	tc qdisc del dev v0 root
	refused_by 'tbf 1:' v0 root handle 1: tbf rate 1mbit burst 10kb limit 20kb
	tc qdisc del dev v0 root
	refused_by 'tbf 7:' v0 root handle 7: tbf rate 1mbit burst 10kb limit 20kb
	tc qdisc del dev v0 root
	refused_by 'pfifo 1:' v0 root handle 1: pfifo
}

@test "clsact, and another's ingress qdisc with its filters, are not replaced" {
	refused_by 'clsact ffff:' v0 clsact
	tc qdisc del dev v0 clsact
	refused_by 'ingress ffff:' v0 ingress
	tc filter add dev v0 ingress u32 match u32 0 0 action mirred egress redirect dev lo
	tc qdisc add dev v0 root handle 3: pfifo
	add bandwidth <<<"$(limits "$DOWN")"
	expect_code 101 'ingress ffff:'
	tc filter show dev v0 ingress | grep -q 'device lo' || fail "the filter as it was"
}

@test "what is another's does not matter where that direction has no limit" {
	tc qdisc add dev v0 clsact
	shaped "$UP"
	tbf_is '' v0 12500000 250000 25000
	unshaped
	[ "$(qdisc '' v0 'map(.kind) | index("clsact") != null')" = true ] || fail "clsact to be there"
	tc qdisc del dev v0 clsact
	tc qdisc add dev v0 root handle 1: tbf rate 1mbit burst 10kb limit 20kb
	shaped "$DOWN"
	unshaped
	tbf_is '' v0 125000 10240 81920
}

@test "an ingress qdisc that came after an ADD with a rate the other way is another's" {
	shaped "$UP"
	tc qdisc add dev v0 ingress
	tc filter add dev v0 ingress u32 match u32 0 0 flowid 1:77
	shaped "$UP"
	tc filter show dev v0 ingress | grep -q 1:77 || fail "the filter, after an ADD again"
	add bandwidth <<<"$(limits "$UP,$DOWN")"
	expect_code 101 'ingress ffff:'
	unshaped
	tc filter show dev v0 ingress | grep -q 1:77 || fail "the filter, after DEL"
}

@test "a qdisc by default is replaced, whatever kind that is" {
	local kind
	for kind in pfifo_fast sfq pfifo_head_drop; do
		echo $kind >/proc/sys/net/core/default_qdisc 2>/dev/null || continue
		ip link set v0 txqueuelen 1000
		ip -n box link set eth0 down
		ip link set v0 down
		ip link set v0 up
		ip -n box link set eth0 up
		shaped "$UP"
		unshaped
	done
}

# ---- again ----------------------------------------------------------------------------------------

@test "ADD again: the same is not touched, and what is asked for now is what there is" {
	local before place
	for place in host box; do
		[ $place = host ] || other_interface -n box tuntap add eth0 mode tap
		shaped "$UP,$DOWN"
		before=$(state box; all_qdiscs)
		shaped "$UP,$DOWN"
		expect_same state "$before" "$(state box; all_qdiscs)"
		shaped '"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":400000'
		if [ $place = host ]; then
			tbf_is '' v0 1000000 100000 25000
			tbf_is '' $IFB 500000 50000 25000
			leads_to '' v0 $IFB
		else
			tbf_is box eth0 500000 50000 25000
			tbf_is box $IFB 1000000 100000 25000
			leads_to box eth0 $IFB
		fi
		shaped "$UP"
		shaped "$DOWN"
		shaped ''
		if [ $place = host ]; then no_tbf '' v0; else no_tbf box eth0; fi
		[ "$(jq '.interfaces | length' <<<"$result")" = 2 ] || fail "no ifb in the result"
		unshaped
	done
}

all_qdiscs() {
	tc -j qdisc show
	in_ns box tc -j qdisc show
}

@test "ADD again that fails: what there was is there again" {
	local before
	shaped "$UP,$DOWN"
	before=$(state box; all_qdiscs)
	tc qdisc del dev v0 ingress
	tc qdisc add dev v0 clsact
	add bandwidth <<<"$(limits '"ingressRate":8000000,"egressRate":4000000')"
	expect_code 101 'clsact'
	tc qdisc del dev v0 clsact
	shaped "$UP,$DOWN"
	! tc qdisc add dev lo root fq_codel 2>/dev/null || return 0
	unshaped
	shaped "$DOWN"
	before=$(state box; all_qdiscs; cat $FILES/*)
	add bandwidth <<<"$(limits "$UP,$DOWN,\"queue\":\"fq_codel\"")"
	expect_code 7 fq_codel
	expect_same state "$before" "$(state box; all_qdiscs; cat $FILES/*)"
	unshaped
	shaped "$UP,$DOWN"
	before=$(state box; all_qdiscs)
	add bandwidth <<<"$(limits '"ingressRate":8000000,"egressRate":4000000,"queue":"fq_codel"')"
	expect_code 7 fq_codel
	expect_same state "$before" "$(state box; all_qdiscs)"
	leads_to '' v0 $IFB
	check bandwidth <<<"$(with_result "$conf")"
	expect_silent
}

@test "two interfaces of a container on one network have an ifb each" {
	local first second
	shaped "$UP,$DOWN"
	first=$conf
	veth box w0 net1
	add bandwidth net1 <<<"$(limits "$DOWN")"
	expect_ok
	second=$(jq -r '.interfaces[2].name' <<<"$output")
	[[ $second =~ ^bwp[0-9a-f]{12}$ && $second != "$IFB" ]] || fail "a name of its own, not $second"
	leads_to '' v0 $IFB
	leads_to '' w0 "$second"
	check bandwidth net1 <<<"$(with_result "$(limits "$DOWN")")"
	expect_silent
	del bandwidth net1 <<<"$(limits "$DOWN")"
	expect_silent
	expect_ifbs $IFB
	del bandwidth net1 <<<"$(limits "$DOWN")"
	expect_silent
	expect_ifbs $IFB
	conf=$first
	unshaped
}

@test "two interfaces of a container at once" {
	local n pids
	conf=$(limits "$UP,$DOWN")
	veth box v1 eth1
	for _ in {1..16}; do
		pids=()
		for n in 0 1; do
			( add bandwidth eth$n <<<"$conf" && expect_ok ) 3>&- &
			pids+=($!)
		done
		wait "${pids[0]}"
		wait "${pids[1]}"
		for n in 0 1; do
			check bandwidth eth$n <<<"$conf"
			expect_silent
			tbf_is '' v$n 12500000 250000 25000
		done
		[ "$(ifbs | wc -w)" -eq 2 ] || fail "an ifb each"
		for n in 0 1; do
			del bandwidth eth$n <<<"$conf"
			expect_silent
		done
		expect_ifbs
	done
}

@test "an ifb of that name that is another's" {
	ip link add $IFB type ifb
	shaped "$DOWN"
	json_is "$result" ".interfaces[2].name == \"$IFB\"" false
	del bandwidth <<<"$conf"
	expect_silent
	expect_ifbs $IFB
	del bandwidth <<<"$conf" # without a file it goes by the name, as the reference's
	expect_silent
	expect_ifbs
}

# ---- CHECK, DEL, GC -------------------------------------------------------------------------------

@test "CHECK says wanted and found, in both directions" {
	shaped "$UP,$DOWN"
	wrong() {
		check bandwidth <<<"$(with_result "$(limits "$UP,$DOWN" "$1")")"
		expect_code 102 "$2"
	}
	wrong '.ingressRate = 50000000' 'ingressRate of v0: wanted 50000000 bit/s, found 100000000'
	wrong '.egressRate = 60000000' "egressRate of $IFB: wanted 60000000 bit/s, found 50000000"
	wrong '.ingressBurst = 4000000' 'ingressBurst of v0: wanted 4000000 bit, found 2000000'
	wrong '.egressBurst = 500000' "egressBurst of $IFB: wanted 500000 bit, found 1000000"
	wrong '.latency = 10' 'latency of v0: wanted 10.0 ms, found 25.0 (ingress)'
	tc qdisc del dev v0 root
	wrong . 'ingressRate of v0: wanted 100000000 bit/s, found no tbf'
	tc qdisc add dev v0 root handle 5: htb
	wrong . 'found no tbf but htb 5:'
	wrong 'del(.ingressRate, .ingressBurst) | .latency = 10' "latency of $IFB: wanted 10.0 ms, found 25.0 (egress)"
	check bandwidth <<<"$(with_result "$(limits "$DOWN")")"
	expect_silent
	tc qdisc del dev v0 root
	shaped "$UP,$DOWN"
	tc filter del dev v0 ingress
	wrong . "egressRate: v0 does not lead to ifb $IFB"
	tc qdisc del dev v0 ingress
	wrong . "egressRate: v0 does not lead to ifb $IFB"
	shaped "$UP,$DOWN"
	tc qdisc del dev $IFB root
	wrong . "egressRate of $IFB: wanted 50000000 bit/s, found no tbf"
	shaped "$UP,$DOWN"
	ip link set $IFB down
	wrong . "ifb $IFB is down"
	ip link del $IFB
	wrong . "ifb $IFB is gone"
	shaped "$UP,$DOWN" # again puts it right, with one filter
	leads_to '' v0 $IFB
	[ "$(tc filter show dev v0 ingress | grep -c match)" -eq 1 ] || fail "one filter"
}

@test "DEL: whatever is gone, nothing is left" {
	local gone
	for gone in 'ip link del v0' "ip link del $IFB" 'ip netns del box' 'tc qdisc del dev v0 root' 'tc qdisc del dev v0 ingress' \
		"rm -r $FILES" "echo x >$FILES/$IFB" "echo {} >$FILES/$IFB" 'ip -n box link set eth0 down name eth7'; do
		shaped "$UP,$DOWN"
		eval "$gone"
		del bandwidth <<<"$conf"
		expect_silent
		expect_ifbs
		[ -z "$(ls $FILES 2>/dev/null)" ] || fail "no file"
		del bandwidth <<<"$conf"
		expect_silent
		host_clean
		netns box
		veth box v0 eth0
	done
	shaped "$UP,$DOWN"
	NS='' del bandwidth <<<"$(limits '"ingressRate":"x","egressBurst":-1' '.prevResult = 5')"
	expect_silent
	expect_ifbs
}

@test "DEL leaves the interface as it was, what is another's and lies beside it as well" {
	local before
	before=$(state box; all_qdiscs)
	shaped "$UP,$DOWN"
	unshaped
	expect_same state "$before" "$(forget_result; state box; all_qdiscs)"
	shaped "$UP"
	tc qdisc del dev v0 root
	tc qdisc add dev v0 root handle 5: htb
	unshaped
	[ "$(qdisc '' v0 'map(.kind)')" = '["htb"]' ] || fail "htb to be there"
}

@test "GC: the ifbs of this network's attachments that are not valid, and of no other's" {
	local name other
	shaped "$UP,$DOWN"
	for name in c2 c3; do
		netns $name
		veth $name v$name eth0
		CID=$name add bandwidth <<<"$(limits "$DOWN" "$([ $name = c2 ] || echo '.name = "other"')")"
		expect_ok
	done
	NS=box
	other=$(ifbs)
	ip link add bwp0123456789ab type ifb
	ip link add ifb7 type ifb
	echo '{"network":"net","containerID":"c9","ifname":"eth0"}' >$FILES/bwp0123456789ab # of no such hash
	echo '{"network":"net","containerID":"c1","ifname":"eth0"}' >$FILES/../x
	gc bandwidth <<<"$conf"
	expect_silent
	expect_ifbs "bwp0123456789ab $other ifb7"
	gc bandwidth <<<"$(with_valid "$conf" c2/eth0)"
	expect_silent
	[ ! -e /sys/class/net/$IFB ] || fail "one is gone"
	[ "$(ifbs | wc -w)" -eq 4 ] || fail "one is gone"
	[ ! -e $FILES/$IFB ] || fail "its file, too"
	gc bandwidth <<<"$(with_valid "$conf" c2/eth1)"
	expect_silent
	[ "$(ifbs | wc -w)" -eq 3 ] || fail "the pair counts"
}

# ---- beside the reference -------------------------------------------------------------------------

@test "ADD by one, ADD again, CHECK and DEL by the other" {
	local who other
	conf=$(limits "$UP,$DOWN")
	for who in ref ours; do
		[ $who = ref ] && other=ours || other=ref
		by $who add bandwidth <<<"$conf"
		expect_ok
		[ $who = ours ] || by ours add bandwidth <<<"$conf"
		expect_ok
		by $other check bandwidth <<<"$(with_result "$conf")"
		expect_ok
		by $other del bandwidth <<<"$conf"
		expect_ok
		expect_ifbs
		host_clean
		netns box
		veth box v0 eth0
	done
}

@test "the reference's of other numbers is not taken for ours" {
	by ref add bandwidth <<<"$(limits "$UP")"
	expect_ok
	add bandwidth <<<"$(limits '"ingressRate":8000000,"ingressBurst":800000')"
	expect_code 101 'tbf 1:'
	tbf_is '' v0 12500000 250000 25000
}
