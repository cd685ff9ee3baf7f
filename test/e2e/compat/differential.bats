# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# What the other plugins do, by the reference and by ours: see differential.bash.

load differential

# ---- ptp -----------------------------------------------------------------------------------

@test "ptp: IPv4" { same ptp "$(ptp '{}' "$V4")"; }
@test "ptp: IPv6" { same ptp "$(ptp '{}' "$V6")"; }
@test "ptp: dual stack" { same ptp "$(ptp '{}' "$DUAL")"; }
@test "ptp: mtu" { same ptp "$(ptp '{"mtu":1300}' "$DUAL")"; }

@test "ptp: routes and default routes" {
	same ptp "$(ptp '{}' "$(jq -c '.routes = [{dst: "0.0.0.0/0"}, {dst: "::/0"},
		{dst: "10.100.0.0/16", priority: 7}]' <<<"$DUAL")")"
}

@test "ptp: dns" {
	same ptp "$(ptp '{"dns":{"domain":"d.example","options":["ndots:1"]}}' "$V4")"
}

@test "ptp: static addresses" { same ptp "$(ptp '{}' "$STATIC")"; }

@test "ptp: no IPAM" {
	both_refuse ptp '{"cniVersion":"1.1.0","name":"net","type":"ptp"}'
}

# ---- macvlan -------------------------------------------------------------------------------

master() {
	ip link add m0 address 02:bb:00:00:00:01 type veth peer name m1 address 02:bb:00:00:00:02
	ip link set m0 up
	ip link set m1 up
}

# macvlan EXTRA [IPAM]
macvlan() {
	jq -nc --argjson extra "$1" --argjson ipam "${2:-null}" '
		{cniVersion: "1.1.0", name: "net", type: "macvlan", master: "m0"} + $extra
		+ if $ipam then {ipam: $ipam} else {} end'
}

@test "macvlan: dual stack, static addresses, no addresses" {
	PREPARE=master
	same macvlan "$(macvlan '{}' "$DUAL")"
	same macvlan "$(macvlan '{}' "$STATIC")"
	same macvlan "$(macvlan '{}')"
}

@test "macvlan: mode, mtu, mac, bcqueuelen" {
	local mode
	PREPARE=master
	for mode in bridge private vepa passthru; do
		same macvlan "$(macvlan "{\"mode\":\"$mode\",\"mtu\":1400}" "$V4")"
	done
	same macvlan "$(macvlan '{"mac":"02:bb:00:00:00:03","bcqueuelen":500}' "$V4")"
	both_refuse macvlan "$(macvlan '{"mtu":1501}' "$V4")"
	both_refuse macvlan "$(macvlan '{"mode":"source"}' "$V4")"
	both_refuse macvlan "$(macvlan '{"master":"m9"}' "$V4")"
}

@test "macvlan: the master of the default route, one in the container" {
	default_route() { master && ip route add default dev m0; }
	inside() { master && ip link set m0 netns box && ip -n box link set m0 up; }
	PREPARE=default_route
	same macvlan "$(macvlan '{"master":""}' "$DUAL")"
	PREPARE=inside
	same macvlan "$(macvlan '{"linkInContainer":true}' "$DUAL")"
}

@test "macvlan: every version of the specification" {
	PREPARE=master
	in_every_version macvlan "$(macvlan '{}' "$DUAL")"
}

# ---- loopback ------------------------------------------------------------------------------

@test "loopback" {
	down() { ip -n box link set lo down; }
	PREPARE=down
	same loopback '{"cniVersion":"1.1.0","name":"lo","type":"loopback"}'
}

@test "loopback: prevResult is passed on" {
	same loopback '{"cniVersion":"1.1.0","name":"lo","type":"loopback","prevResult":{
		"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],
		"ips":[{"address":"10.9.0.2/24","interface":0}],"dns":{"domain":"d.example"}}}'
}

@test "loopback: an address that is not loopback" {
	foreign() { ip -n box addr add 10.9.9.9/32 dev lo; }
	PREPARE=foreign
	both_refuse loopback '{"cniVersion":"1.1.0","name":"lo","type":"loopback"}'
}

# ---- host-device ---------------------------------------------------------------------------

