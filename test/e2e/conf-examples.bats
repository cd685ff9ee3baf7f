# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Every file of conf-examples/ is run as a runtime would: ADD down the list, CHECK and STATUS, DEL up
# the list. What this kernel cannot (bridge VLAN filtering) runs in test/vm.

load lib

EXAMPLES=$ROOT/conf-examples

# plugins_of FILE [FILTER] : one plugin's configuration a line, as libcni passes it.
plugins_of() {
	jq -c "{name, cniVersion} as \$list | .plugins | ${2:-.} | .[] + \$list" "$1"
}

add_all() {
	local conf previous=null
	while read -r conf; do
		conf=$(jq -c --argjson r "$previous" 'if $r then . + {prevResult: $r} else . end' <<<"$conf")
		add "$(jq -r .type <<<"$conf")" eth0 <<<"$conf"
		expect_ok
		previous=$output
	done < <(plugins_of "$1")
}

# each VERB FILE [FILTER] : the other verbs, with the final result.
each() {
	local verb=$1 conf
	while read -r conf; do
		cni "$verb" "$(jq -r .type <<<"$conf")" eth0 <<<"$(with_result "$conf")"
		expect_silent
	done < <(plugins_of "$2" "${3:-.}")
}

needs_vlan_filtering() {
	ip link add vlan-probe type bridge vlan_filtering 1 2>/dev/null || return 0
	ip link del vlan-probe
	return 1
}

run_example() {
	local file=$EXAMPLES/$1
	netns box
	add_all "$file"
	each CHECK "$file"
	each STATUS "$file"
	[ "$2" = none ] || in_ns box ping -c 1 -W 5 "$2" >/dev/null || fail "an answer from $2"
	each DEL "$file" reverse
	each DEL "$file" reverse
	! ip -n box link show eth0 2>/dev/null || [ "$1" = loopback.conflist ] || fail "eth0 to be gone"
	[ -z "$(find /var/lib/cni/networks -name .cnic -prune -o -type f -name '*.*.*.*' -print)" ] ||
		fail "no address held"
}

@test "bridge.conflist" {
	run_example bridge.conflist 10.88.0.1
}

@test "bridge-l2.conflist" {
	run_example bridge-l2.conflist none
}

@test "bridge-vlan.conflist" {
	if needs_vlan_filtering; then skip "no bridge VLAN filtering in this kernel: runs in test/vm"; fi
	run_example bridge-vlan.conflist 10.100.0.1
}

@test "ptp.conflist" {
	run_example ptp.conflist 10.89.0.1
}

@test "loopback.conflist" {
	run_example loopback.conflist 127.0.0.1
}

@test "host-local.conflist" {
	run_example host-local.conflist 10.90.0.1
}

@test "static.conflist" {
	run_example static.conflist 10.91.0.1
}

@test "chain.conflist" {
	run_example chain.conflist 10.92.0.1
}

@test "every example has a test here" {
	local file
	for file in "$EXAMPLES"/*; do
		grep -q "^	run_example ${file##*/} " "$BATS_TEST_FILENAME" || fail "a test of $file"
	done
}
