# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# Each plugin as a row of a matrix: its configuration, that of another attachment beside it, and what has to be
# there. For files that have loaded lib.bash, fault.bash and faults.bash. What this kernel lacks has its
# rows in test/vm.

# row NAME : plugin, conf (of the attachment c1/eth0) and other (of c0/eth0) from here on.
row() {
	local ports='{"hostPort":8080,"containerPort":80},{"hostPort":8081,"containerPort":81,"protocol":"udp"}'
	plugin=${1%% *}
	restore=nothing
	other=
	case $1 in
	bridge) conf='"bridge":"br0","isGateway":true,"ipMasq":true,"macspoofchk":true,'$IPAM ;;
	ptp) conf='"ipMasq":true,'$IPAM ;;
	host-local) conf=$IPAM ;;
	cluster) conf='"ipam":{"type":"cluster","ipRanges":[{"range":"10.1.0.0/16"},{"range":"fd00::/64"}]}' ;;
	static) conf='"ipam":{"type":"static","addresses":[{"address":"10.2.0.2/24"}]}' ;;
	macvlan)
		conf='"master":"m0",'$IPAM
		wire
		;;
	ipvlan)
		conf='"master":"m0",'$IPAM
		wire
		;;
	vlan)
		conf='"master":"m0","vlanId":100,'$IPAM
		wire
		;;
	dummy) conf='"mac":"02:aa:00:00:00:01",'$IPAM ;;
	loopback) conf='"dns":{}' ;;
	tap) conf='"owner":0,"group":0,"mtu":1400,"mac":"02:aa:00:00:00:01",'$IPAM ;;
	host-device)
		conf='"device":"dev1",'$IPAM
		devices 0 1
		;;
	portmap*) conf='"runtimeConfig":{"portMappings":['$ports']},'$(prev 2) ;;
	firewall*) conf='"ingressPolicy":"same-bridge",'$(prev 2) ;;
	tuning)
		conf='"mac":"02:bb:00:00:00:01","mtu":1400,"promisc":true,"sysctl":{"net.core.somaxconn":"77"},'$(prev 2)
		restore=reset
		;;
	bandwidth)
		conf='"ingressRate":100000000,"egressRate":50000000,'$(prev 2)
		restore=bare
		;;
	sbr) conf='"addSourceHints":true,'$(prev 2) restore=link_again ;;
	chain)
		conf='"capabilities":{"portMappings":true},"runtimeConfig":{"portMappings":['$ports']},"plugins":[
			{"type":"bridge","bridge":"br0","isGateway":true,"ipMasq":true,'$IPAM'},
			{"type":"portmap","capabilities":{"portMappings":true}},
			{"type":"firewall","backend":"nftables","ingressPolicy":"same-bridge"},
			{"type":"tuning","mac":"02:bb:00:00:00:01","mtu":1400,"sysctl":{"net.core.somaxconn":"77"}},
			{"type":"bandwidth","ingressRate":100000000,"egressRate":50000000}]'
		;;
	vrf)
		conf='"vrfname":"blue","unreachableDefault":true,'$(prev 2)
		restore=rich_link_again
		order=sort # what comes back comes behind its equals
		;;
	esac
	[ "${1#* }" = "$1" ] || conf='"backend":"'${1#* }'",'$conf
	conf='{"cniVersion":"1.1.0","name":"net","type":"'$plugin'",'$conf'}'
	case $plugin in
	portmap) other=${conf//10.1.0.2/10.1.0.3} other=${other//fd00::2/fd00::3} other=${other//808/909} ;;
	firewall) other=${conf//10.1.0.2/10.1.0.3} other=${other//fd00::2/fd00::3} ;;
	static | loopback | tuning | bandwidth | sbr | vrf) ;;
	chain) other=${conf//808/909} other=${other//02:bb:00:00:00:01/02:bb:00:00:00:02} ;;
	vlan) other=${conf/:100/:200} ;;
	host-device) other=${conf/dev1/dev0} ;;
	*) other=$conf ;;
	esac
}

# devices N... : devN on the host, with the other end wireN.
devices() {
	local n
	for n; do
		ip link add "dev$n" index $((910 + n)) up mtu 1400 alias mine address "02:aa:00:00:01:0$n" type veth \
			peer name "wire$n" index $((900 + n)) address "02:aa:00:00:02:0$n"
	done
}

# A chained plugin's, with an interface that is there.
prev() {
	echo '"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"br0"},
		{"name":"eth0","sandbox":"/run/netns/box"}],"ips":[{"address":"10.1.0.'"$1"'/16","interface":1},
		{"address":"fd00::'"$1"'/64","interface":1}]}'
}

