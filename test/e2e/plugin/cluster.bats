#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
# cluster on one node: whereabouts' keys, the journal and the state on disk, sticky addresses, pools that change.

load ../lib
load ../exhaust

data=/var/lib/cni/cluster

setup() {
	host_setup
	export CNI_NETNS=/run/netns/none
}

teardown() {
	umount /etc/machine-id /proc/sys/kernel/random/boot_id 2>/dev/null || true
	host_clean
}

# conf [JQ] : changed by a jq program.
conf() {
	jq -c "${1:-.}" <<<'{"cniVersion": "1.1.0", "name": "net", "type": "none",
		"ipam": {"type": "cluster", "range": "10.9.0.0/24"}}'
}

# add_id ID [JQ], del_id ID [JQ], check_id ID [JQ], gc_all [JQ] : of the same configuration.
add_id() {
	CID=$1 add cluster <<<"$(conf "${2:-.}")"
}

del_id() {
	CID=$1 del cluster <<<"$(conf "${2:-.}")"
	expect_silent
}

check_id() {
	CID=$1 check cluster <<<"$(with_result "$(conf "${2:-.}")")"
}

# gc_valid JQ ID... : those are valid.
gc_valid() {
	gc cluster <<<"$(with_valid "$(conf "$1")" "${@:2}")"
}

ip_of() {
	jq -r '.ips[].address' <<<"$output"
}

# gets IP ID [JQ]
gets() {
	add_id "$2" "${3:-.}"
	expect_ok
	[ "$(ip_of | paste -sd' ')" = "$1" ] || fail "$2 to get $1"
}

state() {
	jq -c "$1" "$data"/.state/net/"${2:-%2Fv1%2Fn}"
}

keys() {
	jq -r '.kvs[].key' "$data/.kv"
}

# fill N [JQ] : for n1, n2, ...; prints the addresses, sorted.
fill() {
	local i
	for ((i = 1; i <= $1; i++)); do
		add_id "n$i" "${2:-.}" >/dev/null
		[ "$status" -eq 0 ] || fail "n$i: $output"
		ip_of
	done | sort -V
}

# ---- addresses -------------------------------------------------------------------------------

@test "each version of the specification" {
	local version keys n=0
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		keys=".cniVersion = \"$version\""
		add_id c1 "$keys"
		expect_json '[.cniVersion, .ip4.ip // .ips[0].address]' "[\"$version\",\"10.9.0.$((n += 1))/24\"]"
		[[ $version < 0.4.0 ]] || {
			check_id c1 "$keys"
			expect_silent
		}
		del_id c1 "$keys"
	done
}

@test "ADD gives an address and its gateway; again the same; DEL frees it" {
	gets 10.9.0.2/24 a '.ipam.gateway = "10.9.0.1"'
	expect_json '.ips[0].gateway' 10.9.0.1
	gets 10.9.0.2/24 a '.ipam.gateway = "10.9.0.1"'
	check_id a '.ipam.gateway = "10.9.0.1"'
	expect_silent
	[ -f "$data/net/10.9.0.2" ]
	del_id a
	del_id a
	[ ! -e "$data/net/10.9.0.2" ]
	check_id a
	expect_code 102
}

@test "an interface is another attachment" {
	gets 10.9.0.1/24 a
	CID=a add cluster eth1 <<<"$(conf)"
	expect_json '.ips[0].address' 10.9.0.2/24
	CID=a del cluster eth0 <<<"$(conf)"
	[ ! -e "$data/net/10.9.0.1" ] && [ -e "$data/net/10.9.0.2" ]
}

@test "all of a range is given, each address once, and then it is exhausted" {
	local all
	all=$(fill 14 '.ipam.range = "10.9.0.0/28"')
	[ "$all" = "$(printf '10.9.0.%s/28\n' {1..14})" ] || fail "all addresses: $all"
	add_id x '.ipam.range = "10.9.0.0/28"'
	expect_code 100 10.9.0.1-10.9.0.14
	status_of cluster <<<"$(conf '.ipam.range = "10.9.0.0/28"')"
	expect_code 50
	del_id n7 '.ipam.range = "10.9.0.0/28"'
	status_of cluster <<<"$(conf '.ipam.range = "10.9.0.0/28"')"
	expect_silent
	gets 10.9.0.7/28 x '.ipam.range = "10.9.0.0/28"'
}

