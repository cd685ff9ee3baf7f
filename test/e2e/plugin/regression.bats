# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# Bugs that were there once.

load ../spec/spec
load ../lib
bats_require_minimum_version 1.5.0

bridge() {
	jq -nc --argjson more "${1:-{\}}" '{cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0",
		isGateway: true, ipam: {type: "host-local", subnet: "10.1.0.0/24"}} + $more'
}

# into_full COMMAND... : with a stdout that takes nothing, so that ADD fails at its very end.
add_into_full() {
	status=0
	CNI_COMMAND=ADD CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
		"$CNIC_BIN/$1" >/dev/full 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
}

held() {
	find /var/lib/cni/networks/net -type f -name '10.*' 2>/dev/null || true
}

@test "routes of IPAM, as many as are no power of two, and a default route more" {
	local n conf
	netns box
	for n in 1 2 3 5 6 7 9; do
		conf=$(bridge "$(jq -nc --argjson n "$n" '{isDefaultGateway: true, ipam: {type: "static",
			addresses: [{address: "10.1.0.5/24"}],
			routes: [range($n) | {dst: "10.\(50 + .).0.0/16"}],
			dns: {nameservers: ["10.1.0.1", "10.1.0.2"], search: ["a", "b", "c"]}}}')")
		add bridge eth0 <<<"$conf"
		expect_ok
		expect_json '.routes | length' $((n + 1))
		expect_json .dns.search '["a","b","c"]'
		del bridge eth0 <<<"$conf"
		expect_silent
	done
}

# What the addresses' holder says for all to hear, counted as it enters the bridge.
count_announcements() {
	nft 'flush ruleset; add table bridge t; add chain bridge t c { type filter hook prerouting priority 0; };
		add rule bridge t c arp operation request arp saddr ip 10.1.0.2 counter;
		add rule bridge t c icmpv6 type nd-neighbor-advert icmpv6 code 0 ip6 saddr fd00::2 ip6 daddr ff02::1 counter'
}

# announcements : how many there were, of IPv4, then IPv6
announcements() {
	nft -j list table bridge t | jq -r '[.nftables[].rule // empty | .expr[].counter // empty | .packets] | join(" ")'
}

static_at() { # ADDRESS...
	bridge "$(jq -nc '{ipam: {type: "static", addresses: [$ARGS.positional[] | {address: .}]}}' --args "$@")"
}

@test "the container announces its addresses once the port forwards, whoever gave them" {
	local conf ipv4 ipv6
	netns box
	ip link add br0 type bridge
	for conf in "$(static_at 10.1.0.2/24 fd00::2/64)" "$(static_at 10.1.0.2/24 fd00::2/64 | jq -c '.isGateway = false')" \
		"$(static_at 10.1.0.2/24 10.1.0.3/24)" "$(static_at fd00::2/64)"; do
		for CNI_ALWAYS_EXEC in '' 1; do
			export CNI_ALWAYS_EXEC
			count_announcements
			add bridge eth0 <<<"$conf"
			expect_ok
			read -r ipv4 ipv6 < <(announcements)
			case $conf in *10.1.0.2*) [ "$ipv4" -ge 1 ] || fail "ARP with $conf" ;; esac
			case $conf in *fd00::2*) [ "$ipv6" -ge 1 ] || fail "NA with $conf" ;; esac
			del bridge eth0 <<<"$conf"
			expect_silent
		done
	done
}

local_at() { # SUBNET...
	bridge "$(jq -nc '{ipam: {type: "host-local", ranges: [$ARGS.positional[] | [{subnet: .}]]}}' --args "$@")"
}

# The one that neither needs RTNL nor is flooded twice.
@test "a gateway's container asks for it, once, and so tells all" {
	needs_ipam_inside
	netns box
	ip link add br0 type bridge
	count_announcements
	add bridge eth0 <<<"$(local_at 10.1.0.0/24 fd00::/64)"
	expect_ok
	del bridge eth0 <<<"$(local_at 10.1.0.0/24 fd00::/64)"
	rm -r /var/lib/cni/networks/net
	count_announcements
	add bridge eth0 <<<"$(local_at 10.1.0.0/24 fd00::/64)"
	expect_ok
	[ "$(announcements)" = "1 1" ] || fail "one each, not $(announcements)"
}

