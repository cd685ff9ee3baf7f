# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for firewall: all or nothing, rule set and records included. What attachments
# share may stay: empty tables and chains, and the jumps from one to the next.

load ../lib
load fault
load faults

conf() {
	cat <<-END
		{"cniVersion":"1.1.0","name":"net","type":"firewall","backend":"$1","ingressPolicy":"$2",
			"prevResult":{"cniVersion":"1.1.0",
			"interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/run/netns/box"}],
			"ips":[{"address":"10.1.0.$3/16","interface":1},{"address":"fd00::$3/64","interface":1}]}}
	END
}

more_state() {
	nft -j list ruleset | jq -c '.nftables[] | .set, .map | select(.elem) | {table, name, elem}'
	{ iptables-save -t filter; ip6tables-save -t filter; } 2>/dev/null |
		grep -vE '^[^-]|-j (CNI-FORWARD|CNI-ADMIN|CNI-ISOLATION-STAGE-1|RETURN)$'
	! [ -d /run/cnic/rules ] || (cd /run/cnic/rules && ls -A)
}

fresh() {
	rm -rf "${STORE%/*}" /run/cnic
	nft flush ruleset
}

# Another container of the network, with its policy already there.
beside_another() {
	CID=c0 add firewall <<<"$(conf "$1" "$2" 9)"
	expect_ok
}

each_backend() {
	local backend
	for backend in nftables iptables; do
		fresh
		"$@" $backend
	done
}

first_add() {
	use firewall "$(conf "$1" isolated 2)"
	restore=fresh
	each_fault add_with_fault
}

@test "firewall ADD, first on the host" {
	each_backend first_add
}

next_add() {
	use firewall "$(conf "$1" same-bridge 2)"
	beside_another "$1" same-bridge
	each_fault add_with_fault
}

@test "firewall ADD beside another container" {
	each_backend next_add
}

lost_add() {
	use firewall "$(conf "$1" same-bridge 2)"
	beside_another "$1" same-bridge
	lost_answers add_with_fault
}

@test "firewall ADD, an answer is lost" {
	each_backend lost_add
}

first_lost_add() {
	use firewall "$(conf "$1" isolated 2)"
	restore=fresh
	lost_answers add_with_fault
}

@test "firewall ADD, first on the host, an answer is lost" {
	each_backend first_lost_add
}

next_del() {
	use firewall "$(conf "$1" same-bridge 2)"
	beside_another "$1" same-bridge
	"$2" del_with_fault
}

@test "firewall DEL" {
	next_del nftables each_fault
	fresh
	next_del iptables each_fault
}

@test "firewall DEL, an answer is lost" {
	next_del nftables lost_answers
	fresh
	next_del iptables lost_answers
}

gc_of_all() {
	use firewall "$(conf "$1" isolated 2)"
	restore=fresh
	each_fault gc_with_fault
}

@test "firewall GC, the last of its network" {
	each_backend gc_of_all
}
