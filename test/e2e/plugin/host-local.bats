#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# host-local: every key, the store on disk, and living with the reference on one directory.

load ../lib

store=/var/lib/cni/networks/net
boot_id=/proc/sys/kernel/random/boot_id

setup() {
	host_setup
	export CNI_NETNS=/run/netns/none
}

teardown() {
	while umount "$boot_id" 2>/dev/null; do :; done
	host_clean
}

# conf [JQ] : 10.9.0.2-10.9.0.4, changed by a jq program.
conf() {
	jq -c "${1:-.}" <<-END
		{"cniVersion": "1.1.0", "name": "net", "type": "none", "ipam": {
			"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24",
			"rangeStart": "10.9.0.2", "rangeEnd": "10.9.0.4"}]]}}
	END
}

# sets JSON... : a network with these sets of one range each.
sets() {
	conf ".ipam.ranges = [$(printf '%s\n' "$@" | jq -s -c 'map([.])[]' | paste -sd,)]"
}

# add_id ID [CONF], del_id ID [CONF], check_id ID [CONF]
add_id() {
	CID=$1 add host-local <<<"${2:-$(conf)}"
}

del_id() {
	CID=$1 del host-local <<<"${2:-$(conf)}"
}

check_id() {
	CID=$1 check host-local <<<"$(with_result "${2:-$(conf)}")"
}

# gets ID ADDRESS [CONF] : ADD answers with this address.
gets() {
	add_id "$1" "${3:-}"
	expect_ok
	expect_json '.ips[].address' "$2"
}

records() {
	(cd "$store" 2>/dev/null && find . -mindepth 1 -name '*[0-9:]*' ! -name 'last_*' -printf '%f\n' |
		sort | paste -sd' ')
}

# expect_records IP... : these addresses are held, and no others.
expect_records() {
	[ "$(records)" = "$*" ] || fail "records '$*', not '$(records)'"
}

need_reference() {
	[ -x "$REF_BIN/host-local" ] || skip "no reference plugins in $REF_BIN"
}

reboot_to() {
	echo "$1" >"/run/boot_id.$1"
	mount --bind "/run/boot_id.$1" "$boot_id"
}

# ---- ADD ------------------------------------------------------------------------------------

@test "ADD answers with address, gateway and routes, in every version's shape" {
	local version
	for version in $ALL_VERSIONS; do
		add_id "c$version" "$(conf ".cniVersion = \"$version\" | .name = \"v$version\" |
			.ipam.routes = [{dst: \"0.0.0.0/0\"}, {dst: \"192.0.2.0/24\", gw: \"10.9.0.9\"}]")"
		expect_ok
		expect_json .cniVersion "$version"
		case $version in
		0.[12].0)
			expect_json .ip4.ip 10.9.0.2/24
			expect_json .ip4.gateway 10.9.0.1
			expect_json .ip4.routes[1].gw 10.9.0.9
			;;
		*)
			expect_json '.ips | length' 1
			expect_json .ips[0].address 10.9.0.2/24
			expect_json .ips[0].gateway 10.9.0.1
			expect_json '.ips[0] | has("interface")' false
			expect_json 'has("interfaces")' false
			expect_json .routes[0].dst 0.0.0.0/0
			expect_json .routes[1].gw 10.9.0.9
			;;
		esac
	done
}

@test "the store has the reference's files, names, texts and modes" {
	umask 022
	gets c1 10.9.0.2/24
	expect_same "files" "$(cd "$store" && stat -c '%n %a %s' -- *)" "$(
		cat <<-END
			10.9.0.2 600 8
			last_reserved_ip.0 600 8
			lock 750 0
		END
	)"
	cmp "$store/10.9.0.2" <(printf 'c1\r\neth0')
	cmp "$store/last_reserved_ip.0" <(printf 10.9.0.2)
	[ "$(stat -c %a "$store")" = 755 ]
}