@test "an address that nobody has had since boot is no news, one that somebody has had is" {
	local conf said
	needs_ipam_inside
	netns box
	ip link add br0 type bridge
	conf=$(bridge '{"ipam": {"type": "host-local", "subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.2"}}')
	for said in 0 1 1; do
		count_announcements
		add bridge eth0 <<<"$conf"
		expect_ok
		[ "$(announcements)" = "$said 0" ] || fail "$said, not $(announcements)"
		del bridge eth0 <<<"$conf"
		expect_silent
	done
	for conf in "$(jq -c '.isGateway = false' <<<"$conf")" \
		"$(jq -c '.runtimeConfig.mac = "02:00:00:00:00:07" | .capabilities.mac = true' <<<"$conf")"; do
		rm -r /var/lib/cni/networks
		count_announcements
		add bridge eth0 <<<"$conf"
		expect_ok
		read -r said _ < <(announcements)
		[ "$said" -ge 1 ] || fail "$conf: to a wire's switches, and with a MAC address that was asked for, it is"
		del bridge eth0 <<<"$conf"
		expect_silent
	done
}

# mac_of NETNS : the MAC address of eth0 there, which must be that of the result
mac_of() {
	local mac
	mac=$(ns_ip "$1" -j link show eth0 | jq -r '.[0].address')
	[ "$(jq -r '.interfaces[2].mac' <<<"$output")" = "$mac" ] || fail "$mac is not in the result: $output"
	echo "$mac"
}

# reached ADDRESS WORDS : from the neighbour and from the host, by one request: to a former holder of the address it is lost
reached() {
	local from
	for from in neighbour ''; do
		${from:+ip netns exec $from} ping -q -c 1 -W 5 "$1" >/dev/null || fail "$1 $2 $from"
	done
}

# used_again CONF CONF2 : who knew the address's first holder reaches the second one at once
used_again() {
	local ip
	for ip in 10.1.0.2 fd00::2; do
		CID=first add bridge eth0 <<<"$1"
		expect_ok
		reached $ip "is not there for"
		CID=first del bridge eth0 <<<"$1"
		expect_silent
		CID=second add bridge eth0 <<<"$2"
		expect_ok
		reached $ip "does not answer"
		CID=second del bridge eth0 <<<"$2"
		expect_silent
	done
}

@test "an address that is used again answers at once to those who knew its last holder" {
	local plain asked
	netns neighbour
	CID=n add bridge eth0 <<<"$(static_at 10.1.0.9/24 fd00::9/64)"
	expect_ok
	netns box
	plain=$(static_at 10.1.0.2/24 fd00::2/64)
	asked=$(jq -c '.runtimeConfig.mac = "02:00:00:00:00:07" | .capabilities.mac = true' <<<"$plain")
	used_again "$plain" "$plain"
	used_again "$plain" "$asked"
	CNI_ALWAYS_EXEC=1 used_again "$plain" "$plain"
	# Of two changes within a second Linux believes the first, unless the other is gratuitous.
	in_ns neighbour sh -c 'echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime'
	used_again "$asked" "$plain"
}

@test "the container's MAC address goes with its first IP address, if nobody asked for one and IPAM saw none" {
	local mac conf
	needs_ipam_inside
	netns box
	for conf in "$(local_at 10.1.0.0/24 fd00::/64)" "$(local_at 10.1.0.0/24 | jq -c '.isGateway = false')"; do
		rm -rf /var/lib/cni/networks
		add bridge eth0 <<<"$conf"
		expect_ok
		mac=$(mac_of box)
		[ "$mac" = 0a:58:0a:01:00:02 ] || fail "$mac"
		del bridge eth0 <<<"$conf"
		expect_silent
	done
	rm -r /var/lib/cni/networks
	CNI_ALWAYS_EXEC=1 add bridge eth0 <<<"$conf"
	expect_ok
	mac=$(mac_of box)
	[ "$mac" != 0a:58:0a:01:00:02 ] || fail "another program may have told somebody the first one"
}

