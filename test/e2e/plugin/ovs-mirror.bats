# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# ovs-mirror-producer and ovs-mirror-consumer behind ovs, against a real ovsdb-server and ovs-vswitchd.

load ../lib
load ovs
load examples

OVS='{"cniVersion":"1.1.0","name":"net","type":"ovs","bridge":"br0","ipam":{"type":"host-local",
	"ranges":[[{"subnet":"10.5.0.0/24"}],[{"subnet":"fd05::/64"}]],"routes":[{"dst":"10.6.0.0/16"}]},
	"dns":{"nameservers":["192.0.2.1"],"search":["example.org"]}}'
PRODUCER='{"cniVersion":"1.1.0","name":"net","type":"ovs-mirror-producer","bridge":"br0",
	"mirrors":[{"name":"m1","ingress":true,"egress":true}]}'
CONSUMER='{"cniVersion":"1.1.0","name":"net","type":"ovs-mirror-consumer","bridge":"br0",
	"mirrors":[{"name":"m1"}]}'

setup() {
	host_setup
	ovs_start
	netns box
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		ovs-vsctl --timeout=5 list mirror || true
		tail -n 5 "$OVS_RUNDIR"/*.log || true
	}
	ovs_stop
	host_clean
}

# ---- chains ------------------------------------------------------------------------------------

# A configuration as it is, or changed by a jq program.
producer() {
	jq -c "${1:-.}" <<<"$PRODUCER"
}

consumer() {
	jq -c "${1:-.}" <<<"$CONSUMER"
}

# port : adds the container's interface; $port is its name on the host, $result the result.
port() {
	add ovs <<<"$OVS"
	expect_ok
	port=$(port_of)
}

# chained VERB CONF : with the result of what came before.
chained() {
	cni "$1" "$(jq -r .type <<<"$2")" <<<"$(with_result "$2")"
}

# another NAME CID CONF... : a second container, with a chain of its own.
another() {
	local conf
	netns "$1"
	CID=$2
	port
	for conf in "${@:3}"; do
		chained ADD "$conf"
		expect_ok
	done
}

uuid_of() {
	ovs-vsctl --bare --columns=_uuid find "$1" "name=$2"
}

# mirror NAME COLUMN : names of the ports there, sorted, or the value.
mirror() {
	local uuid
	for uuid in $(ovs-vsctl --bare --columns="$2" find mirror "name=$1"); do
		ovs-vsctl --bare --columns=name list port "$uuid"
	done | sort | paste -sd' '
}

# expect_mirror NAME SRC DST OUT : the ports in its columns.
expect_mirror() {
	local now
	now="$(mirror "$1" select_src_port)|$(mirror "$1" select_dst_port)|$(mirror "$1" output_port)"
	[ "$now" = "$2|$3|$4" ] || fail "mirror $1 with '$2|$3|$4', not '$now'"
}

# Names of all mirrors, and that each bridge refers to its own.
expect_mirrors() {
	local now
	now=$(ovs-vsctl --bare --columns=name list mirror | sed '/^$/d' | sort | paste -sd' ')
	[ "$now" = "$*" ] || fail "mirrors '$*', not '$now'"
}

expect_memos() {
	local now
	now=$(cd $MEMOS && printf '%s\n' * | sort | paste -sd' ')
	[ "$now" = "$*" ] || fail "notes '$*', not '$now'"
}

expect_no_trace() {
	expect_mirrors
	expect_nothing_left
}

# foreign_mirror BRIDGE NAME : one that somebody else has made.
foreign_mirror() {
	ovs-vsctl -- --id=@m create mirror "name=$2" -- add bridge "$1" mirrors @m >/dev/null
}

# ---- traffic -----------------------------------------------------------------------------------

# Counts what arrives at an interface for whomever, before anything is done with it.
count_arrivals() {
	in_ns "$1" nft -f - <<-END
		table netdev seen {
			counter request {}
			counter reply {}
			chain arrivals {
				type filter hook ingress device eth0 priority 0;
				ip saddr 10.5.0.2 icmp type echo-request counter name request
				ip daddr 10.5.0.2 icmp type echo-reply counter name reply
			}
		}
	END
}

# seen NS : requests and replies counted.
seen() {
	in_ns "$1" nft -j list counters | jq -r '[.nftables[].counter // empty] |
		[(.[] | select(.name == "request") | .packets), (.[] | select(.name == "reply") | .packets)] | join(" ")'
}

# expect_seen NS REQUESTS REPLIES : the switch works by itself, so in a while.
expect_seen() {
	local tries=0 now
	while now=$(seen "$1") && [ "$now" != "$2 $3" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "copies of $2 requests and $3 replies, not $now"
		read -r -t 0.1 <> <(:) || true
	done
}

# What is to be seen in WATCH of three pings from the first container to the second.
watch_pings() {
	count_arrivals watcher
	in_ns box ping -c 3 -i 0.2 -W 5 10.5.0.3 >/dev/null || fail "an answer"
	expect_seen watcher "$1" "$2"
}

three_containers() {
	port
	chained ADD "$1"
	expect_ok
	another box2 c2
	another watcher c3 "$CONSUMER"
}

@test "the consumer receives a copy of what the producer sends and receives" {
	three_containers "$PRODUCER"
	watch_pings 3 3
}

@test "ingress: a copy of what the container sends" {
	three_containers "$(producer 'del(.mirrors[].egress)')"
	watch_pings 3 0
}

@test "egress: a copy of what goes to the container" {
	three_containers "$(producer 'del(.mirrors[].ingress)')"
	watch_pings 0 3
}

@test "after DEL nothing is copied any more" {
	local CID=c1 NS=box first
	port
	first=$result
	chained ADD "$PRODUCER"
	another box2 c2
	another watcher c3 "$CONSUMER"
	NS=box CID=c1 result=$first
	chained DEL "$PRODUCER"
	expect_silent
	ovs-vsctl --timeout=10 set open_vswitch . external_ids:sync=1 # waits for the switch
	watch_pings 0 0
}

# ---- ADD ---------------------------------------------------------------------------------------

@test "ADD of a producer: the mirror, its owner, and the previous result whole" {
	port
	chained ADD "$PRODUCER"
	expect_ok
	expect_same result "$(jq -cS . <<<"$result")" "$(jq -cS . <<<"$output")"
	expect_json '.ips | length' 2
	expect_json '.routes[0].dst' 10.6.0.0/16
	expect_json '.dns.search[0]' example.org
	expect_mirrors m1
	expect_mirror m1 "$port" "$port" ""
	expect_column Mirror m1 external_ids "{\"owner\":\"$OWNER\"}"
	expect_column Mirror m1 select_all false
	[ "$(column Bridge br0 mirrors)" = "\"$(uuid_of mirror m1)\"" ] || fail "the mirror on br0"
	expect_memos c1-eth0 c1-eth0_prod
}

@test "ADD of a consumer" {
	port
	chained ADD "$CONSUMER"
	expect_ok
	expect_same result "$(jq -cS . <<<"$result")" "$(jq -cS . <<<"$output")"
	expect_mirrors m1
	expect_mirror m1 "" "" "$port"
	expect_memos c1-eth0 c1-eth0_cons
}

@test "ADD, CHECK, DEL, DEL in the order of a chain: nothing is left" {
	local conf
	for conf in "$PRODUCER" "$CONSUMER"; do
		port
		chained ADD "$conf"
		chained CHECK "$conf"
		expect_silent
		chained DEL "$conf"
		expect_silent
		expect_mirrors
		chained DEL "$conf"
		expect_silent
		chained DEL "$OVS"
		expect_silent
		chained DEL "$conf"
		expect_silent
		expect_no_trace
	done
}

@test "every spec version" {
	local version conf
	for version in $ALL_VERSIONS; do
		add ovs <<<"$(jq -c ".cniVersion = \"$version\"" <<<"$OVS")"
		expect_ok
		for conf in "$PRODUCER" "$CONSUMER"; do
			conf=$(jq -c ".cniVersion = \"$version\"" <<<"$conf")
			chained ADD "$conf"
			expect_ok
			expect_same result "$(jq -cS . <<<"$result")" "$(jq -cS . <<<"$output")"
			case $version in
			0.[123]*) ;;
			*) chained CHECK "$conf" && expect_silent ;;
			esac
			chained DEL "$conf"
			expect_silent
		done
		chained DEL "$(jq -c ".cniVersion = \"$version\"" <<<"$OVS")"
		expect_silent
		expect_no_trace
	done
}

@test "several mirrors, ports and roles" {
	local conf first second
	conf=$(producer '.mirrors = [{name: "a", ingress: true}, {name: "b", egress: true}, {name: "a", egress: true}]')
	port
	first=$port
	chained ADD "$conf"
	expect_ok
	another box2 c2 "$(producer '.mirrors = [{name: "b", ingress: true}]')"
	second=$port
	another box3 c3 "$(consumer '.mirrors = [{name: "a"}, {name: "b"}]')"
	expect_mirrors a b
	expect_mirror a "$first" "$first" "$port"
	expect_mirror b "$second" "$first" "$port"
	NS=box CID=c1 chained DEL "$conf"
	expect_silent
	expect_mirror a "" "" "$port"
	expect_mirror b "$second" "" "$port"
	NS=box3 CID=c3 chained DEL "$CONSUMER"
	expect_silent
	expect_mirrors b
	expect_mirror b "$second" "" ""
}

@test "a mirror is one of a bridge by a name" {
	local first
	ovs_bridge br1
	port
	first=$port
	chained ADD "$PRODUCER"
	netns box2
	CID=c2
	OVS=$(jq -c '.bridge = "br1"' <<<"$OVS")
	port
	chained ADD "$(producer '.bridge = "br1"')"
	expect_ok
	expect_mirrors m1 m1
	[ "$(column Bridge br0 mirrors)" != "$(column Bridge br1 mirrors)" ] || fail "one each"
	chained CHECK "$(producer '.bridge = "br1"')"
	expect_silent
	chained DEL "$(producer '.bridge = "br1"')"
	expect_silent
	expect_mirrors m1
	expect_mirror m1 "$first" "$first" ""
}

@test "a mirror that has an output is refused, and the ADD changes nothing" {
	local before
	foreign_mirror br0 vlans
	ovs-vsctl set mirror vlans output_vlan=7
	port
	chained ADD "$CONSUMER"
	expect_ok
	another box2 c2
	before=$(ovs_rows)
	chained ADD "$(consumer '.mirrors = [{name: "new"}, {name: "m1"}]')"
	expect_code 101 m1
	chained ADD "$(consumer '.mirrors = [{name: "vlans"}]')"
	expect_code 101 vlans
	expect_same rows "$before" "$(ovs_rows)"
	expect_memos c1-eth0 c1-eth0_cons c2-eth0
}

@test "one that is again told what it has been told says the same" {
	port
	chained ADD "$PRODUCER"
	chained ADD "$PRODUCER"
	expect_ok
	expect_mirror m1 "$port" "$port" ""
	chained ADD "$CONSUMER"
	chained ADD "$CONSUMER"
	expect_ok
	expect_mirror m1 "$port" "$port" "$port"
}

@test "prevResult: missing, no port in it, a port of another bridge" {
	ovs_bridge br1
	netns box2
	add ovs-mirror-producer <<<"$PRODUCER"
	expect_code 7 prevResult
	result='{"cniVersion":"1.1.0","interfaces":[{"name":"lo"},{"name":"br0","sandbox":"/x"}]}'
	chained ADD "$PRODUCER"
	expect_code 7 prevResult.interfaces
	port
	chained ADD "$(producer '.bridge = "br1"')"
	expect_code 7 "not on bridge br1"
	chained ADD "$(producer '.bridge = "br9"')"
	expect_code 7 "no OVS bridge br9"
	expect_mirrors
	expect_memos c1-eth0
}

@test "a port that another plugin has made" {
	ip link add foreign0 type veth peer name inside0
	ovs-vsctl add-port br0 foreign0
	result='{"cniVersion":"1.1.0","interfaces":[{"name":"nothing0"},{"name":"foreign0"}]}'
	chained ADD "$PRODUCER"
	expect_ok
	expect_mirror m1 foreign0 foreign0 ""
	chained CHECK "$PRODUCER"
	expect_silent
	del ovs-mirror-producer <<<"$PRODUCER"
	expect_silent
	expect_mirrors
	ovs-vsctl port-to-br foreign0 || fail "the port, which is not ours"
}

@test "the switch is stopped: ADD fails in time and takes everything back" {
	local before
	port
	before=$(ovs_rows)
	kill -STOP "$(pid_of ovs-vswitchd)"
	chained ADD "$PRODUCER"
	expect_code 11 ovs-vswitchd
	kill -CONT "$(pid_of ovs-vswitchd)"
	expect_same rows "$before" "$(ovs_rows)"
	expect_memos c1-eth0
}

@test "the keys of the node's flat file" {
	local file=$BATS_TEST_TMPDIR/ovs.conf
	echo '{"bridge": "br0", "mtu": 1350}' >"$file"
	port
	chained ADD "$(producer "del(.bridge) | .configuration_path = \"$file\"")"
	expect_ok
	expect_mirror m1 "$port" "$port" ""
}

# ---- a crowd -----------------------------------------------------------------------------------

# Many attachments at once: nobody makes the mirror twice, nobody's port is lost.
@test "twenty producers join one mirror at once, and leave it" {
	local i pids=() ports='' count
	for i in {1..20}; do
		netns "b$i"
		CID=c$i add ovs <<<"$OVS" >/dev/null
		expect_ok
		with_result "$PRODUCER" >"$BATS_TEST_TMPDIR/conf$i"
	done
	all_at_once ADD
	expect_mirrors m1
	count=$(ovs-vsctl --bare --columns=select_src_port list mirror m1 | wc -w)
	[ "$count" = 20 ] || fail "20 ports, not $count"
	all_at_once DEL
	expect_mirrors
}

all_at_once() {
	local i pids=() pid
	for i in {1..20}; do
		NS=b$i CID=c$i one_of_many "$1" <"$BATS_TEST_TMPDIR/conf$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "each of them well"
	done
}

one_of_many() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
		timeout 60 "$CNIC_BIN/ovs-mirror-producer" >"$BATS_TEST_TMPDIR/out$CID"
}

# empty_mirrors BRIDGE NAME... : what a killed DEL of ovs-cni's leaves
empty_mirrors() {
	local bridge=$1 name
	shift
	for name; do
		ovs-vsctl -- --id=@m create mirror name="$name" external_ids:owner=$OWNER \
			-- add bridge "$bridge" mirrors @m >/dev/null
	done
}

@test "row 24: ADD removes its bridge's empty mirrors, in the transaction that joins" {
	local conf
	ovs-vsctl add-br br1 -- set bridge br1 datapath_type="$(ovs-vsctl get bridge br0 datapath_type)"
	foreign_mirror br0 theirs
	port
	for conf in "$PRODUCER" "$CONSUMER"; do
		empty_mirrors br0 e1 e2 m1
		empty_mirrors br1 elsewhere
		chained ADD "$conf"
		expect_ok
		expect_mirrors elsewhere m1 theirs
		chained DEL "$conf"
		expect_silent
		expect_mirrors theirs # DEL sweeps every bridge
	done
	empty_mirrors br1 elsewhere
	chained ADD "$PRODUCER"
	expect_ok
	chained ADD "$PRODUCER"
	expect_ok
	expect_mirrors elsewhere m1 theirs
	chained DEL "$PRODUCER"
	empty_mirrors br0 e1
	chained ADD "$(producer '.mirrors[0].name = "m2"')"
	expect_ok
	empty_mirrors br0 e2
	chained ADD "$(producer '.mirrors += [{name: "m3", egress: true}]')"
	expect_ok
	expect_mirrors m1 m2 m3 theirs
}

@test "row 24: an ADD that fails removes none" {
	port
	empty_mirrors br0 e1
	ovs-vsctl -- --id=@p get port br0 -- --id=@m create mirror name=m1 output_port=@p \
		-- add bridge br0 mirrors @m >/dev/null
	chained ADD "$CONSUMER"
	expect_code 101
	expect_mirrors e1 m1
}

# ---- DEL ---------------------------------------------------------------------------------------

@test "a mirror that somebody else has made stays when it is empty" {
	foreign_mirror br0 m1
	port
	chained ADD "$PRODUCER"
	expect_ok
	expect_column Mirror m1 external_ids '{}'
	chained DEL "$PRODUCER"
	expect_silent
	expect_mirrors m1
	expect_mirror m1 "" "" ""
	chained ADD "$CONSUMER"
	chained DEL "$CONSUMER"
	expect_silent
	expect_mirrors m1
	gc ovs-mirror-producer <<<"$(with_valid "$PRODUCER")"
	expect_silent
	expect_mirrors m1
}

# gone CONF WHAT... : DEL succeeds and leaves nothing though WHAT is missing.
gone() {
	local conf=$1
	shift
	port
	chained ADD "$conf"
	expect_ok
	"$@"
	del "$(jq -r .type <<<"$conf")" <<<"$conf"
	expect_silent
	expect_mirrors
	ovs-vsctl br-exists br0 || ovs_bridge br0
	del ovs <<<"$OVS"
	expect_silent
	expect_no_trace
}

@test "DEL with each object missing" {
	local conf
	for conf in "$PRODUCER" "$CONSUMER"; do
		gone "$conf" true
		gone "$conf" sh -c "rm $MEMOS/*_prod $MEMOS/*_cons || true"
		gone "$conf" rm -r "$MEMOS"
		gone "$conf" sh -c "for f in $MEMOS/*_*; do echo nonsense >\$f; done"
		gone "$conf" sh -c 'ovs-vsctl del-port $(ovs-vsctl list-ports br0)'
		gone "$conf" ovs-vsctl clear bridge br0 mirrors
		gone "$conf" ovs-vsctl clear mirror m1 select_src_port
		gone "$conf" ovs-vsctl del-br br0
		gone "$conf" ip -n box link del eth0
	done
	gone "$PRODUCER" eval 'CNI_NETNS='
	unset CNI_NETNS
}

@test "DEL finds what ADD has done whatever the configuration says now" {
	port
	chained ADD "$PRODUCER"
	del ovs-mirror-producer <<<"$(producer '.bridge = "br9" | .mirrors = [] | .socket_file = "/nowhere"')"
	expect_silent
	expect_mirrors
	expect_memos c1-eth0
}

@test "DEL of one container leaves another's" {
	port
	chained ADD "$PRODUCER"
	CID=c2 del ovs-mirror-producer <<<"$(with_result "$PRODUCER")"
	expect_silent
	expect_mirror m1 "$port" "$port" ""
}

@test "DEL without a server: an error where there is a note, nothing to do where there is none" {
	port
	chained ADD "$PRODUCER"
	end_process ovsdb-server
	chained DEL "$PRODUCER"
	expect_code 11 "may remain in mirrors"
	expect_memos c1-eth0 c1-eth0_prod
	CID=c2 chained DEL "$PRODUCER"
	expect_silent
	server_start
	chained DEL "$PRODUCER"
	expect_silent
	expect_mirrors
}

# ---- CHECK, GC, STATUS ---------------------------------------------------------------------------

@test "CHECK notices what is different" {
	port
	chained ADD "$PRODUCER"
	ovs-vsctl clear mirror m1 select_dst_port
	chained CHECK "$PRODUCER"
	expect_code 102 "has lost port $port"
	chained CHECK "$(producer 'del(.mirrors[].egress)')"
	expect_silent
	chained CHECK "$(producer '.mirrors = [{name: "m2", ingress: true}]')"
	expect_code 102 "mirror m2 of bridge br0 is gone"
	chained CHECK "$CONSUMER"
	expect_code 102 "has lost port $port"
	ovs-vsctl clear bridge br0 mirrors
	chained CHECK "$PRODUCER"
	expect_code 102 "is gone"
	ovs-vsctl del-port "$port"
	chained CHECK "$PRODUCER"
	expect_code 102 prevResult.interfaces
}

@test "GC takes out what is not valid, and keeps the rest" {
	local first
	port
	first=$port
	chained ADD "$PRODUCER"
	another box2 c2 "$PRODUCER"
	another box3 c3 "$CONSUMER"
	gc ovs-mirror-producer <<<"$(with_valid "$PRODUCER" c1/eth0 c3/eth0)"
	expect_silent
	expect_mirror m1 "$first" "$first" "$port"
	expect_memos c1-eth0 c1-eth0_prod c2-eth0 c3-eth0 c3-eth0_cons
	gc ovs-mirror-consumer <<<"$(with_valid "$(consumer '.name = "other"')")"
	expect_silent
	expect_mirror m1 "$first" "$first" "$port"
	gc ovs-mirror-consumer <<<"$(with_valid "$CONSUMER")"
	expect_silent
	expect_mirror m1 "$first" "$first" ""
	expect_memos c1-eth0 c1-eth0_prod c2-eth0 c3-eth0
	gc ovs-mirror-producer <<<"$(with_valid "$PRODUCER")"
	expect_silent
	expect_mirrors
}

@test "row 20: what an ADD that was killed has left of its memo goes with the next call" {
	local plugin conf
	port
	for plugin in ovs-mirror-producer ovs-mirror-consumer; do
		conf=$(with_result "$(jq -c --arg type $plugin '.type = $type' <<<"$PRODUCER")")
		killed_at rename,renameat,renameat2 ADD $plugin <<<"$conf"
		[ "$(find $MEMOS -name '*.tmp' | wc -l)" = 1 ] || fail "a draft, not $(ls $MEMOS)"
		del $plugin <<<"$conf"
		expect_silent
		expect_memos c1-eth0
		killed_at rename,renameat,renameat2 ADD $plugin <<<"$conf"
		gc $plugin <<<"$(with_valid "$PRODUCER" c1/eth0)"
		expect_silent
		expect_memos c1-eth0
	done
}

@test "GC removes a mirror whose ports have all been removed" {
	foreign_mirror br0 foreign
	port
	chained ADD "$PRODUCER"
	ovs-vsctl del-port "$port"
	expect_mirrors foreign m1
	gc ovs-mirror-producer <<<"$PRODUCER"
	expect_silent
	expect_mirrors foreign
}

@test "STATUS" {
	local plugin conf
	for plugin in producer consumer; do
		conf=$($plugin)
		status_of ovs-mirror-$plugin <<<"$conf"
		expect_silent
		status_of ovs-mirror-$plugin <<<"$(jq -c '.bridge = "br9"' <<<"$conf")"
		expect_code 50 br9
		status_of ovs-mirror-$plugin <<<"$(jq -c 'del(.bridge)' <<<"$conf")"
		expect_code 7 bridge
	done
	end_process ovs-vswitchd
	status_of ovs-mirror-producer <<<"$PRODUCER"
	expect_code 51 ovs-vswitchd
	end_process ovsdb-server
	status_of ovs-mirror-producer <<<"$PRODUCER"
	expect_code 50 "$SOCKET"
}

# ---- ovs-cni -------------------------------------------------------------------------------------

# What ovs-cni leaves: the same without our keys.
@test "an attachment of ovs-cni's is checked and deleted" {
	local conf suffix
	for conf in "$PRODUCER" "$CONSUMER"; do
		case $conf in
		*producer*) suffix=_prod ;;
		*) suffix=_cons ;;
		esac
		port
		chained ADD "$conf"
		ovs-vsctl -- remove port "$port" external_ids contId -- remove port "$port" external_ids contNetwork
		jq -c '{PrevResult}' $MEMOS/c1-eth0$suffix >"$BATS_TEST_TMPDIR/memo"
		cp "$BATS_TEST_TMPDIR/memo" $MEMOS/c1-eth0$suffix
		chained CHECK "$conf"
		expect_silent
		del "$(jq -r .type <<<"$conf")" <<<"$conf"
		expect_silent
		expect_mirrors
		expect_memos c1-eth0
		del ovs <<<"$OVS"
		expect_no_trace
	done
}

# What ovs-cni reads: PrevResult as a result of 1.0.0, and in it the port by its name.
@test "ovs-cni finds what it looks for of ours" {
	port
	chained ADD "$PRODUCER"
	json_is "$(<$MEMOS/c1-eth0_prod)" '.PrevResult.cniVersion' 1.0.0
	json_is "$(<$MEMOS/c1-eth0_prod)" '.PrevResult.interfaces[0].name' "$port"
	[ "$(stat -c %a $MEMOS/c1-eth0_prod)" = 600 ] || fail "nobody else's to read"
	[ "$(ovs-vsctl --bare --columns=name find mirror name=m1 "external_ids:owner=$OWNER")" = m1 ] ||
		fail "the mirror by its owner"
}

# ---- conf-examples -------------------------------------------------------------------------------

@test "ovs-mirror-producer.conflist, ovs-mirror-consumer.conflist" {
	ip netns del box
	run_example ovs-mirror-producer.conflist 10.94.0.2
	expect_no_trace
	ip netns del box
	run_example ovs-mirror-consumer.conflist none
	expect_no_trace
}