@test "addresses go round robin, past the gateway, until none is left" {
	gets c1 10.9.0.2/24
	gets c2 10.9.0.3/24
	del_id c1
	expect_silent
	gets c3 10.9.0.4/24
	gets c4 10.9.0.2/24
	add_id c5
	expect_code 100 "no IP addresses available in range set: 10.9.0.2-10.9.0.4"
	expect_records 10.9.0.2 10.9.0.3 10.9.0.4
	del_id c2
	gets c5 10.9.0.3/24
	local from_network
	from_network=$(sets '{"subnet": "10.8.0.0/24", "rangeStart": "10.8.0.0"}')
	gets d1 10.8.0.0/24 "$from_network"
	gets d2 10.8.0.2/24 "$from_network"
}

@test "the one-range way to write ipam: subnet, rangeStart, rangeEnd, gateway" {
	local old='.ipam = {type: "host-local", subnet: "10.7.0.0/16", rangeStart: "10.7.5.9",
		rangeEnd: "10.7.5.10", gateway: "10.7.5.9"}'
	gets c1 10.7.5.10/16 "$(conf "$old")"
	expect_json .ips[0].gateway 10.7.5.9
	add_id c2 "$(conf "$old")"
	expect_code 100 10.7.5.9-10.7.5.10
}

