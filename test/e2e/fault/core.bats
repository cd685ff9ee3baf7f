# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# Whatever single call fails: an ADD leaves kernel and store as they were, or succeeds and all is
# right; a DEL fails or leaves nothing, and the next one leaves nothing. test/fault/shim.c makes the
# n-th call fail; each test counts n up until the command does not get that far any more.

load ../lib
load fault
load faults

BRIDGE='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","isGateway":true,
	"hairpinMode":true,'$IPAM'}'
PTP='{"cniVersion":"1.1.0","name":"net","type":"ptp",'$IPAM'}'
MACVLAN='{"cniVersion":"1.1.0","name":"net","type":"macvlan","master":"m0","mode":"private",'$IPAM'}'
LOOPBACK='{"cniVersion":"1.1.0","name":"net","type":"loopback"}'

@test "bridge ADD, first on the host" {
	use bridge "$BRIDGE"
	restore=fresh
	each_fault add_with_fault
}

@test "bridge ADD, first on the host, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	restore=fresh
	each_fault add_with_fault
}

@test "bridge ADD beside another container" {
	use bridge "$BRIDGE"
	busy
	each_fault add_with_fault
}

@test "bridge ADD beside another container, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	busy
	each_fault add_with_fault
}

refused_with_fault() {
	CNI_NETNS=/proc/self/ns/net with_fault "$1" add "$plugin" <<<"$conf"
	echo "fault $1: $what"
	if [ "$what" = 'write()' ]; then # of the error object
		[ "$status" -eq 1 ] || fail "exit 1"
	else
		expect_error_object
	fi
	expect_state
}

@test "bridge ADD into the namespace it runs in: whatever fails, it does not take it for another" {
	local least=4
	use bridge "$BRIDGE"
	each_fault refused_with_fault
}

# A bridge that somebody has made and given addresses to; what comes back comes last.
foreign() {
	order='sort'
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	ip link del br0 2>/dev/null || true
	ip link add br0 index 77 address 02:aa:00:00:00:01 up type bridge
	ip addr add 10.2.0.77/24 dev br0 label br0:old
	ip addr add 10.2.0.78/24 brd + dev br0
	ip addr add 10.9.0.77/24 brd + dev br0
	ip addr add fd00:2::77/64 nodad dev br0
	ip addr add fd00:2::78/64 nodad dev br0 preferred_lft 0
	ip addr add fd00:9::77/64 nodad dev br0
	rm -rf "${STORE%/*}"
}

@test "bridge ADD that replaces addresses" {
	use bridge "$(jq -c '.forceAddress = true' <<<"$BRIDGE")"
	restore=foreign
	each_fault add_with_fault
}

@test "bridge DEL" {
	use bridge "$BRIDGE"
	busy
	each_fault del_with_fault
}

@test "bridge DEL, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	busy
	each_fault del_with_fault
}

@test "ptp ADD" {
	use ptp "$PTP"
	each_fault add_with_fault
}

@test "ptp ADD, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use ptp "$PTP"
	busy
	each_fault add_with_fault
}

@test "ptp DEL" {
	use ptp "$PTP"
	busy
	each_fault del_with_fault
}

@test "macvlan ADD" {
	wire
	use macvlan "$MACVLAN"
	each_fault add_with_fault
}

@test "macvlan ADD, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	wire
	use macvlan "$MACVLAN"
	busy
	each_fault add_with_fault
}

@test "macvlan ADD: the kernel's answer is lost" {
	wire
	use macvlan "$MACVLAN"
	lost_answers add_with_fault
}

@test "macvlan DEL" {
	wire
	use macvlan "$MACVLAN"
	busy
	each_fault del_with_fault
}

@test "macvlan DEL: the kernel's answer is lost" {
	wire
	use macvlan "$MACVLAN"
	least=3 lost_answers del_with_fault
}

@test "host-local ADD into no store" {
	use host-local "$HOST_LOCAL"
	restore=fresh
	each_fault add_with_fault
}

@test "host-local ADD with its index" {
	use host-local "$HOST_LOCAL"
	busy
	each_fault add_with_fault
}

# Somebody else has changed the directory since.
disturb() {
	touch "$STORE"
}

@test "host-local ADD with an index to rebuild" {
	use host-local "$HOST_LOCAL"
	busy
	restore=disturb
	each_fault add_with_fault
}

@test "host-local DEL" {
	use host-local "$HOST_LOCAL"
	busy
	each_fault del_with_fault
}

@test "host-local GC" {
	use host-local "$HOST_LOCAL"
	each_fault gc_with_fault
}

@test "host-local DEL with an index to rebuild" {
	use host-local "$HOST_LOCAL"
	busy
	restore=disturb
	each_fault del_with_fault
}