@test "small networks are given whole" {
	[ "$(fill 2 '.ipam.range = "10.9.0.6/31"' | paste -sd' ')" = "10.9.0.6/31 10.9.0.7/31" ]
	host_clean
	gets 10.9.0.6/32 a '.ipam.range = "10.9.0.6/32"'
	host_clean
	[ "$(fill 2 '.ipam.range = "fd00::8/127"' | paste -sd' ')" = "fd00::8/127 fd00::9/127" ]
}

@test "bounds, first-last, exclude" {
	[ "$(fill 3 '.ipam += {range_start: "10.9.0.7", range_end: "10.9.0.9"}' | paste -sd' ')" = \
		"10.9.0.7/24 10.9.0.8/24 10.9.0.9/24" ]
	add_id x '.ipam += {range_start: "10.9.0.7", range_end: "10.9.0.9"}'
	expect_code 100
	host_clean
	[ "$(fill 3 '.ipam.range = "10.9.0.62-10.9.0.66/24" | .ipam.exclude = ["10.9.0.63", "10.9.0.64/32"]' |
		paste -sd' ')" = "10.9.0.62/24 10.9.0.65/24 10.9.0.66/24" ]
	host_clean
	[ "$(fill 2 '.ipam.range = "10.9.0.17/28" | .ipam.exclude = ["10.9.0.16/29", "10.9.0.24/30", "10.9.0.28"]' |
		paste -sd' ')" = "10.9.0.29/28 10.9.0.30/28" ]
}

@test "ipRanges: one address of each, all or nothing" {
	local two='.ipam.ipRanges = [{range: "fd00:9::/64"}, {range: "10.8.0.8/31"}]'
	gets "10.9.0.1/24 fd00:9::1/64 10.8.0.8/31" a "$two"
	gets "10.9.0.2/24 fd00:9::2/64 10.8.0.9/31" b "$two"
	add_id c "$two"
	expect_code 100 10.8.0.8
	[ "$(ls "$data"/net | grep -c '^[0-9f]')" -eq 6 ] || fail "nothing held by c"
	del_id a "$two"
	[ "$(ls "$data"/net | grep -c '^[0-9f]')" -eq 3 ]
	gets "10.9.0.3/24 fd00:9::3/64 10.8.0.8/31" c "$two"
}

@test "a crash between the ranges of an ADD leaves what the next ADD completes" {
	local two='.ipam.ipRanges = [{range: "fd00:9::/64"}]'
	gets "10.9.0.1/24 fd00:9::1/64" a "$two"
	rm "$data/net/fd00:9::1"
	add_id a "$two"
	[[ $(ip_of | paste -sd' ') == "10.9.0.1/24 fd00:9::"* ]] || fail "the rest"
}

@test "routes, dns and addresses are told" {
	add_id a '.ipam += {routes: [{dst: "0.0.0.0/0", gw: "10.9.0.9"}], dns: {nameservers: ["1.2.3.4"]},
		addresses: [{address: "10.7.0.7/16", gateway: "10.7.0.1"}]}'
	expect_json .routes '[{"dst":"0.0.0.0/0","gw":"10.9.0.9"}]'
	expect_json .dns.nameservers '["1.2.3.4"]'
	expect_json '.ips[1]' '{"address":"10.7.0.7/16","gateway":"10.7.0.1"}'
}

@test "a huge range of IPv6" {
	gets "fd00::1/8" a '.ipam.range = "fd00::/8"'
	gets "fd12::2/8" b '.ipam += {range: "fd00::/8", range_start: "fd12::2"}'
}

# ---- what is asked for -----------------------------------------------------------------------

@test "an address that is asked for" {
	gets 10.9.0.77/24 a '.runtimeConfig.ips = ["10.9.0.77/24"]'
	add_id b '.args.cni.ips = ["10.9.0.77"]'
	expect_code 101
	CNI_ARGS='IP=10.9.0.78' gets 10.9.0.78/24 b
	add_id c '.runtimeConfig.ips = ["10.8.0.1"]'
	expect_code 7 'runtimeConfig.ips[0]'
	add_id c '.ipam.exclude = ["10.9.0.79"] | .runtimeConfig.ips = ["10.9.0.79"]'
	expect_code 7 'runtimeConfig.ips[0]'
	del_id a
	gets 10.9.0.77/24 c '.runtimeConfig.ips = ["10.9.0.77"]'
}