@test "a set of several ranges yields one address, several sets one each" {
	local one two
	one=$(conf '.ipam.ranges = [[{subnet: "10.6.0.0/30"}, {subnet: "10.7.0.0/30"}]]')
	gets c1 10.6.0.2/30 "$one"
	gets c2 10.7.0.2/30 "$one"
	expect_json .ips[0].gateway 10.7.0.1
	add_id c3 "$one"
	expect_code 100 "10.6.0.1-10.6.0.2,10.7.0.1-10.7.0.2"
	two=$(conf '.name = "two" |
		.ipam.ranges = [[{subnet: "10.5.0.0/24"}], [{subnet: "fd00:5::/64"}]]')
	add_id c1 "$two"
	expect_ok
	expect_json '[.ips[].address]' '["10.5.0.2/24","fd00:5::2/64"]'
	expect_json '[.ips[].gateway]' '["10.5.0.1","fd00:5::1"]'
}

@test "capability ipRanges comes before ipam's own ranges" {
	local both
	both=$(conf '.runtimeConfig.ipRanges = [[{subnet: "10.3.0.0/24"}]] |
		.ipam.subnet = "10.4.0.0/24"')
	add_id c1 "$both"
	expect_ok
	expect_json '[.ips[].address]' '["10.3.0.2/24","10.4.0.2/24","10.9.0.2/24"]'
	[ "$(<"$store/last_reserved_ip.0")" = 10.3.0.2 ]
	[ "$(<"$store/last_reserved_ip.2")" = 10.9.0.2 ]
}

@test "an address can be asked for by CNI_ARGS, args.cni and capability ips" {
	CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.9.0.4" gets c1 10.9.0.4/24
	gets c2 10.9.0.3/24 "$(conf '.args.cni.ips = ["10.9.0.3/30"]')"
	gets c3 10.9.0.2/24 "$(conf '.runtimeConfig.ips = ["10.9.0.2"]')"
	add_id c4 "$(conf '.runtimeConfig.ips = ["10.9.0.2"]')"
	expect_code 101 "requested IP address 10.9.0.2 is not available in range set 10.9.0.2-10.9.0.4"
	expect_records 10.9.0.2 10.9.0.3 10.9.0.4
}

@test "C-191: args.cni goes before CNI_ARGS, capability ips on top" {
	local two
	CNI_ARGS="IP=10.9.0.4" gets c1 10.9.0.3/24 "$(conf '.args.cni.ips = ["10.9.0.3"]')"
	two=$(conf '.ipam.ranges += [[{subnet: "fd00::/64"}]] | .name = "two" |
		.args.cni.ips = ["10.9.0.4"] | .runtimeConfig.ips = ["fd00::44"]')
	CNI_ARGS="IP=10.9.0.2" add_id c2 "$two"
	expect_ok
	expect_json '[.ips[].address]' '["10.9.0.4/24","fd00::44/64"]'
}

@test "what is asked for and cannot be is an error that changes nothing" {
	add_id c1 "$(conf '.runtimeConfig.ips = ["10.9.0.9", "10.9.0.3", "10.8.0.1"]')"
	expect_code 7 "failed to allocate all requested IPs: 10.9.0.9 10.8.0.1"
	[ ! -e "$store" ]
	add_id c1 "$(conf '.ipam.ranges[0][0] = {subnet: "10.9.0.0/24"} | .args.cni.ips = ["10.9.0.1"]')"
	expect_code 7 "requested ip 10.9.0.1 is subnet's gateway"
	expect_records ''
	add_id c1 "$(conf '.args.cni.ips = ["10.9.0.300"]')"
	expect_code 7 'args.cni.ips[0]: invalid IP address'
	CNI_ARGS="IP=x" add_id c1
	expect_code 7 'CNI_ARGS IP'
	CNI_ARGS="IP=10.9.0.2;MAC=x" add_id c1
	expect_code 4 MAC
}

@test "a second ADD for the same container and interface is an error that changes nothing" {
	gets c1 10.9.0.2/24
	add_id c1
	expect_code 101 "10.9.0.2 has been allocated to c1, duplicate allocation is not allowed"
	expect_records 10.9.0.2
	CID=c1 add host-local eth1 <<<"$(conf)"
	expect_ok
	expect_json .ips[0].address 10.9.0.3/24
}

@test "when one set has no address left, the others' are taken back" {
	local both state
	both=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "10.2.0.0/30"}')
	add_id c1 "$both"
	expect_ok
	state=$(store_state "$store")
	add_id c2 "$both"
	expect_code 100 "failed to allocate for range 1: no IP addresses available"
	expect_same "store" "$state" "$(store_state "$store")"
	[ "$(find /var/lib/cni/networks/.cnic/net/by-owner -type l | wc -l)" = 1 ]
}

@test "an ADD whose result cannot be printed leaves the store as before" {
	gets c1 10.9.0.2/24
	local state
	state=$(store_state "$store")
	conf | CNI_COMMAND=ADD CNI_CONTAINERID=c2 CNI_IFNAME=eth0 CNI_PATH=/ \
		"$CNIC_BIN/host-local" >/dev/full && fail "a failure"
	expect_same "store" "$state" "$(store_state "$store")"
}

@test "resolvConf becomes the result's dns" {
	cat >/run/resolv.conf <<-'END'
		# comment
		; comment
		nameserver 192.0.2.1
		nameserver 2001:db8::1
		domain first
		domain example.org
		search a b
		search c
		options ndots:2
		options rotate
	END
	add_id c1 "$(conf '.ipam.resolvConf = "/run/resolv.conf"')"
	expect_ok
	expect_json .dns '{"domain":"example.org","nameservers":["192.0.2.1","2001:db8::1"],"options":["ndots:2","rotate"],"search":["a","b","c"]}'
	add_id c2 "$(conf '.ipam.resolvConf = "/run/none"')"
	expect_code 999 "ipam.resolvConf: open /run/none"
	expect_records 10.9.0.2
	del_id c1 "$(conf '.ipam.resolvConf = "/run/none"')"
	expect_silent
}

@test "dataDir is where the store is; it is made with its parents" {
	local elsewhere
	elsewhere=$(conf '.ipam.dataDir = "/run/a/b/"')
	gets c1 10.9.0.2/24 "$elsewhere"
	[ -f /run/a/b/net/10.9.0.2 ]
	[ ! -e /var/lib/cni/networks ]
	gets c1 10.9.0.2/24 "$(conf '.ipam.dataDir = ""')"
	[ -f "$store/10.9.0.2" ]
	touch /run/file
	add_id c1 "$(conf '.ipam.dataDir = "/run/file"')"
	expect_code 999 /run/file
}

@test "versions before 0.3.0 have one address of a family" {
	local two
	two=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "10.2.0.0/24"}')
	add_id c1 "$(jq -c '.cniVersion = "0.2.0"' <<<"$two")"
	expect_code 1 "CNI version 0.2.0 does not support more than 1 address per family"
	[ ! -e "$store" ]
	two=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "fd00::/64"}')
	add_id c1 "$(jq -c '.cniVersion = "0.2.0"' <<<"$two")"
	expect_ok
	expect_json .ip6.ip fd00::2/64
}