# standby_pair CONF : two containers hold the same address, and yet are two
standby_pair() {
	local name own
	for name in one two; do
		ip netns add "$name" # lo is down: nothing but eth0 has addresses
		NS=$name CID=$name add bridge eth0 <<<"$1"
		expect_ok
		own+=" $(mac_of "$name") $(ns_ip "$name" -j -6 addr show scope link | jq -r '.[].addr_info[].local // empty')"
	done
	[ "$(tr ' ' '\n' <<<"$own" | sed '/^$/d' | sort | uniq -d)" = "" ] || fail "all different:$own"
	ip netns del one
	ip netns del two
}

@test "row 25: containers with the same static address have MAC addresses of their own" {
	local each
	for each in '10.1.0.2/24' 'fd00::2/64' '10.1.0.2/24 fd00::2/64'; do
		# shellcheck disable=SC2086
		standby_pair "$(static_at $each)"
		# shellcheck disable=SC2086
		standby_pair "$(static_at $each | jq -c '.isGateway = false')"
	done
	standby_pair "$(static_at | jq -c '.runtimeConfig.ips = ["10.1.0.2/24"]')"
	CNI_ALWAYS_EXEC=1 standby_pair "$(static_at 10.1.0.2/24)"
}

@test "a bridge port has no IPv6 address of its own, and a veth one queue each way" {
	local port
	netns box
	add bridge eth0 <<<"$(bridge)"
	expect_ok
	port=$(jq -r '.interfaces[1].name' <<<"$output")
	[ "$(ip -j -d link show "$port" | jq -c '.[0] | [.inet6_addr_gen_mode, .num_tx_queues, .num_rx_queues]')" = \
		'["none",1,1]' ] || fail "$port: $(ip -j -d link show "$port")"
	[ -z "$(ip -6 addr show dev "$port")" ] || fail "$port has an IPv6 address"
	[ "$(ns_ip box -j -d link show eth0 |
		jq -c '.[0] | [.inet6_addr_gen_mode, .num_tx_queues, .num_rx_queues]')" = '["eui64",1,1]' ] ||
		fail "eth0: $(ns_ip box -j -d link show eth0)"
}

# port_state : how the one port of br0 stands; the state of STP as a word or, by older ip, a number.
port_state() {
	ip -j -d link show master br0 | jq -c '.[0] | [.linkmode, .operstate,
		(.linkinfo.info_slave_data.state | if . == 3 then "forwarding" elif . == 0 then "disabled" else . end)]'
}

# What is executed for an address may ask the network for it.
@test "an IPAM plugin that is executed finds the port forwarding" {
	local gateway
	netns box
	delegate mine
	on ADD <<-END
		$(declare -f port_state)
		port_state >"\$dir/during"
		cat "\$dir/answer"
	END
	for gateway in true false; do
		with_delegates add bridge eth0 <<<"$(bridge "{\"isGateway\": $gateway, \"ipam\": {\"type\": \"mine\"}}")"
		expect_ok
		[ "$(cat "$DELEGATES/during")" = '["DEFAULT","UP","forwarding"]' ] ||
			fail "forwards: isGateway $gateway: $(cat "$DELEGATES/during")"
		del bridge eth0 <<<"$(bridge)"
	done
}

@test "with isGateway the port forwards when the container is configured, not before" {
	local gateway trace=$BATS_TEST_TMPDIR/trace
	[ -z "${CNI_ALWAYS_EXEC:-}" ] || skip "host-local is executed, too"
	for gateway in true false; do
		netns box
		CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
			"${STRACE[@]}" -f -qq -o "$trace" -e trace=sendto "$CNIC_BIN/bridge" <<<"$(bridge "{\"isGateway\": $gateway}")"
		# dormant from the request that makes it on, and in the last not any more
		[ "$(grep -c 'IFLA_LINKMODE}, 1' "$trace")" = "$([ $gateway = true ] && echo 1 || echo 0)" ] || fail "$(cat "$trace")"
		[ $gateway = false ] || tail -n 1 "$trace" | grep -q 'IFLA_LINKMODE}, 0' || fail "the last: $(cat "$trace")"
		[ "$(port_state)" = '["DEFAULT","UP","forwarding"]' ] || fail "in the end: $(port_state)"
		del bridge eth0 <<<"$(bridge)"
		ip netns del box
	done
}