# ---- sticky ----------------------------------------------------------------------------------

@test "sticky: a pod's address comes back to the pod of that name" {
	local args='K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=x' ip
	CNI_ARGS=$args add_id a '.ipam.sticky = "pod"'
	expect_ok
	ip=$(ip_of)
	CNI_ARGS=$args add_id b '.ipam.sticky = "pod"'
	expect_code 11 'held by a'
	del_id a '.ipam.sticky = "pod"'
	CNI_ARGS=${args/web-0/web-1} add_id other '.ipam.sticky = "pod"'
	expect_ok
	[ "$(ip_of)" != "$ip" ]
	CNI_ARGS=$args gets "$ip" b '.ipam.sticky = "pod"'
	CNI_ARGS=$args gets "$ip" b '.ipam.sticky = "pod"'
	add_id c '.ipam.sticky = "pod"'
	expect_code 7 K8S_POD_NAME
}

@test "sticky: names of any bytes are keys of their own" {
	local names ip first='' pod='.ipam += {sticky: "pod"}'
	for names in $'a;K8S_POD_NAME=x\xff' $'a;K8S_POD_NAME=x\xfe' 'a/b;K8S_POD_NAME=c' 'a;K8S_POD_NAME=b/c'; do
		CNI_ARGS="K8S_POD_NAMESPACE=$names" add_id "c$first" "$pod"
		expect_ok
		ip=$(ip_of)
		del_id "c$first" "$pod"
		CNI_ARGS="K8S_POD_NAMESPACE=$names" gets "$ip" "d$first" "$pod"
		first+=x
	done
}

@test "sticky: by MAC, by claim; nobody else gets the address" {
	local i=0 ip
	add_id a '.ipam += {range: "10.9.0.0/29", sticky: "mac"} | .runtimeConfig.mac = "02:00:00:00:00:0a"'
	expect_ok
	ip=$(ip_of)
	del_id a '.ipam.range = "10.9.0.0/29"'
	fill 5 '.ipam.range = "10.9.0.0/29"' >"$BATS_TEST_TMPDIR/others"
	! grep -qx "$ip" "$BATS_TEST_TMPDIR/others" || fail "$ip to stay the claim's"
	add_id x '.ipam.range = "10.9.0.0/29"'
	expect_code 100
	CNI_ARGS='MAC=zz' add_id b '.ipam += {range: "10.9.0.0/29", sticky: "mac"}'
	expect_code 7 'invalid MAC address: zz'
	CNI_ARGS='MAC=02-00-00-00-00-0A' gets "$ip" b '.ipam += {range: "10.9.0.0/29", sticky: "mac"}'
	add_id y '.ipam += {range: "10.9.0.0/29", claim: "vm7"}'
	expect_code 100
}

@test "sticky: a crash at any place leaves an address that comes back" {
	local n ip='' claim='.ipam += {claim: "vm"}'
	for n in $(seq $((1 + FAULT_SEED % 4)) 4 60); do
		CNI_COMMAND=ADD CNI_CONTAINERID=k CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "${STRACE[@]}" -f -o /dev/null \
			-e trace=openat,renameat,rename,write,fsync,unlink,unlinkat,linkat,pwrite64 \
			-e inject=openat,renameat,rename,write,fsync,unlink,unlinkat,linkat,pwrite64:signal=KILL:when="$n" \
			"$PLUGINS/cluster" <<<"$(conf "$claim")" >/dev/null 2>&1 || true
		del_id k "$claim"
		add_id after "$claim"
		expect_ok
		: "${ip:=$(ip_of)}"
		[ "$(ip_of)" = "$ip" ] || fail "$ip after a crash at $n"
		del_id after "$claim"
	done
	[ "$(keys | grep -c /addr/)" -eq 1 ] || fail "one address: $(keys)"
}

# ---- pools that change -----------------------------------------------------------------------