# Each line: a jq program that breaks the configuration, the code, a part of the text.
@test "what is wrong in the configuration is named by its key" {
	local program code text
	while IFS='#' read -r program code text; do
		add_id c1 "$(conf "$program")"
		expect_code "$code" "$text"
		[ ! -e "$store" ]
	done <<-'END'
		del(.ipam.ranges)#7#no IP ranges specified
		.ipam.ranges = []#7#no IP ranges specified
		.ipam.ranges = 5#6#ipam.ranges: expected an array
		.ipam.ranges = [5]#6#ipam.ranges[0]: expected an array
		.ipam.ranges = [[5]]#6#ipam.ranges[0][0]: expected an object
		.ipam.ranges = [[]]#7#ipam.ranges[0]: empty range set
		.ipam.ranges[0][0].subnet = 5#6#ipam.ranges[0][0].subnet: expected a string
		.ipam.ranges[0][0].subnet = null#7#ipam.ranges[0][0].subnet: missing
		.ipam.ranges[0][0].subnet = "x"#7#ipam.ranges[0][0].subnet: invalid CIDR address: x
		.ipam.ranges[0][0].subnet = "10.9.0.0/31"#7#Network 10.9.0.0/31 too small to allocate from
		.ipam.ranges[0][0].subnet = "10.9.0.1/24"#7#Network has host bits set
		.ipam.ranges[0][0].rangeStart = "10.8.0.1"#7#ipam.ranges[0][0].rangeStart: 10.8.0.1 not in network 10.9.0.0/24
		.ipam.ranges[0][0].rangeStart = "10.9.0.9"#7#ipam.ranges[0][0].rangeStart: 10.9.0.9 is behind
		.ipam.ranges[0][0].rangeStart = true#6#ipam.ranges[0][0].rangeStart: expected a string
		.ipam.ranges[0][0].rangeEnd = "10.8.0.1"#7#ipam.ranges[0][0].rangeEnd: 10.8.0.1 not in network
		.ipam.ranges[0][0].rangeEnd = {}#6#ipam.ranges[0][0].rangeEnd: expected a string
		.ipam.ranges[0][0].gateway = "10.9"#7#ipam.ranges[0][0].gateway: invalid IP address: 10.9
		.ipam.ranges[0][0].gateway = 1#6#ipam.ranges[0][0].gateway: expected a string
		.ipam.ranges[0] += [{subnet: "10.9.0.0/16"}]#7#ipam.ranges[0]: subnets
		.ipam.ranges[0] += [{subnet: "fd00::/64"}]#7#ipam.ranges[0]: mixed address families
		.ipam.ranges += [[{subnet: "10.9.0.0/16"}]]#7#range set 0 overlaps with 1
		.ipam.ranges[64] = []#7#ipam.ranges: more than 64
		.ipam.subnet = 1#6#ipam.subnet: expected a string
		.ipam.subnet = ""#7#ipam.subnet: missing
		.ipam.subnet = "10.1.0.0/24" | .ipam.rangeStart = "1.1.1.1"#7#ipam.rangeStart: 1.1.1.1 not in
		.ipam.subnet = "10.1.0.0/24" | .ipam.rangeEnd = "1.1.1.1"#7#ipam.rangeEnd: 1.1.1.1 not in
		.ipam.rangeStart = []#6#ipam.rangeStart: expected a string
		.ipam.rangeEnd = []#6#ipam.rangeEnd: expected a string
		.ipam.gateway = []#6#ipam.gateway: expected a string
		.ipam.routes = {}#6#ipam.routes: expected an array
		.ipam.routes = [{dst: "x"}]#6#ipam.routes[0].dst
		.ipam.routes = [{}]#7#ipam.routes[0].dst: missing
		.ipam.dataDir = 1#6#ipam.dataDir: expected a string
		.ipam.resolvConf = 1#6#ipam.resolvConf: expected a string
		.ipam.releaseOnReboot = 1#6#ipam.releaseOnReboot: expected true or false
		.runtimeConfig.ipRanges = 1#6#runtimeConfig.ipRanges: expected an array
		.runtimeConfig.ipRanges = [[{subnet: "x"}]]#7#runtimeConfig.ipRanges[0][0].subnet
		.runtimeConfig.ips = 1#6#runtimeConfig.ips: expected an array
		.runtimeConfig.ips = [1]#6#runtimeConfig.ips[0]: expected a string
		.args.cni.ips = [1]#6#args.cni.ips[0]: expected a string
		.args.cni = 1#6#args.cni: expected an object
		del(.ipam)#7#IPAM config missing 'ipam' key
	END
}

