# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# tuning: each of its keys, what users of the reference complain of, and its file.

load ../lib

ALLOWLIST=/etc/cni/tuning/allowlist.conf
BACKUPS=/run/cni/tuning
MAC=02:bb:00:00:00:01

# An interface of another plugin's, with an address of each family and a default route.
setup() {
	host_setup
	netns box
	in_ns box sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward' # a new namespace has the machine's
	ip link add veth0 type veth peer name eth0 netns box address 02:aa:00:00:00:01
	ip link set veth0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box addr add fd00::2/64 dev eth0 nodad
	ip -n box link set eth0 up
	ip -n box route add default via 10.1.0.1
	ip -n box route add default via fd00::1
}

setup_file() {
	mkdir -p "${ALLOWLIST%/*}"
}

teardown() {
	rm -f "$ALLOWLIST"
	host_clean
}

# tuned [JQ] : a configuration in a chain, changed by a jq program.
tuned() {
	jq -c "${1:-.}" <<'END'
	{"cniVersion":"1.1.0","name":"net","type":"tuning","prevResult":{"cniVersion":"1.1.0",
	 "interfaces":[{"name":"veth0","mac":"02:aa:00:00:00:09"},
	   {"name":"eth0","mac":"02:aa:00:00:00:01","sandbox":"/run/netns/box"}],
	 "ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":1},
	   {"address":"fd00::2/64","interface":1}]}}
END
}

no_ipv6() {
	tuned "del(.prevResult.ips[1]) | $1"
}

sysctl_of() {
	in_ns box cat "/proc/sys/$1"
}

expect_sysctl() {
	[ "$(sysctl_of "$1")" = "$2" ] || fail "$1 to be $2, not $(sysctl_of "$1")"
}

# link_is JQPATH VALUE : of eth0 in the container.
link_is() {
	json_is "$(ip -n box -d -j link show "${3:-eth0}" | jq '.[0]')" "$1" "$2"
}

# tune [JQ] : ADD that works, CHECK of its result, then DEL, after which all is as before.
tune() {
	conf=$(tuned "$1")
	add tuning <<<"$conf"
	expect_ok
	check tuning <<<"$(with_result "$conf")"
	expect_silent
}

