# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# What the files have in common that let each call of a plugin of the kernel's fail once: the state that
# is compared, and what is to be as good as ever. For files that have loaded lib.bash and fault.bash. A file
# whose plugins leave more than links and leases defines more_state.

NET=net
STORE=/var/lib/cni/networks/$NET
EVERYTHING=$'link show\naddr show\nroute show table all\nrule show'
IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]],
	"routes":[{"dst":"192.168.0.0/16"},{"dst":"fd00:3::/32"}]}'

HOST_LOCAL='{"cniVersion":"1.1.0","name":"net","type":"any",'$IPAM'}'

setup_file() {
	build_shim
}

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	fault_begin
}

# What was said about the call that went wrong, not about the hundred before it.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || cat "$log"
	host_clean
}

# ---- the state -------------------------------------------------------------------------------

# Everything a plugin may have left, quickly: the interfaces are all the same ones, so nothing needs
# to be masked but what the kernel does in its own time.
snapshot() {
	{
		ip -batch - <<<"$EVERYTHING"
		ip -n box -batch - <<<"$EVERYTHING"
	} | sed -E '/fe80|ff00|valid_lft|^(any|lo)ca.* pref/d; s/NO-CARRIER,|,LOWER_UP//g; s/ state [A-Z]+ / /; s/ ?linkdown//; s/ expires [0-9]+sec//' | ${order:-cat}
	stored "/$LAST"
	more_state
}

more_state() {
	:
}

# The round robin goes on after an ADD that was well, DEL or not; so when IPAM's part of an ADD was.
LAST='last_reserved_ip.*'

# The reference's files but those; the lock file of a store holds nothing.
stored() {
	local file text
	for file in "$STORE"/*; do
		# shellcheck disable=SC2053
		[[ -f $file && $file != */lock && $file != *${1:-/} ]] || continue
		mapfile -d '' -t text <"$file"
		echo "$file: ${text[*]}"
	done
}

# ---- beside the state ------------------------------------------------------------------------

before_fault() {
	files=$(stored)
}

after_refusal() {
	[ "$plugin" != host-local ] || expect_same files "$files" "$(stored)"
}

# The store, and our index of it, are to be as good as ever.
after_fault() {
	add host-local <<<"$HOST_LOCAL"
	expect_ok
	del host-local <<<"$HOST_LOCAL"
	expect_silent
	"$restore"
}

# ---- what there was before -------------------------------------------------------------------

fresh() {
	ip link del br0 2>/dev/null || true
	rm -rf "${STORE%/*}"
}

# The network is in use by another container, the bridge is there.
busy() {
	netns other
	CID=c0 add "$plugin" <<<"$conf"
	expect_ok
	NS=box
}

# The master of subinterfaces.
wire() {
	ip link add m0 index 800 address 02:aa:00:00:00:08 type veth peer name w0 index 801 address 02:aa:00:00:00:09
	ip link set m0 up
	ip link set w0 up
}

use() {
	plugin=$1
	conf=$2
	restore=nothing
}
