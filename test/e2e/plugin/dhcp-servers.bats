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

# network, with fd09::1 and a link-local address that need not be waited for.
network6() {
	dhcp_network
	dhcp6_network
	ip link set br0 addrgenmode none
	ip addr add fe80::1/64 dev br0 nodad
	ip link add o0 master br0 up type veth peer name o1
	ip link set o1 up
}

# kea6_from SECONDS : leases of so many, and it agrees to a rapid commit.
kea6_from() {
	needs kea-dhcp6
	mkdir -p /run/kea
	kea6_leases=$BATS_TEST_TMPDIR/kea6.csv
	jq -n --arg leases "$kea6_leases" --argjson time "$1" '{Dhcp6: {"interfaces-config": {interfaces: ["br0"]},
		"lease-database": {type: "memfile", name: $leases, "lfc-interval": 0},
		"server-id": {type: "LLT", persist: false},
		"preferred-lifetime": $time, "valid-lifetime": $time, "calculate-tee-times": true, "t1-percent": 0.3, "t2-percent": 0.8,
		subnet6: [{subnet: "fd09::/64", interface: "br0", "rapid-commit": true, pools: [{pool: "fd09::10 - fd09::ff"}],
			"option-data": [{name: "dns-servers", data: "fd09::53"}, {name: "domain-search", data: "example.org"}]}],
		loggers: [{name: "kea-dhcp6", severity: "INFO", output_options: [{output: "stdout"}]}]}}' >"$BATS_TEST_TMPDIR/kea6.json"
	KEA_LOCKFILE_DIR=$BATS_TEST_TMPDIR KEA_PIDFILE_DIR=$BATS_TEST_TMPDIR \
		server kea6 DHCP6_STARTED kea-dhcp6 -c "$BATS_TEST_TMPDIR/kea6.json"
}

# kept6 : what the last line about the address says in Kea's file: address,duid,valid lifetime,...
kept6() {
	grep "^${address6%/*}," "$kea6_leases" | tail -n 1
}

attached6() {
	attach "$1"
	address6=$(jq -r '.ips[-1].address' <<<"$result")
	[[ $address6 == fd09::*/128 ]]
	[ "$(addresses6)" = "$address6" ] || fail "$address6 in the container, not $(addresses6)"
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
	attach "$1"
	address=$(jq -r '.ips[0].address' <<<"$result")
	[ "$(addresses)" = "$address" ] || fail "$address in the container, not $(addresses)"
}

left() {
	del "$(jq -r .type <<<"$conf")" <<<"$conf"
	expect_silent
	[ -z "$(ls -A /var/lib/cni/dhcp)" ] || fail "no lease left: $(lease)"
}

ends_at_another() {
	[ "$(lease | jq "$1")" != "$2" ]
}

# renewed [JQ] : or soon, as its file says there.
renewed() {
	local end=${1:-.end}
	soon ends_at_another "$end" "$(lease | jq "$end")" || fail "it is renewed: $(cat "$daemon_log")"
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

@test "Kea, IPv6: a lease, renewals, a restart, a RELEASE in its file" {
	local of='.ipv6.addresses[0].valid' duid lifetime
	network6
	kea6_from 6
	dhcp_daemon
	attached6 "$(lan '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false')"
	[ "$(jq -c .dns <<<"$result")" = '{"nameservers":["fd09::53"],"search":["example.org"]}' ]
	IFS=, read -r _ duid lifetime _ <<<"$(kept6)"
	[[ $duid == 00:04:* && $lifetime == 6 ]] || fail "a UUID and 6 s: $(kept6)"
	renewed "$of"
	said DHCP6_LEASE_RENEW "$BATS_TEST_TMPDIR/kea6"
	daemon_end -KILL
	dhcp_daemon
	renewed "$of"
	[ "$(addresses6)" = "$address6" ] || fail "$address6 in the container, not $(addresses6)"
	[[ $(kept6) == "${address6%/*},$duid,6,"* ]] || fail "the same one: $(kept6)"
	left
	said DHCP6_RELEASE_NA "$BATS_TEST_TMPDIR/kea6"
	IFS=, read -r _ _ lifetime _ <<<"$(kept6)"
	[ "$lifetime" = 0 ] || fail "no lease: $(kept6)"
}

@test "Kea for both families, by macvlan, with a rapid commit" {
	network6
	kea_from 600
	kea6_from 600
	dhcp_daemon
	attached6 "$(macvlan | jq -c '.ipam.ipv6 = "dhcp" | .ipam.rapidCommit = true')"
	[ "$(addresses)" = "$(jq -r '.ips[0].address' <<<"$result")" ]
	[ "$(grep -c LEASE_ADVERT "$BATS_TEST_TMPDIR/kea6")" = 0 ] || fail "two messages"
	left
	said DHCP4_RELEASE "$BATS_TEST_TMPDIR/kea"
	said DHCP6_RELEASE_NA "$BATS_TEST_TMPDIR/kea6"
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
	# What a busy ovs-vswitchd has not taken when the port goes is lost.
	for _ in {1..5}; do
		attached "$(jq -c '.type = "ovs"' <<<"$(lan)")"
		left
		! in_time 5 grep -q DHCPRELEASE "$BATS_TEST_TMPDIR"/isc.*.log || return 0
	done
	fail "a RELEASE, of five: $(cat "$BATS_TEST_TMPDIR"/isc.*.log)"
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