# host_device EXTRA [IPAM] : JSON objects merged into a configuration of dev1, which is there for the case.
host_device() {
	device() { ip link add dev1 address 02:aa:00:00:00:01 type veth peer name wire1; }
	PREPARE=device
	REF_DEL=1
	jq -nc --argjson extra "$1" --argjson ipam "${2:-null}" '
		{cniVersion: "1.1.0", name: "net", type: "host-device", device: "dev1"} + $extra
		+ if $ipam then {ipam: $ipam} else {} end' >"$BATS_TEST_TMPDIR/conf"
	same host-device "$(<"$BATS_TEST_TMPDIR/conf")"
}

@test "host-device: IPv4" { host_device '{}' "$V4"; }
@test "host-device: dual stack, routes, dns" { host_device "$DNS" "$FULL"; }
@test "host-device: static addresses" { host_device '{}' "$(jq -c 'del(.dns)' <<<"$STATIC")"; }
@test "host-device: no IPAM" { host_device "$DNS"; }
@test "host-device: by its MAC address" { host_device '{"device":"","hwaddr":"02:aa:00:00:00:01"}' "$V4"; }

@test "host-device: DPDK" {
	same host-device '{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"x","dpdkmode":true}'
	same host-device '{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"x","dpdkmode":true,"ipam":'"$DUAL}"
}

@test "host-device: no such device" {
	both_refuse host-device '{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"dev7"}'
	both_refuse host-device '{"cniVersion":"1.1.0","name":"net","type":"host-device"}'
}

# ---- tap -----------------------------------------------------------------------------------

# tap EXTRA [IPAM]
tap() {
	jq -nc --argjson extra "$1" --argjson ipam "${2:-null}" '
		{cniVersion: "1.1.0", name: "net", type: "tap"} + $extra + if $ipam then {ipam: $ipam} else {} end'
}

@test "tap: IPv4" { same tap "$(tap '{}' "$V4")"; }
@test "tap: static addresses of both families, dns" { same tap "$(tap "$DNS" "$(jq -c 'del(.dns) | del(.addresses[1].gateway)' <<<"$STATIC")")"; }
@test "tap: mtu, mac" { same tap "$(tap '{"mtu":1300,"mac":"02:aa:00:00:00:01"}' "$V4")"; }
@test "tap: no IPAM, in a bridge" {
	bridge() { ip -n box link add br0 type bridge; }
	PREPARE=bridge
	same tap "$(tap '{"bridge":"br0","mac":"02:aa:00:00:00:01"}')"
}
@test "tap: owner; group; more queues" {
	same tap "$(tap '{"owner":7}')"
	same tap "$(tap '{"group":7,"multiQueue":true}')"
	same tap "$(tap '{"owner":7,"group":8,"multiQueue":true}')"
}

# ---- host-local alone ----------------------------------------------------------------------

@test "host-local: range and gateway" {
	same host-local "$(ipam_only '{"type":"host-local","subnet":"10.9.0.0/16",
		"rangeStart":"10.9.3.0","rangeEnd":"10.9.4.0","gateway":"10.9.255.254"}')"
}

@test "host-local: sets of ranges, and the subnet key in front of them" {
	same host-local "$(ipam_only '{"type":"host-local","subnet":"10.8.0.0/24","ranges":[
		[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.9","rangeEnd":"10.9.0.9"},
		 {"subnet":"10.10.0.0/24"}],
		[{"subnet":"fd00:9::/64","gateway":"fd00:9::ffff"}]],
		"routes":[{"dst":"0.0.0.0/0","gw":"10.8.0.9","mtu":1300,"table":3}]}')"
}

@test "host-local: address by CNI_ARGS" {
	ARGS='IP=10.9.0.50'
	same host-local "$(ipam_only "$V4")"
}

@test "host-local: address by args.cni, with a prefix" {
	same host-local "$(ipam_only "$DUAL" '{"args":{"cni":{"ips":["10.9.0.51/8"]}}}')"
}

@test "host-local: addresses by capability, one of each family" {
	same host-local "$(ipam_only "$DUAL" '{"runtimeConfig":{"ips":["10.9.0.52","fd00:9::52"]}}')"
}

@test "host-local: requested address outside of the range" {
	ARGS='IP=10.99.0.50'
	both_refuse host-local "$(ipam_only "$V4")"
}

@test "host-local: requested address is the gateway" {
	ARGS='IP=10.9.0.1'
	both_refuse host-local "$(ipam_only "$V4")"
}

