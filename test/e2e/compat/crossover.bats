# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# A live node changes over in either direction while containers run: what the reference added ours
# checks and deletes, and the other way round, in every spec version both speak.

load ../lib

STORE=/var/lib/cni/networks/cross

conf_of() {
	jq -nc --arg plugin "$1" --arg version "$2" '
		{cniVersion: $version, name: "cross", type: $plugin, mtu: 1400,
		 ipam: {type: "host-local",
			ranges: [[{subnet: "10.7.0.0/24"}], [{subnet: "fd00:7::/64"}]],
			routes: [{dst: "192.168.0.0/16"}, {dst: "fd00:8::/32"}]}}
		| if $plugin == "bridge" then
			. + {bridge: "cross0", isGateway: true, hairpinMode: true}
		  elif $plugin == "macvlan" then . + {master: "m0", mode: "private"}
		  else . end'
}

other() {
	if [ "$1" = ref ]; then echo ours; else echo ref; fi
}

addresses_held() {
	find "$STORE" -name .cnic -prune -o -type f -printf '%f\n' | grep -vE '^(lock|last_reserved_ip)' || true
}

has_check() {
	case $1 in
	0.1.0 | 0.2.0 | 0.3.*) return 1 ;;
	esac
}

# DEL gets the result from 0.4.0 on, like CHECK.
conf_after_add() {
	if has_check "$1"; then with_result "$2"; else echo "$2"; fi
}

# one_way PLUGIN VERSION ADDER : ADD by one, CHECK and DEL by the other, all as before after it.
one_way() {
	local plugin=$1 version=$2 adder=$3 deleter conf before
	deleter=$(other "$adder")
	conf=$(conf_of "$plugin" "$version")

	# What outlives a container (bridge, its address, forwarding) is made by the first one.
	by "$deleter" add "$plugin" warm0 <<<"$conf"
	expect_ok
	by "$deleter" del "$plugin" warm0 <<<"$conf"
	expect_silent
	forget_result
	before=$(state box)

	by "$adder" add "$plugin" eth0 <<<"$conf"
	expect_ok
	expect_json .cniVersion "$version"
	[ "$(addresses_held | wc -l)" -eq 2 ]
	if has_check "$version"; then
		by "$deleter" check "$plugin" eth0 <<<"$(with_result "$conf")"
		expect_silent
	fi
	by "$deleter" del "$plugin" eth0 <<<"$(conf_after_add "$version" "$conf")"
	expect_silent
	expect_same "addresses held" "" "$(addresses_held)"
	forget_result
	expect_same "state" "$before" "$(state box)"

	by "$deleter" del "$plugin" eth0 <<<"$conf"
	expect_silent
	by "$adder" del "$plugin" eth0 <<<"$conf"
	expect_silent
}

both_ways() {
	netns box
	[ "$1" != macvlan ] || ip link add m0 up type veth peer name m1
	no_dad_wait box
	one_way "$1" "$2" ref
	one_way "$1" "$2" ours
}

@test "loopback" {
	local adder deleter before
	netns box
	ip -n box link set lo down
	before=$(state box)
	for adder in ref ours; do
		[ $adder = ref ] && deleter=ours || deleter=ref
		by $adder add loopback lo <<<"$(loopback)"
		expect_ok
		by $deleter check loopback lo <<<"$(with_result "$(loopback)")"
		expect_silent
		by $deleter del loopback lo <<<"$(with_result "$(loopback)")"
		expect_silent
		forget_result
		expect_same state "$before" "$(state box)"
	done
}

loopback() {
	echo '{"cniVersion":"1.1.0","name":"net","type":"loopback"}'
}

@test "bridge 0.1.0" { both_ways bridge 0.1.0; }
@test "bridge 0.2.0" { both_ways bridge 0.2.0; }
@test "bridge 0.3.0" { both_ways bridge 0.3.0; }
@test "bridge 0.3.1" { both_ways bridge 0.3.1; }
@test "bridge 0.4.0" { both_ways bridge 0.4.0; }
@test "bridge 1.0.0" { both_ways bridge 1.0.0; }
@test "bridge 1.1.0" { both_ways bridge 1.1.0; }

@test "ptp 0.1.0" { both_ways ptp 0.1.0; }
@test "ptp 0.2.0" { both_ways ptp 0.2.0; }
@test "ptp 0.3.0" { both_ways ptp 0.3.0; }
@test "ptp 0.3.1" { both_ways ptp 0.3.1; }
@test "ptp 0.4.0" { both_ways ptp 0.4.0; }
@test "ptp 1.0.0" { both_ways ptp 1.0.0; }
@test "ptp 1.1.0" { both_ways ptp 1.1.0; }

@test "macvlan 0.1.0" { both_ways macvlan 0.1.0; }
@test "macvlan 0.2.0" { both_ways macvlan 0.2.0; }
@test "macvlan 0.3.0" { both_ways macvlan 0.3.0; }
@test "macvlan 0.3.1" { both_ways macvlan 0.3.1; }
@test "macvlan 0.4.0" { both_ways macvlan 0.4.0; }
@test "macvlan 1.0.0" { both_ways macvlan 1.0.0; }
@test "macvlan 1.1.0" { both_ways macvlan 1.1.0; }

