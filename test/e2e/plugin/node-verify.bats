# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic verify: each kind of damage is found, and only that; after what it advises it says nothing.

load ../lib

setup() {
	host_setup
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$BATS_TEST_TMPDIR/bin
	cp -rl "$CNIC_BIN" "$CNI_PATH" 2>/dev/null || cp -r "$CNIC_BIN" "$CNI_PATH"
	export CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
	mkdir "$NETCONFPATH"
	cat >"$NETCONFPATH/10-net.conflist" <<-'END'
		{"cniVersion":"1.1.0","name":"net","plugins":[
		{"type":"bridge","bridge":"vf0","isGateway":true,"ipMasq":true,"hairpinMode":true,
		 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd00:6::/64"}]],
		 "routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},
		{"type":"portmap","capabilities":{"portMappings":true}},
		{"type":"firewall"},
		{"type":"tuning","mac":"02:00:00:00:00:01","sysctl":{"net.ipv4.conf.eth0.arp_filter":"1"}},
		{"type":"bandwidth","ingressRate":1000000,"ingressBurst":100000,"egressRate":1000000,"egressBurst":100000}]}
	END
	netns box
	attach
	id=$(jq -r .containerId /var/lib/cni/results/*)
	link=$(ip -j link show type veth | jq -r '.[0].ifname')
	ifb=$(ip -j link show type ifb | jq -r '.[0].ifname')
	healthy
}

teardown() {
	[ -z "${keeper:-}" ] || kill -9 "$keeper" 2>/dev/null || true
}

attach() {
	"$CNI_PATH/cnitool" add net "$(ns_path box)" >"$BATS_TEST_TMPDIR/result" 2>"$BATS_TEST_TMPDIR/stderr" ||
		fail "add: $(<"$BATS_TEST_TMPDIR/stderr")"
}

detach() {
	"$CNI_PATH/cnitool" del net "$(ns_path box)" 2>"$BATS_TEST_TMPDIR/stderr" ||
		fail "del: $(<"$BATS_TEST_TMPDIR/stderr")"
}

verify() {
	run "$CNIC_BIN/cnic" verify
	echo "$output"
}

healthy() {
	verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing wrong: $output"
}

# finds STATUS TEXT
finds() {
	verify
	[ "$status" -eq "$1" ] || fail "exit $1, not $status: $output"
	[[ $output == *"$2"* ]] || fail "$2: $output"
}

# One line's advice, done. What goes by hand is done as an administrator would.
follow() {
	case $1 in
	"cnic gc"*) "$CNIC_BIN/cnic" gc ;;
	"cnic repair "*)
		"$CNIC_BIN/cnic" repair "$id" || true
		verify
		[ "$status" -eq 0 ] || restart
		;;
	"restart the container") restart ;;
	"the runtime's GC"*)
		"$ROOT/build/peers/cnictl" -conf "$NETCONFPATH/10-net.conflist" -path "$CNI_PATH" -valid "$id/eth0" gc
		;;
	"install it again"*) cp -l "$CNIC_BIN/bridge" "$CNI_PATH/$missing" 2>/dev/null || cp "$CNIC_BIN/bridge" "$CNI_PATH/$missing" ;;
	*", where it is") bash -c "${1%, where it is}" 2>/dev/null || in_ns box bash -c "${1%, where it is}" ;;
	*) bash -c "$1" ;;
	esac
}

restart() {
	detach
	attach
}

# All lines' advice, until there is none: what one puts right may have been another line's cause.
cured() {
	local round line
	for round in 1 2 3; do
		verify
		[ "$status" -ne 0 ] || return 0
		line=${lines[0]}
		follow "${line##*; }"
	done
	healthy
}

# ---- a container has lost something --------------------------------------------------------

@test "verify: the container's interface" {
	ns_ip box link del eth0
	finds 2 "interface eth0 is gone"
	cured
}

@test "verify: the container's interface is down" {
	ns_ip box link set eth0 down
	finds 2 "interface eth0 is down"
	restart
	healthy
}

@test "verify: the host's end is down" {
	ip link set "$link" down
	finds 2 "interface $link is down; ip link set $link up"
	cured
}

@test "verify: the host's end has left its bridge" {
	ip link set "$link" nomaster
	finds 2 "bridge: "
	cured
}

@test "verify: the bridge is gone" {
	ip link del vf0
	finds 2 "interface vf0 is gone"
	cured
}

@test "verify: the bridge is down" {
	netns other
	CAP_ARGS='' "$CNI_PATH/cnitool" add net "$(ns_path other)" >/dev/null 2>&1
	ip link set vf0 down
	finds 2 ", is down; ip link set vf0 up"
	[ "$(grep -c 'vf0, the master of veth.*, is down' <<<"$output")" -eq 1 ] || fail "once: $output"
	cured
}

@test "verify: an address of the container" {
	ns_ip box addr del 10.6.0.2/24 dev eth0
	finds 2 "bridge: "
	restart
	healthy
}

@test "verify: an IPv6 address of the container" {
	ns_ip box addr del fd00:6::2/64 dev eth0
	finds 2 "bridge: "
	cured
}

@test "verify: a route of the container" {
	ns_ip box route del default
	finds 2 "bridge: "
	cured
}

@test "verify: the MAC address" {
	ns_ip box link set eth0 address 02:00:00:00:00:99
	finds 2 "interface eth0 has the MAC address 02:00:00:00:00:99, not 02:00:00:00:00:01"
	cured
}

@test "verify: the MTU" {
	ns_ip box link set eth0 mtu 1400
	finds 2 "interface eth0 has the MTU 1400, not 1500; ip link set eth0 mtu 1500"
	cured
}

@test "verify: the host's MTU" {
	ip link set "$link" mtu 1400
	finds 2 "interface $link has the MTU 1400, not 1500"
	cured
}

@test "verify: a sysctl of tuning's" {
	in_ns box sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_filter'
	finds 2 "tuning: "
	cured
}

@test "verify: the limit of what it receives" {
	tc qdisc del dev "$link" root
	finds 2 "bandwidth: "
	cured
}

@test "verify: the limit of what it sends" {
	ip link del "$ifb"
	finds 2 "bandwidth: "
	cured
}

@test "verify: all rules" {
	nft flush ruleset
	finds 2 "host port 8080/tcp is gone from table cnic_portmap; cnic repair $id"
	[[ $output == *"firewall: "* && $output == *"bridge: "* ]] || fail "all of them: $output"
	cured
}

@test "verify: masquerading" {
	nft flush map inet cnic_masquerade v4
	finds 2 "bridge: "
	cured
}

@test "verify: a published port" {
	nft flush map inet cnic_portmap any4
	finds 2 "portmap: "
	cured
}

@test "verify: forwarding of the container" {
	nft delete table inet cnic_firewall
	finds 2 "firewall: "
	cured
}

@test "verify: the reservation of its address" {
	rm /var/lib/cni/networks/net/10.6.0.2
	finds 2 "bridge: "
	cured
}

@test "verify: its address is reserved for another container" {
	printf 'another\r\neth0' >/var/lib/cni/networks/net/10.6.0.2
	finds 2 "bridge: "
	[[ $output == *"address 10.6.0.2 of network net is of container another, which is not attached"* ]] || fail "whose: $output"
	rm /var/lib/cni/networks/net/10.6.0.2
	restart
	healthy
}

@test "verify: the host does not forward" {
	echo 0 >/proc/sys/net/ipv4/ip_forward
	finds 2 "net/ipv4/ip_forward is 0"
	cured
}

@test "verify: the host does not forward IPv6" {
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	finds 2 "net/ipv6/conf/all/forwarding is 0"
	cured
}

# ---- something is left over, or will fail --------------------------------------------------

@test "verify: a container that is gone" {
	ip netns del box
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	finds 1 "its namespace is gone; cnic gc"
	cured
	[ ! -e /var/lib/cni/networks/net/10.6.0.2 ] || fail "the address is free"
}

@test "verify: a cache entry of no namespace" {
	jq -c '.containerId = "other" | .netns = "/run/netns/nothing"' "/var/lib/cni/results/net-$id-eth0" >/var/lib/cni/results/net-other-eth0
	finds 1 "container other, interface eth0: there is no namespace at its path"
	rm /var/lib/cni/results/net-other-eth0
	healthy
}

@test "verify: an address that nobody has" {
	printf 'ghost\r\neth0' >/var/lib/cni/networks/net/10.6.0.77
	finds 1 "address 10.6.0.77 of network net is of container ghost, which is not attached; rm "
	cured
}

@test "verify: a file among the reservations that is none" {
	: >/var/lib/cni/networks/net/10.6.0.78
	finds 1 "10.6.0.78 is no reservation; rm "
	cured
}

@test "verify: a file beside host-local's directories, which does not hide what is in them" {
	: >/var/lib/cni/networks/a
	: >/var/lib/cni/networks/z
	printf 'gone\r\neth0' >/var/lib/cni/networks/net/10.6.0.77
	finds 1 "/var/lib/cni/networks/a is no directory of reservations; rm /var/lib/cni/networks/a"
	[[ $output == *"address 10.6.0.77"*"container gone, which is not attached"* ]] || fail "the address: $output"
	cured
}

@test "verify: an index that lies" {
	local bits
	bits=$(find /var/lib/cni/networks/.cnic/net -name '*.bits' | grep -v : | head -n 1)
	for bits in /var/lib/cni/networks/.cnic/net/*.bits; do
		dd if=/dev/zero of="$bits" bs=8192 count=1 conv=notrunc status=none
	done
	finds 1 "the index of network net has "
	cured
}

# An element as ours, of an attachment that there is not.
@test "verify: an element of portmap's table" {
	nft 'add element inet cnic_portmap any4 { tcp . 9090 comment "0123456789abcdef-0123456789abcdef, id: ghost, net: net, if: eth0" : 10.6.0.9 . 90 }'
	finds 1 "table cnic_portmap, set any4: an element of no attachment (0123456789abcdef-0123456789abcdef, id: ghost"
}

@test "verify: elements of an attachment whose files are gone" {
	netns other
	PORT='{"portMappings":[{"hostPort":8081,"containerPort":80,"protocol":"tcp"}]}'
	CAP_ARGS=$PORT "$CNI_PATH/cnitool" add net "$(ns_path other)" >/dev/null 2>&1
	rm /var/lib/cni/results/net-*"$(jq -r 'select(.netns == "/run/netns/other").containerId' /var/lib/cni/results/*)"* \
		$(grep -l /run/netns/other /var/lib/cni/cnic/* /run/cnic/rules/*)
	finds 1 "table cnic_portmap, set any4: an element of no attachment"
	[[ $output == *"table cnic_masquerade, set v4"* && $output == *"table cnic_firewall"* ]] || fail "of all tables: $output"
	[[ $output == *"address 10.6.0.3 of network net is of container cnitool-"* ]] || fail "its address: $output"
}

@test "verify: an ifb of no attachment" {
	ip link add bwp0123456789ab type ifb
	finds 1 "ifb bwp0123456789ab is of no attachment; ip link del bwp0123456789ab"
	cured
}

@test "verify: a file of bandwidth that is none" {
	echo '{}' >/run/cnic/bandwidth/bwp0123456789ab
	finds 1 "/run/cnic/bandwidth/bwp0123456789ab is no file of bandwidth; rm "
	cured
}

@test "verify: files of a cache that are none" {
	mkdir -p /var/lib/cni/results
	echo '{"cniVersion":"0.4.0","ips":[]}' >/var/lib/cni/results/net-old-eth0
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] || fail "a bare result is libcni's: $output"
	echo '{"kind":"cniCacheV1","conta' >/var/lib/cni/results/net-torn-eth0
	mkfifo /var/lib/cni/results/net-fifo-eth0
	: >/var/lib/cni/results/net-empty-eth0
	truncate -s 5M "/var/lib/cni/results/x; touch it's \$HOME"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 4 ] || fail "four lines: $output"
	[[ $output == *'/var/lib/cni/results/net-torn-eth0 is of no use: '*'; rm -r /var/lib/cni/results/net-torn-eth0'* ]]
	eval "$(sed 's/.*; rm/rm/' <<<"$output")"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] || fail "after what it advises: $output"
}

@test "verify: files of the registry, and among the records, that are none" {
	local dir name=0123456789abcdef-0123456789abcdef
	for dir in /var/lib/cni/cnic /run/cnic/rules; do
		: >"$dir/$name-bridge"
		echo '{}' >"$dir/$name-ptp"
		mkfifo "$dir/$name-tap"
		mkdir "$dir/$name-vlan"
		ln -s /etc/passwd "$dir/$name-macvlan"
		cp "$(find "$dir" -name '*-*' -type f -size +1c | head -n 1)" "$dir/$name-firewall"
	done
	finds 1 "/var/lib/cni/cnic/$name-bridge is of no use: "
	[ "$(wc -l <<<"$output")" -eq 12 ] || fail "a line for each: $output"
	run "$CNIC_BIN/cnic" list
	[ "$status" -eq 0 ] && [[ $output == *"$name-tap: "*"; passed over"*"alive"* ]] || fail "list says so: $output"
	verify
	while read -r line; do
		follow "${line##*; }"
	done <<<"$output"
	healthy
}

@test "verify: an executable that the next DEL needs" {
	missing=firewall
	rm "$CNI_PATH/firewall"
	finds 1 'failed to find plugin "firewall"'
	cured
}

@test "verify: a cached configuration that cannot be understood" {
	local file=/var/lib/cni/results/net-$id-eth0
	jq -c '.config = "e30="' "$file" >"$BATS_TEST_TMPDIR/file"
	cat "$BATS_TEST_TMPDIR/file" >"$file"
	finds 1 "$file: error parsing configuration list: no name"
}

# ---- what must not be said -----------------------------------------------------------------

@test "verify: a folded list is as healthy, and as well looked at" {
	detach
	"$CNIC_BIN/cnic" fold "$NETCONFPATH/10-net.conflist"
	attach
	healthy
	nft flush ruleset
	finds 2 "portmap"
}

@test "verify and list: what a chain's capabilities keep from its plugins" {
	detach
	"$CNIC_BIN/cnic" fold "$NETCONFPATH/10-net.conflist"
	jq 'del(.plugins[0].capabilities)' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	attach
	healthy
	run "$CNIC_BIN/cnic" list
	[[ $output == *" alive "* && $output != *8080* ]] || fail "no port is published: $output"
}

@test "verify: without a cache, by the records" {
	rm -r /var/lib/cni/results
	healthy
	nft flush ruleset
	finds 2 "portmap: "
	"$CNIC_BIN/cnic" repair
	healthy
}

@test "verify: another namespace at its path is not looked at" {
	nsenter --net="$(ns_path box)" sleep 100 3>&- &
	keeper=$!
	until [ "$(readlink /proc/$keeper/ns/net)" = "net:[$(stat -Lc %i "$(ns_path box)")]" ]; do :; done
	umount "$(ns_path box)"
	rm "$(ns_path box)"
	healthy
	netns box
	healthy
	kill $keeper
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	finds 1 "its namespace is gone; cnic gc"
}

@test "verify: bridges of others that are down" {
	ip link add virbr0 type bridge
	ip link add other type veth peer name others
	ip link set other master virbr0
	healthy
	ip link del other
	ip link del virbr0
}

@test "verify: nothing attached, nothing at all" {
	detach
	healthy
}

@test "verify: bad arguments" {
	run "$CNIC_BIN/cnic" verify --timeout
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	run "$CNIC_BIN/cnic" verify --timeout never
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	run "$CNIC_BIN/cnic" verify everything
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
}

# ---- many ----------------------------------------------------------------------------------

# $marks/ID: the CHECK of that one kills who calls it.
many() {
	local i
	export marks=$BATS_TEST_TMPDIR
	cat >"$CNI_PATH/foreign" <<-'END'
		#!/bin/bash
		[ "$CNI_COMMAND" != VERSION ] || exec echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}'
		[ "$CNI_COMMAND" != ADD ] || exec jq .prevResult
		[ ! -e "$marks/$CNI_CONTAINERID" ] || kill -9 $PPID
	END
	chmod +x "$CNI_PATH/foreign"
	echo '{"cniVersion":"1.1.0","name":"other","plugins":[{"type":"bridge","bridge":"vf1"},{"type":"foreign"}]}' \
		>"$NETCONFPATH/20-other.conflist"
	for ((i = 0; i < $1; i++)); do
		ip netns add "box$i"
		"$CNI_PATH/cnitool" add other "$(ns_path "box$i")" >"$BATS_TEST_TMPDIR/result"
	done
	mapfile -t ids < <(jq -r .containerId /var/lib/cni/results/other-* | sort)
}

@test "verify: of many, too, and in their order" {
	many 150
	healthy
	for i in 3 77 120 149; do
		ns_ip box$i link set eth0 down
	done
	run taskset -c 0 "$CNIC_BIN/cnic" verify
	[ "$status" -eq 2 ]
	[ "$(grep -c 'ip link set eth0 up' <<<"$output")" -eq 4 ] || fail "all four: $output"
	cut -d : -f 1 <<<"$output" | sort -c
	echo "$output" >"$BATS_TEST_TMPDIR/one"
	verify >"$BATS_TEST_TMPDIR/all"
	[ "$status" -eq 2 ]
	diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/all"
}

@test "verify: what has not been looked at, since a process has died, is said" {
	[ "$(nproc)" -gt 1 ] || skip "all are looked at by one process"
	many 150
	touch "$marks/${ids[149]}"
	finds 3 "attachments were not looked at; look again"
	rm "$marks/${ids[149]}"
	healthy
}

# ---- meanwhile -----------------------------------------------------------------------------

# Containers that come and go until $BATS_TEST_TMPDIR/stop is there; steps.N counts what has been done with them.
come_and_go() {
	local i
	for ((i = 0; i < 1000; i++)); do
		ip netns add "guest$1.$i"
		CAP_ARGS="{\"portMappings\":[{\"hostPort\":$((9000 + $1 * 1000 + i)),\"containerPort\":80,\"protocol\":\"tcp\"}]}" \
			"$CNI_PATH/cnitool" add net "$(ns_path "guest$1.$i")"
		echo >>"$BATS_TEST_TMPDIR/steps.$1"
		"$CNI_PATH/cnitool" del net "$(ns_path "guest$1.$i")"
		echo >>"$BATS_TEST_TMPDIR/steps.$1"
		ip netns del "guest$1.$i"
		[ ! -e "$BATS_TEST_TMPDIR/stop" ] || break
	done
}

steps() {
	wc -l <"$BATS_TEST_TMPDIR/steps.1"
	wc -l <"$BATS_TEST_TMPDIR/steps.2"
}

# moved BEFORE : each of both has gone on since. One that has no turn in the middle of its ADD or DEL cannot be told from damage.
moved() {
	paste <(echo "$1") <(steps) | awk '$2 - $1 < 4 { still = 1 } END { exit still }'
}

@test "verify: what comes and goes meanwhile is no damage, and what is damaged is found" {
	local guests=() i before
	[[ $CNIC_BIN != *san* ]] || skip "a DEL of a sanitizer's takes too long"
	for i in 1 2; do
		: >"$BATS_TEST_TMPDIR/steps.$i"
		come_and_go "$i" >"$BATS_TEST_TMPDIR/guest$i" 2>&1 3>&- &
		guests+=($!)
	done
	for ((i = 0; i < 10; i++)); do
		before=$(steps)
		"$CNIC_BIN/cnic" verify >"$BATS_TEST_TMPDIR/run" || ! moved "$before" || {
			cp "$BATS_TEST_TMPDIR/run" "$BATS_TEST_TMPDIR/said"
			break
		}
	done
	ns_ip box link set eth0 down
	run "$CNIC_BIN/cnic" verify
	touch "$BATS_TEST_TMPDIR/stop"
	wait "${guests[@]}"
	[ ! -s "$BATS_TEST_TMPDIR/said" ] || fail "of those that come and go: $(<"$BATS_TEST_TMPDIR/said")"
	[ "$status" -eq 2 ] && [[ $output == *"container $id"*"ip link set eth0 up"* ]] || fail "damage: $output"
}

@test "verify: without memory not all could be looked at, be it in one process of several" {
	local kib status output
	[[ $CNIC_BIN != *san* ]] || skip "a sanitizer wants more than there is"
	many 150
	for kib in 1500 3000 4500 6000 6500 7000 7500 8000 8500 9000; do
		status=0
		output=$(ulimit -v "$kib" && exec "$CNIC_BIN/cnic" verify 2>&1) || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || [ "$status" -ge 126 ] || fail "$kib KiB: $status, $output"
		[[ $status -ne 3 || $output == *"out of memory"* || $output == *"were not looked at"* ]] || fail "$kib KiB: $output"
	done
}
