# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The vocabulary of the end-to-end tests. test/run starts each file in a throw-away "host"
# (test/e2e/host), so /run, /var/lib/cni and the network belong to the file alone, and each test
# begins with namespaces and links of its own making only.
#
#	netns box                               a "container", current from here on
#	add bridge eth0 <<<"$conf"              ADD: $status, $output (stdout), $errors (stderr)
#	expect_ok; expect_json .ips[0].address 10.1.0.2/24
#	check bridge eth0 <<<"$(with_result "$conf")"
#	NS=other CID=c2 del bridge eth0 <<<"$conf"
#	ref_run add bridge eth0 <<<"$conf"      the same by the reference's binary
#
# Namespace, container id and interface of a call come from $NS, $CID and the argument; CNI_ARGS,
# CNI_NETNS, CNI_PATH, and NODE, the namespace of another "host", may be set in front of a call as well.

TEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$TEST_DIR/../.." && pwd)
: "${CNIC_BIN:=$ROOT/bin}"
: "${REF_BIN:=$ROOT/build/peers/reference}"
for dir in "$CNIC_BIN" "$REF_BIN"; do
	[ -x "$dir/bridge" ] || { echo "no plugins in $dir" >&2 && exit 1; }
done
CNIC_BIN=$(cd "$CNIC_BIN" && pwd)

# strace, as every test calls it: LeakSanitizer cannot look where another traces, and says so by a report.
STRACE=(env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace)

ALL_VERSIONS="0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"
PLUGINS=$CNIC_BIN
NS=
CID=c1
result=

# ---- the host and its containers -----------------------------------------------------------

# netns NAME : makes /run/netns/NAME with lo up and makes it the current one.
netns() {
	NS=$1
	ip netns add "$NS"
	ip -n "$NS" link set lo up
}

ns_path() {
	echo "/run/netns/${1:-$NS}"
}

# in_ns NAME COMMAND... : enters only the network namespace.
in_ns() {
	local name=$1
	shift
	nsenter --net="$(ns_path "$name")" "$@"
}

# ns_ip NAME ARGS... : `ip ARGS` in a namespace.
ns_ip() {
	local name=$1
	shift
	ip -n "$name" "$@"
}

# Addresses are usable at once from here on, in this namespace ("" is the host). Only for tests
# that do not look at duplicate address detection.
no_dad_wait() {
	# shellcheck disable=SC2016
	local command='cd /proc/sys/net/ipv6/conf &&
		for f in */dad_transmits */router_solicitation_delay; do echo 0 >$f; done'
	if [ -n "$1" ]; then
		in_ns "$1" sh -c "$command"
	else
		sh -c "$command"
	fi
}

host_links() {
	local name
	for name in /sys/class/net/*; do
		[ "$name" = /sys/class/net/lo ] || echo "${name##*/}"
	done
}

# What this file deletes must not be the machine's: test/e2e/host mounts a tmpfs here. Asked
# as soon as a file loads this one, since bats runs the teardown of a setup that failed.
no_host_by_mistake() {
	[ "$(stat -f -c %T /var/lib/cni)" = tmpfs ] || {
		echo "run this file by test/run, or in test/e2e/host"
		exit 1
	}
}
no_host_by_mistake