# The second: of an address that is sticky, which is a transaction of its own.
@test "cluster ADD and DEL" {
	local keys
	STORE=/var/lib/cni/cluster/$NET
	for keys in '"range":"10.1.0.0/16"' '"range":"10.1.0.0/16","claim":"db"'; do
		use cluster '{"cniVersion":"1.1.0","name":"net","type":"any","ipam":{"type":"cluster",'"$keys"'}}'
		netns other 2>/dev/null || true
		CID=c0 add cluster <<<"${conf/,\"claim\":\"db\"/}"
		expect_ok
		NS=box
		each_fault add_with_fault
		each_fault del_with_fault
	done
}

@test "loopback ADD" {
	use loopback "$LOOPBACK"
	each_fault add_with_fault
}

@test "loopback DEL" {
	use loopback "$LOOPBACK"
	each_fault del_with_fault
}

@test "loopback ADD and DEL, an answer is lost" {
	use loopback "$LOOPBACK"
	least=2
	lost_answers add_with_fault
	lost_answers del_with_fault
}

@test "static ADD and DEL" {
	use static '{"cniVersion":"1.1.0","name":"net","type":"any","ipam":{"type":"static",
		"addresses":[{"address":"10.2.0.2/24"}]}}'
	least=0
	each_fault add_with_fault
	each_fault del_with_fault
}

@test "bridge ADD, first on the host, an answer is lost" {
	use bridge "$BRIDGE"
	restore=fresh
	lost_answers add_with_fault
}

@test "bridge ADD beside another container, an answer is lost" {
	use bridge "$BRIDGE"
	busy
	lost_answers add_with_fault
}

@test "bridge ADD that replaces addresses, an answer is lost" {
	use bridge "$(jq -c '.forceAddress = true' <<<"$BRIDGE")"
	restore=foreign
	lost_answers add_with_fault
}

@test "bridge DEL, an answer is lost" {
	use bridge "$BRIDGE"
	busy
	lost_answers del_with_fault
}

@test "ptp ADD, an answer is lost" {
	use ptp "$PTP"
	busy
	lost_answers add_with_fault
}

# ---- nobody to talk to -----------------------------------------------------------------------

# call VERB PLUGIN : with the descriptors of the caller.
call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 \
		CNI_PATH=$CNIC_BIN timeout 60 "$CNIC_BIN/$2"
}

each_plugin() {
	local plugin conf
	for plugin in bridge ptp host-local loopback; do
		case $plugin in
		bridge) conf=$BRIDGE ;;
		ptp) conf=$PTP ;;
		host-local) conf=$HOST_LOCAL ;;
		loopback) conf=$LOOPBACK ;;
		esac
		echo "-- $plugin"
		"$@"
	done
}

nobody_reads() {
	base=$(snapshot)
	! call ADD "$plugin" <<<"$conf" >/dev/full || fail "a failure with a full stdout"
	expect_state
	! call ADD "$plugin" <<<"$conf" >&- || fail "a failure with a closed stdout"
	expect_state
	! call ADD "$plugin" <<<"$conf" >&- 2>&- || fail "a failure with closed outputs"
	expect_state
	! call ADD "$plugin" <<<"$conf" <&- >&- 2>&- || fail "a failure with nothing open"
	expect_state
}

@test "an ADD whose result nobody can read leaves nothing" {
	restore=nothing
	each_plugin nobody_reads
}

reader_is_gone() {
	base=$(snapshot)
	exec {pipe}> >(:)
	wait $!
	! call ADD "$plugin" <<<"$conf" >&"$pipe" || fail "a failure with nobody behind the pipe"
	exec {pipe}>&-
	expect_state
}

@test "an ADD whose reader is gone leaves nothing" {
	each_plugin reader_is_gone
}

closed_stdin() {
	base=$(snapshot)
	status=0 errors=
	output=$(call ADD "$plugin" <&-) || status=$?
	expect_code 5
	expect_state
}

@test "an ADD without a stdin is an error and changes nothing" {
	each_plugin closed_stdin
}

closed_stderr() {
	base=$(snapshot)
	output=$(call ADD "$plugin" <<<"$conf" 2>&-)
	result=$output
	check "$plugin" <<<"$(with_result "$conf")"
	expect_silent
	call DEL "$plugin" <<<"$conf" >&- 2>&-
	ip link del br0 2>/dev/null || true
	expect_state
}

@test "a closed stderr does not matter" {
	each_plugin closed_stderr
}

# ---- DEL when something is missing -----------------------------------------------------------

NS_PATH=/run/netns/box