@test "a range that shrinks drains: what is held stays, nothing of the rest is given" {
	local all old='.ipam += {range: "10.9.0.0/28", blockSize: 30}' new='.ipam += {range: "10.9.0.0/29", blockSize: 30, blockIdle: 0}'
	fill 14 "$old" >/dev/null
	del_id n3 "$old"
	del_id n12 "$old"
	gets 10.9.0.3/29 a "$new"
	add_id b "$new"
	expect_code 100
	check_id b "$new"
	expect_code 102
	gets 10.9.0.13/28 n13 "$old"
	for n in 8 9 10 11; do
		del_id "n$n" "$old"
	done
	all=$(printf '%s/eth0\n' a n{1,2,4,5,6,7,13,14})
	# shellcheck disable=SC2086
	gc_valid "$new" $all
	expect_silent
	keys | grep -q 'block/40a090008$' && fail "the empty block of the old range to go"
	keys | grep -q 'block/40a09000c$' || fail "the block with 10.9.0.13 to stay"
}

@test "exclude is looked at for what is free, not for what is held" {
	gets 10.9.0.1/24 a
	gets 10.9.0.1/24 a '.ipam.exclude = ["10.9.0.0/30"]'
	gets 10.9.0.4/24 b '.ipam.exclude = ["10.9.0.0/30"]'
	gets 10.9.0.5/24 c
}

@test "poolVersion: an older configuration gets nothing new" {
	gets 10.9.0.1/30 a '.ipam += {range: "10.9.0.0/30", blockSize: 30, poolVersion: 3}'
	add_id b '.ipam += {range: "10.9.1.0/30", blockSize: 30, poolVersion: 2}'
	expect_code 7 'ipam.poolVersion: the pool is at 3'
	gets 10.9.1.1/30 b '.ipam += {range: "10.9.1.0/30", blockSize: 30, poolVersion: 4}'
	add_id c '.ipam += {range: "10.9.2.0/30", blockSize: 30, poolVersion: 3}'
	expect_code 7 'ipam.poolVersion: the pool is at 4'
}

@test "poolVersion is raised where a pool is exhausted, if not by an ADD that is killed, then by the next" {
	local n version=1 keys='.ipam += {range: "10.9.0.0/30", blockSize: 30}'
	fill 2 "$keys | .ipam.poolVersion = 1" >/dev/null
	for n in {1..12}; do
		version=$((version + 1))
		CNI_COMMAND=ADD CNI_CONTAINERID=k CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "${STRACE[@]}" -f -o /dev/null -e trace=rename,renameat,write,fsync \
			-e inject=rename,renameat,write,fsync:signal=KILL:when="$n" "$PLUGINS/cluster" <<<"$(conf "$keys | .ipam.poolVersion = $version")" >/dev/null 2>&1 || true
		add_id x "$keys | .ipam.poolVersion = $version"
		expect_code 100
		add_id x "$keys | .ipam += {range: \"10.8.0.0/24\", poolVersion: $((version - 1))}"
		expect_code 7 "the pool is at $version"
	done
	gets 10.8.0.1/24 y "$keys | .ipam += {range: \"10.8.0.0/24\", poolVersion: $version}"
}

@test "blocks of another size are refused, with both" {
	gets 10.9.0.1/30 a '.ipam += {range: "10.9.0.0/30"}'
	add_id b '.ipam += {range: "10.9.1.0/24", node_slice_size: "/28"}'
	expect_code 7 'blocks of /26 and /122, the configuration /28'
}

# ---- spaces ----------------------------------------------------------------------------------

@test "networks of one network_name never give the same address" {
	local i
	for i in 1 2 3 4 5 6; do
		add_id "a$i" '.ipam.range = "10.9.0.0/29" | .name = "one" | .ipam.blockSize = 30'
		[ "$status" -ne 0 ] || ip_of
		add_id "b$i" '.ipam.range = "10.9.0.0/29" | .name = "two" | .ipam.blockSize = 30'
		[ "$status" -ne 0 ] || ip_of
	done | grep 10.9 | grep / | grep -v '"' | sort >"$BATS_TEST_TMPDIR/all"
	[ -z "$(uniq -d <"$BATS_TEST_TMPDIR/all")" ] || fail "each once: $(<"$BATS_TEST_TMPDIR/all")"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 6 ] || fail "all of them: $(<"$BATS_TEST_TMPDIR/all")"
}

@test "of another network_name, or without overlap, they do" {
	gets 10.9.0.1/24 a
	gets 10.9.0.1/24 a '.name = "b" | .ipam.network_name = "blue/../x"'
	gets 10.8.0.1/24 a '.name = "c" | .ipam += {enable_overlapping_ranges: false, range: "10.8.0.0/24"}'
	gets 10.9.0.1/24 a '.name = "d" | .ipam += {enable_overlapping_ranges: false}'
	add_id a '.name = "e" | .ipam += {enable_overlapping_ranges: false}'
	[ "$(ip_of)" != 10.9.0.1/24 ]
	keys | grep -q '^/v1/nblue%2F..%2Fx/' || fail "a name that is one component"
}