@test "DEL with a netns that is the plugin's own now releases the address and leaves the links" {
	netns box
	add bridge eth0 <<<"$(bridge)"
	expect_ok
	CNI_NETNS=/proc/self/ns/net del bridge lo <<<"$(bridge)"
	expect_code 8
	CNI_NETNS=/proc/self/ns/net del bridge eth0 <<<"$(bridge)"
	expect_code 8
	[ -z "$(held)" ] || fail "no address held"
	ip link show br0
}

@test "DEL works with a configuration that ADD would refuse" {
	netns box
	add bridge eth0 <<<"$(bridge)"
	expect_ok
	add bridge eth1 <<<"$(bridge '{"mtu": 100000}')"
	expect_code 7 mtu
	del bridge eth0 <<<"$(bridge '{"mtu": 100000, "vlan": 5000, "vlanTrunk": [{"id": 0}]}')"
	expect_silent
	[ -z "$(held)" ] || fail "no address held"
	! ns_ip box link show eth0
}

@test "ptp leaves a route of the host alone" {
	local conf='{"cniVersion":"1.1.0","name":"net","type":"ptp","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
	netns box
	ip link add other type veth peer name other2
	ip link set other up
	ip route add 10.1.0.2/32 dev other
	add ptp eth0 <<<"$conf"
	expect_failure
	[ -n "$(ip route show 10.1.0.2/32 dev other)" ] || fail "the route"
	[ -z "$(held)" ] || fail "no address held"
}

@test "an ADD that fails at its end gives back the address that forceAddress took" {
	netns box
	ip link add br0 address 02:00:00:00:00:01 type bridge
	ip addr add 192.168.7.1/24 dev br0
	before=$(ip -j addr show br0 | jq -c '[.[].addr_info[] | select(.family == "inet") | .local]')
	add_into_full bridge <<<"$(bridge '{"forceAddress": true}')"
	expect_same "addresses of the bridge" "$before" \
		"$(ip -j addr show br0 | jq -c '[.[].addr_info[] | select(.family == "inet") | .local]')"
	[ -z "$(held)" ] || fail "no address held"
	[ "$(host_links)" = br0 ] || fail "no other link"
}

# before_address COMMAND CONF : ADD, with a command just before br0 is given an address.
before_address() {
	local library=$BATS_TEST_TMPDIR/before_address.so
	[ -e "$library" ] || ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -shared -fPIC -o "$library" \
		"$ROOT/test/fault/before_address.c"
	ADDRESS_ON=br0 BEFORE_ADDRESS=$1 with_preload "$library" add bridge <<<"$2"
}

has_address() {
	expect_same "address of br0" "$1" "$(ip -4 -o addr show dev br0 | awk '{ print $4 }')"
}

# As before Linux 5.6, a kernel without VLANs has no RTM_GETVLAN.
@test "CHECK of VLANs says what is wrong, whichever way the kernel lists them" {
	netns box
	add bridge <<<"$(bridge)"
	expect_ok
	check bridge <<<"$(with_result "$(bridge '{"vlan":10}')")"
	expect_code 102 'untagged VLAN is '
}

@test "the host lock is held when the bridge is given an address, with enabledad as well" {
	local more seen=$BATS_TEST_TMPDIR/seen
	needs_preload
	netns box
	for more in '{}' '{"enabledad":true}'; do
		rm -f "$seen"
		before_address "flock -n /run/cnic/netns-* echo free >$seen || echo held >$seen" "$(bridge "$more")"
		expect_ok
		expect_same "lock with $more" held "$(<"$seen")"
		del bridge <<<"$(bridge)"
		ip link del br0
	done
}

