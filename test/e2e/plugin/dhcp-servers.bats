# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2016
#
# dhcp with servers that people run, beside dnsmasq (dhcp.bats): Kea, ISC dhcpd, a relay, two servers. Their packages are
# those of `hack/deps dhcp`; a test whose server is not there is skipped.

load ../lib
load ../dhcp
load ovs

setup() {
	host_setup
	netns box
	servers=
}

teardown() {
	daemon_end
	servers_end
	[ ! -d /run/openvswitch ] || ovs_stop
	host_clean
}

needs() {
	command -v "$1" >/dev/null || skip "there is no $1 (hack/deps dhcp)"
}

# The bridge br0 with 10.9.0.1, and a port, o0, without which a server does not listen at it; o1 is its other end.
network() {
	dhcp_network
	ip link add o0 master br0 up type veth peer name o1
	ip link set o1 up
}

# server LOG TEXT COMMAND... : runs until the end; has begun when it says TEXT.
server() {
	local file=$BATS_TEST_TMPDIR/$1 text=$2
	shift 2
	"$@" 3>&- >"$file" 2>&1 &
	servers="$servers $!"
	said "$text" "$file"
}

servers_end() {
	local pid
	for pid in $servers; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	servers=
}

# kea_from SECONDS : leases of so many.
kea_from() {
	needs kea-dhcp4
	mkdir -p /run/kea
	kea_leases=$BATS_TEST_TMPDIR/kea.csv
	jq -n --arg leases "$kea_leases" --argjson time "$1" '{Dhcp4: {"interfaces-config": {interfaces: ["br0"]},
		"lease-database": {type: "memfile", name: $leases, "lfc-interval": 0}, "valid-lifetime": $time,
		"calculate-tee-times": true, "t1-percent": 0.3, "t2-percent": 0.8,
		subnet4: [{subnet: "10.9.0.0/24", pools: [{pool: "10.9.0.10 - 10.9.0.99"}], "option-data": [
			{name: "routers", data: "10.9.0.1"}, {name: "domain-name-servers", data: "10.9.0.1"},
			{name: "interface-mtu", data: "1400"}]}],
		loggers: [{name: "kea-dhcp4", severity: "INFO", output_options: [{output: "stdout"}]}]}}' >"$BATS_TEST_TMPDIR/kea.json"
	KEA_LOCKFILE_DIR=$BATS_TEST_TMPDIR KEA_PIDFILE_DIR=$BATS_TEST_TMPDIR \
		server kea DHCP4_STARTED kea-dhcp4 -c "$BATS_TEST_TMPDIR/kea.json"
}

# isc_from SECONDS FIRST LAST COMMAND... : by COMMAND dhcpd (`in_ns srv`), leases of 10.9.0.FIRST to LAST.
isc_from() {
	local time=$1 first=$2 last=$3 dir
	shift 3
	needs dhcpd
	dir=$(mktemp -d -p "$BATS_TEST_TMPDIR" isc.XXX)
	isc_leases=$dir/leases
	: >"$isc_leases"
	cat >"$dir/conf" <<-END
		authoritative;
		ping-check false;
		min-lease-time $time;
		default-lease-time $time;
		max-lease-time $time;
		subnet 10.8.0.0 netmask 255.255.255.0 { }
		subnet 10.9.0.0 netmask 255.255.255.0 {
			range 10.9.0.$first 10.9.0.$last;
			option routers 10.9.0.1;
			option interface-mtu 1400;
		}
	END
	server "${dir##*/}.log" 'Sending on   Socket' "$@" dhcpd -4 -f -d --no-pid -cf "$dir/conf" -lf "$isc_leases"
}

attached() {
	conf=$1
	add "$(jq -r .type <<<"$conf")" <<<"$conf"
	expect_ok
	check "$(jq -r .type <<<"$conf")" <<<"$(with_result "$conf")"
	expect_silent
	address=$(jq -r '.ips[0].address' <<<"$result")
	[ "$(addresses)" = "$address" ] || fail "$address in the container, not $(addresses)"
}

left() {
	del "$(jq -r .type <<<"$conf")" <<<"$conf"
	expect_silent
	[ -z "$(ls -A /var/lib/cni/dhcp)" ] || fail "no lease left: $(lease)"
}