@test "host-local: capability ipRanges comes first" {
	same host-local "$(ipam_only "$V4" '{"runtimeConfig":{"ipRanges":[[
		{"subnet":"10.30.0.0/24","rangeStart":"10.30.0.100"}],[{"subnet":"fd00:30::/64"}]]}}')"
}

used_up() {
	local i
	mkdir -p "$STORE/net"
	for i in 2 3 4 5 6; do
		printf 'c%d\r\neth0' "$i" 2>/dev/null >"$STORE/net/10.9.0.$i"
	done
	printf 10.9.0.3 >"$STORE/net/last_reserved_ip.0"
}

@test "host-local: goes on after the last one, skips what is held, wraps around" {
	PREPARE=used_up
	same host-local "$(ipam_only '{"type":"host-local","subnet":"10.9.0.0/24"}')"
	used_up_but_one() { used_up && rm "$STORE/net/10.9.0.3"; }
	PREPARE=used_up_but_one
	same host-local "$(ipam_only '{"type":"host-local","subnet":"10.9.0.0/29"}')"
}

@test "host-local: nothing left" {
	PREPARE=used_up
	both_refuse host-local "$(ipam_only '{"type":"host-local","subnet":"10.9.0.0/29"}')"
}

@test "host-local: another dataDir" {
	same host-local "$(ipam_only "$(jq -c '.dataDir = "/var/lib/cni/networks/else"' <<<"$V4")")"
}

@test "host-local: resolvConf" {
	PREPARE=resolv_conf
	same host-local "$(ipam_only \
		"$(jq -c --arg f "$BATS_TEST_TMPDIR/resolv.conf" '.resolvConf = $f' <<<"$V4")")"
}

@test "host-local: bad ranges" {
	local range
	for range in '{}' '{"subnet":"10.9.0.0/31"}' '{"subnet":"10.9.0.1/24"}' \
		'{"subnet":"10.9.0.0/24","rangeStart":"10.10.0.1"}' \
		'{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.9","rangeEnd":"10.9.0.8"}'; do
		both_refuse host-local "$(ipam_only "{\"type\":\"host-local\",\"ranges\":[[$range]]}")"
	done
	both_refuse host-local "$(ipam_only '{"type":"host-local","ranges":[[]]}')"
	both_refuse host-local "$(ipam_only '{"type":"host-local"}')"
	both_refuse host-local "$(ipam_only '{"type":"host-local","ranges":[
		[{"subnet":"10.9.0.0/24"}],[{"subnet":"10.9.0.0/25"}]]}')"
}

# ---- static alone --------------------------------------------------------------------------

@test "static" { same static "$(ipam_only "$STATIC")"; }
@test "static: no address at all" { same static "$(ipam_only '{"type":"static"}')"; }

@test "static: CNI_ARGS adds, its gateways are for its own addresses" {
	ARGS='IgnoreUnknown=1;IP=10.11.0.5/24, fd00:11::5/64;GATEWAY=10.11.0.1,fd00:11::1'
	same static "$(ipam_only "$STATIC")"
}

@test "static: capability replaces args.cni, which replaces the configuration" {
	same static "$(ipam_only "$STATIC" '{"args":{"cni":{"ips":["10.12.0.5/24"]}}}')"
	same static "$(ipam_only "$STATIC" '{"args":{"cni":{"ips":["10.12.0.5/24"]}},
		"runtimeConfig":{"ips":["10.13.0.5/24","fd00:13::5/64"]}}')"
}

@test "static: an IPv4 address written as IPv6" {
	same static "$(ipam_only '{"type":"static","addresses":[{"address":"::ffff:10.9.0.5/120"}]}')"
}

@test "static: an address without prefix length" {
	both_refuse static "$(ipam_only '{"type":"static","addresses":[{"address":"10.9.0.5"}]}')"
}

# ---- the shape of results in every version --------------------------------------------------

@test "every version: ptp" { in_every_version ptp "$(ptp "$DNS" "$FULL")"; }
@test "every version: host-local" { in_every_version host-local "$(ipam_only "$FULL" "$DNS")"; }
@test "every version: static" { in_every_version static "$(ipam_only "$STATIC" "$DNS")"; }

@test "every version: loopback" {
	in_every_version loopback '{"cniVersion":"","name":"lo","type":"loopback"}'
}