@test "the gateway's address may be there just when it is added, and stays if ADD fails then" {
	needs_preload
	netns box
	ip link add br0 address 0a:00:00:00:00:01 type bridge
	before_address 'ip addr add 10.1.0.1/24 dev br0' "$(bridge)"
	expect_ok
	has_address 10.1.0.1/24
	del bridge <<<"$(bridge)"
	ip addr flush dev br0
	before_address 'ip addr add 10.1.0.1/24 dev br0' "$(bridge '{"ipam":{"type":"static","addresses":[
		{"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"10.2.0.2/24","gateway":"10.2.0.1"}]}}')"
	expect_code 101 'already has an IP address'
	has_address 10.1.0.1/24
}

@test "an ADD that fails at its end takes a bridge it made away, and none that is in use" {
	netns first
	netns box
	add_into_full bridge <<<"$(bridge)"
	[ -z "$(host_links)" ] || fail "no link"
	NS=first CID=c0 add bridge eth0 <<<"$(bridge)"
	expect_ok
	add_into_full bridge <<<"$(bridge)"
	in_ns first ping -c 1 -W 5 10.1.0.1
}

@test "a parent that ignores SIGCHLD" {
	netns box
	(
		trap '' CHLD
		export CNI_ALWAYS_EXEC=1
		add bridge eth0 <<<"$(bridge)"
		expect_ok
		del bridge eth0 <<<"$(bridge)"
		expect_silent
	)
}

@test "nobody but root can hold up an ADD" {
	netns box
	add bridge eth0 <<<"$(bridge)"
	expect_ok
	[ "$(stat -c '%a %u' /run/cnic)" = "700 0" ] || fail "a directory of root's"
	! setpriv --reuid 65534 --clear-groups flock -n /run/cnic/netns-* true
}

@test "cnic --install after one that was cut short leaves plugins whole" {
	local dir=$BATS_TEST_TMPDIR/bin
	[ -x "$CNIC_BIN/cnic" ] || skip "no multi-call executable in this build"
	mkdir "$dir"
	"$CNIC_BIN/cnic" --install "$dir"
	ln "$dir/bridge" "$dir/.cnic-new"
	"$CNIC_BIN/cnic" --install "$dir"
	cmp "$CNIC_BIN/cnic" "$dir/bridge"
	[ "$(find "$dir" -samefile "$dir/bridge" | wc -l)" = "$(find "$dir" -type f | wc -l)" ] || fail "one file under every name"
	[ -z "$(find "$dir" -name '.*' -type f)" ] || fail "nothing left over"
}

# ---- installing ----------------------------------------------------------------------------

# listing DIR : every name with its mode, number of links, time and content.
listing() {
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %n %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort -k2)
}

# others DIR : another vendor's files where ours go, and one of his own.
others() {
	local name
	mkdir -p "$1"
	for name in bridge static own; do
		echo "another vendor's $name" >"$1/$name"
	done
	ln -s own "$1/ptp"
}

# refuses DIR COMMAND... : an install that fails says so and leaves DIR as it was.
refuses() {
	local dir=$1 before
	shift
	before=$(listing "$dir")
	run -1 --separate-stderr "$@"
	echo "$stderr"
	[[ $stderr == "cnic: $dir/"*"nothing is installed, $dir is as it was" ]] || fail "a word about it"
	expect_same directory "$before" "$(listing "$dir")"
}

needs_cnic() {
	[ -x "$CNIC_BIN/cnic" ] || skip "no multi-call executable in this build"
}

@test "row 21: an install on a full disk, or over a directory, is none at all" {
	local dir=$BATS_TEST_TMPDIR/bin name size
	needs_cnic
	size=$(($(stat -L -c %s "$CNIC_BIN/cnic") / 1024))
	mkdir "$dir"
	for size in $((size / 2))k,nr_inodes=100 $((size * 2))k,nr_inodes=6 $((size * 2))k,nr_inodes=12 \
		$((size * 2))k,nr_inodes=13; do
		mount -t tmpfs -o "size=$size" tmpfs "$dir"
		echo "another vendor's bridge" >"$dir/bridge"
		refuses "$dir" "$CNIC_BIN/cnic" --install "$dir"
		umount "$dir"
	done
	others "$dir"
	for name in bridge ptp static cnic; do
		rm -f "$dir/$name"
		mkdir "$dir/$name"
		refuses "$dir" "$CNIC_BIN/cnic" --install "$dir"
		[[ $stderr == *"$dir/$name: Is a directory"* ]] || fail "$name to be named"
		rmdir "$dir/$name"
	done
	refuses "$dir" "$CNIC_BIN/cnic" --install "$dir" "$dir/own" "$dir/missing"
	run -1 --separate-stderr "$CNIC_BIN/cnic" --install "$dir/none"
	"$CNIC_BIN/cnic" --install "$dir" "$dir/own"
	cmp "$CNIC_BIN/cnic" "$dir/static"
}

