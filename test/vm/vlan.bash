# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the VLAN tests share, on top of e2e/lib.bash.

# conf [JSON] : a bridge network of layer 2, with members added or replaced
conf() {
	local extra=${1-}
	jq -nc --argjson extra "${extra:-"{}"}" \
		'{cniVersion: "1.0.0", name: "net", type: "bridge", bridge: "br0"} + $extra'
}

# routed SUBNET [JSON] : the same with addresses and a gateway
routed() {
	local extra=${2-}
	conf "$(jq -nc --arg subnet "$1" --argjson extra "${extra:-"{}"}" \
		'{isGateway: true, ipam: {type: "host-local", subnet: $subnet}} + $extra')"
}

# box NAME : a container whose id is its name
box() {
	netns "$1"
	# shellcheck disable=SC2034 # the calls read it
	CID=$1
}

# The port of the last result.
port() {
	# shellcheck disable=SC2154 # set by add
	jq -r '.interfaces[1].name' <<<"$result"
}

# vlans DEV : its VLANs on one line, p = PVID, u = leaves untagged: "1pu 42 100"
vlans() {
	bridge -j vlan show dev "$1" | jq -r '
		def flag($name; $letter): if .flags // [] | index($name) then $letter else "" end;
		[.[0].vlans[]? | "\(.vlan)\(flag("PVID"; "p"))\(flag("Egress Untagged"; "u"))"]
		| join(" ")'
}

expect_vlans() {
	local actual
	actual=$(vlans "$1")
	[ "$actual" = "$2" ] || fail "VLANs of $1 to be '$2', not '$actual'"
}

filtering() {
	ip -j -d link show br0 | jq '.[0].linkinfo.info_data.vlan_filtering'
}

# links : names of the host's links but lo, one line
links() {
	ip -j link show | jq -r 'map(.ifname) - ["lo"] | join(" ")'
}

can_ping() {
	in_ns "$1" ping -c 1 -W 5 "$2"
}