untune() {
	del tuning <<<"$conf"
	expect_silent
	[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup"
}

@test "sysctls, in both spellings, and IFNAME" {
	tune '.sysctl = {"net.ipv4.conf.eth0.rp_filter": "2", "net/ipv4/conf/IFNAME/log_martians": "1",
		"net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "77"}'
	expect_sysctl net/ipv4/conf/eth0/rp_filter 2
	expect_sysctl net/ipv4/conf/eth0/log_martians 1
	expect_sysctl net/ipv4/conf/eth0/arp_filter 1
	expect_sysctl net/core/somaxconn 77
	untune
	expect_sysctl net/core/somaxconn 77
}

@test "an interface name with a dot, in each spelling" {
	local key
	ip -n box link set eth0 down
	ip -n box link set eth0 name eth0.100
	ip -n box link set eth0.100 up
	for key in net.ipv4.conf.eth0/100.log_martians net/ipv4/conf/eth0.100/log_martians \
		net.ipv4.conf.eth0.100.log_martians net.ipv4.conf.IFNAME.log_martians \
		net/ipv4/conf/IFNAME/log_martians; do
		in_ns box sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0.100/log_martians'
		add tuning eth0.100 <<<"$(tuned ".sysctl = {\"$key\": \"1\"}")"
		expect_ok
		expect_sysctl net/ipv4/conf/eth0.100/log_martians 1
	done
}

@test "another interface's name with a dot" {
	local key
	ip -n box link add v.7 type veth peer name v.8
	for key in net.ipv4.conf.v/7.log_martians net/ipv4/conf/v.7/log_martians; do
		in_ns box sh -c 'echo 0 >/proc/sys/net/ipv4/conf/v.7/log_martians'
		tune ".sysctl = {\"$key\": \"1\"}"
		expect_sysctl net/ipv4/conf/v.7/log_martians 1
		untune
	done
}

@test "a list of numbers passes CHECK, which says what is wanted and found" {
	tune '.sysctl = {"net.ipv4.ip_local_port_range": "2000 3000"}'
	in_ns box sh -c 'echo 2000 4000 >/proc/sys/net/ipv4/ip_local_port_range'
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 'net.ipv4.ip_local_port_range: wanted "2000 3000", found "2000'
}

@test "a sysctl that leads out, or is none" {
	local key
	for key in net.ipv4.. net/../kernel/hostname kernel.hostname net net. net//ipv4/ip_forward /proc/sys/net/ipv4/ip_forward \
		net/./ipv4/ip_forward vm/net/x net.ipv4.conf.///../x ..net.ipv4.x "net/$(printf '%0300d' 0)"; do
		add tuning <<<"$(tuned ".sysctl = {\"$key\": \"1\"}")"
		expect_code 7 'no sysctl below net'
	done
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.no_such": "1"}')"
	expect_code 999 'sysctl net.ipv4.no_such: '
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.ip_forward": 1}')"
	expect_code 6 'sysctl.net.ipv4.ip_forward: expected a string'
	add tuning <<<"${conf:-$(tuned)}"
	expect_ok
}

@test "a sysctl that is there twice, in whichever spelling" {
	local conf
	conf=$(tuned)
	add tuning <<<"${conf%\}},\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"net.ipv4.ip_forward\":\"0\"}}"
	expect_code 7 'net.ipv4.ip_forward is there twice'
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/ip_forward": "0"}')"
	expect_code 7 'net/ipv4/ip_forward is there twice'
	expect_sysctl net/ipv4/ip_forward 0
}

@test "a sysctl that fails takes the others back" {
	add tuning <<<"$(tuned '.mtu = 1400 | .sysctl = {"net.core.somaxconn": "99", "net.ipv4.conf.eth0.rp_filter": "nonsense"}')"
	expect_code 999 'net.ipv4.conf.eth0.rp_filter'
	[ "$(sysctl_of net/core/somaxconn)" != 99 ] || fail "somaxconn as before"
	link_is .mtu 1500
}

@test "a sysctl that was empty is empty again, and one is set to nothing" {
	local key=net/ipv4/ip_local_reserved_ports
	add tuning <<<"$(tuned ".sysctl = {\"$key\": \"8080\", \"net.ipv4.conf.eth0.rp_filter\": \"nonsense\"}")"
	expect_code 999 'net.ipv4.conf.eth0.rp_filter'
	expect_sysctl $key ''
	in_ns box sh -c "echo 8081 >/proc/sys/$key"
	add tuning <<<"$(tuned ".sysctl = {\"$key\": \"\"}")"
	expect_ok
	expect_sysctl $key ''
}

@test "IPv6 is not turned off below an address" {
	local key
	for key in net.ipv6.conf.all.disable_ipv6 net.ipv6.conf.IFNAME.disable_ipv6 net/ipv6/conf/eth0/disable_ipv6; do
		add tuning <<<"$(tuned ".sysctl = {\"$key\": \"1\"}")"
		expect_code 7 "sysctl $key: eth0 has an IPv6 address"
		add tuning <<<"$(no_ipv6 ".sysctl = {\"$key\": \"1\"}")"
		expect_ok
		in_ns box sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	done
}

@test "an MTU at which the kernel has no IPv6 is none below an address of it" {
	add tuning <<<"$(tuned '.mtu = 1279 | .sysctl = {"net.core.somaxconn": "99"}')"
	expect_code 7 'mtu: 1279 is less than IPv6'
	link_is .mtu 1500
	[ "$(sysctl_of net/core/somaxconn)" != 99 ] || fail "somaxconn as before"
	ip -n box -6 addr show dev eth0 | grep -q fd00::2 || fail "its address"
	tune '.mtu = 1280'
	untune
	add tuning <<<"$(no_ipv6 '.mtu = 1279')"
	expect_ok
	link_is .mtu 1279
}

@test "the allowlist: expressions of RE2, by the key as it is written" {
	# shellcheck disable=SC2016
	printf '%s\n' '^net\.ipv4\.conf\.IFNAME\.[\w-]+$' '' '  ^net.core.(?:somaxconn|optmem_max)$  ' 'tcp_\w{3,9}' >$ALLOWLIST
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.conf.IFNAME.rp_filter": "2", "net.core.somaxconn": "88",
		"net/ipv4/tcp_sack": "0"}')"
	expect_ok
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.conf.eth0.rp_filter": "1"}')"
	expect_code 7 "sysctl net.ipv4.conf.eth0.rp_filter is not allowed by $ALLOWLIST"
	expect_sysctl net/ipv4/conf/eth0/rp_filter 2
	ref_run add tuning <<<"$(tuned '.sysctl = {"net.ipv4.conf.eth0.rp_filter": "1"}')"
	expect_failure
	add tuning <<<"$(tuned '.args.cni.sysctl = {"net.ipv4.ip_forward": "1"}')"
	expect_code 7 'sysctl net.ipv4.ip_forward is not allowed'
	add tuning <<<"$(tuned '.mtu = 1400')"
	expect_ok
}

