# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# A router advertises on the wire while containers come: none configures itself by it, unless asked to.

load ../lib
load ../advertiser

IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]],
	"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}'

# The router's w0, on a wire with the host's m0.
setup() {
	host_setup
	no_dad_wait ''
	netns router
	ip link add m0 up type veth peer name w0 netns router
	ip -n router link set w0 up
	no_dad_wait router
	netns box
}

teardown() {
	advertiser_end
	host_clean
}

MACVLAN='{"cniVersion":"1.1.0","name":"net","type":"macvlan","master":"m0",'$IPAM'}'

@test "macvlan" {
	advertise_from router w0
	nothing_unasked 200 macvlan "$MACVLAN"
}

@test "bridge" {
	ip link add br0 up type bridge
	ip link set m0 master br0
	advertise_from router w0
	nothing_unasked 200 bridge '{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0",'"$IPAM"'}'
}

# What it says is what ours says, but for a source's address and an interval.
@test "macvlan, and radvd" {
	local said
	advertise_from router w0
	add macvlan <<<"$MACVLAN"
	expect_ok
	said=$(heard 1)
	advertiser_end
	del macvlan <<<"$MACVLAN"
	radvd_from router w0
	add macvlan <<<"$MACVLAN"
	expect_ok
	expect_same advertisement "$said" "$(heard 1)"
	del macvlan <<<"$MACVLAN"
	AWAIT=1 nothing_unasked 20 macvlan "$MACVLAN"
}
