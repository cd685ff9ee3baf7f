# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for what has rules: all or nothing, rule set and records included. Tables of
# our own stay when they are empty.

load ../lib
load fault
load faults

BRIDGE='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","ipMasq":true,'$IPAM'}'
PTP='{"cniVersion":"1.1.0","name":"net","type":"ptp","ipMasq":true,'$IPAM'}'

# What is somebody's: elements, and the rules of tables that others share. Records by their names.
more_state() {
	nft -j list ruleset | jq -c '.nftables[] |
		(.set, .map | select(.elem) | {table, name, elem}),
		(.rule | select(. and (.table | startswith("cnic_") | not)) | del(.handle))'
	! [ -d /run/cnic/rules ] || (cd /run/cnic/rules && ls -A)
}

fresh() {
	ip link del br0 2>/dev/null || true
	rm -rf "${STORE%/*}" /run/cnic
	nft flush ruleset
}

@test "bridge ADD with ipMasq, first on the host" {
	use bridge "$BRIDGE"
	restore=fresh
	each_fault add_with_fault
}

@test "bridge ADD with ipMasq and macspoofchk beside another container" {
	use bridge "$(jq -c '.macspoofchk = true' <<<"$BRIDGE")"
	busy
	each_fault add_with_fault
}

@test "bridge ADD with ipMasq and macspoofchk, an answer is lost" {
	use bridge "$(jq -c '.macspoofchk = true' <<<"$BRIDGE")"
	busy
	lost_answers add_with_fault
}

@test "bridge DEL with ipMasq and macspoofchk" {
	use bridge "$(jq -c '.macspoofchk = true' <<<"$BRIDGE")"
	busy
	each_fault del_with_fault
}

@test "bridge DEL with ipMasq and macspoofchk, an answer is lost" {
	use bridge "$(jq -c '.macspoofchk = true' <<<"$BRIDGE")"
	busy
	lost_answers del_with_fault
}

@test "ptp ADD with ipMasq in the reference's table" {
	use ptp "$(jq -c '.ipMasqBackend = "nftables"' <<<"$PTP")"
	busy
	each_fault add_with_fault
}

@test "ptp DEL with ipMasq in the reference's table" {
	use ptp "$(jq -c '.ipMasqBackend = "nftables"' <<<"$PTP")"
	busy
	each_fault del_with_fault
}

@test "ptp ADD with ipMasq by iptables" {
	use ptp "$(jq -c '.ipMasqBackend = "iptables"' <<<"$PTP")"
	busy
	each_fault add_with_fault
}

@test "ptp DEL with ipMasq by iptables" {
	use ptp "$(jq -c '.ipMasqBackend = "iptables"' <<<"$PTP")"
	busy
	each_fault del_with_fault
}