@test "an allowlist that allows nothing, or is no list of expressions" {
	: >$ALLOWLIST
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.ip_forward": "1"}')"
	expect_code 7 'not allowed'
	printf '%s\n' 'net' '(?i)net' >$ALLOWLIST
	add tuning <<<"$(tuned '.sysctl = {"net.ipv4.ip_forward": "1"}')"
	expect_code 7 "$ALLOWLIST: line 2: "
	expect_sysctl net/ipv4/ip_forward 0
}

@test "mac, mtu, txQLen, promisc, allmulti: set, in the result, restored by DEL" {
	tune ".mac = \"${MAC^^}\" | .mtu = 1400 | .txQLen = 77 | .promisc = true | .allmulti = true"
	json_is "$result" '.interfaces[1] | .mac, .mtu' "$MAC"$'\n'1400
	json_is "$result" '.interfaces[0] | .mac, .mtu' 02:aa:00:00:00:09$'\n'null
	link_is '.address, .mtu, .txqlen' "$MAC"$'\n'1400$'\n'77
	link_is '.flags | (index("PROMISC") and index("ALLMULTI"))' true
	json_is "$(<$BACKUPS/c1_eth0.json)" 'del(.network)' \
		'{"allmulti":false,"mac":"02:aa:00:00:00:01","mtu":1500,"promisc":false,"txQLen":1000}'
	[ "$(stat -c %a $BACKUPS $BACKUPS/c1_eth0.json | paste -sd' ')" = "700 600" ] || fail "only root reads it"
	untune
	link_is '.address, .mtu, .txqlen' 02:aa:00:00:00:01$'\n'1500$'\n'1000
	link_is '.flags | (index("PROMISC") or index("ALLMULTI"))' false
}