host_clean() {
	local link
	ip -all netns del
	for link in $(host_links); do
		ip link del "$link" 2>/dev/null || true
	done
	ip route flush table all proto boot 2>/dev/null || true
	! [ -d /run/cnic/rules ] || nft flush ruleset # whoever has made rules has left a record once
	rm -rf /var/lib/cni/* /run/cni /run/cnic
	echo 0 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
}

# A file with a setup or teardown of its own calls host_setup and host_clean in them. Without TRACE=1 bats
# says of a failure which line of the test it is, but not where in a function: that costs a fifth of all.
host_setup() {
	[ -n "${TRACE:-}" ] || set +T
	[ -z "$(host_links)" ] || host_clean
}

setup() {
	host_setup
}

teardown() {
	host_clean
}

# For tests of what one call is: where the IPAM plugin is executed, there are two.
needs_ipam_inside() {
	[[ -z ${CNI_ALWAYS_EXEC:-} && $CNIC_BIN/bridge -ef $CNIC_BIN/host-local ]] ||
		skip "the IPAM plugin is executed here"
}

is_host_root() {
	[[ $(</proc/self/uid_map) =~ ^\ *0\ +0\ +4294967295$ ]]
}

# needs_host_root WHAT : which root of a user namespace is refused.
needs_host_root() {
	is_host_root || skip "in a user namespace: no $1"
}

can_preload() {
	ldd "$CNIC_BIN/bridge" 2>/dev/null | grep -q libc
}

needs_preload() {
	can_preload || skip "LD_PRELOAD does not reach a static executable"
}

# with_preload LIBRARY COMMAND... : for a test that needs_preload.
with_preload() {
	local library=$1
	shift
	LD_PRELOAD=$library ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 "$@"
}

# ---- what the run is the proof of ------------------------------------------------------------
#
# With MATRIX, the name of a directory, the run notes what it has seen: test/matrix makes tables of it.

# tally COLUMN TRIED CLEAN : points of $plugin's row.
tally() {
	[ -z "${MATRIX:-}" ] || echo "$plugin $*" >>"$MATRIX/points"
}

# A verb that was well. Of ours: of which version and families the plugin's last ADD was; of either: whether the
# other one has added what it checked or deleted.
declare -gA noted_add noted_side
note_verb() {
	local version side=ours attachment=$2/$CID/$3
	[ "$PLUGINS" != "$REF_BIN" ] || side=ref
	if [ "$1" = ADD ]; then
		noted_side[$attachment]=$side
		version=${output#*\"cniVersion\":}
		version=${version#*\"}
		noted_add[$2]=${version%%\"*}
		noted_add[$2]+=' '
		[[ ! $output =~ \"(address|ip)\":\ *\"[0-9]+\. ]] || noted_add[$2]+=4
		[[ ! $output =~ \"(address|ip)\":\ *\"[0-9a-f]*: ]] || noted_add[$2]+=6
	elif [ "${noted_side[$attachment]:-$side}" != "$side" ]; then
		plugin=$2 tally crossover 1 1
	fi
	[ $side = ref ] || echo "$2 $1 ${BATS_TEST_FILENAME#"$ROOT"/test/} ${noted_add[$2]:--}" >>"$MATRIX/verbs"
}

# ---- calls ---------------------------------------------------------------------------------

# Chooses whose binaries a command uses: `ref_run add …`, `ours_run del …`.
ref_run() {
	local PLUGINS=$REF_BIN
	"$@"
}

ours_run() {
	local PLUGINS=$CNIC_BIN
	"$@"
}

# by ref|ours COMMAND...
by() {
	local who=$1
	shift
	"${who}_run" "$@"
}

# cni VERB PLUGIN [IFNAME] : one call, configuration on stdin. Never fails itself.
cni() {
	local verb=$1 plugin=$2 ifname=${3:-eth0} netns=${CNI_NETNS-}
	[ -n "${CNI_NETNS+set}" ] || netns=${NS:+$(ns_path)}
	stderr_file=$BATS_TEST_TMPDIR/stderr
	status=0
	output=$(CNI_COMMAND=$verb CNI_CONTAINERID=$CID CNI_NETNS=$netns CNI_IFNAME=$ifname \
		CNI_PATH=${CNI_PATH-$PLUGINS} CNI_ARGS=${CNI_ARGS-} \
		timeout --foreground -k 5 60 ${NODE:+nsenter --net="$(ns_path "$NODE")"} "$PLUGINS/$plugin" \
		2>"$stderr_file") || status=$?
	errors=$(<"$stderr_file")
	echo "\$ $verb $plugin $CID/$ifname: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
	[ -z "${MATRIX:-}" ] || [ "$status" -ne 0 ] || note_verb "$verb" "$plugin" "$ifname"
}

# ADD keeps its result for with_result; the other verbs leave it.
add() {
	cni ADD "$@"
	[ "$status" -ne 0 ] || result=$output
}

forget_result() {
	result=
}

del() {
	cni DEL "$@"
}

check() {
	cni CHECK "$@"
}

# killed_at SYSCALL ADD... : the call is killed in front of its first such call. Not by timeout, which would
# be what is killed.
killed_at() {
	local calls=${1//,/,?}
	shift
	CNI_COMMAND=$1 CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"${STRACE[@]}" -o /dev/null -e trace="?$calls" -e inject="?$calls":signal=KILL "$PLUGINS/$2" \
		2>/dev/null && fail "killed, not done"
	return 0
}

# gc PLUGIN, status_of PLUGIN : these two are about no attachment.
gc() {
	NS='' CID='' cni GC "$1"
}

status_of() {
	NS='' CID='' cni STATUS "$1"
}

# with_result CONF [RESULT] : the configuration with prevResult, as a runtime sends it.
with_result() {
	jq -c --argjson result "${2:-$result}" '. + {prevResult: $result}' <<<"$1"
}

# with_valid CONF ID/IFNAME... : the configuration of a GC that keeps these attachments.
with_valid() {
	local conf=$1
	shift
	jq -nc --argjson conf "$conf" '
		[$ARGS.positional[] | split("/") | {containerID: .[0], ifname: .[1]}] as $valid |
		$conf + {"cni.dev/valid-attachments": $valid, "cni.dev/attachments": $valid}' \
		--args -- "$@"
}

# ---- what takes a while --------------------------------------------------------------------

# in_time SECONDS COMMAND... : it succeeds before they are over.
in_time() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.02
	done
}

# soon COMMAND... : it succeeds before long, on a machine that is busy, too.
soon() {
	in_time 30 "$@"
}

# hold_lock FILE : flock(2) is held until free_lock.
hold_lock() {
	coproc holder { exec flock "$1" sh -c 'echo; exec sleep 1000' 3>&- 4>&-; }
	read -r <&"${holder[0]}"
}

# lock_is_awaited : somebody waits for a lock of flock(2), or soon; whose holder is alive, or it cannot be seen.
lock_is_awaited() {
	soon grep -q -- '-> FLOCK' /proc/locks || fail "somebody waits for a lock"
}

free_lock() {
	pkill -P "$holder_PID"
	wait "$holder_PID" || true
}

# ---- expectations --------------------------------------------------------------------------

fail() {
	echo "expected: $*"
	return 1
}

expect_ok() {
	[ "$status" -eq 0 ] || fail "success, not exit $status"
}

# expect_silent : success with nothing on stdout, as every verb but ADD and VERSION owes.
expect_silent() {
	expect_ok
	[ -z "$output" ] || fail "no output"
}

# expect_code N [TEXT] : an error object with this code, exit 1; its text contains TEXT.
expect_code() {
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	[ "$(jq -s 'length' <<<"$output" 2>&1)" = 1 ] || fail "one JSON object"
	[ "$(jq -r .code <<<"$output")" = "$1" ] || fail "code $1"
	[ -z "${2:-}" ] || jq -e --arg text "$2" '(.msg + " " + (.details // "")) | contains($text)' \
		<<<"$output" >/dev/null || fail "error text with '$2'"
}

expect_failure() {
	[ "$status" -ne 0 ] || fail "a failure"
	jq -e 'has("code")' <<<"$output" >/dev/null || fail "an error object"
}

# json_is JSON JQPATH VALUE : VALUE is compared as text, objects as compact sorted JSON.
json_is() {
	local actual
	actual=$(jq -cSr "$2" <<<"$1")
	[ "$actual" = "$3" ] || fail "$2 to be '$3', not '$actual'"
}

# expect_json JQPATH VALUE : about the output of the last call.
expect_json() {
	json_is "$output" "$1" "$2"
}

# expect_same WHAT ONE OTHER : two texts (best with one value a line).
expect_same() {
	diff -u --label "$1 (first)" --label "$1 (second)" <(echo "$2") <(echo "$3") ||
		fail "the same $1"
}

# ---- state ---------------------------------------------------------------------------------

# The raw material of a namespace, as JSON pieces that state.jq puts in order.
raw_sysctls() {
	cd /proc/sys/net || return
	grep -s '' ipv4/ip_forward ipv[46]/conf/*/{accept_dad,accept_ra,arp_notify,rp_filter} \
		ipv[46]/conf/*/{keep_addr_on_down,disable_ipv6,enhanced_dad,ndisc_notify} \
		ipv[46]/conf/*/{forwarding,proxy_arp,proxy_ndp} || true
}

