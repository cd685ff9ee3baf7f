# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as fault.bats for portmap, with all its backends: all or nothing, rule set and records included.
# Shared chains, empty, are no trace.

load lib
load fault
load faults

BACKENDS='"" nftables iptables'
PORTS='{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
	{"hostPort":8081,"containerPort":81,"protocol":"udp","hostIP":"192.0.2.1"},
	{"hostPort":8082,"containerPort":82,"protocol":"sctp","hostIP":"::1"}'

# conf BACKEND PORTS LAST : leads to 10.1.0.LAST and fd00::LAST.
conf() {
	cat <<-END
		{"cniVersion":"1.1.0","name":"net","type":"portmap",${1:+"\"backend\":\"$1\","}
			"runtimeConfig":{"portMappings":[$2]},"prevResult":{"cniVersion":"1.1.0",
			"interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/run/netns/box"}],
			"ips":[{"address":"10.1.0.$3/16","interface":1},{"address":"fd00::$3/64","interface":1}]}}
	END
}

# Everything that names a container or leads to it.
more_state() {
	nft list ruleset 2>/dev/null | grep -E '10\.1\.0\.[1-9]|fd00::[1-9]|CNI-DN|comment "c[0-9]"' || true
	! [ -d /run/cnic/rules ] || (cd /run/cnic/rules && ls -A)
}

# There is no IPAM behind it.
after_fault() {
	:
}

# The bridge leads to this container and to another, which has rules.
beside() {
	ip link add br0 address 02:aa:00:00:00:01 type bridge
	ip addr add 10.1.0.1/16 dev br0
	ip addr add fd00::1/64 dev br0 nodad
	ip link set br0 up
	CID=c2 add portmap <<<"$(conf "$1" '{"hostPort":9,"containerPort":80,"protocol":"tcp"}' 3)"
	expect_ok
}

# each BACKEND COMMAND
each() {
	local least=8
	use portmap "$(conf "$1" "$PORTS" 2)"
	each_fault "$2"
}

@test "portmap ADD, our table, beside another container" {
	beside ""
	each "" add_with_fault
}

first_add() {
	nft flush ruleset
	add_with_fault "$1"
}

@test "portmap ADD, our table, first on the host" {
	each "" first_add
}

@test "portmap ADD, the reference's tables" {
	beside nftables
	each nftables add_with_fault
}

@test "portmap ADD, iptables" {
	beside iptables
	each iptables add_with_fault
}

@test "portmap DEL" {
	local backend
	beside ""
	for backend in $BACKENDS; do
		each "${backend//\"/}" del_with_fault
	done
}