@test "a network_name that is too long for a file's name is named" {
	add_id a '.ipam.network_name = "é" * 50'
	expect_code 7 'ipam.network_name'
	add_id a '.ipam.network_name = "x" * 100'
	expect_ok
	add_id b '.ipam.network_name = "é" * 20'
	expect_ok
	del_id b '.ipam.network_name = "é" * 20'
}

@test "GC frees what is not valid, of its own network alone" {
	gets 10.9.0.1/24 a
	gets 10.9.0.2/24 b
	gets 10.9.0.64/24 a '.name = "other"'
	gc_valid . b/eth0
	expect_silent
	[ "$(ls "$data"/*/10.* | paste -sd' ')" = "$data/net/10.9.0.2 $data/other/10.9.0.64" ]
	gc_valid .
	expect_silent
	[ ! -e "$data/net/10.9.0.2" ]
}

@test "GC removes what a killed writer has left of a state" {
	local state
	gets 10.9.0.1/24 a
	state=$(echo "$data"/.state/net/*)
	cp "$state" "$state:.tmp"
	gc_valid . a/eth0
	expect_silent
	[ "$(ls "$data"/.state/net)" = "${state##*/}" ]
}

@test "GC gives empty blocks back by age, and keeps one" {
	fill 10 '.ipam += {range: "10.9.0.0/28", blockSize: 30}' >/dev/null
	gc_valid '.ipam += {blockSize: 30}'
	expect_silent
	[ "$(keys | grep -c /block/)" -eq 3 ] || fail "three blocks still"
	gc_valid '.ipam += {range: "10.9.0.0/28", blockSize: 30, blockIdle: 0}'
	expect_silent
	[ "$(keys | grep -c /block/)" -eq 1 ] || fail "one block: $(keys)"
	json_is "$(state .)" '[(.blocks | length), .pending]' '[1,null]'
	[ "$(fill 14 '.ipam += {range: "10.9.0.0/28", blockSize: 30}' | wc -l)" -eq 14 ]
}

@test "blocks however many: neither this node's own nor what is excluded is in the way of the next" {
	local few='.ipam += {range: "10.9.0.0/23", blockSize: 30,
		exclude: [range(128) | "10.9.\(. / 64 | floor)" as $net | "\($net).\(. % 64 * 4)/31", "\($net).\(. % 64 * 4 + 2)"]}'
	fill 70 "$few" >"$BATS_TEST_TMPDIR/all"
	[ "$(state '[(.blocks | length), (.singles | length)]')" = '[70,0]' ] || fail "blocks: $(state .)"
	host_clean
	gets 10.9.64.0/16 a '.ipam += {range: "10.9.0.0/16", exclude: ["10.9.0.0/18"]}'
	[ "$(state '[(.blocks | length), (.singles | length)]')" = '[1,0]' ]
}

# reboot_to ID
reboot_to() {
	echo "$1" >"$BATS_TEST_TMPDIR/boot_id.$1"
	mount --bind "$BATS_TEST_TMPDIR/boot_id.$1" /proc/sys/kernel/random/boot_id
}

