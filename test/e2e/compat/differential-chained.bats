# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034
#
# What the chained plugins do to an interface and for it, by the reference and by ours: see differential.bash.

load differential

PREPARE=interface CLEAN=no_interface

interface() {
	rules_clean
	ip link add v0 address 02:aa:00:00:00:02 type veth peer name eth0 netns box address 02:aa:00:00:00:01
	ip link set v0 up
	ip -n box link set eth0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box addr add fd00::2/64 dev eth0
	ip -n box route add default via 10.1.0.1
	ip -n box -6 route add default via fd00::1
	ip -n box route add 192.168.0.0/16 via 10.1.0.1
}

# As whoever has made it does after them.
no_interface() {
	ip -n box link del eth0
}

# chained PLUGIN KEYS [JQ] : JSON objects merged into a configuration with a prevResult, which a jq program changes.
chained() {
	jq -nc --arg type "$1" --argjson keys "$2" '
		{cniVersion: "1.1.0", name: "net", type: $type} + $keys + {prevResult: {cniVersion: "1.1.0",
		 interfaces: [{name: "v0", mac: "02:aa:00:00:00:02"},
			{name: "eth0", mac: "02:aa:00:00:00:01", sandbox: "/run/netns/box"}],
		 ips: [{address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 1},
			{address: "fd00::2/64", gateway: "fd00::1", interface: 1}],
		 dns: {}}} | '"${3:-.}"
}

# ---- tuning ----------------------------------------------------------------------------------------

tuning() {
	local MORE=sysctls
	same tuning "$(chained tuning "$@")"
}

sysctls() {
	in_ns box grep -s '' /proc/sys/net/ipv4/conf/eth0/arp_filter /proc/sys/net/core/somaxconn
}

@test "tuning: mac" { tuning '{"mac":"02:bb:00:00:00:01"}'; }
@test "tuning: mtu" { tuning '{"mtu":1400}'; }
@test "tuning: txQLen" { tuning '{"txQLen":77}'; }
@test "tuning: promisc, allmulti" { tuning '{"promisc":true,"allmulti":true}'; }
@test "tuning: mac by capability" { tuning '{"runtimeConfig":{"mac":"02:bb:00:00:00:01"}}'; }
@test "tuning: mac by args.cni" { tuning '{"args":{"cni":{"mac":"02:bb:00:00:00:01"}}}'; }
@test "tuning: sysctl" {
	tuning '{"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1","net/core/somaxconn":"77"}}'
}
@test "tuning: nothing" { tuning '{}'; }
@test "tuning: everything" {
	tuning '{"mac":"02:bb:00:00:00:01","mtu":1400,"txQLen":77,"promisc":true,"allmulti":true,
		"sysctl":{"net.core.somaxconn":"77"}}'
}

# ---- bandwidth -------------------------------------------------------------------------------------

bandwidth() {
	local MORE=qdiscs
	same bandwidth "$(chained bandwidth "$@")"
}

# but for the second action of its filter, which is never come to
qdiscs() {
	tc -j qdisc show
	in_ns box tc -j qdisc show
	tc filter show dev v0 ingress | grep -E 'pref|match|order 1' || true
}

UP='"ingressRate":100000000,"ingressBurst":2000000'
DOWN='"egressRate":50000000,"egressBurst":1000000'

@test "bandwidth: in one direction" {
	bandwidth "{$UP}"
	bandwidth "{$DOWN}"
}
@test "bandwidth: in both" { bandwidth "{$UP,$DOWN}"; }
@test "bandwidth: slow, fast, odd" {
	bandwidth '{"ingressRate":10000,"ingressBurst":1000000}'
	bandwidth '{"egressRate":999999937,"egressBurst":123456789}'
	bandwidth '{"ingressRate":50000000000,"ingressBurst":1500000000}'
}
@test "bandwidth: by capability, over the keys" {
	bandwidth "{\"runtimeConfig\":{\"bandwidth\":{$UP,$DOWN}}}"
	bandwidth "{$UP,\"runtimeConfig\":{\"bandwidth\":{$DOWN}}}"
}
@test "bandwidth: nothing" { bandwidth '{}'; }

