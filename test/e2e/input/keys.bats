# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# Each key of each plugin with every wrong type, out of range, empty, too long, null: one error object with a code that
# names the place, exit 1, and nothing has changed.

load ../lib
load bad

# Not of these: the error object of a delegate (see "a delegate"), what ovs-cni's cache and what records hold
# (test_record.c), nor what host-device writes down (test_origin.c), nor what dhcp and its daemon tell each other and keep,
# nor what cluster keeps here and in etcd (test_cluster.c).
@test "every key in the source has cases" {
	local key
	grep -ohE --exclude={origin,ask,lease_file,state,engine,single,survey}.c '(F_[A-Z_]+\(|\.key = )"[^"]+"' "$ROOT"/pkg/cni/{conf,result}.c "$ROOT"/pkg/iface/*.h "$ROOT"/plugins/*/*/*.c |
		sed 's/^[^"]*"//; s/"$//' | sort -u >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 80 ]
	cut -f3 "$BATS_FILE_TMPDIR/cases" | sort -u >"$BATS_TEST_TMPDIR/paths"
	while read -r key; do
		grep -qE "(^|\.)${key//./\\.}\$" "$BATS_TEST_TMPDIR/paths" || fail "a case for $key"
	done <"$BATS_TEST_TMPDIR/keys"
}

# Where "" is wrong to the reference, too, for what it means there, and so is not as good as nothing.
means_something() {
	case "$plugin $1" in
	"bridge bridge" | "host-local ipam.subnet" | "portmap externalSetMarkChain" | *" name") ;;
	*) return 1 ;;
	esac
}

empty_is_absent() {
	if means_something "$1"; then
		refuse ADD "$plugin" 7 "${1##*.}" <<<"$2"
	else
		null_is_absent "$@"
	fi
}

# once BIN CONF : the exit status of an ADD, after which nothing is left
once() {
	local status=0
	CNI_COMMAND=ADD CNI_PATH=$1 "$1/$plugin" <<<"$2" >/dev/null 2>&1 || status=$?
	CNI_COMMAND=DEL CNI_PATH=$1 "$1/$plugin" <<<"$2" >/dev/null 2>&1 || true
	ip -n box link del eth0 2>/dev/null || true
	ip link del br0 2>/dev/null || true
	nft flush ruleset
	rm -rf "$DATA"
	echo "$status"
}

# What the reference takes, so do we, unless it is not the empty string that we refuse.
as_the_reference() {
	case $plugin.$1 in # the same code in all
	bridge.*) ;;
	*.name | *.cniVersion | *.type | *.dns.domain) return ;;
	esac
	[ "$(once "$REF_BIN" "$2")" != 0 ] || [ "$(once "$CNIC_BIN" "$2")" = 0 ] ||
		[ "$(once "$CNIC_BIN" "$3")" != 0 ] || fail "$1 empty is taken: $2"
}

@test "row 11: an empty string is as good as none, whichever key's it is" {
	local plugin
	for plugin in $EVERY_PLUGIN; do
		each_case "$plugin" empty empty_is_absent
	done
	nothing_changed
}

@test "row 11: what the reference takes for an empty string, so do we" {
	local plugin
	for plugin in bridge ptp loopback host-device tap host-local static firewall; do
		each_case "$plugin" empty as_the_reference
	done
}

@test "row 11: CNI_ARGS with empty values" {
	local CNI_ARGS plugin
	for plugin in host-local static; do
		for CNI_ARGS in IP= 'IgnoreUnknown=1;IP=' 'IgnoreUnknown=true;IP=;K8S_POD_NAME=' 'IP=10.2.0.2/24;IP='; do
			[ "$(once "$CNIC_BIN" "$(base_of "$plugin")")" = 0 ] || fail "$plugin with $CNI_ARGS"
		done
	done
	plugin=static
	for CNI_ARGS in GATEWAY= 'IP=;GATEWAY='; do
		[ "$(once "$CNIC_BIN" "$(base_of static)")" = 0 ] || fail "static with $CNI_ARGS"
	done
	plugin=bridge
	CNI_ARGS='IgnoreUnknown=1;MAC='
	[ "$(once "$CNIC_BIN" "$(base_of bridge)")" = 0 ]
}

@test "row 11: an empty dns.domain of the configuration does not take IPAM's dns away" {
	try ADD bridge <<<"$(base_of bridge | jq -c '.dns = {domain: ""} | .isGateway = false |
		.ipam = {type: "static", addresses: [{address: "10.2.0.2/24"}], dns: {nameservers: ["192.0.2.1"]}}')"
	[ "$status" = 0 ]
	[ "$(jq -c .dns.nameservers <<<"$output")" = '["192.0.2.1"]' ]
}

for_each_key_of() {
	each_case "$1" type bad_in_every_verb
	codes="6 7" each_case "$1" range bad_add
	codes="6 7" each_case "$1" long bad_add
	codes=7 each_case "$1" missing bad_add
	each_case "$1" null null_is_absent
	nothing_changed
}

@test "bridge: each key with a wrong type, out of range, too long, null" {
	for_each_key_of bridge
}

@test "ptp: each key with a wrong type, out of range, too long, null" {
	for_each_key_of ptp
}

@test "ovs: each key with a wrong type, out of range, too long, null" {
	each_case ovs type bad_in_every_verb
	codes="6 7" each_case ovs range bad_add
	codes="6 7" each_case ovs long bad_add
	each_case ovs null null_is_absent
	nothing_changed
}

@test "the mirrors: each key with a wrong type, too long, missing, null" {
	local each
	for each in $MIRRORS; do
		each_case "$each" type bad_in_every_verb
		codes="6 7" each_case "$each" long bad_add
		codes=7 each_case "$each" missing bad_add
		each_case "$each" null null_is_absent
	done
	nothing_changed
}

# Not by a word of what DEL does not use: ovs and mirrors have a server in their own files.
@test "row 10: DEL removes what is there, with wrong types all over" {
	local plugin wrong='.dns = 5 | .runtimeConfig = [] | .args = "x" | .capabilities = 5 | .prevResult = "x"
		| .["cni.dev/attachments"] = [{containerID: 5}] | .mtu = "x" | .ipMasq = 1
		| .ipMasqBackend = 5 | .vlan = "1000" | .vlanTrunk = {} | .macspoofchk = {}
		| .ipam.ranges = 5 | .ipam.routes = [{dst: 5}, 5] | .ipam.subnet = [] | .ipam.resolvConf = 5
		| .ipam.addresses = [[5]] | .bridge = 5'
	for plugin in bridge ptp; do
		try ADD "$plugin" <<<"$(base_of "$plugin")"
		[ "$status" -eq 0 ]
		ip -n box link show eth0
		[ -e "$DATA/bad/10.2.0.2" ]
		try DEL "$plugin" <<<"$(base_of "$plugin" | jq -c "$wrong")"
		[ "$status $output" = "0 " ]
		[ ! -e "$DATA/bad/10.2.0.2" ]
		[ "$(ip -n box -j link | jq -r '.[].ifname')" = lo ]
		ip link del br0 2>/dev/null || true
		rm -rf "$DATA/bad"
		echo 0 >/proc/sys/net/ipv4/ip_forward
	done
	nothing_changed
}

# A master in the container, so that no link of the host's is a trace.
@test "macvlan, ipvlan, vlan, dummy: each key with a wrong type, out of range, too long, missing, null" {
	ip -n box link add m0 type veth peer name m1
	before=$(everything)
	for_each_key_of macvlan
	for_each_key_of ipvlan
	for_each_key_of vlan
	for_each_key_of dummy
}

@test "host-local: each key with a wrong type, out of range, too long, null" {
	for_each_key_of host-local
}

@test "cluster: each key with a wrong type, out of range, too long, null" {
	for_each_key_of cluster
}

@test "static: each key with a wrong type, out of range, too long, null" {
	for_each_key_of static
}

@test "loopback: each key with a wrong type, too long, null" {
	each_case loopback type bad_in_every_verb
	codes="6 7" each_case loopback long bad_add
	codes=7 each_case loopback missing bad_add
	each_case loopback null null_is_absent
	nothing_changed
}

@test "host-device: each key with a wrong type, too long, null" {
	each_case host-device type bad_in_every_verb
	codes="6 7" each_case host-device long bad_add
	each_case host-device null null_is_absent
	nothing_changed
}

@test "tap: each key with a wrong type, out of range, too long, null" {
	each_case tap type bad_in_every_verb
	codes="6 7" each_case tap range bad_add
	codes="6 7" each_case tap long bad_add
	each_case tap null null_is_absent
	nothing_changed
}

@test "firewall: each key with a wrong type, too long, null" {
	each_case firewall type bad_in_every_verb
	codes="6 7" each_case firewall long bad_add
	each_case firewall null null_is_absent
	nothing_changed
}

@test "portmap: each key with a wrong type, out of range, too long, missing, null" {
	for_each_key_of portmap
}

@test "tuning: each key with a wrong type, out of range, too long, null" {
	each_case tuning type bad_in_every_verb
	codes="6 7" each_case tuning range bad_add
	codes="6 7" each_case tuning long bad_add
	each_case tuning null null_is_absent
	nothing_changed
}

@test "sbr: each key with a wrong type, out of range, too long, null" {
	each_case sbr type bad_in_every_verb
	codes="6 7" each_case sbr range bad_add
	codes="6 7" each_case sbr long bad_add
	each_case sbr null null_is_absent
	nothing_changed
}

@test "vrf: each key with a wrong type, out of range, too long, null" {
	each_case vrf type bad_in_every_verb
	codes="6 7" each_case vrf range bad_add
	codes="6 7" each_case vrf long bad_add
	each_case vrf null null_is_absent
	nothing_changed
}

@test "chain: each key with a wrong type, too long, missing, null" {
	each_case chain type bad_in_every_verb
	codes="6 7" each_case chain long bad_add
	codes=7 each_case chain missing bad_add
	each_case chain null null_is_absent
	nothing_changed
}

bad_prev() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	refuse CHECK "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

@test "bandwidth: each key with a wrong type, out of range, too long, null" {
	each_case bandwidth type bad_in_every_verb
	codes="6 7" each_case bandwidth range bad_add
	codes="6 7" each_case bandwidth long bad_add
	each_case bandwidth null null_is_absent
	nothing_changed
}

bad_prev() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	refuse CHECK "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

@test "bridge: each key of prevResult" {
	codes=6 each_case bridge prev-type bad_prev
	codes="6 7" each_case bridge prev-range bad_prev
	codes="6 7" each_case bridge prev-long bad_prev
	codes=7 each_case bridge prev-missing bad_prev
	each_case bridge prev-null null_is_absent
	nothing_changed
}

@test "host-local: each key of prevResult" {
	codes=6 each_case host-local prev-type bad_prev
	codes="6 7" each_case host-local prev-range bad_prev
	codes=7 each_case host-local prev-missing bad_prev
	each_case host-local prev-null null_is_absent
	nothing_changed
}

@test "loopback: each key of prevResult in its old shape" {
	codes=6 each_case loopback old-type bad_add
	codes="6 7" each_case loopback old-range bad_add
	codes="6 7" each_case loopback old-long bad_add
	codes=7 each_case loopback old-missing bad_add
	nothing_changed
}

@test "bridge: a delegate's keys" {
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	ip link del br0 2>/dev/null || true
	nothing_changed
}

@test "bridge: a delegate's keys, exec'ed" {
	export CNI_ALWAYS_EXEC=1
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	nothing_changed
}