@test "row 21: whichever call of an install fails, it is all or nothing" {
	local dir=$BATS_TEST_TMPDIR/bin call number before
	needs_cnic
	for call in linkat renameat,renameat2 write fsync; do
		number=1
		while :; do
			rm -rf "$dir"
			others "$dir"
			before=$(listing "$dir")
			"${STRACE[@]}" -o /dev/null -e trace="?${call/,/,?}" \
				-e inject="?${call/,/,?}:error=EIO:when=$number" "$CNIC_BIN/cnic" --install "$dir" && break
			expect_same directory "$before" "$(listing "$dir")"
			number=$((number + 1))
		done
		cmp "$CNIC_BIN/cnic" "$dir/ptp"
		[ -z "$(find "$dir" -name '.*' -type f)" ] || fail "nothing left over"
		[ "$call" = fsync ] || [ "$number" -gt 5 ] || fail "more calls that can fail"
	done
}

@test "row 5: only files that are our executable are uninstalled" {
	local dir=$BATS_TEST_TMPDIR/bin name
	needs_cnic
	mkdir "$dir"
	"$CNIC_BIN/cnic" --install "$dir"
	ln -sf "$REF_BIN/loopback" "$dir/loopback" # another vendor's, as a link, a copy and a script
	rm "$dir/static" "$dir/ptp" "$dir/ovs"
	cp "$REF_BIN/static" "$dir/static"
	printf '#!/bin/sh\n' >"$dir/ptp"
	cp "$CNIC_BIN/cnic" "$dir/ovs" # ours, as a copy, a link and a link to a link
	ln -sf cnic "$dir/bridge"
	ln -sf bridge "$dir/portmap"
	cp "$CNIC_BIN/cnic" "$dir/own"
	mkdir "$dir/cnic-firewalld"
	touch "$dir/.cnic-new"
	run -0 --separate-stderr "$CNIC_BIN/cnic" --uninstall "$dir"
	[ "$(ls -A "$dir" | paste -sd' ')" = "cnic-firewalld loopback own ptp static" ] || fail "not $(ls -A "$dir")"
	for name in loopback ptp static cnic-firewalld; do
		[[ $stderr == *"cnic: $dir/$name is not ours, and stays"* ]] || fail "a word about $name"
	done
	cmp "$REF_BIN/loopback" "$dir/loopback"
	run -0 --separate-stderr "$CNIC_BIN/cnic" --uninstall "$dir"
	rm -r "${dir:?}"/*
	"$CNIC_BIN/cnic" --install "$dir"
	cp "$REF_BIN/loopback" "$dir/.loopback"
	mv "$dir/.loopback" "$dir/loopback"
	rm "$dir/cnic"
	"$CNIC_BIN/cnic" --uninstall "$dir"
	[ "$(ls -A "$dir")" = loopback ] || fail "not $(ls -A "$dir")"
}

@test "rows 5 and 21: make install and make uninstall do it by the same code" {
	local dest=$BATS_TEST_TMPDIR/dest
	local dir=$dest/opt/cni/bin make=(make -C "$ROOT" -s -o all -o build/cnic "DESTDIR=$dest")
	[ "$CNIC_BIN" -ef "$ROOT/bin" ] || skip "another build's executables"
	"${make[@]}" install
	[ "$(find "$dir" -samefile "$dir/bridge" | wc -l)" = "$(find "$dir" -type f | wc -l)" ] || fail "one file under every name"
	! file "$dir/bridge" | grep -q "not stripped" || fail "stripped"
	"${make[@]}" uninstall
	[ ! -e "$dest" ] || [ -z "$(find "$dest" -mindepth 1)" ] || fail "nothing left, not $(find "$dest")"
	mkdir -p "$dir/portmap"
	run "${make[@]}" install
	[ "$status" -ne 0 ] || fail "no success"
	[ "$(ls -A "$dir")" = portmap ] || fail "nothing installed, not $(ls -A "$dir")"
	rmdir "$dir/portmap"
	"${make[@]}" install
	ln -sf "$REF_BIN/loopback" "$dir/loopback"
	"${make[@]}" uninstall
	[ "$(ls -A "$dir")" = loopback ] || fail "only loopback, not $(ls -A "$dir")"
}

@test "cnic repair counts, tells what fails, and takes nothing else on its command line" {
	local bad
	[ -x "$CNIC_BIN/cnic" ] || skip "no multi-call executable in this build"
	run -0 --separate-stderr "$CNIC_BIN/cnic" repair
	[ "$output|$stderr" = "0 repaired, 0 failed, 0 gone|" ] || fail "$output $stderr"
	mkdir -p /run/cnic/rules
	echo '{' >"/run/cnic/rules/$(printf '%016x-%016x-bridge' 1 2)"
	run -1 --separate-stderr "$CNIC_BIN/cnic" repair --network net --plugin bridge c1
	[ "$output" = "0 repaired, 1 failed, 0 gone" ] || fail "$output"
	[[ $stderr == "cnic: /run/cnic/rules/"*"invalid JSON"* ]] || fail "$stderr"
	for bad in --network "--plugin bridge --plugin ptp" "c1 c2" --netns "c1 --network"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$CNIC_BIN/cnic" repair $bad
		[ -z "$output" ] || fail "$bad: $output"
		[[ $stderr == *"cnic repair [--network NAME]"* ]] || fail "$bad: $stderr"
	done
}

@test "a request that outgrows the socket buffer says what bounds it" {
	netns box
	status=0
	output=$(CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=lo CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -qq -o /dev/null -e trace=sendto -e inject=sendto:error=EMSGSIZE:when=1 "$CNIC_BIN/loopback" \
		<<<'{"cniVersion":"1.1.0","name":"net","type":"loopback"}') || status=$?
	expect_code 999 'bytes are more than net.core.wmem_max allows'
}

# hogs : a third of a second of each CPU, at a priority over that of the kernel's workers.
hogs() {
	local cpu
	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		taskset -c "$cpu" chrt -f 10 bash -c 'end=$((${EPOCHREALTIME/./} + 300000))
			while [ "${EPOCHREALTIME/./}" -lt "$end" ]; do :; done' &
	done
}

# hurried CONF : an ADD at a priority over those, and the routes of the namespace right behind it, by a shell that is
# there already.
hurried() {
	export CONF=$1 PLUGIN CNI_COMMAND=ADD CNI_CONTAINERID=$CID CNI_NETNS CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN
	CNI_NETNS=$(ns_path) PLUGIN=$(jq -r .type <<<"$1")
	chrt -f 20 nsenter --net="$CNI_NETNS" bash -c "$(declare -f hogs)"'
		hogs
		nsenter --net=/proc/1/ns/net "$CNI_PATH/$PLUGIN" <<<"$CONF" >/dev/null 2>"$1" || exit
		routes=$(</proc/self/net/ipv6_route)
		wait
		echo "$routes"' - "$BATS_TEST_TMPDIR/stderr"
}

# The route by which an IPv6 address is the namespace's own is made by a worker of the kernel's.
@test "an IPv6 address takes what comes for it when ADD is done" {
	local conf routes
	chrt -f 10 true 2>/dev/null || skip "no real-time priority"
	conf=$(static_at 10.1.0.2/24 fd00::2/64)
	for conf in "$conf" "$(jq -c '.type = "ptp" | del(.bridge, .isGateway) | .ipam.addresses[0].gateway = "10.1.0.1" | .ipam.addresses[1].gateway = "fd00::1"' <<<"$conf")" "$conf" "$conf"; do
		netns box
		routes=$(hurried "$conf") || fail "ADD: $conf"
		grep -q "^fd000000000000000000000000000002 80 .* eth0" <<<"$routes" ||
			fail "fd00::2 has its route: $routes"
		cni DEL "$(jq -r .type <<<"$conf")" <<<"$conf"
		ip netns del box
	done
}