# ---- DEL and CHECK --------------------------------------------------------------------------

@test "DEL releases all sets' addresses, is silent, and may be repeated" {
	local both
	both=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "fd00::/64"}')
	add_id c1 "$both"
	add_id c2 "$both"
	expect_records 10.1.0.2 10.1.0.3 fd00::2 fd00::3
	del_id c1 "$both"
	expect_silent
	expect_records 10.1.0.3 fd00::3
	del_id c1 "$both"
	expect_silent
	CID=c2 del host-local eth1 <<<"$both"
	expect_silent
	expect_records 10.1.0.3 fd00::3
	[ "$(<"$store/last_reserved_ip.0")" = 10.1.0.3 ]
}

@test "DEL needs no more than name and dataDir" {
	gets c1 10.9.0.2/24
	CNI_ARGS='IP=x;nonsense' del_id c1 "$(conf '.ipam.ranges = [[{subnet: "broken"}]] |
		.runtimeConfig.ips = ["broken"]')"
	expect_silent
	expect_records ''
	gets c1 10.9.0.3/24
	del_id c1 "$(conf 'del(.ipam.ranges)')"
	expect_silent
	expect_records ''
	CNI_NETNS='' del_id c1
	expect_silent
}

@test "DEL and CHECK and STATUS where nothing is make nothing" {
	del_id c1
	expect_silent
	result='{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"}]}'
	check_id c1
	expect_code 102 "host-local: Failed to find address added by container c1"
	status_of host-local <<<"$(conf)"
	expect_silent
	[ -z "$(ls -A /var/lib/cni)" ]
}

@test "CHECK finds what ADD promised, and what is missing of it" {
	local both
	both=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "fd00::/64"}')
	add_id c1 "$both"
	check_id c1 "$both"
	expect_silent
	rm "$store/fd00::2"
	check_id c1 "$both"
	expect_code 102 "of fd00::1-fd00::ffff:ffff:ffff:ffff, container c1 holds no address"
	rm "$store/10.1.0.2"
	check_id c1 "$both"
	expect_code 102 "Failed to find address added by container c1"
	printf 'c1\r\neth0' >"$store/10.1.0.9"
	printf 'c1\r\neth0' >"$store/fd00::9"
	check_id c1 "$both"
	expect_code 102 "in prevResult"
	local state
	state=$(find /var/lib/cni -printf '%p %T@\n')
	check_id c2 "$both"
	expect_code 102
	expect_same "files and times" "$state" "$(find /var/lib/cni -printf '%p %T@\n')"
}

# ---- GC, STATUS, reboots ----------------------------------------------------------------------

@test "GC releases what is not in the list; the pair counts" {
	local n
	for n in 1 2 3; do add_id "c$n"; done
	gc host-local <<<"$(with_valid "$(conf)" c1/eth0 c2/eth1)"
	expect_silent
	expect_records 10.9.0.2
	printf old1 >"$store/10.9.0.3"
	printf old2 >"$store/10.9.0.4"
	gc host-local <<<"$(with_valid "$(conf)" c1/eth0 old1/eth7)"
	expect_silent
	expect_records 10.9.0.2 10.9.0.3
	check_id c1 "$(conf)"
	gc host-local <<<"$(with_valid "$(conf)")"
	expect_silent
	expect_records ''
}

@test "GC looks at its own network only, and at no configured range" {
	gets c1 10.9.0.2/24
	gets c1 10.9.0.2/24 "$(conf '.name = "other"')"
	gc host-local <<<"$(with_valid "$(conf '.name = "other" | .ipam.ranges = "broken"' |
		jq -c 'del(.ipam.ranges)')")"
	expect_silent
	expect_records 10.9.0.2
	[ ! -e /var/lib/cni/networks/other/10.9.0.2 ]
}

@test "GC without a list releases what an earlier boot left, and only that" {
	reboot_to 11111111-1111-1111-1111-111111111111
	gets c1 10.9.0.2/24
	gets c2 10.9.0.3/24
	gc host-local <<<"$(conf)"
	expect_silent
	expect_records 10.9.0.2 10.9.0.3
	reboot_to 22222222-2222-2222-2222-222222222222
	gets c3 10.9.0.4/24
	gc host-local <<<"$(conf)"
	expect_silent
	expect_records 10.9.0.4
}

