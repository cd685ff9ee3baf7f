#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# dummy and vrf, which are the container's alone, by the reference and by ours: see differential.bash.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/differential.bash"

# ---- dummy ---------------------------------------------------------------------------------

@test "dummy: each family, static addresses, routes" {
	alike dummy '{}' "$V4"
	alike dummy '{}' "$V6"
	alike dummy '{}' "$STATIC"
	alike dummy "$DNS" "$FULL"
	refused dummy '{}'
}

@test "dummy: every version of the specification" {
	in_every_version dummy "$(conf dummy '{}' "$DUAL")"
}

# ---- vrf -----------------------------------------------------------------------------------

PREVIOUS='"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"v0"},{"name":"eth0","sandbox":"/run/netns/box"}],
	"ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1","interface":1},{"address":"fd00:9::2/64","interface":1}],
	"routes":[{"dst":"0.0.0.0/0"}],"dns":{"domain":"d.example"}}'

# An interface with addresses and routes of its own alone; what the reference gets wrong is left out: routes that it shares
# with another.
attached() {
	ip link add v0 up address 02:aa:00:00:00:02 type veth peer name eth0 netns box address 02:aa:00:00:00:01
	ip -n box -batch - <<-'END'
		link set eth0 addrgenmode none
		link set eth0 up
		addr add 10.9.0.2/24 dev eth0
		addr add fd00:9::2/64 dev eth0 nodad
		route add default via 10.9.0.1
		route add 172.20.0.0/16 via 10.9.0.1 mtu 1400
		route add default via fd00:9::1
		route add fd00:a::/48 via fd00:9::7
	END
}

# In a VRF that is there, beside another interface's.
beside() {
	attached
	ip -n box -batch - <<-'END'
		link add red type vrf table 7
		link set red up
		link add eth1 address 02:aa:00:00:00:03 type dummy
		link set eth1 addrgenmode none
		link set eth1 up master red
		addr add 10.8.0.2/24 dev eth1
	END
}

@test "vrf: the first table that is free, or one that is asked for" {
	PREPARE=attached
	alike vrf "{\"vrfname\":\"red\",$PREVIOUS}"
	alike vrf "{\"vrfname\":\"red\",\"table\":300,$PREVIOUS}"
	refused vrf "{$PREVIOUS}"
	refused vrf '{"vrfname":"red"}'
	refused vrf "{\"vrfname\":\"lo\",$PREVIOUS}"
}

@test "vrf: one that is there" {
	PREPARE=beside
	alike vrf "{\"vrfname\":\"red\",$PREVIOUS}"
	alike vrf "{\"vrfname\":\"red\",\"table\":7,$PREVIOUS}"
	alike vrf "{\"vrfname\":\"blue\",$PREVIOUS}"
	refused vrf "{\"vrfname\":\"red\",\"table\":8,$PREVIOUS}"
}

@test "vrf: every version of the specification that it has" {
	local version
	PREPARE=attached
	for version in $ALL_VERSIONS; do
		[[ $version != 0.[12]* && $version != 0.3.0 ]] || continue # which the reference's does not know
		same vrf "$(conf vrf "{\"vrfname\":\"red\",$PREVIOUS}" | jq -c --arg v "$version" '
			.cniVersion = $v | .prevResult.cniVersion = $v
			| .prevResult.ips |= map(.version = if .address | test(":") then "6" else "4" end)')"
	done
}