# The reference's IPv6 waits five seconds each time.
@test "tap 0.2.0" { both_ways tap 0.2.0; }
@test "tap 0.3.1" { both_ways tap 0.3.1; }
@test "tap 0.4.0" { both_ways tap 0.4.0; }
@test "tap 1.1.0" { both_ways tap 1.1.0; }

@test "host-local 0.1.0" { both_ways host-local 0.1.0; }
@test "host-local 0.2.0" { both_ways host-local 0.2.0; }
@test "host-local 0.3.0" { both_ways host-local 0.3.0; }
@test "host-local 0.3.1" { both_ways host-local 0.3.1; }
@test "host-local 0.4.0" { both_ways host-local 0.4.0; }
@test "host-local 1.0.0" { both_ways host-local 1.0.0; }
@test "host-local 1.1.0" { both_ways host-local 1.1.0; }

# The reference leaves the device down, and fails a second DEL.
device_home() {
	ip link set dev1 up
	expect_same "addresses held" "" "$(addresses_held)"
	json_is "$(ip -j link show dev1)" '.[0] | [.ifname, .address, .ifalias]' '["dev1","02:aa:00:00:00:01",null]'
	! ip -n box link show eth0 2>/dev/null || fail "no eth0 in the container"
}

# Of ours that the reference has deleted a record stays, until the next call of ours.
@test "host-device, in every version" {
	local conf version adder
	netns box
	ip link add dev1 up address 02:aa:00:00:00:01 type veth peer name wire1
	for version in $ALL_VERSIONS; do
		for adder in ref ours; do
			conf=$(conf_of host-device $version | jq -c '.device = "dev1"')
			by $adder add host-device <<<"$conf"
			expect_ok
			if has_check $version; then
				by "$(other $adder)" check host-device <<<"$(with_result "$conf")"
				expect_silent
			fi
			by "$(other $adder)" del host-device <<<"$(conf_after_add $version "$conf")"
			expect_silent
			device_home
			ours_run del host-device <<<"$conf"
			expect_silent
			device_home
		done
	done
}

@test "both allocate from one range by turns, and go on where the other stopped" {
	local conf i who=ref
	netns box
	conf=$(conf_of host-local 1.0.0)
	for i in 2 3 4 5 6 7; do
		CID=c$i by "$who" add host-local eth0 <<<"$conf"
		expect_json '.ips[0].address' "10.7.0.$i/24"
		expect_json '.ips[1].address' "fd00:7::$i/64"
		who=$(other "$who")
	done
	for i in 2 3 4 5 6 7; do
		CID=c$i by "$who" del host-local eth0 <<<"$conf"
		expect_silent
		who=$(other "$who")
	done
	expect_same "addresses held" "" "$(addresses_held)"
}

@test "neither hands an address out twice or to the same attachment again" {
	local conf who
	netns box
	conf=$(conf_of host-local 1.0.0)
	for who in ref ours; do
		by "$who" add host-local eth0 <<<"$conf"
		expect_ok
		by "$(other "$who")" add host-local eth0 <<<"$conf"
		expect_failure
		[ "$(addresses_held | wc -l)" -eq 2 ]
		by "$(other "$who")" del host-local eth0 <<<"$conf"
		expect_silent
	done
}

ONLY4='{"cniVersion":"1.0.0","ips":[{"address":"10.7.0.9/24"}]}'

@test "a record without an interface name, as old releases wrote it, is found and freed" {
	local conf
	netns box
	conf=$(conf_of host-local 1.0.0 | jq -c '.ipam.ranges = [.ipam.ranges[0]]')
	mkdir -p "$STORE"
	printf 'c1' >"$STORE/10.7.0.9"
	ours_run check host-local eth0 <<<"$(with_result "$conf" "$ONLY4")"
	expect_silent
	ours_run del host-local eth0 <<<"$conf"
	expect_silent
	expect_same "addresses held" "" "$(addresses_held)"
}

@test "a range set that was added later does not fail the CHECK of those who came before" {
	local who
	netns box
	mkdir -p "$STORE"
	printf 'c1\r\neth0' >"$STORE/10.7.0.9"
	for who in ref ours; do
		by "$who" check host-local eth0 <<<"$(with_result "$(conf_of host-local 1.0.0)" "$ONLY4")"
		expect_silent
	done
}

@test "containers of both share a bridge and reach each other" {
	local conf who
	conf=$(conf_of bridge 1.0.0)
	for who in ref ours; do
		netns "box-$who"
		CID=$who by "$who" add bridge eth0 <<<"$conf"
		expect_ok
	done
	in_ns box-ref ping -q -c 1 -W 5 10.7.0.3
	in_ns box-ours ping -q -c 1 -W 5 10.7.0.1
}

@test "our GC frees what the reference leaked and keeps what is valid" {
	local conf
	netns box
	conf=$(conf_of host-local 1.1.0)
	CID=gone ref_run add host-local eth0 <<<"$conf"
	CID=here ref_run add host-local eth0 <<<"$conf"
	ours_run gc host-local <<<"$(with_valid "$conf" here/eth0)"
	expect_silent
	expect_same "addresses held" $'10.7.0.3\nfd00:7::3' "$(addresses_held | sort)"
}