@test "releaseOnReboot: the first ADD after a reboot releases what the earlier boot left" {
	local release n
	release=$(conf '.ipam.releaseOnReboot = true')
	reboot_to 11111111-1111-1111-1111-111111111111
	for n in 1 2 3; do add_id "c$n" "$release"; done
	add_id c4 "$release"
	expect_code 100
	reboot_to 22222222-2222-2222-2222-222222222222
	add_id c4
	expect_code 100
	gets c4 10.9.0.2/24 "$release"
	expect_records 10.9.0.2
	gets c1 10.9.0.3/24 "$release"
	expect_records 10.9.0.2 10.9.0.3
}

@test "a reboot releases nothing of the reference's" {
	need_reference
	local release
	release=$(conf '.ipam.releaseOnReboot = true')
	reboot_to 11111111-1111-1111-1111-111111111111
	gets c1 10.9.0.2/24 "$release"
	by ref add_id c2 "$release"
	expect_ok
	gets c3 10.9.0.4/24 "$release"
	reboot_to 22222222-2222-2222-2222-222222222222
	gets c4 10.9.0.2/24 "$release"
	expect_records 10.9.0.2 10.9.0.3
}

@test "a container that the reference made again after the reboot keeps its address" {
	need_reference
	local release
	release=$(conf '.ipam.releaseOnReboot = true | .runtimeConfig.ips = ["10.9.0.3"]')
	reboot_to 11111111-1111-1111-1111-111111111111
	gets c1 10.9.0.3/24 "$release"
	reboot_to 22222222-2222-2222-2222-222222222222
	by ref del_id c1 "$release"
	by ref add_id c1 "$release"
	expect_ok
	add_id c2 "$(conf '.ipam.releaseOnReboot = true')"
	expect_ok
	expect_records 10.9.0.3 10.9.0.4
}

@test "STATUS says 50 when an ADD would fail, and touches nothing" {
	local n state
	status_of host-local <<<"$(conf)"
	expect_silent
	[ ! -e "$store" ]
	for n in 1 2 3; do
		status_of host-local <<<"$(conf)"
		expect_silent
		add_id "c$n"
	done
	state=$(find /var/lib/cni -printf '%p %T@\n')
	status_of host-local <<<"$(conf)"
	expect_code 50 "no IP addresses available in range set: 10.9.0.2-10.9.0.4"
	expect_same "files and times" "$state" "$(find /var/lib/cni -printf '%p %T@\n')"
	del_id c2
	status_of host-local <<<"$(conf)"
	expect_silent
	status_of host-local <<<"$(conf '.ipam.dataDir = "/proc/sys"')"
	expect_code 50
	status_of host-local <<<"$(conf '.ipam.ranges[0][0].subnet = "x"')"
	expect_code 7 ipam.ranges
}

@test "STATUS says 50 when the directory cannot be written" {
	mkdir -p /run/ro
	mount -t tmpfs -o ro tmpfs /run/ro
	status_of host-local <<<"$(conf '.ipam.dataDir = "/run/ro"')"
	expect_code 50 /run/ro
	umount /run/ro
}

# ---- damage -----------------------------------------------------------------------------------

@test "torn and empty records are free again, with or without the seal" {
	gets c1 10.9.0.2/24
	: >"$store/10.9.0.3"
	printf '\0\0\0\0' >"$store/10.9.0.4"
	gets c2 10.9.0.3/24
	gets c3 10.9.0.4/24
	add_id c4
	expect_code 100
	: >"$store/10.9.0.2"
	status_of host-local <<<"$(conf)"
	expect_silent
	gets c4 10.9.0.2/24
	[ "$(<"$store/10.9.0.2")" = $'c4\r\neth0' ]
}