reset() {
	in_ns box sh -c 'echo 5 >/proc/sys/net/core/somaxconn'
}

# What a GC leaves of the host's end, which is gone with the container as a rule.
bare() {
	tc qdisc del dev v0 root 2>/dev/null || true
	tc qdisc del dev v0 ingress 2>/dev/null || true
}

# Its routes as at first: where they have gone they end with the interface.
link_again() {
	ip -n box link del eth0 2>/dev/null || true
	link_of box
}

# The same with addresses and routes of all sorts, some of them shared with eth9. The kernel makes the rule for
# VRFs with a namespace's first one, and keeps it.
rich_link_again() {
	ip -n box link show eth9 >/dev/null 2>&1 || ip -n box -batch - <<-'END'
		link add first type vrf table 9
		link del first
		link add eth9 index 911 address 02:aa:00:00:00:09 type dummy
		link set eth9 addrgenmode none
		link set eth9 up
		addr add 10.9.0.2/24 dev eth9
		addr add fd00:9::2/64 dev eth9 nodad
	END
	ip -n box link del eth0 2>/dev/null || true
	ip -n box -4 route flush proto boot table all
	ip -n box -6 route flush proto boot table all
	ip link add v0 index 900 up address 02:aa:00:00:00:02 type veth peer name eth0 index 901 netns box \
		address 02:aa:00:00:00:01
	ip -n box -batch - <<-'END'
		link set eth0 addrgenmode none
		link set eth0 up
		addr add 10.1.0.2/16 dev eth0
		addr add 10.4.0.2/24 dev eth0
		addr add fd00::2/64 dev eth0 nodad
		addr add fd00:4::2/64 dev eth0 nodad preferred_lft 4000 valid_lft 5000
		addr add fe80::77/64 dev eth0 nodad
		route add default via 10.9.0.1
		route append default via 10.1.0.1
		route add default via 10.1.0.8 dev eth0 metric 50 mtu lock 1300
		route add 172.16.0.0/16 nexthop via 10.9.0.1 nexthop via 10.1.0.1 weight 4
		route add 172.17.0.0/16 nexthop via 10.1.0.1 nexthop via 10.1.0.7
		route add 172.18.0.0/16 dev eth0 scope link src 10.1.0.2
		route add 172.19.0.0/16 via 172.30.0.1 dev eth0 onlink
		route add 172.20.0.0/16 via 10.1.0.1 table 77
		route add default via fd00:9::1
		route append default via fd00::1
		route add fd00:f::/48 via fe80::99 dev eth0
		route add fd00:a::/48 via fd00::7 src fd00:4::2 mtu 1400
	END
}

# What else a VRF's interface has that the kernel's own look like; the lifetimes count down.
link_locals() {
	ip -n box -6 -o addr show dev eth0 | sed 's/valid_lft.*//; s/.*inet6/inet6/'
	ip -n box -6 route show table all | grep -E 'fe80::(77|99)' || true
}

more_state() {
	[ "$plugin" != vrf ] || link_locals
	tc qdisc show
	nft -s list ruleset 2>/dev/null | grep -E '10\.[0-9.]+|fd00:|CNI-[0-9a-f]{6}|CNI-DN|comment "c[0-9]|veth' || true
	[ -z "$(nft list table ip filter 2>/dev/null)" ] || nft -s list table ip filter | grep -c accept || true
	find /run/cnic/rules /run/cnic/bandwidth /run/cni -type f 2>/dev/null | sort
}

# Whether the interface is another plugin's.
is_chained() {
	case $plugin in
	portmap | firewall | tuning | bandwidth | sbr | vrf | ovs-mirror-*) ;;
	*) return 1 ;;
	esac
}

# The container, with its interface where it is another plugin's.
box() {
	netns box
	ip -n box link set lo down
	! is_chained || link_of box
}

link_of() {
	ip link add v0 index 900 address 02:aa:00:00:00:02 type veth peer name eth0 index 901 netns "$1" \
		address 02:aa:00:00:00:01
	ip -n "$1" addr add 10.1.0.2/16 dev eth0
	ip -n "$1" addr add fd00::2/64 dev eth0 nodad
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 10.1.0.1
}

begin() {
	row "$1"
	ip netns del box
	if [ -n "$other" ]; then
		netns other
		CID=c0 add "$plugin" <<<"$other"
		expect_ok
	fi
	box
	"$restore"
	base=$(snapshot)
	set +T # bats' own DEBUG trap
}
