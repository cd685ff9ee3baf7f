# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# ovs against a real ovsdb-server and ovs-vswitchd with the userspace datapath.

load ../lib
load ovs
load examples

IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.5.0.0/24"}],[{"subnet":"fd05::/64"}]]}'
CONF='{"cniVersion":"1.1.0","name":"net","type":"ovs","bridge":"br0",'$IPAM'}'
L2='{"cniVersion":"1.1.0","name":"net","type":"ovs","bridge":"br0"}'

setup() {
	host_setup
	ovs_start
	netns box
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 5 "$OVS_RUNDIR"/*.log || true
	ovs_stop
	host_clean
}

# conf FILTER : $CONF changed by jq.
conf() {
	jq -c "$1" <<<"$CONF"
}

# another NAME CID FILTER : a second container, with its ADD.
another() {
	netns "$1"
	CID=$2 add ovs <<<"$(conf "$3")"
	expect_ok
}

pings() {
	in_ns "$1" ping -c 1 -W "${3:-5}" "$2" >/dev/null
}

# ---- ADD ---------------------------------------------------------------------------------------

@test "ADD: result, port and interface" {
	local port inside
	add ovs <<<"$CONF"
	expect_ok
	port=$(port_of)
	expect_json '.interfaces | length' 2
	expect_json '.interfaces[0] | has("sandbox")' false
	expect_json '.interfaces[0].mac' "$(ip -j link show "$port" | jq -r '.[0].address')"
	expect_json '.interfaces[1].name' eth0
	expect_json '.interfaces[1].sandbox' "$(ns_path)"
	expect_json '[.ips[].interface]' '[1,1]'
	expect_json '.ips[0].address' 10.5.0.2/24
	inside=$(ns_ip box -j link show eth0 | jq -r '.[0].address')
	expect_json '.interfaces[1].mac' "$inside"
	[ -z "$(ip -6 addr show dev "$port")" ] || fail "no IPv6 address on the host's end"
	[ "$(ovs-vsctl list-ports br0)" = "$port" ] || fail "the port on br0"
	expect_column Port "$port" vlan_mode '"trunk"'
	expect_column Port "$port" tag '[]'
	expect_column Port "$port" trunks '[]'
	expect_column Port "$port" external_ids "{\"contId\":\"c1\",\"contIface\":\"eth0\",\
\"contNetns\":\"/run/netns/box\",\"contNetwork\":\"net\",\"contPodUid\":\"\",\"owner\":\"$OWNER\"}"
	expect_column Interface "$port" external_ids '{}'
	expect_column Interface "$port" link_state '"up"'
	expect_column Interface "$port" error '[]'
	[ "$(column Interface "$port" ofport)" -gt 0 ] || fail "an OpenFlow port"
}

@test "row 25: the MAC address goes with an address of host-local's, not with a static one" {
	local conf mac
	needs_ipam_inside
	add ovs <<<"$CONF"
	expect_ok
	expect_json '.interfaces[1].mac' 0a:58:0a:05:00:02
	del ovs <<<"$CONF"
	expect_silent
	conf=$(jq -c '.ipam = {type: "static", addresses: [{address: "10.5.0.2/24"}]}' <<<"$CONF")
	add ovs <<<"$conf"
	expect_ok
	mac=$(ns_ip box -j link show eth0 | jq -r '.[0].address')
	expect_json '.interfaces[1].mac' "$mac"
	[[ $mac != 0a:58:0a:05:00:02 ]] || fail "a MAC address of its own, not $mac"
	del ovs <<<"$conf"
	expect_silent
}

@test "ADD, CHECK, DEL, DEL: nothing is left" {
	add ovs <<<"$CONF"
	expect_ok
	check ovs <<<"$(with_result "$CONF")"
	expect_silent
	del ovs <<<"$(with_result "$CONF")"
	expect_silent
	expect_nothing_left
	del ovs <<<"$CONF"
	expect_silent
}

@test "without IPAM the interface is up and has no address" {
	add ovs <<<"$L2"
	expect_ok
	expect_json '.ips' null
	[ "$(ns_ip box -j link show eth0 | jq -r '.[0].operstate')" = UP ] || fail "eth0 up"
	check ovs <<<"$(with_result "$L2")"
	expect_silent
	del ovs <<<"$L2"
	expect_silent
	expect_nothing_left
}

@test "every spec version" {
	local version
	for version in $ALL_VERSIONS; do
		add ovs <<<"$(conf ".cniVersion = \"$version\"")"
		expect_ok
		expect_json .cniVersion "$version"
		case $version in
		0.[123]*) ;;
		*) check ovs <<<"$(with_result "$(conf ".cniVersion = \"$version\"")")" && expect_silent ;;
		esac
		del ovs <<<"$(conf ".cniVersion = \"$version\"")"
		expect_silent
	done
	expect_nothing_left
}

@test "two containers reach each other by IPv4 and IPv6" {
	add ovs <<<"$CONF"
	another box2 c2 .
	no_dad_wait box
	pings box2 10.5.0.2 || fail "an answer"
	pings box2 fd05::2 || fail "an answer by IPv6"
}

# ---- VLANs -------------------------------------------------------------------------------------

@test "vlan: an access port, and containers of two VLANs do not hear each other" {
	add ovs <<<"$(conf '.vlan = 100')"
	expect_ok
	expect_column Port "$(port_of)" vlan_mode '"access"'
	expect_column Port "$(port_of)" tag 100
	check ovs <<<"$(with_result "$(conf '.vlan = 100')")"
	expect_silent
	check ovs <<<"$(with_result "$(conf '.vlan = 101')")"
	expect_code 102 tag
	another box2 c2 '.vlan = 100'
	another box3 c3 '.vlan = 200'
	pings box2 10.5.0.2 || fail "an answer in the VLAN"
	! pings box3 10.5.0.2 1 || fail "no answer from another VLAN"
}

@test "vlan 0 is a tag too" {
	add ovs <<<"$(conf '.vlan = 0')"
	expect_ok
	expect_column Port "$(port_of)" tag 0
	expect_column Port "$(port_of)" vlan_mode '"access"'
}

@test "trunk: ids and ranges" {
	local trunk='.trunk = [{"id": 42}, {"minID": 100, "maxID": 103}, {"id": 101}, {"minID": 0, "maxID": 1}]'
	add ovs <<<"$(conf "$trunk")"
	expect_ok
	expect_column Port "$(port_of)" trunks '[0,1,42,100,101,102,103]'
	expect_column Port "$(port_of)" vlan_mode '"trunk"'
	expect_column Port "$(port_of)" tag '[]'
	check ovs <<<"$(with_result "$(conf "$trunk")")"
	expect_silent
	check ovs <<<"$(with_result "$(conf '.trunk = [{"id": 42}]')")"
	expect_code 102 trunks
	del ovs <<<"$(conf "$trunk")"
	expect_silent
	expect_nothing_left
}

@test "a trunk of one VLAN survives CHECK" {
	add ovs <<<"$(conf '.trunk = [{"id": 42}]')"
	expect_ok
	expect_column Port "$(port_of)" trunks 42
	check ovs <<<"$(with_result "$(conf '.trunk = [{"id": 42}]')")"
	expect_silent
}

@test "vlan and trunk: native-tagged" {
	local both='.vlan = 7 | .trunk = [{"id": 42}]'
	add ovs <<<"$(conf "$both")"
	expect_ok
	expect_column Port "$(port_of)" vlan_mode '"native-tagged"'
	expect_column Port "$(port_of)" tag 7
	expect_column Port "$(port_of)" trunks 42
	check ovs <<<"$(with_result "$(conf "$both")")"
	expect_silent
}

# What the container sends tagged arrives untagged in that VLAN only. This kernel has no VLAN
# interfaces: the frame is made by OVS itself, on its way out of an access port into the trunk.
@test "a trunk port carries the VLANs it lists" {
	local port
	add ovs <<<"$(conf '.trunk = [{"id": 100}]')"
	port=$(port_of)
	ovs-appctl ofproto/trace br0 "in_port=$port,dl_vlan=100,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff" |
		grep -q 'Datapath actions: .*[0-9]' || fail "VLAN 100 in"
	ovs-appctl ofproto/trace br0 "in_port=$port,dl_vlan=101,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff" |
		grep -q 'Datapath actions: drop' || fail "VLAN 101 not"
}

@test "trunks that make no sense" {
	local trunk
	for trunk in '{"minID": 5, "maxID": 4}' '{"minID": 5}' '{"maxID": 5}' '{}'; do
		add ovs <<<"$(conf ".trunk = [{\"id\": 1}, $trunk]")"
		expect_code 7 'trunk[1]'
	done
	add ovs <<<"$(conf '.trunk = [{"id": 4096}]')"
	expect_code 7 'trunk[0].id'
	add ovs <<<"$(conf '.vlan = 4096')"
	expect_code 7 vlan
	expect_nothing_left
}

# ---- other keys --------------------------------------------------------------------------------

@test "mtu on both ends" {
	add ovs <<<"$(conf '.mtu = 1400')"
	expect_ok
	[ "$(ip -j link show "$(port_of)" | jq '.[0].mtu')" = 1400 ] || fail "the host's end"
	[ "$(ns_ip box -j link show eth0 | jq '.[0].mtu')" = 1400 ] || fail "the container's end"
}

@test "ofport_request" {
	add ovs <<<"$(conf '.ofport_request = 4711')"
	expect_ok
	expect_column Interface "$(port_of)" ofport 4711
	expect_column Interface "$(port_of)" ofport_request 4711
	CID=c2 add ovs eth1 <<<"$(conf '.ofport_request = 65280')"
	expect_code 7 ofport_request
}

@test "interface_type is passed on, and what the switch says of it is told" {
	add ovs <<<"$(conf '.interface_type = "system"')"
	expect_ok
	expect_column Interface "$(port_of)" type '"system"'
	del ovs <<<"$CONF"
	add ovs <<<"$(conf '.interface_type = "no-such-type"')"
	expect_failure
	expect_json '.msg | contains("ovs-vswitchd cannot open it") or contains("has not opened it")' true
	expect_nothing_left
}

@test "mac, by all ways" {
	local mac=c2:11:22:33:44:55
	add ovs <<<"$(conf ".runtimeConfig.mac = \"$mac\"")"
	expect_json '.interfaces[1].mac' $mac
	[ "$(ns_ip box -j link show eth0 | jq -r '.[0].address')" = $mac ] || fail "the MAC"
	del ovs <<<"$CONF"
	add ovs <<<"$(conf ".args.cni.mac = \"$mac\"")"
	expect_json '.interfaces[1].mac' $mac
	del ovs <<<"$CONF"
	CNI_ARGS="IgnoreUnknown=1;MAC=$mac" add ovs <<<"$(conf '.args.cni.mac = "c2:11:22:33:44:66"')"
	expect_json '.interfaces[1].mac' $mac
	del ovs <<<"$CONF"
	add ovs <<<"$(conf '.args.cni.MAC = 5')"
	expect_ok
	del ovs <<<"$CONF"
	CNI_ARGS="IgnoreUnknown=1;MAC=nonsense" add ovs <<<"$CONF"
	expect_code 7 MAC
	expect_nothing_left
}

@test "CNI_ARGS and args.cni: OvnPort and the pod" {
	ovs_bridge br-int
	CNI_ARGS="OvnPort=ovn1;K8S_POD_UID=u-1;K8S_POD_NAME=pod;K8S_POD_NAMESPACE=ns;IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=x" \
		add ovs <<<"$(conf 'del(.bridge)')"
	expect_ok
	[ "$(ovs-vsctl list-ports br-int)" = "$(port_of)" ] || fail "a port of br-int"
	expect_column Interface "$(port_of)" external_ids '{"iface-id":"ovn1"}'
	expect_column Port "$(port_of)" external_ids:contPodUid '"u-1"'
	expect_column Port "$(port_of)" external_ids:contPodName '"pod"'
	expect_column Port "$(port_of)" external_ids:contPodNamespace '"ns"'
	CNI_ARGS="IgnoreUnknown=1;OvnPort=ovn1" check ovs <<<"$(with_result "$(conf 'del(.bridge)')")"
	expect_silent
	CNI_ARGS="IgnoreUnknown=1;OvnPort=ovn2" check ovs <<<"$(with_result "$(conf 'del(.bridge)')")"
	expect_code 102 iface-id
	del ovs <<<"$(conf 'del(.bridge)')"
	expect_silent
	expect_nothing_left
	add ovs <<<"$(conf '.args.cni.ovnport = "ovn3"')"
	expect_column Interface "$(port_of)" external_ids '{"iface-id":"ovn3"}'
	[ "$(ovs-vsctl list-ports br0)" = "$(port_of)" ] || fail "on the bridge that is named"
}

@test "socket_file: a bare path, tcp, IPv6, what is wrong" {
	local where
	end_process ovsdb-server
	server_start --remote=ptcp:16640:127.0.0.1 --remote='ptcp:16641:[::1]'
	for where in "$SOCKET" "unix:$SOCKET" tcp:127.0.0.1:16640 'tcp:[::1]:16641'; do
		add ovs <<<"$(conf ".socket_file = \"$where\"")"
		expect_ok
		del ovs <<<"$(conf ".socket_file = \"$where\"")"
		expect_silent
		expect_nothing_left
	done
	add ovs <<<"$(conf '.socket_file = "ssl:127.0.0.1:6640"')"
	expect_code 2 ssl
	add ovs <<<"$(conf '.socket_file = "db.sock"')"
	expect_code 7 db.sock
	add ovs <<<"$(conf '.socket_file = "/nowhere"')"
	expect_code 11 /nowhere
	expect_nothing_left
}

@test "DEL finds the database where ADD has found it" {
	local moved=$OVS_RUNDIR/moved.sock
	end_process ovsdb-server
	server_start --remote=punix:"$moved"
	add ovs <<<"$(conf ".socket_file = \"$moved\"")"
	expect_ok
	del ovs <<<"$(conf '.socket_file = "/nowhere"')"
	expect_silent
	expect_nothing_left
}

@test "the node's flat file fills in what the configuration leaves out" {
	local file=$BATS_TEST_TMPDIR/ovs.conf
	echo '{"bridge": "br0", "vlan": 5, "mtu": 1350}' >"$file"
	add ovs <<<"$(conf "del(.bridge) | .mtu = 1400 | .configuration_path = \"$file\"")"
	expect_ok
	expect_column Port "$(port_of)" tag 5
	[ "$(ip -j link show "$(port_of)" | jq '.[0].mtu')" = 1400 ] || fail "the configuration's mtu"
	del ovs <<<"$(conf "del(.bridge) | .configuration_path = \"$file\"")"
	expect_silent
	expect_nothing_left
	echo '{"bridge": 5}' >"$file"
	add ovs <<<"$(conf "del(.bridge) | .configuration_path = \"$file\"")"
	expect_code 6 bridge
	echo 'nonsense' >"$file"
	add ovs <<<"$(conf "del(.bridge) | .configuration_path = \"$file\"")"
	expect_code 6 "$file"
	del ovs <<<"$(conf "del(.bridge) | .configuration_path = \"$file\"")"
	expect_silent
	add ovs <<<"$(conf 'del(.bridge) | .configuration_path = "/nowhere"')"
	expect_code 7 'bridge: missing'
}

@test "link_state_check_retries and interval bound the wait" {
	add ovs <<<"$(conf '.link_state_check_retries = 1001')"
	expect_code 7 link_state_check_retries
	add ovs <<<"$(conf '.link_state_check_interval = 60001')"
	expect_code 7 link_state_check_interval
	add ovs <<<"$(conf '.link_state_check_retries = 3 | .link_state_check_interval = 1000')"
	expect_ok
}

# ---- what can be wrong -------------------------------------------------------------------------

@test "no bridge, no such bridge" {
	add ovs <<<"$(conf 'del(.bridge)')"
	expect_code 7 'bridge: missing'
	add ovs <<<"$(conf '.bridge = "br9"')"
	expect_code 7 br9
	expect_nothing_left
}

@test "the interface exists already: the attachment that has it keeps all it has" {
	local before
	add ovs <<<"$CONF"
	expect_ok
	before=$(ovs_rows; ls $MEMOS)
	add ovs <<<"$CONF"
	expect_code 101 eth0
	expect_same rows "$before" "$(ovs_rows; ls $MEMOS)"
	pings box 10.5.0.2 || fail "itself"
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
}

@test "IPAM fails: nothing is left" {
	add ovs <<<"$(conf '.ipam.ranges = [[{"subnet":"10.5.0.0/30","rangeStart":"10.5.0.2","rangeEnd":"10.5.0.2"}]]')"
	expect_ok
	netns box2
	CID=c2 add ovs <<<"$(conf '.ipam.ranges = [[{"subnet":"10.5.0.0/30","rangeStart":"10.5.0.2","rangeEnd":"10.5.0.2"}]]')"
	expect_code 100
	NS=box
	del ovs <<<"$CONF"
	expect_nothing_left
}

@test "the switch is down: ADD fails in its time, and leaves nothing" {
	end_process ovs-vswitchd
	add ovs <<<"$CONF"
	expect_code 11 ovs-vswitchd
	expect_nothing_left
}

@test "C-108 the server is down: ADD fails, DEL names what may remain, and finishes later" {
	add ovs <<<"$CONF"
	expect_ok
	end_process ovsdb-server
	CID=c2 add ovs eth1 <<<"$CONF"
	expect_code 11 "$SOCKET"
	del ovs <<<"$CONF"
	expect_code 11 'c1/eth0 may remain'
	[ -z "$(ip -o link show type veth)" ] || fail "the veth gone all the same"
	server_start
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
}

@test "the server is stopped: DEL comes back in its time" {
	add ovs <<<"$CONF"
	kill -STOP "$(pid_of ovsdb-server)"
	del ovs <<<"$CONF"
	expect_code 11 'does not answer'
	kill -CONT "$(pid_of ovsdb-server)"
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
}

@test "the server is stopped during ADD: what it does later, it undoes" {
	kill -STOP "$(pid_of ovsdb-server)"
	add ovs <<<"$CONF"
	expect_code 11 'does not answer'
	kill -CONT "$(pid_of ovsdb-server)"
	expect_nothing_left
}

@test "DEL without a server and without a memo has nothing to do" {
	end_process ovsdb-server
	del ovs <<<"$CONF"
	expect_silent
}

# gone WHAT... : DEL succeeds and leaves nothing though WHAT is missing.
gone() {
	add ovs <<<"$CONF"
	expect_ok
	"$@"
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
}

@test "DEL with each object missing" {
	local port
	gone rm -r /var/lib/cni/ovs-cni
	gone sh -c "echo nonsense >$MEMOS/c1-eth0"
	gone rm -r /var/lib/cni/networks
	gone ns_ip box link del eth0
	gone sh -c 'ovs-vsctl del-port $(ovs-vsctl list-ports br0)'
	gone sh -c 'ip link del $(ovs-vsctl list-ports br0)'
	gone sh -c 'ip link del $(ovs-vsctl list-ports br0); ovs-vsctl del-port $(ovs-vsctl list-ports br0)'
	add ovs <<<"$CONF"
	ip netns del box
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
	netns box2
	add ovs <<<"$CONF"
	CNI_NETNS='' del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
	add ovs <<<"$CONF"
	ovs-vsctl del-br br0
	del ovs <<<"$CONF"
	expect_silent
	[ -z "$(ovs_rows | grep -v ': \[\]')" ] || fail "no row"
}

@test "DEL of one container leaves another's that has the same namespace path" {
	add ovs <<<"$CONF"
	CID=c2 del ovs <<<"$CONF"
	expect_silent
	[ -n "$(ovs-vsctl list-ports br0)" ] || fail "c1's port"
}

# ---- CHECK -------------------------------------------------------------------------------------

# notices TEXT COMMAND... : CHECK does after COMMAND.
notices() {
	local text=$1
	shift
	add ovs <<<"$CONF"
	expect_ok
	"$@"
	check ovs <<<"$(with_result "$CONF")"
	expect_code 102 "$text"
	del ovs <<<"$CONF"
	ovs-vsctl --if-exists del-port "$(port_of)" # one that was given to somebody else
}

port_changes() {
	ovs-vsctl "$1" port "$(port_of)" "${@:2}"
}

@test "CHECK notices what is different" {
	notices 'is gone from OVS' sh -c 'ovs-vsctl del-port $(ovs-vsctl list-ports br0)'
	notices 'tag' port_changes set tag=5
	notices 'vlan_mode' port_changes set vlan_mode=access
	notices 'trunks' port_changes set trunks=5,6
	notices 'another attachment' port_changes set external_ids:contId=c7
	notices 'another attachment' port_changes remove external_ids owner
	notices "has no address 10.5.0." sh -c 'ip -n box -4 addr flush dev eth0'
	notices 'is down' ns_ip box link set eth0 down
	notices 'gone' ns_ip box link del eth0
	ovs_bridge br1
	notices 'no port of OVS bridge br0' sh -c 'p=$(ovs-vsctl list-ports br0); u=$(ovs-vsctl get port $p _uuid);
		ovs-vsctl remove bridge br0 ports $u -- add bridge br1 ports $u'
	expect_nothing_left
}

# ---- GC ----------------------------------------------------------------------------------------

@test "GC removes what is not valid, and keeps the rest" {
	add ovs <<<"$CONF"
	another box2 c2 .
	another box3 c3 '.name = "other"'
	gc ovs <<<"$(with_valid "$CONF" c1/eth0)"
	expect_silent
	[ "$(ovs-vsctl list-ports br0 | wc -l)" = 2 ] || fail "two ports"
	[ "$(ls $MEMOS)" = $'c1-eth0\nc3-eth0' ] || fail "two memos"
	[ -z "$(ns_ip box2 -o link show type veth)" ] || fail "c2's veth gone"
	NS=box check ovs <<<"$(with_result "$CONF" "$(NS=box CID=c1 first)")" || true
	gc ovs <<<"$(with_valid "$CONF")"
	expect_silent
	[ "$(ovs-vsctl list-ports br0 | wc -l)" = 1 ] || fail "the other network's port"
	gc ovs <<<"$(with_valid "$(conf '.name = "other"')")"
	expect_silent
	expect_nothing_left
}

drafted() {
	killed_at rename,renameat,renameat2 ADD ovs <<<"$CONF"
	[ "$(find $MEMOS -name '*.tmp' | wc -l)" = 1 ] || fail "a draft, not $(ls $MEMOS)"
}

no_draft() {
	[ -z "$(find $MEMOS -name '*.tmp')" ] || fail "no draft, not $(ls $MEMOS)"
}

@test "row 20: what an ADD that was killed has left of its memo goes with the next call" {
	drafted
	del ovs <<<"$CONF"
	expect_silent
	no_draft
	expect_nothing_left
	drafted
	CID=c2 del ovs <<<"$CONF"
	NS=box add ovs <<<"$CONF"
	expect_ok
	no_draft
	del ovs <<<"$CONF"
	expect_nothing_left
	for valid in "" c1/eth0; do
		drafted
		echo '{"Netconf":{"na' >"$MEMOS/c9-eth0.4242.tmp" # as an earlier version of ours has left it
		# shellcheck disable=SC2086
		gc ovs <<<"$(with_valid "$CONF" $valid)"
		expect_silent
		no_draft
		del ovs <<<"$CONF"
		expect_nothing_left
	done
}

# A draft has no name that an attachment could have.
@test "row 20: a memo is no draft, whatever its interface is called" {
	local name
	for name in eth0 eth0.tmp eth0.42.tmp; do
		add ovs $name <<<"$CONF"
		expect_ok
	done
	gc ovs <<<"$(with_valid "$CONF" c1/eth0 c1/eth0.tmp c1/eth0.42.tmp)"
	expect_silent
	gc ovs <<<"$(with_valid "$(conf '.name = "other"')")"
	expect_silent
	[ "$(ls $MEMOS)" = $'c1-eth0\nc1-eth0.42.tmp\nc1-eth0.tmp' ] || fail "three memos, not $(ls $MEMOS)"
}

@test "GC removes ports that have lost their interface, ovs-cni's too, nobody else's" {
	local port
	add ovs <<<"$CONF"
	port=$(port_of)
	ovs-vsctl remove port "$port" external_ids contId remove port "$port" external_ids contNetwork 2>/dev/null ||
		ovs-vsctl -- remove port "$port" external_ids contId -- remove port "$port" external_ids contNetwork
	ovs-vsctl --no-wait add-port br0 foreign0
	ovs-vsctl --no-wait add-port br0 inside0 -- set interface inside0 type=internal -- \
		set port inside0 "external_ids:owner=$OWNER"
	gc ovs <<<"$(with_valid "$CONF")"
	expect_silent
	ovs-vsctl port-to-br "$port" || fail "a port of ovs-cni that lives"
	ip link del "$port"
	gc ovs <<<"$(with_valid "$CONF")"
	expect_silent
	! ovs-vsctl port-to-br "$port" || fail "none that is dead"
	ovs-vsctl port-to-br foreign0 || fail "somebody else's port"
	ovs-vsctl port-to-br inside0 || fail "a port that is no netdev of the host"
}

@test "DEL sweeps what a reboot has orphaned" {
	local port
	another box2 c2 .
	port=$(port_of)
	NS=box
	add ovs <<<"$CONF"
	ip link del "$port"
	rm -r /var/lib/cni/ovs-cni
	end_process ovs-vswitchd
	switch_start
	ovs-vsctl --timeout=10 wait-until interface "$port" ofport=-1
	del ovs <<<"$CONF"
	expect_silent
	expect_no_ports
}

# ---- STATUS ------------------------------------------------------------------------------------

@test "STATUS" {
	status_of ovs <<<"$CONF"
	expect_silent
	status_of ovs <<<"$(conf 'del(.bridge)')"
	expect_silent
	status_of ovs <<<"$(conf '.bridge = "br9"')"
	expect_code 50 br9
	end_process ovs-vswitchd
	status_of ovs <<<"$CONF"
	expect_code 51 ovs-vswitchd
	end_process ovsdb-server
	status_of ovs <<<"$CONF"
	expect_code 50 "$SOCKET"
}

# ---- a crowd -----------------------------------------------------------------------------------

# crowd VERB : for a hundred containers, twenty at a time; what it says is in said/, who failed in failed.
crowd() {
	mkdir -p "$BATS_TEST_TMPDIR/said"
	: >"$BATS_TEST_TMPDIR/failed"
	# shellcheck disable=SC2016
	seq 100 | CNI_COMMAND=$1 CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN CONF=$CONF DIR=$BATS_TEST_TMPDIR \
		xargs -P 20 -I '{}' sh -c '
			CNI_CONTAINERID=crowd{} CNI_NETNS=/run/netns/crowd{} \
				timeout 100 "$CNI_PATH/ovs" <<-END >"$DIR/said/{}" || echo {} >>"$DIR/failed"
			$CONF
			END
		'
	[ ! -s "$BATS_TEST_TMPDIR/failed" ] || {
		read -r first <"$BATS_TEST_TMPDIR/failed"
		fail "all of them well; the first says $(<"$BATS_TEST_TMPDIR/said/$first")"
	}
}

# hundred WHAT : as many different lines.
hundred() {
	[ "$(sed '/^$/d' | sort -u | wc -l)" = 100 ] || fail "a hundred $1"
}

@test "a hundred ports, twenty at a time, added and removed: none is lost, none is left" {
	local i
	for i in {1..100}; do
		ip netns add "crowd$i"
	done
	crowd ADD
	ovs-vsctl list-ports br0 | hundred ports
	ovs-vsctl --bare --columns=name find port "external_ids:owner=$OWNER" | hundred "ports of ours"
	ovs-vsctl --bare --columns=ofport find interface 'ofport>0' 'type=""' | hundred "OpenFlow ports"
	ip -o link show type veth | hundred veths
	ls $MEMOS | hundred notes
	cat "$BATS_TEST_TMPDIR"/said/* | jq -r '.ips[0].address' | hundred addresses
	cat "$BATS_TEST_TMPDIR"/said/* | jq -r '.interfaces[0].name' | sort |
		diff - <(ovs-vsctl list-ports br0 | sort) || fail "the ports that the results name"
	pings crowd1 "$(jq -r '.ips[0].address | split("/")[0]' "$BATS_TEST_TMPDIR/said/100")" || fail "an answer"
	crowd DEL
	expect_nothing_left
	crowd DEL
}

# ---- ovs-cni ------------------------------------------------------------------------------------

# What ovs-cni writes; the same as ours without our keys.
@test "an attachment of ovs-cni's is checked and deleted" {
	local port
	add ovs <<<"$CONF"
	port=$(port_of)
	ovs-vsctl -- remove port "$port" external_ids contId -- remove port "$port" external_ids contNetwork
	echo '{"Netconf":{"cniVersion":"1.1.0","name":"net","type":"ovs","ipam":{"type":"host-local"},"dns":{},
		"bridge":"br0","vlan":null,"mtu":0,"trunk":null,"deviceID":"","ofport_request":0,
		"interface_type":"","configuration_path":"","socket_file":"",
		"link_state_check_retries":5,"link_state_check_interval":600},
		"OrigIfName":"","UserspaceMode":false,"VdpaType":""}' >$MEMOS/c1-eth0
	check ovs <<<"$(with_result "$CONF")"
	expect_silent
	CNI_NETNS=/run/netns/elsewhere del ovs <<<"$CONF"
	expect_silent
	[ -n "$(ovs-vsctl list-ports br0)" ] || fail "it goes by the namespace's path"
	add host-local <<<"$CONF"
	del ovs <<<"$CONF"
	expect_silent
	expect_nothing_left
}

# What ovs-cni reads: see the facts it goes by.
@test "ovs-cni finds what it looks for of ours" {
	add ovs <<<"$(conf '.vlan = 3')"
	[ "$(stat -c '%a %n' $MEMOS $MEMOS/c1-eth0)" = "700 $MEMOS"$'\n'"600 $MEMOS/c1-eth0" ] ||
		fail "modes"
	json_is "$(<$MEMOS/c1-eth0)" '.Netconf | [.bridge, .ipam.type, .deviceID, .vlan, .name, .type]' \
		'["br0","host-local","",3,"net","ovs"]'
	json_is "$(<$MEMOS/c1-eth0)" '[.OrigIfName, .UserspaceMode, .VdpaType]' '["",false,""]'
	[ "$(ovs-vsctl --bare --columns=name find port "external_ids:owner=$OWNER" \
		external_ids:contNetns=/run/netns/box external_ids:contIface=eth0)" = "$(port_of)" ] ||
		fail "the port by its three keys"
}

# ---- conf-examples -----------------------------------------------------------------------------

@test "ovs.conflist, ovs-trunk.conflist" {
	ip netns del box
	run_example ovs.conflist 10.93.0.2
	expect_nothing_left
	ip netns del box
	run_example ovs-trunk.conflist none
	expect_nothing_left
}