raw_state() {
	echo '{"links":'
	ip -j -d link show
	echo ',"addresses":'
	ip -j addr show
	echo ',"routes4":'
	ip -j -d -4 route show table all
	echo ',"routes6":'
	ip -j -d -6 route show table all
	echo ',"rules":'
	ip -j rule show
	echo ',"sysctls":'
	raw_sysctls | sed 's/\(.*\):\(.*\)/"\1":"\2",/; 1s/^/{/; $s/,$/}}/'
}

raw_state_of() {
	if [ -n "$1" ]; then
		in_ns "$1" bash -c "$(declare -f raw_sysctls raw_state); raw_state"
	else
		raw_state
	fi
}

# store_state DIR : every file of an IPAM store with its mode and content, as text; our own index,
# a cache, is left out.
store_state() {
	[ -d "$1" ] || return 0
	(
		cd "$1" || exit
		find . -name .cnic -prune -o -type f -printf '%m %P\n' | sort -k2 |
			while read -r mode file; do
				echo "== $file mode $mode"
				cat -A "$file"
				echo
			done
	)
}

# state [NAME...] : canonical JSON of the host, of the named containers and of the last result,
# with MAC addresses, interface indexes and random names masked by what they belong to. Of two
# states made by the same steps the texts are equal.
state() {
	local name
	{
		echo '{"host":'
		raw_state_of ''
		echo ',"containers":{'
		for name; do
			[ "$name" = "$1" ] || echo ,
			echo "\"$name\":"
			raw_state_of "$name"
		done
		echo '}}'
	} | jq -S --argjson result "${result:-null}" -f "$TEST_DIR/state.jq"
}

host_state() {
	state | jq -S .host
}

# A host veth is named by its peer, so the host's state is needed to name what this one has.
ns_state() {
	# shellcheck disable=SC2016
	state "$1" | jq -S --arg name "$1" '.containers[$name]'
}

# with_legacy : `iptables` is the old kind from here on, as on a host that never changed over.
with_legacy() {
	local name dir=$BATS_TEST_TMPDIR/legacy
	mkdir -p "$dir"
	for name in {iptables,ip6tables}{,-save,-restore}; do
		ln -sfn "$(command -v xtables-legacy-multi)" "$dir/$name"
	done
	PATH=$dir:$PATH
}

# Both kinds of iptables: asking the legacy one for a table makes it.
rules_clean() {
	local family table chain
	nft flush ruleset
	for family in ip ip6; do
		while read -r table; do
			"${family}tables-legacy" -t "$table" -F
			"${family}tables-legacy" -t "$table" -X
			for chain in INPUT OUTPUT FORWARD PREROUTING POSTROUTING; do
				"${family}tables-legacy" -t "$table" -P $chain ACCEPT 2>/dev/null || true
			done
		done < <(cat "/proc/net/${family}_tables_names" 2>/dev/null)
	done
}