# renewed : or soon, as its file says.
renewed() {
	local before i
	before=$(lease | jq .end)
	for ((i = 0; i < 400; i++)); do
		[ "$(lease | jq .end)" = "$before" ] || return 0
		sleep 0.05
	done
	fail "it is renewed: $(cat "$daemon_log")"
}

# goes_on : renewed, and by a daemon that was started anew, and it has what it had.
goes_on() {
	renewed
	daemon_end -KILL
	dhcp_daemon
	renewed
	[ "$(addresses)" = "$address" ] || fail "$address in the container, not $(addresses)"
}

macvlan() {
	jq -c '.type = "macvlan" | .master = "o1" | del(.bridge)' <<<"$(lan)"
}

@test "Kea: a lease, renewals, a restart, a RELEASE" {
	network
	kea_from 6
	dhcp_daemon
	attached "$(lan '.ipam.request = [{"option":"6"},{"option":"26"}]')"
	[ "$(jq -c .dns.nameservers <<<"$result")" = '["10.9.0.1"]' ]
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1400 ]
	goes_on
	left
	said DHCP4_RELEASE "$BATS_TEST_TMPDIR/kea"
}

@test "Kea, by macvlan" {
	network
	kea_from 600
	dhcp_daemon
	attached "$(macvlan)"
	left
	said DHCP4_RELEASE "$BATS_TEST_TMPDIR/kea"
}

@test "ISC dhcpd: a lease, renewals, a restart, a RELEASE" {
	network
	isc_from 4 10 99
	dhcp_daemon
	attached "$(lan)"
	goes_on
	left
	said DHCPRELEASE "$(ls "$BATS_TEST_TMPDIR"/isc.*.log)"
}

@test "ISC dhcpd, by macvlan" {
	network
	isc_from 600 10 99
	dhcp_daemon
	attached "$(macvlan)"
	left
}

@test "ISC dhcpd, by ovs" {
	needs dhcpd
	command -v ovs-vswitchd >/dev/null || skip "there is no ovs-vswitchd (hack/deps ovs)"
	ovs_start
	ip link add o0 up type veth peer name o1
	ip addr add 10.9.0.1/24 dev o1
	ip link set o1 up
	ovs-vsctl add-port br0 o0
	isc_from 600 10 99
	dhcp_daemon
	attached "$(jq -c '.type = "ovs"' <<<"$(lan)")"
	left
	said DHCPRELEASE "$(ls "$BATS_TEST_TMPDIR"/isc.*.log)"
}

# The server is in a namespace behind the host, which is its clients' router.
behind() {
	ip netns add srv
	ip -n srv link set lo up
	ip link add up0 up type veth peer name eth0 netns srv
	ip addr add 10.8.0.1/24 dev up0
	ip -n srv addr add 10.8.0.2/24 dev eth0
	ip -n srv link set eth0 up
	ip -n srv route add 10.9.0.0/24 via 10.8.0.1
	echo 1 >/proc/sys/net/ipv4/ip_forward
}

@test "a relay: the server is asked by it, then by its own address" {
	needs dhcrelay
	network
	behind
	isc_from 4 10 99 in_ns srv
	server relay 'Sending on   Socket' dhcrelay -4 -d --no-pid -id br0 -iu up0 10.8.0.2
	dhcp_daemon
	attached "$(lan)"
	[ "$(lease | jq -r .server)" = 10.8.0.2 ]
	goes_on
	servers=${servers##* } servers_end # the relay
	renewed
	renewed
	left
}

@test "two servers: one is chosen and keeps it; when it is gone, the other one gives another address" {
	local first
	needs dhcpd
	network
	ip netns add srv
	ip link add p0 master br0 up type veth peer name eth0 netns srv
	ip -n srv addr add 10.9.0.2/24 dev eth0
	ip -n srv link set eth0 up
	isc_from 4 10 99
	first=$servers
	dhcp_daemon
	attached "$(lan)"
	[[ $address == 10.9.0.[1-9][0-9]/24 ]]
	isc_from 4 110 199 in_ns srv
	servers=$first servers_end
	until [[ $(addresses) == 10.9.0.1[0-9][0-9]/24 ]]; do sleep 0.05; done
	left
}