@test "C-091 what is changed is updated in the result, everything else is as it was" {
	conf=$(tuned ".mac = \"$MAC\" | .mtu = 1400 | .prevResult.dns = {nameservers: [\"192.0.2.1\"]} |
		.prevResult.routes = [{dst: \"0.0.0.0/0\", gw: \"10.1.0.1\", mtu: 1300, table: 7}] |
		.prevResult.interfaces[1].pciID = \"0000:00:01.0\"")
	add tuning <<<"$conf"
	expect_ok
	expect_same result "$(jq -S ".prevResult | .interfaces[1] += {mac: \"$MAC\", mtu: 1400}" <<<"$conf")" \
		"$(jq -S . <<<"$output")"
}

@test "the result of a version without mtu has none" {
	conf=$(tuned '.cniVersion = "1.0.0" | .mtu = 1400 | .prevResult.cniVersion = "1.0.0"')
	add tuning <<<"$conf"
	expect_ok
	expect_json '.interfaces[1].mtu' null
	link_is .mtu 1400
}

@test "promisc and allmulti false: one leaves the interface as it is, the other does not" {
	ip -n box link set eth0 promisc on allmulticast on
	tune '.promisc = false | .allmulti = false'
	link_is '.flags | (index("PROMISC") != null), (index("ALLMULTI") != null)' true$'\n'false
	untune
	link_is '.flags | index("ALLMULTI") != null' true
}

# The kernel counts who wants it; the flag is the user's part.
@test "an interface that another one has made promiscuous: that is no flag of its own to go back to" {
	ip -n box link add mv0 link eth0 type macvlan mode passthru
	ip -n box link set mv0 up
	link_is '.promiscuity, (.flags | index("PROMISC") != null)' 1$'\n'false
	add tuning <<<"$(tuned '.promisc = true | .mtu = 65536')"
	expect_code 999
	link_is '.promiscuity, (.flags | index("PROMISC") != null)' 1$'\n'false
	tune '.promisc = true'
	link_is '.promiscuity, (.flags | index("PROMISC") != null)' 2$'\n'true
	ip -n box link del mv0
	check tuning <<<"$(with_result "$conf")"
	expect_silent
	untune
	link_is '.promiscuity, (.flags | index("PROMISC") != null)' 0$'\n'false
}

@test "which mac wins: args.cni, runtimeConfig, CNI_ARGS, the key" {
	conf=$(tuned '.mac = "02:bb:00:00:00:04"')
	add tuning <<<"$conf"
	link_is .address 02:bb:00:00:00:04
	CNI_ARGS='MAC=02:bb:00:00:00:03' add tuning <<<"$conf"
	link_is .address 02:bb:00:00:00:03
	conf=$(jq -c '.runtimeConfig.mac = "02:bb:00:00:00:02"' <<<"$conf")
	CNI_ARGS='MAC=02:bb:00:00:00:03' add tuning <<<"$conf"
	link_is .address 02:bb:00:00:00:02
	conf=$(jq -c '.args.cni.mac = "02:bb:00:00:00:01"' <<<"$conf")
	CNI_ARGS='MAC=02:bb:00:00:00:03' add tuning <<<"$conf"
	link_is .address 02:bb:00:00:00:01
	untune
	link_is .address 02:aa:00:00:00:01
}

@test "args.cni wins over the keys, and needs none beside it" {
	tune '.mtu = 1400 | .txQLen = 7 | .allmulti = true | .sysctl = {"net.core.somaxconn": "66"} |
		.args.cni = {mtu: 1300, txQLen: 8, allmulti: false, promisc: true, sysctl: {"net/core/somaxconn": "67"}}'
	link_is '.mtu, .txqlen, (.flags | index("ALLMULTI") != null, index("PROMISC") != null)' \
		1300$'\n'8$'\n'false$'\n'true
	expect_sysctl net/core/somaxconn 67
	untune
	tune '.args.cni.sysctl = {"net.core.somaxconn": "68"}'
	expect_sysctl net/core/somaxconn 68
}

@test "a changed MAC address keeps routes and addresses" {
	local before
	before=$(ns_state box | jq -S 'del(.links)')
	tune ".mac = \"$MAC\""
	link_is .address "$MAC"
	expect_same "routes and addresses" "$before" "$(ns_state box | jq -S 'del(.links)')"
	untune
}

# busy ... : no device of this kernel's is such a one, a library refuses in the kernel's place.
busy() {
	needs_preload
	[ -e "$BATS_TEST_TMPDIR/busy.so" ] || ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -shared -fPIC \
		-o "$BATS_TEST_TMPDIR/busy.so" "$ROOT/test/fault/busy_mac.c"
	with_preload "$BATS_TEST_TMPDIR/busy.so" "$@"
}

@test "a MAC address that the device takes neither up nor down: ADD fails, routes and addresses are put back" {
	local before
	before=$(carried)
	BUSY_ALWAYS=1 busy add tuning <<<"$(tuned ".mac = \"$MAC\" | .mtu = 1400")"
	expect_code 999 'set MAC address: Operation not permitted'
	link_is '.address, .mtu, (.flags | index("UP") != null)' 02:aa:00:00:00:01$'\n'1500$'\n'true
	expect_same "routes and addresses" "$before" "$(carried)"
	[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup"
}

@test "a MAC address that the device takes only while it is down: routes and addresses are put back" {
	local before
	ip -n box route add 10.9.0.0/16 via 10.1.0.9 metric 7 mtu 1300
	ip -n box route add 10.8.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9
	ip -n box -6 route add fd00:9::/32 via fd00::9 table 77
	before=$(carried)
	conf=$(tuned ".mac = \"$MAC\"")
	busy add tuning <<<"$conf"
	expect_ok
	expect_json '.interfaces[1].mac' $MAC
	link_is '.address, (.flags | index("UP") != null)' $MAC$'\n'true
	expect_same "routes and addresses" "$before" "$(carried)"
	busy del tuning <<<"$conf"
	expect_silent
	link_is '.address, (.flags | index("UP") != null)' 02:aa:00:00:00:01$'\n'true
	expect_same "routes and addresses" "$before" "$(carried)"
}

# Of eth0, but for the link-local address, which is of the MAC address it had first.
carried() {
	ip -n box -o addr show dev eth0 scope global | sed 's/  */ /g; s/^[0-9]*: //' | sort
	ip -n box -d route show table all dev eth0 | grep -v fe80 | sort
	ip -n box -d -6 route show table all dev eth0 | grep -vE 'fe80|multicast' | sort
}

@test "a changed MAC address keeps the default routes of a macvlan" {
	local before
	ip -n box link del eth0
	ip link add up0 up type veth peer name up1
	ip link set up1 up
	add macvlan <<<'{"cniVersion":"1.1.0","name":"net","type":"macvlan","master":"up0","ipam":{"type":"static","addresses":[
		{"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"fd00::2/64","gateway":"fd00::1"}],
		"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'
	expect_ok
	before=$(carried)
	[[ $before == *'default via 10.1.0.1'*'default via fd00::1'* ]] || fail "both: $before"
	tune ".mac = \"$MAC\" | .prevResult = $result"
	link_is .address $MAC
	json_is "$result" '.interfaces[0].mac' $MAC
	expect_same "routes and addresses" "$before" "$(carried)"
	untune
}

@test "CHECK says wanted and found" {
	tune ".mac = \"$MAC\" | .mtu = 1400 | .txQLen = 77 | .promisc = true | .allmulti = true"
	ip -n box link set eth0 allmulticast off
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 'allmulti of eth0: wanted true, found false'
	ip -n box link set eth0 promisc off
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 'promisc of eth0: wanted true, found false'
	ip -n box link set eth0 txqueuelen 5
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 'txQLen of eth0: wanted 77, found 5'
	ip -n box link set eth0 mtu 1401
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 'mtu of eth0: wanted 1400, found 1401'
	ip -n box link set eth0 address 02:aa:00:00:00:02
	check tuning <<<"$(with_result "$conf")"
	expect_code 102 "mac of eth0: wanted $MAC, found 02:aa:00:00:00:02"
}

@test "an ADD again keeps what was there before the first" {
	tune '.mtu = 1400'
	tune '.mtu = 1300 | .txQLen = 5'
	untune
	link_is '.mtu, .txqlen' 1500$'\n'1000
}

@test "ADD that fails: nothing is changed, and no file is left" {
	add tuning <<<"$(tuned '.mtu = 1400 | .mac = "01:00:00:00:00:01"')"
	expect_failure
	link_is '.mtu, .address' 1500$'\n'02:aa:00:00:00:01
	[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup"
	add tuning net1 <<<"$(tuned '.mtu = 1400')"
	expect_code 999 net1
	add tuning <<<"$(tuned 'del(.prevResult) | .mtu = 1400')"
	expect_code 7 'prevResult: missing'
	add tuning <<<"$(tuned '.dataDir = "x"')"
	expect_code 7 'dataDir: '
}

@test "ours and the reference's read each other's file, either way" {
	local who other
	conf=$(tuned ".mac = \"$MAC\" | .mtu = 1400 | .txQLen = 77 | .promisc = true | .allmulti = true")
	for who in ref ours; do
		[ $who = ref ] && other=ours || other=ref
		by $who add tuning <<<"$conf"
		expect_ok
		by $other check tuning <<<"$(with_result "$conf")"
		expect_ok
		by $other del tuning <<<"$conf"
		expect_ok
		[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup after the DEL of $other"
		link_is '.address, .mtu, .txqlen' 02:aa:00:00:00:01$'\n'1500$'\n'1000
	done
}

@test "DEL: whatever is gone, nothing is left" {
	tune '.mtu = 1400'
	ip -n box link del eth0
	untune
	ip link add veth0 type veth peer name eth0 netns box
	tune '.mtu = 1400'
	ip netns del box
	untune
	del tuning <<<"$conf"
	expect_silent
}

@test "DEL of a container whose id is too long for a file's name" {
	local conf CID
	CID=$(printf 'a%.0s' {1..250})
	mkdir -p $BACKUPS
	conf=$(tuned '.sysctl = {"net.ipv4.conf.eth0.arp_filter": "1"}')
	add tuning <<<"$conf"
	expect_ok
	del tuning <<<"$conf"
	expect_silent
	add tuning <<<"$(tuned '.mtu = 1400')"
	expect_code 999 'File name too long'
	link_is .mtu 1500
}

@test "DEL with a file that cannot be read, or of a value that the device does not take" {
	local text
	for text in '' '{' '[]' '{"mtu":"x"}' '{"mtu":-1,"mac":"nonsense"}' '{"mtu":1}' '{"mac":"01:00:00:00:00:00"}'; do
		mkdir -p $BACKUPS
		echo "$text" >$BACKUPS/c1_eth0.json
		del tuning <<<"$(tuned '.mtu = 1400')"
		expect_silent
		[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup"
		link_is '.mtu, .address' 1500$'\n'02:aa:00:00:00:01
	done
}

@test "DEL: what the device does not take keeps nothing else from being as it was" {
	tune ".mac = \"$MAC\" | .mtu = 1400 | .txQLen = 77 | .allmulti = true"
	jq -c '.mac = "01:00:00:00:00:01"' $BACKUPS/c1_eth0.json >"$BATS_TEST_TMPDIR/file"
	cp "$BATS_TEST_TMPDIR/file" $BACKUPS/c1_eth0.json
	untune
	[[ $errors == *'eth0 stays as it is: set MAC address'* ]] || fail "to be told"
	link_is '.address, .mtu, .txqlen' "$MAC"$'\n'1500$'\n'1000
	link_is '.flags | index("ALLMULTI")' null
}

@test "DEL: a virtual function whose MAC address is the host's matter" {
	local always errno
	for errno in 1,1 1,5 1,11 'at once,1' 'at once,13' 'at once,16' 'at once,98'; do
		always=${errno%,*} errno=${errno#*,}
		tune ".mac = \"$MAC\" | .mtu = 1400"
		BUSY_ALWAYS=$always BUSY_ERRNO=$errno busy del tuning <<<"$conf"
		expect_silent
		[[ $errors == *'eth0 stays as it is: set MAC address: '* ]] || fail "to be told"
		link_is '.address, .mtu' "$MAC"$'\n'1500
		[ ! -e $BACKUPS/c1_eth0.json ] || fail "no backup"
		ip -n box link set eth0 address 02:aa:00:00:00:01
	done
}

@test "GC: the files of this network's attachments that are not valid, and of no other's" {
	tune '.mtu = 1400'
	CID=c2 add tuning <<<"$conf"
	CID=c3 add tuning <<<"$(jq -c '.name = "other"' <<<"$conf")"
	echo '{"mtu": 1500}' >$BACKUPS/c4_eth0.json
	gc tuning <<<"$conf"
	expect_silent
	[ "$(cd $BACKUPS && echo *)" = "c1_eth0.json c2_eth0.json c3_eth0.json c4_eth0.json" ] || fail "none is gone"
	gc tuning <<<"$(with_valid "$conf" c2/eth0)"
	expect_silent
	[ "$(cd $BACKUPS && echo *)" = "c2_eth0.json c3_eth0.json c4_eth0.json" ] || fail "one is gone, not $(ls $BACKUPS)"
}

@test "STATUS reads the allowlist" {
	local plugin
	for plugin in tuning bridge ptp; do
		conf=$(main $plugin '.sysctl = {"net.ipv4.conf.IFNAME.rp_filter": "2", "net/core/somaxconn": "7"}')
		status_of $plugin <<<"$conf"
		expect_silent
		echo '(?i)x' >$ALLOWLIST
		status_of $plugin <<<"$conf"
		expect_code 7 'line 1'
		rm $ALLOWLIST
	done
}

@test "dataDir" {
	tune '.mtu = 1400 | .dataDir = "/run/cni/elsewhere/deep"'
	[ -e /run/cni/elsewhere/deep/c1_eth0.json ] || fail "the file there"
	untune
	[ ! -e /run/cni/elsewhere/deep/c1_eth0.json ] || fail "no file there"
}

# ---- the key of that name in main plugins ----------------------------------------------------------

# main PLUGIN [JQ] : without IPv6 addresses, so that IPv6 may be turned off.
main() {
	jq -c --arg type "$1" ".type = \$type | ${2:-.}" <<<'{"cniVersion":"1.1.0","name":"net","bridge":"br0",
		"ipam":{"type":"host-local","subnet":"10.5.0.0/24"}}'
}

@test "bridge, ptp: sysctl is in force before the link is up, whether or not there is IPAM" {
	local each plugin filter monitor
	for each in bridge ptp 'bridge del(.ipam)'; do
		read -r plugin filter <<<"$each"
		ip netns del box
		netns box
		ip -n box link set lo down
		conf=$(main "$plugin" "${filter:-.} | .sysctl = {\"net.ipv6.conf.IFNAME.disable_ipv6\": \"1\",
			\"net.ipv4.conf.IFNAME.arp_filter\": \"1\"}")
		ip -n box monitor address >"$BATS_TEST_TMPDIR/seen" 3>&- &
		monitor=$!
		until [ -s "$BATS_TEST_TMPDIR/seen" ]; do
			ip -n box addr add 192.0.2.1/32 dev lo
			ip -n box addr del 192.0.2.1/32 dev lo
		done
		add "$plugin" <<<"$conf"
		expect_ok
		expect_sysctl net/ipv4/conf/eth0/arp_filter 1
		check "$plugin" <<<"$(with_result "$conf")"
		expect_silent
		in_ns box sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_filter'
		check "$plugin" <<<"$(with_result "$conf")"
		expect_code 102 'net.ipv4.conf.IFNAME.arp_filter: wanted "1", found "0"'
		del "$plugin" <<<"$conf"
		expect_silent
		kill $monitor
		! grep fe80 "$BATS_TEST_TMPDIR/seen" || fail "no link-local address at any time"
	done
}

@test "bridge, ptp: sysctl asks the allowlist, is a sysctl below net, and leaves IPv6 to its addresses" {
	local plugin
	for plugin in bridge ptp; do
		add $plugin net1 <<<"$(main $plugin '.sysctl = {"kernel.hostname": "x"}')"
		expect_code 7 'sysctl: "kernel.hostname" is no sysctl below net'
		add $plugin net1 <<<"$(main $plugin '.ipam.subnet = "fd00:1::/64" | .sysctl = {"net.ipv6.conf.all.disable_ipv6": "1"}')"
		expect_code 7 'has an IPv6 address'
		add $plugin net1 <<<"$(main $plugin '.sysctl = {"net.core.somaxconn": "33", "net.ipv4.no_such": "1"}')"
		expect_code 999 'sysctl net.ipv4.no_such'
		[ "$(sysctl_of net/core/somaxconn)" != 33 ] || fail "somaxconn as before"
		echo '^net.core' >$ALLOWLIST
		add $plugin net1 <<<"$(main $plugin '.sysctl = {"net.ipv4.ip_forward": "1"}')"
		expect_code 7 'net.ipv4.ip_forward is not allowed'
		add $plugin net1 <<<"$(main $plugin '.sysctl = {"net.core.somaxconn": "34"}')"
		expect_ok
		del $plugin net1 <<<"$(main $plugin)"
		expect_silent
		ip link del br0 2>/dev/null || true
		rm -f $ALLOWLIST
	done
}
