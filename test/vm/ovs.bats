#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# ovs with the kernel's datapath, which is a module of the VM's kernel.

# shellcheck disable=SC2119
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/ovs.bash"
export DATAPATH=system

# OVS 3.1 counts the CPUs from ten seconds after boot on, and until then finds none to hear of packets.
setup_file() {
	local up
	read -r up _ </proc/uptime
	[ "${up%.*}" -ge 10 ] || sleep $((10 - ${up%.*}))
}

setup() {
	host_setup
	ovs_start
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 5 "$OVS_RUNDIR"/*.log || true
	ovs_stop
	host_clean
}

# conf JSON : a network on br0, with members added
conf() {
	jq -nc --argjson extra "$1" '{cniVersion: "1.1.0", name: "net", type: "ovs", bridge: "br0"} + $extra'
}

# box NAME ADDRESS JSON : a container whose id is its name
box() {
	netns "$1"
	CID=$1 add ovs eth0 <<<"$(conf "$3")"
	expect_ok
	[ -z "$2" ] || ns_ip "$1" addr add "$2" dev eth0
}

can_ping() {
	in_ns "$1" ping -c 1 -W 5 "$2"
}

# Silence cannot be awaited, only listened to for a while.
cannot_ping() {
	! in_ns "$1" ping -c 2 -i 0.3 -W 1 "$2"
}

@test "it is the kernel's datapath, and the port is in it" {
	box a 10.5.0.1/24 '{"vlan": 100}'
	ovs-appctl dpctl/show system@ovs-system | grep -q "$(port_of)" || fail "the port in the kernel's"
	expect_column Interface "$(port_of)" link_state '"up"'
	[ "$(ip -j link show dev "$(port_of)" | jq -r '.[0].master')" = ovs-system ]
}

@test "containers talk within a VLAN and not across" {
	box a 10.5.0.1/24 '{"vlan": 100}'
	box b 10.5.0.2/24 '{"vlan": 100}'
	box c 10.5.0.3/24 '{"vlan": 200}'
	can_ping a 10.5.0.2
	cannot_ping a 10.5.0.3
}

@test "a trunk carries the VLANs it lists, tagged" {
	local vlan
	box trunk '' '{"trunk": [{"id": 42}, {"minID": 50, "maxID": 51}]}'
	for vlan in 42 51 60; do
		box "access$vlan" "10.6.$vlan.2/24" "{\"vlan\": $vlan}"
		ns_ip trunk link add "eth0.$vlan" link eth0 type vlan id "$vlan"
		ns_ip trunk link set "eth0.$vlan" up
		ns_ip trunk addr add "10.6.$vlan.1/24" dev "eth0.$vlan"
	done
	can_ping trunk 10.6.42.2
	can_ping trunk 10.6.51.2
	cannot_ping trunk 10.6.60.2
}

# ovs-vswitchd.conf.db(5), native-tagged: what leaves the port is tagged, the native VLAN too.
@test "vlan and trunk: untagged frames are the native VLAN's, tagged ones go both ways" {
	box both 10.7.0.1/24 '{"vlan": 7, "trunk": [{"id": 42}]}'
	box native 10.7.0.2/24 '{"vlan": 7}'
	cannot_ping both 10.7.0.2
	ns_ip native neigh show 10.7.0.1 | grep -q lladdr || fail "the untagged request heard"
	ns_ip both addr flush dev eth0
	ns_ip both link add eth0.7 link eth0 type vlan id 7
	ns_ip both link set eth0.7 up
	ns_ip both addr add 10.7.0.3/24 dev eth0.7
	can_ping both 10.7.0.2
}

@test "addresses from IPAM, CHECK, DEL: nothing is left" {
	local ipam='{"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]}}'
	box a '' "$ipam"
	CID=a check ovs eth0 <<<"$(with_result "$(conf "$ipam")")"
	expect_silent
	box b '' "$ipam"
	can_ping b 10.5.0.2
	can_ping b fd05::2
	for NS in a b; do
		CID=$NS del ovs eth0 <<<"$(conf "$ipam")"
		expect_silent
	done
	expect_nothing_left
}

# ---- mirrors -------------------------------------------------------------------------------------

# behind PLUGIN NAME MIRROR : the call behind ovs in the chain of a container
behind() {
	local conf
	conf=$(conf "{\"type\": \"$2\", \"mirrors\": [$4]}")
	NS=$3 CID=$3 cni "$1" "$2" <<<"$(with_result "$conf" "${results[$3]}")"
	expect_ok
}

# Counts what arrives at an interface for whomever, before anything is done with it.
count_pings() {
	in_ns "$1" nft -f - <<-END
		table netdev seen {
			counter request {}
			counter reply {}
			chain arrivals {
				type filter hook ingress device eth0 priority 0;
				ip saddr 10.5.0.1 ip daddr 10.5.0.2 icmp type echo-request counter name request
				ip saddr 10.5.0.2 ip daddr 10.5.0.1 icmp type echo-reply counter name reply
			}
		}
	END
}

# expect_pings NS REQUESTS REPLIES : counted there, in a while.
expect_pings() {
	local tries=0 now
	while now=$(in_ns "$1" nft -j list counters | jq -r '[.nftables[].counter // empty] |
		sort_by(.name) | reverse | map(.packets) | join(" ")') && [ "$now" != "$2 $3" ]; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || fail "copies of $2 requests and $3 replies, not $now"
		read -r -t 0.1 <> <(:) || true
	done
}

# What the switch has in the kernel's cache stays as it was when a mirror changes (OVS 3.1).
forget_flows() {
	ovs-appctl dpctl/del-flows system@ovs-system
}

# watch_pings REQUESTS REPLIES : three from a to b, and so many copies of them more at c.
watch_pings() {
	requests=$((requests + $1)) replies=$((replies + $2))
	in_ns a ping -c 3 -i 0.3 -W 5 10.5.0.2 >/dev/null || fail "an answer"
	expect_pings c $requests $replies
}

@test "a mirror's consumer receives what its producers' containers say to each other" {
	local name requests=0 replies=0 producer='{"name": "m", "ingress": true}' consumer='{"name": "m"}'
	declare -A results=()
	for name in a b c; do
		box $name "10.5.0.$((36#$name - 9))/24" '{}'
		results[$name]=$result
	done
	count_pings c
	behind ADD ovs-mirror-producer a "$producer"
	behind ADD ovs-mirror-producer b "$producer"
	behind ADD ovs-mirror-consumer c "$consumer"
	watch_pings 3 3
	ovs-appctl dpctl/dump-flows system@ovs-system | grep 'eth_type(0x0800).*actions:[0-9]*,[0-9]*$' ||
		fail "the kernel to send one packet to two ports"
	behind DEL ovs-mirror-producer b "$producer"
	forget_flows
	watch_pings 3 0
	behind DEL ovs-mirror-producer a "$producer"
	behind DEL ovs-mirror-consumer c "$consumer"
	[ -z "$(ovs-vsctl list mirror)" ] || fail "no mirror"
	for name in a b c; do
		NS=$name CID=$name del ovs eth0 <<<"$(conf '{}')"
		expect_silent
	done
	expect_nothing_left
}