@test "after a power cut torn reservations are free, whole ones are held until GC, blocks are the node's" {
	local kept i given keys='.ipam += {range: "10.9.0.0/28", blockSize: 30}'
	for kept in all index-of-before no-index torn-index; do
		rm -rf "$data"
		reboot_to 11111111-1111-1111-1111-111111111111
		fill 4 "$keys" >/dev/null
		cp -a "$data/.cnic" "$BATS_TEST_TMPDIR/$kept"
		for i in 5 6; do
			gets "10.9.0.$i/28" "n$i" "$keys"
		done
		# what the disk has of them: the files are not synced, the state is
		: >"$data/net/10.9.0.2"
		printf '\0\0\0\0' >"$data/net/10.9.0.3"
		rm "$data/net/10.9.0.5"
		case $kept in
		index-of-before) rm -r "$data/.cnic" && mv "$BATS_TEST_TMPDIR/$kept" "$data/.cnic" ;;
		no-index) rm -r "$data/.cnic" ;;
		torn-index) for i in "$data"/.cnic/net/{head,*.bits}; do : >"$i"; done ;;
		esac
		reboot_to 22222222-2222-2222-2222-222222222222
		status_of cluster <<<"$(conf "$keys")"
		expect_silent
		given=
		for i in {1..11}; do
			add_id "x$i" "$keys"
			expect_ok
			given+=$(ip_of)$'\n'
		done
		[ "$(sort -V <<<"$given" | paste -sd' ')" = "$(printf ' 10.9.0.%s/28' 2 3 5 {7..14})" ] || fail "the free ones with $kept: $given"
		add_id x12 "$keys"
		expect_code 100
		if [ $kept = all ]; then
			gc cluster <<<"$(conf "$keys")"
		else
			gc_valid "$keys" x{1..11}/eth0
		fi
		expect_silent
		[ "$(find "$data/net" -name '10.*' | wc -l)" -eq 11 ] || fail "what lives, with $kept"
		for i in 1 4 6; do
			gets "10.9.0.$i/28" "y$i" "$keys"
		done
		[ "$(keys | grep -c /block/)" -eq "$(state '.blocks | length')" ]
		umount /proc/sys/kernel/random/boot_id
		umount /proc/sys/kernel/random/boot_id
	done
}

