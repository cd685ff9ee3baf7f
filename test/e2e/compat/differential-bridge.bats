# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# What bridge makes of every key, by the reference and by ours: see differential.bash.

load differential

# ---- bridge --------------------------------------------------------------------------------

@test "bridge: layer 2 only" {
	REF_CHECK=1
	same bridge "$(bridge)"
}

@test "bridge: addresses without a gateway on the bridge" {
	same bridge "$(bridge '{}' "$DUAL")"
}

@test "bridge: isGateway" {
	same bridge "$(bridge '{"isGateway":true}' "$V4")"
}

@test "bridge: isDefaultGateway" {
	same bridge "$(bridge '{"isDefaultGateway":true}' "$V4")"
}

@test "bridge: isDefaultGateway, IPv6" {
	same bridge "$(bridge '{"isDefaultGateway":true}' "$V6")"
}

@test "bridge: isDefaultGateway, dual stack" {
	same bridge "$(bridge '{"isDefaultGateway":true}' "$DUAL")"
}

@test "bridge: isDefaultGateway keeps a default route that IPAM gives with a gateway" {
	same bridge "$(bridge '{"isDefaultGateway":true}' \
		"$(jq -c '.routes = [{dst: "0.0.0.0/0", gw: "10.9.0.7"}]' <<<"$V4")")"
}

@test "bridge: hairpinMode" {
	same bridge "$(bridge '{"isGateway":true,"hairpinMode":true}' "$V4")"
}

@test "bridge: promiscMode" {
	same bridge "$(bridge '{"isGateway":true,"promiscMode":true}' "$V4")"
}

@test "bridge: hairpinMode with promiscMode" {
	both_refuse bridge "$(bridge '{"hairpinMode":true,"promiscMode":true}' "$V4")"
}

@test "bridge: portIsolation" {
	same bridge "$(bridge '{"portIsolation":true}' "$V4")"
}

@test "bridge: mtu" {
	same bridge "$(bridge '{"isGateway":true,"mtu":1280}' "$DUAL")"
}

@test "bridge: mac by CNI_ARGS" {
	ARGS='IgnoreUnknown=1;MAC=02:aa:00:00:00:01'
	same bridge "$(bridge '{}' "$V4")"
}

@test "bridge: mac by args.cni over CNI_ARGS" {
	ARGS='IgnoreUnknown=1;MAC=02:aa:00:00:00:01'
	same bridge "$(bridge '{"args":{"cni":{"mac":"02:aa:00:00:00:02"}}}' "$V4")"
}

@test "bridge: mac by runtimeConfig over the others" {
	ARGS='IgnoreUnknown=1;MAC=02:aa:00:00:00:01'
	same bridge "$(bridge '{"args":{"cni":{"mac":"02:aa:00:00:00:02"}},
		"capabilities":{"mac":true},"runtimeConfig":{"mac":"02:aa:00:00:00:03"}}' "$V4")"
}

@test "bridge: mac that is none" {
	both_refuse bridge "$(bridge '{"runtimeConfig":{"mac":"02:aa:00"}}' "$V4")"
}

@test "bridge: CNI_ARGS with a key that host-local does not know" {
	ARGS='MAC=02:aa:00:00:00:01'
	both_refuse bridge "$(bridge '{}' "$V4")"
}

@test "bridge: disableContainerInterface" {
	REF_CHECK=1
	same bridge "$(bridge '{"disableContainerInterface":true}')"
}

@test "bridge: disableContainerInterface with IPAM" {
	both_refuse bridge "$(bridge '{"disableContainerInterface":true}' "$V4")"
}

@test "bridge: enabledad" {
	same bridge "$(bridge '{"isGateway":true,"enabledad":true}' "$DUAL")"
}

bridge_with_address() {
	ip link add br0 type bridge
	ip link set br0 address 02:aa:00:00:00:10 up mtu 1300
	ip addr add 10.200.0.1/24 dev br0
	ip addr add 10.201.0.1/24 dev br0
}

bridge_with_address6() {
	ip link add br0 type bridge
	ip link set br0 address 02:aa:00:00:00:10 up
	ip addr add fd00:9::ff/64 dev br0 nodad
	ip addr add fd00:77::1/64 dev br0 nodad
}

@test "bridge: an existing bridge with another address" {
	PREPARE=bridge_with_address
	both_refuse bridge "$(bridge '{"isGateway":true}' "$V4")"
}

@test "bridge: forceAddress" {
	PREPARE=bridge_with_address
	same bridge "$(bridge '{"isGateway":true,"forceAddress":true}' "$V4")"
}

@test "bridge: forceAddress, IPv6: only what overlaps" {
	PREPARE=bridge_with_address6
	same bridge "$(bridge '{"isGateway":true,"forceAddress":true}' "$V6")"
}

@test "bridge: an existing bridge is taken as it is" {
	PREPARE=bridge_with_address
	same bridge "$(bridge '{"mtu":1400}' "$V4")"
}

