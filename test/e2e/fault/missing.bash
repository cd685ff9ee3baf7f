# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# Whatever has gone before it, DEL succeeds, twice, leaves nothing of the attachment, and takes nothing of
# another one.
#
# For files that have loaded lib.bash, fault.bash, faults.bash and rows.bash.

OBJECTS="nothing link host_end master namespace netns_path store records rules everything"

# remove OBJECT : of the attachment c1/eth0, as far as there is one.
remove() {
	local each
	case $1 in
	nothing) ;;
	link) ip -n box link del eth0 ;;
	host_end) ip link del v0 || ip link del wire1 || host_end_of_box ;;
	master) remove_master ;;
	port) remove_port ;;
	namespace) ip netns del box ;;
	netns_path) umount /run/netns/box ;; # a file, and no namespace
	store) rm -rf /var/lib/cni/networks/* ;;
	records) rm -rf /run/cnic /run/cni /var/lib/cni/ovs-cni ;;
	rules) nft flush ruleset ;;
	everything)
		for each in $OBJECTS; do
			[ "$each" = everything ] || [ "$each" = netns_path ] || remove "$each"
		done
		;;
	esac 2>/dev/null || true
}

remove_master() {
	ip link del m0 || ip link del br0
}

host_end_of_box() {
	local index
	index=$(ip -n box -j link show eth0 | jq '.[].link_index // 0')
	ip -j link | jq -r --argjson i "$index" '.[] | select(.ifindex == $i and (.ifname | startswith("veth"))) | .ifname' |
		xargs -r -n 1 ip link del
}

# What would be the attachment's: by its id, its addresses, its interface.
traces() {
	grep -rlsE '^c1\b|"c1"' /var/lib/cni/networks /run/cnic /run/cni --exclude-dir=.cnic
	nft list ruleset | grep -E '"c1[" ]|id: c1|8080|10\.1\.0\.2[^0-9]'
	find /run/cnic /run/cni -name 'c1[^0-9]*'
	ip -n box rule | grep -vE 'lookup (local|main|default|.l3mdev-table.)'
	ifbs | grep -vxF "${other_ifbs:-none}"
	is_chained || ip -n box -j link show eth0 | jq -r '.[].ifname'
	more_traces
} 2>/dev/null

ifbs() {
	ip -j link show type ifb | jq -r '.[].ifname'
}

more_traces() {
	:
}

# Of another container nothing is missed but what was taken from it, too.
other_is_well() {
	case $1 in
	nothing | link | host_end | namespace | netns_path) ;;
	*) return 0 ;;
	esac
	[ -z "$other" ] || [ "$plugin" = loopback ] || {
		CID=c0 NS=other check "$plugin" <<<"$(with_result "$other" "$others")"
		expect_silent
	}
}

afresh() {
	host_clean
	no_dad_wait ''
	netns box
}

without() {
	local given=
	afresh
	begin "$row"
	others=$result
	other_ifbs=$(ifbs)
	result=
	add_well
	tally missing 1 0
	remove "$1"
	[ "$plugin" != host-device ] || given=$(with_result "$conf") # without a record it looks there
	for _ in 1 2; do
		CNI_NETNS=/run/netns/box del "$plugin" <<<"${given:-$conf}"
		expect_silent
	done
	expect_same "traces without $1" "" "$(traces || true)"
	other_is_well "$1"
	tally missing 0 1
}

matrix_missing() {
	local object row=$1
	for object in $OBJECTS; do
		without "$object" >"$log" 2>&1
	done
}
