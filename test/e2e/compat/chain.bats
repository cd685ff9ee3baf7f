# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Each list of conf-examples, unfolded and folded into a chain: see chain.bash.

load ../lib
load ../dhcp
load ../etcd
load chain

teardown() {
	served_end
	etcd_stop
	host_clean
}

@test "bridge.conflist" { CAPS='{"ips":["10.88.0.77"],"mac":"02:aa:00:00:00:77"}' example bridge.conflist; }
@test "bridge.conflist, a range of the runtime's" { CAPS='{"ipRanges":[[{"subnet":"fd00:77::/64"}]]}' example bridge.conflist; }
@test "bridge-l2.conflist" { example bridge-l2.conflist; }
@test "bridge-loopback.conflist" { example bridge-loopback.conflist; }
@test "ptp.conflist" { example ptp.conflist; }
@test "loopback.conflist" { example loopback.conflist; }
@test "host-local.conflist" { example host-local.conflist; }
@test "static.conflist" { ARGS='IgnoreUnknown=1;IP=10.91.0.7/24' example static.conflist; }
@test "portmap.conflist" { CAPS=$PORTS example portmap.conflist; }
@test "firewall.conflist" { example firewall.conflist; }
@test "tuning.conflist" { CAPS='{"mac":"02:aa:00:00:00:78"}' example tuning.conflist; }
@test "bandwidth.conflist" { CAPS='{"bandwidth":{"ingressRate":9000000,"ingressBurst":900000}}' example bandwidth.conflist; }
@test "sbr.conflist" { example sbr.conflist; }
@test "tap.conflist" { CAPS='{"mac":"02:aa:00:00:00:79"}' example tap.conflist; }
@test "macvlan.conflist" { PREPARE=uplink example macvlan.conflist; }
@test "cluster.conflist" { PREPARE=uplink example cluster.conflist; }
@test "cluster-etcd.conflist" { needs_etcd && etcd_start && ARGS='IgnoreUnknown=1;IP=10.107.1.7' PREPARE=uplink example cluster-etcd.conflist; }
@test "dhcp.conflist" { PREPARE=served example dhcp.conflist; }
@test "dhcp-ipv6.conflist" { PREPARE=served example dhcp-ipv6.conflist; }
@test "host-device.conflist" { PREPARE=device example host-device.conflist; }
@test "chain.conflist" {
	CAPS="${PORTS%\}},\"bandwidth\":{\"egressRate\":8000000,\"egressBurst\":800000}}" VERSIONS=$ALL_VERSIONS example chain.conflist
}

PORTS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":8081,"containerPort":81,"protocol":"udp"}]}'

# twice TYPE : the five plugins' list, this one written twice.
twice() {
	list_of chain.conflist | jq -c --arg t "$1" '.plugins |= map(if .type == $t then ., . else . end)'
}

@test "a plugin that is written twice" {
	local CAPS=$PORTS each
	for each in portmap firewall tuning; do
		in_versions "$(twice $each)" 0.4.0 1.1.0
	done
	same_as_unfolded "$(twice bandwidth)"
	same_as_unfolded "$(twice bridge)"
	[[ $observed == "ADD exit 1"* ]] || fail "a second eth0 to be refused"
}

uplink() {
	ip link add eth0 up type veth peer name w0
}

# A server and our daemon, for each try anew. No router advertises anything, since it may come before or after the ADD.
served() {
	served_end
	netns wire
	NS=box
	ip link add eth0 up type veth peer name w0 netns wire
	ip -n wire addr add 10.104.0.1/24 dev w0
	ip -n wire addr add fd68::1/64 dev w0 nodad
	ip -n wire link set w0 up
	dhcp_ns=wire dnsmasq_at w0 --dhcp-range=10.104.0.10,10.104.0.10 --dhcp-range=fd68::10,fd68::10,64
	dhcp_daemon -pidfile "$BATS_TEST_TMPDIR/daemon.pid"
}

# Of any subshell's.
served_end() {
	local file
	for file in "$BATS_TEST_TMPDIR"/{dnsmasq,daemon}.pid; do
		[ ! -e "$file" ] || kill "$(<"$file")" 2>/dev/null || true
	done
}

device() {
	ip link add enp1s0 address 02:aa:00:00:00:01 type veth peer name wire address 02:aa:00:00:00:02
}

@test "crossover: ADD folded, CHECK, DEL, GC unfolded, and the other way round" {
	local file
	for file in bridge bridge-l2 bridge-loopback ptp loopback host-local static firewall tuning bandwidth sbr tap; do
		crossed "$(list_of $file.conflist)"
	done
	PREPARE=uplink crossed "$(list_of macvlan.conflist)"
	PREPARE=served crossed "$(list_of dhcp-ipv6.conflist)"
	PREPARE=device crossed "$(list_of host-device.conflist)"
}

@test "crossover: portmap, and the five plugins, in each version that has CHECK" {
	local version CAPS=${PORTS%\}}',"bandwidth":{"egressRate":8000000,"egressBurst":800000}}'
	for version in 0.4.0 1.0.0 1.1.0; do
		crossed "$(list_of portmap.conflist | jq -c --arg v $version '.cniVersion = $v')"
		crossed "$(list_of chain.conflist | jq -c --arg v $version '.cniVersion = $v')"
	done
}

# What this kernel lacks is in vm/chain.bats. Lists with Open vSwitch are in chain-ovs.bats.
@test "bridge-vlan.conflist" { skip "no VLAN filtering in this kernel"; }
@test "dummy.conflist" { skip "no dummy in this kernel"; }
@test "dhcp-ipvlan.conflist" { skip "no ipvlan in this kernel"; }
@test "ipvlan.conflist" { skip "no ipvlan in this kernel"; }
@test "vlan.conflist" { skip "no vlan in this kernel"; }
@test "vrf.conflist" { skip "no vrf in this kernel"; }

@test "every example has a test here" {
	local file
	for file in "$ROOT"/conf-examples/*.conflist; do
		grep -q "^@test \"${file##*/}" "${BATS_TEST_FILENAME%.bats}"{,-ovs}.bats || fail "a test of $file"
	done
}