no_bridge() {
	ip link add br0 type veth peer name br0peer
}

@test "bridge: a link of that name that is no bridge" {
	PREPARE=no_bridge
	both_refuse bridge "$(bridge '{}' "$V4")"
}

@test "bridge: CNI_IFNAME exists in the container" {
	taken() { ip -n box link add eth0 type bridge; }
	PREPARE=taken
	both_refuse bridge "$(bridge '{}' "$V4")"
}

@test "bridge: routes with gateway, priority, table and scope" {
	REF_CHECK=1
	same bridge "$(bridge '{"isGateway":true}' "$(jq -c '.routes = [
		{dst: "10.100.0.0/16"},
		{dst: "10.101.0.0/16", gw: "10.9.0.9"},
		{dst: "10.102.0.0/16", priority: 77},
		{dst: "10.103.0.0/16", table: 100},
		{dst: "10.104.0.0/16", table: 1000, priority: 5},
		{dst: "10.105.0.0/16", scope: 0},
		{dst: "fd00:100::/32"},
		{dst: "fd00:101::/32", gw: "fd00:9::9"},
		{dst: "fd00:102::/32", priority: 77, table: 100}]' <<<"$DUAL")")"
}

@test "bridge: routes with mtu and advmss" {
	same bridge "$(bridge '{"isGateway":true}' "$(jq -c '.routes = [
		{dst: "10.100.0.0/16", mtu: 1300}, {dst: "10.101.0.0/16", advmss: 1200}]' <<<"$V4")")"
}

@test "bridge: a route that the kernel refuses" {
	both_refuse bridge "$(bridge '{}' \
		"$(jq -c '.routes = [{dst: "10.100.0.0/16", gw: "172.31.0.1"}]' <<<"$V4")")"
}

@test "bridge: dns of the configuration over that of IPAM" {
	PREPARE=resolv_conf
	same bridge "$(bridge '{"dns":{"nameservers":["10.9.0.54"],"search":["c.example"]}}' \
		"$(jq -c --arg f "$BATS_TEST_TMPDIR/resolv.conf" '.resolvConf = $f' <<<"$V4")")"
}

@test "bridge: dns of IPAM, from resolvConf" {
	PREPARE=resolv_conf
	same bridge "$(bridge '{}' \
		"$(jq -c --arg f "$BATS_TEST_TMPDIR/resolv.conf" '.resolvConf = $f' <<<"$V4")")"
}

@test "bridge: an empty dns list counts" {
	PREPARE=resolv_conf
	same bridge "$(bridge '{"dns":{"nameservers":[]}}' \
		"$(jq -c --arg f "$BATS_TEST_TMPDIR/resolv.conf" '.resolvConf = $f' <<<"$V4")")"
}

@test "bridge: keys spelled in another case" {
	same bridge "$(bridge '{"ISGATEWAY":true,"HairpinMode":true}' "$V4")"
}

# A first container of the reference is there already.
neighbour() {
	netns other
	CID=c0 ref_run add bridge eth0 <<<"$(bridge '{"isGateway":true}' "$DUAL")"
	result=
	NS=box
}

@test "bridge: a second container" {
	PREPARE=neighbour
	same bridge "$(bridge '{"isGateway":true}' "$DUAL")"
}

@test "bridge: IPAM with another subnet for the second network of one bridge" {
	PREPARE=neighbour
	both_refuse bridge "$(bridge '{"isGateway":true,"name":"net2"}' \
		'{"type":"host-local","subnet":"10.10.0.0/24"}')"
}

# ---- bridge with static --------------------------------------------------------------------

@test "bridge with static: two addresses, route, dns" {
	same bridge "$(bridge '{"isDefaultGateway":true}' "$STATIC")"
}

@test "bridge with static: address by args.cni" {
	same bridge "$(bridge '{"args":{"cni":{"ips":["10.9.0.77/24"]}}}' "$STATIC")"
}

@test "bridge with static: address and MAC by capabilities" {
	same bridge "$(bridge '{"runtimeConfig":{"ips":["10.9.0.78/24"],"mac":"02:aa:00:00:00:04"}}' \
		'{"type":"static"}')"
}

@test "bridge with static: address and gateway by CNI_ARGS" {
	ARGS='IgnoreUnknown=1;IP=10.9.0.79/24;GATEWAY=10.9.0.3'
	same bridge "$(bridge '{"isDefaultGateway":true}' '{"type":"static"}')"
}

# ---- the shape of results in every version --------------------------------------------------

@test "every version: bridge" { in_every_version bridge "$(bridge "$DNS" "$FULL")"; }

@test "versions that do not exist" {
	local version
	for version in 2.0.0 1.1 1.0.5 0.5.0; do
		both_refuse bridge "$(bridge "{\"cniVersion\":\"$version\"}" "$V4")"
	done
}
