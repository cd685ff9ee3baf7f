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
	advertise_from router w0
}

teardown() {
	advertiser_end
	host_clean
}

@test "macvlan" {
	nothing_unasked 200 macvlan '{"cniVersion":"1.1.0","name":"net","type":"macvlan","master":"m0",'"$IPAM"'}'
}

@test "bridge" {
	ip link add br0 up type bridge
	ip link set m0 master br0
	nothing_unasked 200 bridge '{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0",'"$IPAM"'}'
}