# ---- sbr -------------------------------------------------------------------------------------------

sbr() {
	local MORE=rules
	same sbr "$(chained sbr "$@")"
}

rules() {
	ip -n box -d rule
	ip -n box -d -6 rule
}

# It puts IPv6's connected route into the table of the IPv4 address, where no packet finds it.
interface4() {
	interface
	ip -n box addr del fd00::2/64 dev eth0
}

@test "sbr: IPv4" { PREPARE=interface4 sbr '{}' 'del(.prevResult.ips[1])'; }
@test "sbr: IPv6" { sbr '{}' 'del(.prevResult.ips[0])'; }
@test "sbr: table" { PREPARE=interface4 sbr '{"table":300}' 'del(.prevResult.ips[1])'; }
@test "sbr: no gateway" {
	PREPARE=interface4 sbr '{}' 'del(.prevResult.ips[1]) | del(.prevResult.ips[].gateway)'
}

# ---- rules of the packet filter --------------------------------------------------------------------

# Of iptables; the order of rules is that of the lines of one chain, but in a container's own, where those of one
# address come first, and what marks packets of ::1 and keeps 127.0.0.0/8 to the host are added.
ruleset() {
	local save
	for save in iptables ip6tables; do
		echo "$save"
		"$save-nft-save" | sed -n '/^:CNI/s/ .*//p; s/^-A //p' | sort -s -k1,1 |
			awk '/^CNI-DN/ { print | "sort"; next } { print }'
	done | grep -vE -e '-s ::1/128|-d 127.0.0.0/8 .*! --src-type'
}

# ruled PLUGIN KEYS
ruled() {
	local MORE=ruleset
	same "$1" "$(chained "$1" "$2")"
}

PORTS='"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
	{"hostPort":8081,"containerPort":81,"protocol":"udp"},
	{"hostPort":8082,"containerPort":82,"protocol":"tcp","hostIP":"192.0.2.1"}]}'

@test "portmap, iptables" { ruled portmap "{\"backend\":\"iptables\",$PORTS}"; }
@test "portmap, iptables: masqAll" { ruled portmap "{\"backend\":\"iptables\",\"masqAll\":true,$PORTS}"; }
@test "portmap: no snat" { ruled portmap "{\"backend\":\"iptables\",\"snat\":false,$PORTS}"; }
@test "portmap: no ports" { ruled portmap '{}'; }
@test "firewall, iptables" { ruled firewall '{"backend":"iptables"}'; }
@test "firewall: same-bridge" { ruled firewall '{"backend":"iptables","ingressPolicy":"same-bridge"}'; }

# ---- in every version ------------------------------------------------------------------------------

# prevResult as that version has it.
VERSIONED='.prevResult.cniVersion = .cniVersion | if .cniVersion < "1.0.0" then
	.prevResult.ips |= map(.version = if .address | test(":") then "6" else "4" end) else . end'

# The reference's firewall knows none below 0.4.0.
every_version() { # PLUGIN KEYS
	local version
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		[ "$1" != firewall ] || [[ $version != 0.3* ]] || continue
		same "$1" "$(chained "$1" "$2" ".cniVersion = \"$version\" | $VERSIONED")"
	done
}

@test "every version: tuning" { every_version tuning '{"mtu":1400}'; }
@test "every version: bandwidth" { MORE=qdiscs every_version bandwidth "{$UP,$DOWN}"; }
@test "every version: sbr" { MORE=rules every_version sbr '{"table":300}'; }
@test "every version: portmap" { MORE=ruleset every_version portmap "{\"backend\":\"iptables\",$PORTS}"; }
@test "every version: firewall" { MORE=ruleset every_version firewall '{"backend":"iptables"}'; }
