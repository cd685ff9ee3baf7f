# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For hack/bench --plugins: what each plugin is asked for when it is executed alone, and what there is
# beforehand. set_NAME sets
#
#	CONF     the configuration; @STORE@, @NETNS@ are the side's
#	SETUP    shell, in the side's own host, once
#	PREPARE  shell, before each ADD, outside its time: what a runtime makes anew for each container
#
# ip(8) knows the container's namespace as $NETNS. test/bench/side.c reads these.

ipam='"ipam":{"type":"host-local","dataDir":"@STORE@","subnet":"10.1.0.0/16","routes":[{"dst":"0.0.0.0/0"}]}'
previous='"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"host0"},{"name":"eth0","sandbox":
	"@NETNS@"}],"ips":[{"address":"10.1.0.2/16","gateway":"10.1.0.1","interface":1}]}'
master='ip link add m0 type veth peer name m1; ip link set m0 up; ip link set m1 up'
# shellcheck disable=SC2016 # the driver's shell expands it
pair='
	ip link del host0 2>/dev/null || :
	ip link add host0 type veth peer name eth0 netns "$NETNS"
	ip link set host0 up
	ip -n "$NETNS" link set eth0 up
	ip -n "$NETNS" addr add 10.1.0.2/16 dev eth0
	ip -n "$NETNS" route add default via 10.1.0.1'

# conf TYPE KEYS [SETUP [PREPARE]]
conf() {
	export CONF="{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"$1\"${2:+,$2}}"
	export SETUP=${3:-:} PREPARE=${4:-}
}

set_loopback() { conf loopback ''; }
set_ptp() { conf ptp "$ipam"; }
set_tap() { conf tap "$ipam"; }
set_macvlan() { conf macvlan "\"master\":\"m0\",$ipam" "$master"; }
set_ipvlan() { conf ipvlan "\"master\":\"m0\",$ipam" "$master"; }
set_vlan() { conf vlan "\"master\":\"m0\",\"vlanId\":5,$ipam" "$master"; }
set_dummy() { conf dummy "$ipam"; }
set_host-device() { conf host-device "\"device\":\"m0\",$ipam" "$master"; }
set_host-local() { conf host-local "$ipam"; }
set_static() { conf static '"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/16"}]}'; }
set_firewall() { conf firewall "$previous"; }
set_tuning() {
	conf tuning "\"dataDir\":\"@STORE@\",\"mtu\":1400,\"sysctl\":{\"net.core.somaxconn\":\"500\"},$previous" "$pair"
}
set_bandwidth() {
	local rates='"ingressRate":100000000,"ingressBurst":2000000,"egressRate":50000000,"egressBurst":1000000'
	conf bandwidth "$rates,$previous" : "$pair"
}
set_sbr() { conf sbr "$previous" : "$pair"; }
set_vrf() { conf vrf "\"vrfname\":\"red\",$previous" : "$pair"; }

# lacks NAME : this kernel cannot do what the plugin asks of it
lacks() {
	local add=()
	case $1 in
	ipvlan) add=(link m0 name x type ipvlan) ;;
	vlan) add=(link m0 name x type vlan id 5) ;;
	dummy) add=(x type dummy) ;;
	vrf) add=(x type vrf table 10) ;;
	*) return 1 ;;
	esac
	! unshare -n sh -c 'ip link add m0 type veth peer name m1 && ip link add "$@"' sh "${add[@]}" 2>/dev/null
}

# CONFIG_HZ: timers and grace periods of the kernel go by it. getconf CLK_TCK is not it. Where no configuration is
# to be had it is what a second of jiffies comes to.
kernel_hz() {
	{ zcat /proc/config.gz || cat "/boot/config-$(uname -r)"; } 2>/dev/null | sed -n 's/^CONFIG_HZ=//p' | grep . ||
		{ jiffies && sleep 1 && jiffies; } | awk '
			NR == 1 { at = $1; from = $2 }
			NR == 2 { hz = ($2 - from) * 1e9 / ($1 - at); print (hz > 550 ? 1000 : hz > 275 ? 300 : hz > 175 ? 250 : 100) }'
}

# The kernel's clock in ns, and its jiffies.
jiffies() {
	awk '$1 == "now" { at = $3 } $1 == "jiffies:" { print at, $2; exit }' /proc/timer_list
}