@test "an attachment that is added again after a reboot keeps its address at GC without a list" {
	local keys
	for keys in '.ipam += {range: "10.9.0.0/28", blockSize: 30}' '.ipam += {range: "10.9.0.0/30", range_end: "10.9.0.2"}'; do
		rm -rf "$data"
		reboot_to 11111111-1111-1111-1111-111111111111
		add_id lives "$keys"
		expect_ok
		add_id dies "$keys"
		expect_ok
		reboot_to 22222222-2222-2222-2222-222222222222
		add_id lives "$keys"
		expect_ok
		gc cluster <<<"$(conf "$keys")"
		expect_silent
		add_id other "$keys"
		expect_ok
		[[ $(ip_of) != 10.9.0.1/* ]] || fail "the living one's"
		add_id lives "$keys"
		[[ $(ip_of) == 10.9.0.1/* ]] || fail "the same: $(ip_of)"
		umount /proc/sys/kernel/random/boot_id
		umount /proc/sys/kernel/random/boot_id
	done
}

@test "what a power cut must not take back is on the disk before it is told" {
	local file
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "${STRACE[@]}" -f -y -o "$BATS_TEST_TMPDIR/trace" \
		-e trace=openat,fsync,fdatasync,rename,renameat,renameat2,write "$PLUGINS/cluster" <<<"$(conf)" >/dev/null
	# each that gets its name is synced before, its directory behind, and before the next one gets its own
	for file in .kv .state/net/; do
		awk -v file="$data/$file" '
			/ f(data)?sync\(/ { synced = 1 }
			/ rename(at2?)?\(/ && index($0, file) { n++; bad += !synced }
			/ rename(at2?)?\(/ { synced = 0 }
			END { exit !n || bad }' "$BATS_TEST_TMPDIR/trace" || fail "$file to be synced: $(<"$BATS_TEST_TMPDIR/trace")"
	done
}

@test "DEL and GC go by the journal, whatever has become of the configuration" {
	gets 10.9.0.1/24 a
	gets 10.9.0.2/24 b
	del_id a '.ipam.range = "nonsense"'
	gc_valid '.ipam.range = 5'
	expect_silent
	[ "$(ls "$data"/net | grep -c '^10')" -eq 0 ]
}

# ---- the node --------------------------------------------------------------------------------

@test "a directory that was copied to another machine is another node's" {
	[ -f /etc/machine-id ] || skip "there is no machine-id"
	gets 10.9.0.1/24 a
	echo 0123456789abcdef0123456789abcdef >"$BATS_TEST_TMPDIR/id"
	mount --bind "$BATS_TEST_TMPDIR/id" /etc/machine-id
	gets 10.9.0.64/24 b
	umount /etc/machine-id
	[ "$(keys | grep -c /node/)" -eq 2 ]
}

@test "a directory that is no absolute path is refused, and nothing is made there" {
	local dir
	cd "$BATS_TEST_TMPDIR"
	for dir in ipam ./ipam ../ipam; do
		add_id a ".ipam.dataDir = \"$dir\""
		expect_code 7 "ipam.dataDir: \"$dir\" is no absolute path"
		status_of cluster <<<"$(conf ".ipam.dataDir = \"$dir\"")"
		expect_code 7 ipam.dataDir
		del_id a ".ipam.dataDir = \"$dir\""
		[ ! -e "$dir" ] || fail "nothing at $dir"
	done
}

@test "a file of etcd's that is no absolute path is refused, though it is there" {
	local key
	cd "$BATS_TEST_TMPDIR"
	echo secret >file
	for key in tls.ca tls.cert tls.key passwordFile; do
		add_id a ".ipam.etcd = {endpoints: [\"https://127.0.0.1:1\"]} | .ipam.etcd.$key = \"file\""
		expect_code 7 "ipam.etcd.$key: \"file\" is no absolute path"
	done
	[ ! -e "$data" ] || [ -z "$(find "$data" -type f)" ] || fail "nothing is made: $(find "$data")"
}

@test "a clone that has used the identity is found out, and asks for nothing more" {
	gets 10.9.0.1/30 a '.ipam += {range: "10.9.0.0/30", blockSize: 30}'
	cp -a "$data/.state" "$BATS_TEST_TMPDIR/"
	gets 10.9.1.1/30 b '.ipam += {range: "10.9.1.0/30", blockSize: 30}'
	rm -rf "$data/.state"
	cp -a "$BATS_TEST_TMPDIR/.state" "$data/"
	add_id c '.ipam += {range: "10.9.2.0/30", blockSize: 30}'
	expect_code 999 'another has used this node'
	del_id a
}

@test "files that are torn, or full of rubbish, are an error that names them; DEL goes on" {
	local text
	gets 10.9.0.1/24 a
	for text in '' '{' '[]' '{"blocks":5}' '{"pending":{"what":1}}' '{"revision":7}' '{"singles":[{}]}' \
		'{"pending":{"what":3,"token":"x"}}' '{"blocks":[{"base":"x"}]}'; do
		printf '%s' "$text" >"$data/.state/net/%2Fv1%2Fn"
		add_id b
		[ "$status" -eq 1 ] || [[ $text = '{"revision":7}' ]] || fail "a refusal of $text"
		[[ $output = *'.state/net'* ]] || fail "the file's name for $text"
	done
	[ -e "$data/net/10.9.0.1" ]
	CID=a del cluster <<<"$(conf)"
	[ ! -e "$data/net/10.9.0.1" ] || fail "the reservation to go"
}

@test "cnic verify and gc know what is held" {
	[ -x "$CNIC_BIN/cnic" ]
	gets 10.9.0.1/24 a
	add_id b '.ipam.claim = "vm"'
	expect_ok
	run "$CNIC_BIN/cnic" verify
	[[ $output = *'10.9.0.1 of network net'* && $output = *"$(ip_of | cut -d/ -f1) of network net"* ]]
}

@test "a plugin start pays nothing for etcd" {
	ldd "$CNIC_BIN/cluster" 2>/dev/null >"$BATS_TEST_TMPDIR/libraries" || skip "a static executable"
	! grep -qE 'curl|ssl|gnutls' "$BATS_TEST_TMPDIR/libraries" || fail "$(<"$BATS_TEST_TMPDIR/libraries")"
	jq -e . <<<"$(conf)" >/dev/null
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "${STRACE[@]}" -f -e trace=execve -o "$BATS_TEST_TMPDIR/trace" \
		"$CNIC_BIN/cluster" <<<"$(conf)" >/dev/null
	[ "$(grep -c execve "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}

@test "64 at once get 64 addresses" {
	local i pids=()
	export CNI_COMMAND=ADD CNI_IFNAME=eth0 CNI_PATH=$PLUGINS
	for i in {1..64}; do
		CNI_CONTAINERID=n$i "$PLUGINS/cluster" <<<"$(conf '.ipam += {range: "10.9.0.0/25", blockSize: 30}')" \
			>"$BATS_TEST_TMPDIR/out.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(cat "$BATS_TEST_TMPDIR"/out.* | jq -r '.ips[0].address' | sort -u | wc -l)" -eq 64 ]
}

@test "64 at once until the pool is exhausted: each address once, and every release is usable at once" {
	exhaust 62 "$(conf '.ipam += {range: "10.9.0.0/26", blockSize: 30}')"
}