@test "what else lies at the name of an address takes it, and stays" {
	mkdir -p "$store"
	ln -s /run/target "$store/10.9.0.2"
	mkfifo "$store/10.9.0.3"
	mkdir "$store/10.9.0.4"
	mkdir -p "$store/sub"
	printf 'c1\r\neth0' >"$store/sub/10.9.0.9"
	touch /run/target
	add_id c1
	expect_code 100
	status_of host-local <<<"$(conf)"
	expect_code 50
	del_id c1
	expect_silent
	gc host-local <<<"$(with_valid "$(conf)")"
	expect_silent
	[ -L "$store/10.9.0.2" ]
	[ -p "$store/10.9.0.3" ]
	[ -d "$store/10.9.0.4" ]
	[ ! -s /run/target ]
}

@test "any damage to the index is harmless" {
	local index=/var/lib/cni/networks/.cnic/net damage
	gets c1 10.9.0.2/24
	for damage in "rm -rf $index" "rm $index/head" "rm $index/*.bits" "rm -r $index/by-owner" \
		"head -c 80 /dev/urandom >$index/head" "head -c 8192 /dev/urandom >$index/0a09.bits" \
		"mv $index/head $index/by-owner/" "rm $index/head; mkfifo $index/head" \
		"rm -r $index; ln -s /run $index" "rm -rf $index/..; touch ${index%/*}" \
		"rm -rf ${index%/*}; mkdir -p ${index%/*}; touch $index"; do
		bash -c "$damage"
		add_id c2
		expect_ok
		CID=c2 check host-local <<<"$(with_result "$(conf)")"
		expect_silent
		add_id c2
		expect_code 101
		add_id c3
		expect_ok
		add_id c4
		expect_code 100
		del_id c2
		del_id c3
		expect_records 10.9.0.2
		rm -rf "${index%/*}"
		add_id c5
		del_id c5
		[ -f "$index/head" ]
	done
}

@test "row 19: an index that denies an owner is made anew: no second address, and DEL frees the first" {
	local index=/var/lib/cni/networks/.cnic/net damage offset
	local -a damages=("rm $index/by-owner/*" "rm -r $index/by-owner; mkdir $index/by-owner"
		"mv $index/by-owner $index/was; mkdir $index/by-owner"
		"cd $index/by-owner; for f in *; do mv \$f f\${f#?}; done"
		"cp -a $index ${index}2; rm $index/by-owner/*; cp -a ${index}2/head $index/")
	for offset in 0 8 23 24 40 48 64 80 96 104 112 120; do # the key is bytes 8 to 23
		damages+=("printf XY | dd of=$index/head bs=1 seek=$offset conv=notrunc status=none")
	done
	for damage in "${damages[@]}"; do
		gets c1 10.9.0.2/24
		bash -c "$damage" || true
		add_id c1
		expect_code 101
		bash -c "$damage" || true
		del_id c1
		expect_silent
		expect_records ''
		rm -rf /var/lib/cni/networks
	done
}

@test "row 19: DEL of what is not held scans nothing" {
	local n
	for n in 1 2 3; do add_id "c$n"; done
	CNI_COMMAND=DEL CNI_CONTAINERID=c9 CNI_NETNS= CNI_IFNAME=eth0 CNI_PATH=/ \
		"${STRACE[@]}" -f -e trace=openat,getdents64 -o /run/trace "$CNIC_BIN/host-local" <<<"$(conf)" ||
		skip "strace does not work here"
	! grep -E 'getdents64|10\.9\.0\.[234]"' /run/trace || fail "no record looked at"
}

@test "DEL needs no second look at the other records" {
	local n
	for n in 1 2 3; do add_id "c$n"; done
	CNI_COMMAND=DEL CNI_CONTAINERID=c2 CNI_NETNS= CNI_IFNAME=eth0 CNI_PATH=/ \
		"${STRACE[@]}" -f -e trace=openat,getdents64 -o /run/trace "$CNIC_BIN/host-local" <<<"$(conf)" ||
		skip "strace does not work here"
	if grep -E 'getdents64|10\.9\.0\.[24]"' /run/trace; then
		fail "only its own record looked at"
	fi
	grep -q '"10\.9\.0\.3"' /run/trace
}

# ---- many at once, and with the reference -------------------------------------------------------