# The kernel takes the links of a namespace away in its own time.
await_no_veth() {
	local tries=0
	while [ -n "$(ip -o link show type veth)" ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "no veth on the host"
		read -r -t 0.05 <> <(:) || true
	done
}

container_dies() {
	ip netns del box
	await_no_veth
}

path_is() {
	container_dies
	CNI_NETNS=$NS_PATH
	"$@"
}

missing() {
	case $1 in
	namespace) path_is true ;;
	"namespace, a file there") path_is touch $NS_PATH ;;
	"namespace, a fifo there") path_is mkfifo $NS_PATH ;;
	"namespace, a directory there") path_is mkdir $NS_PATH ;;
	"namespace, a link to itself there") path_is ln -s $NS_PATH $NS_PATH ;;
	"namespace, a dead link there") path_is ln -s /nowhere $NS_PATH ;;
	"namespace, another kind there") path_is ln -s /proc/self/ns/mnt $NS_PATH ;;
	"namespace, its path empty") path_is true && CNI_NETNS= ;;
	"namespace, its directory") path_is true && CNI_NETNS=/nowhere/box ;;
	interface) ip -n box link del eth0 ;;
	"interface, another kind there") ip -n box link del eth0 && ip -n box link add eth0 type bridge ;;
	bridge) [ "$plugin" != bridge ] || ip link del br0 ;;
	"store") rm -r "${STORE%/*}" ;;
	"directory of the network") rm -r "$STORE" ;;
	"index") rm -r "${STORE%/*}/.cnic" ;;
	"lock") rm "$STORE/lock" ;;
	"records") rm "$STORE"/10.* "$STORE"/fd* ;;
	"one record") rm "$STORE"/10.* ;;
	"last addresses") rm "$STORE"/last_reserved_ip.* ;;
	"prevResult") conf_of_del=$(jq -c 'del(.prevResult)' <<<"$conf_of_del") ;;
	"value of prevResult") conf_of_del=$(jq -c '.prevResult = null' <<<"$conf_of_del") ;;
	"all in prevResult") conf_of_del=$(jq -c '.prevResult = {}' <<<"$conf_of_del") ;;
	"interfaces in prevResult") conf_of_del=$(jq -c 'del(.prevResult.interfaces)' <<<"$conf_of_del") ;;
	"ranges") conf_of_del=$(jq -c 'del(.ipam.ranges)' <<<"$conf_of_del") ;;
	"CNI_ARGS it knows") CNI_ARGS='what=ever' ;;
	everything) path_is rm -r "${STORE%/*}" && { ip link del br0 || true; } 2>/dev/null ;;
	*) return 1 ;;
	esac
}

listing() {
	ls -l --time-style=full-iso /run/netns
	ls /var/lib/cni
}

nothing_left() {
	[ -z "$(ip -o link show type veth)" ] || fail "no veth"
	! ip -o route show | grep -vq br0 || fail "no route"
	! stored | grep -vq last_reserved || fail "no record: $(stored)"
	[ "$(stat -L -f -c %T $NS_PATH 2>/dev/null)" != nsfs ] ||
		! ip -n box link show eth0 2>/dev/null | grep -q '@' || fail "no veth in the container"
}

# shellcheck disable=SC2034
del_without() {
	local CNI_NETNS=$NS_PATH CNI_ARGS='' conf_of_del before
	local -x CNI_ALWAYS_EXEC=$2
	add "$plugin" <<<"$conf"
	expect_ok
	conf_of_del=$(with_result "$conf")
	echo "-- without $1"
	missing "$1"
	before=$(listing)
	del "$plugin" <<<"$conf_of_del"
	expect_silent
	[ -z "$errors" ] || fail "nothing on stderr"
	nothing_left
	expect_same listing "$before" "$(listing)"
	del "$plugin" <<<"$conf_of_del"
	expect_silent
	expect_same listing "$before" "$(listing)"
}

another_box() {
	ip netns del box 2>/dev/null || rm -rf $NS_PATH
	host_clean
	netns box
}

each_missing() {
	local what number=0
	for what in namespace "namespace, "{a\ {file,fifo,directory,link\ to\ itself,dead\ link},another\ kind}" there" \
		"namespace, its path empty" "namespace, its directory" \
		interface "interface, another kind there" bridge store "directory of the network" index \
		lock records "one record" "last addresses" prevResult "value of prevResult" \
		"all in prevResult" "interfaces in prevResult" ranges "CNI_ARGS it knows" everything; do
		number=$((number + 1))
		is_sampled $number || continue
		del_without "$what" "$1" >"$log" 2>&1
		another_box
	done
}

@test "bridge DEL with each object missing" {
	use bridge "$BRIDGE"
	each_missing ''
}

@test "bridge DEL with each object missing, IPAM exec'ed" {
	use bridge "$BRIDGE"
	each_missing 1
}

@test "ptp DEL with each object missing" {
	use ptp "$PTP"
	each_missing ''
}

@test "loopback DEL without a namespace, or with something else there" {
	local what
	use loopback "$LOOPBACK"
	for what in namespace "namespace, "{a\ {file,fifo,directory,link\ to\ itself,dead\ link},another\ kind}" there" \
		"namespace, its path empty" "namespace, its directory"; do
		del_without "$what" '' >"$log" 2>&1
		another_box
	done
}

@test "DEL on a host where there never was an ADD makes nothing" {
	local plugin conf
	never() {
		del "$plugin" <<<"$conf"
		expect_silent
		CNI_NETNS=/run/never del "$plugin" <<<"$conf"
		expect_silent
		[ -z "$(ls -A /var/lib/cni)" ] || fail "an empty /var/lib/cni"
		[ ! -e /run/never ] || fail "nothing at the path"
		[ -z "$(host_links)" ] || fail "no links"
	}
	each_plugin never
}