@test "20 ADDs at once get 20 addresses; 20 DELs leave none" {
	local many n
	many=$(sets '{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.10", "rangeEnd": "10.1.0.29"}')
	parallel() {
		local n pids=()
		for n in {1..20}; do
			CNI_COMMAND=$1 CNI_CONTAINERID=c$n CNI_IFNAME=eth0 CNI_PATH=/ \
				"$CNIC_BIN/host-local" <<<"$many" >"/run/out.$n" &
			pids+=($!)
		done
		for n in "${pids[@]}"; do wait "$n"; done
	}
	parallel ADD
	[ "$(cat /run/out.* | jq -r '.ips[].address' | sort -u | wc -l)" = 20 ]
	[ "$(records | wc -w)" = 20 ]
	add_id c21 "$many"
	expect_code 100
	parallel DEL
	expect_records ''
}

@test "ours and the reference take turns on one directory" {
	need_reference
	local both n
	both=$(sets '{"subnet": "10.1.0.0/24"}' '{"subnet": "fd00::/64"}')
	for n in 1 2 3 4 5 6; do
		by "$([ $((n % 2)) = 0 ] && echo ref || echo ours)" add_id "c$n" "$both"
		expect_ok
		expect_json '[.ips[].address]' "[\"10.1.0.$((n + 1))/24\",\"fd00::$((n + 1))/64\"]"
	done
	for n in 1 2 3 4 5 6; do
		result=$(jq -nc --arg n $((n + 1)) '{cniVersion: "1.1.0", ips: [
			{address: "10.1.0.\($n)/24"}, {address: "fd00::\($n)/64"}]}')
		check_id "c$n" "$both"
		expect_silent
		by ref check_id "c$n" "$both"
		expect_silent
	done
	for n in 1 2 3 4 5 6; do
		by "$([ $((n % 2)) = 0 ] && echo ours || echo ref)" del_id "c$n" "$both"
		expect_silent
	done
	expect_records ''
	[ "$(<"$store/last_reserved_ip.1")" = fd00::7 ]
}

@test "ours and the reference at once never give an address twice" {
	need_reference
	local many n pids=()
	many=$(sets '{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.10", "rangeEnd": "10.1.0.33"}')
	for n in {1..24}; do
		CNI_COMMAND=ADD CNI_CONTAINERID=c$n CNI_IFNAME=eth0 CNI_PATH=/ \
			"$([ $((n % 2)) = 0 ] && echo "$CNIC_BIN" || echo "$REF_BIN")/host-local" \
			<<<"$many" >"/run/out.$n" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n"; done
	[ "$(cat /run/out.* | jq -r '.ips[].address' | sort -u | wc -l)" = 24 ]
	for n in {1..24}; do
		by "$([ $((n % 3)) = 0 ] && echo ref || echo ours)" del_id "c$n" "$many"
		expect_ok
	done
	expect_records ''
}

@test "results and files equal the reference's" {
	need_reference
	local theirs state program
	while read -r program; do
		rm -rf /var/lib/cni/*
		by ref add_id c1 "$(conf "$program")"
		expect_ok
		theirs=$(jq -S . <<<"$output") state=$(store_state "$store")
		rm -rf /var/lib/cni/*
		add_id c1 "$(conf "$program")"
		expect_ok
		expect_same "result of $program" "$theirs" "$(jq -S . <<<"$output")"
		expect_same "store of $program" "$state" "$(store_state "$store")"
	done <<-'END'
		.
		.cniVersion = "0.2.0" | .ipam.routes = [{dst: "0.0.0.0/0", gw: "10.9.0.1"}]
		.cniVersion = "0.3.1" | .ipam.routes = [{dst: "0.0.0.0/0"}]
		.cniVersion = "1.0.0" | .ipam.routes = [{dst: "10.0.0.0/8", mtu: 1400, table: 7, scope: 253}]
		.ipam.ranges += [[{subnet: "fd00::/64", rangeStart: "fd00::10", gateway: "fd00::f"}]]
		.ipam.subnet = "10.3.0.0/16" | .ipam.gateway = "10.3.0.2"
		.ipam.ranges[0][0] = {subnet: "10.9.0.0/24", rangeStart: "10.9.0.255", rangeEnd: "10.9.0.255"}
		.runtimeConfig.ips = ["10.9.0.3/32"]
		.runtimeConfig.ipRanges = [[{subnet: "10.8.0.0/16"}], [{subnet: "fd00::/48"}]]
		.NAME = "net" | .ipam.DATADIR = "/var/lib/cni/networks"
	END
}
