# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The plugins of OVS when ovsdb-server gives a wrong answer to any one request, or to all from one on:
# test/fault/peer.c stands between them and a real one.

load ../lib
load ../plugin/ovs
load fault
load fault-ovs

DOOR=/run/door.sock # the server, or who stands in front of it
OVS=${OVS/%\}/",\"socket_file\":\"unix:$DOOR\"}"}
PRODUCER=${PRODUCER/%\}/",\"socket_file\":\"unix:$DOOR\"}"}
CONSUMER=${CONSUMER/%\}/",\"socket_file\":\"unix:$DOOR\"}"}

# ---- what there is to go wrong -------------------------------------------------------------------

# What the server says that has not done what it was asked for, and what is to be said of it.
declare -gA REFUSALS=(
	[rpc]='unknown database'
	[rpc-null]='not allowed'
	[rpc-text]='canceled'
	[rpc-number]='door.sock: 7'
	[rpc-both]='unsure'
	[first]='constraint violation","details":"told to'
	[last]='constraint violation","details":"told to'
	[commit]='referential integrity violation","details":"told to'
	[no-words]='has an error that is no string'
)

# From which it cannot be seen whether it has.
declare -gA RIDDLES=(
	[result-none]='has no result'
	[result-null]='has no result'
	[result-empty]='has too few elements'
	[result-text]='has no result'
	[result-number]='has no result'
	[result-object]='has no result'
	[few]='has too few elements'
	[many]='has too many elements'
	[nulls]="lacks an operation's result"
	[numbers]="lacks an operation's result"
	[voids]='lacks what a [a-z]* gives'
	[odd]='lacks what a [a-z]* gives'
	[odd-rows]='lacks what a [a-z]* gives'
	[bare-rows]='lacks what a [a-z]* gives'
	[garbage]='sends what is no JSON object'
	[syntax]='sends: invalid JSON'
	[half]='closed the connection|receive: Connection reset|send: Broken pipe'
	[close]='closed the connection|receive: Connection reset|send: Broken pipe'
	[gone]='closed the connection|receive: Connection reset|send: Broken pipe'
	[id-other]='does not answer'
	[id-text]='does not answer'
	[id-none]='does not answer'
	[silence]='does not answer'
	[half-silence]='does not answer'
)

# shapes WHAT : those for such a request. The last ones are well-formed and untrue: no rows where there
# are some, none changed, an assertion that holds does not, columns of the wrong type.
shapes() {
	echo "${!REFUSALS[@]}" "${!RIDDLES[@]}"
	case $1 in
	*insert* | *mutate*) printf 'did-%s ' "${!RIDDLES[@]}" && echo none did-none timed-out ;;
	wait*) echo none timed-out ;;
	*) echo none timed-out sevens ;;
	esac
}

# ---- one call ------------------------------------------------------------------------------------

setup_file() {
	local flags='-std=gnu11 -D_GNU_SOURCE -O2 -U_FORTIFY_SOURCE -Wall -Wextra' name
	# shellcheck disable=SC2086
	{
		${CC:-cc} $flags -o "$BATS_FILE_TMPDIR/peer" "$ROOT/test/fault/peer.c" -lcjson
		${CC:-cc} $flags -shared -fPIC -o "$BATS_FILE_TMPDIR/leap.so" "$ROOT/test/fault/leap.c"
	}
	for name in ovs ovs-mirror-producer ovs-mirror-consumer; do
		ln -s peer "$BATS_FILE_TMPDIR/$name"
	done
}

setup() {
	needs_preload
	ln -s "$SOCKET" "$DOOR"
	fault_ovs_setup
}

teardown() {
	fault_ovs_teardown
	rm -f "$DOOR"
}

# answered AT SHAPE VERB : the call; $what is the request whose answer went wrong, or empty.
answered() {
	local took report=$BATS_TEST_TMPDIR/report
	shape=$2
	PEER_BIN=$CNIC_BIN PEER_LISTEN=$DOOR PEER_SERVER=$SOCKET PEER_AT=$1 PEER_SHAPE=$2 \
		PEER_LEAP=$BATS_FILE_TMPDIR/leap.so PEER_REPORT=$report \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 \
		PLUGINS=$BATS_FILE_TMPDIR CNI_PATH=$CNIC_BIN "$3" "$plugin" <<<"$conf"
	{ read -r what && read -r took; } <"$report"
	echo "answer $1 $shape: $what; $took ms"
	[ "$took" -lt 20000 ] || fail "an end in its time"
}

# ---- what is right after it ----------------------------------------------------------------------

is_lie() {
	[[ $shape =~ ^(did-)?none$|timed-out|sevens ]]
}

# An answer to a wait that has other members is one.
is_fine() {
	[[ $what =~ ^wait\ [A-Za-z_]*$ && $shape =~ ^(did-)?(voids|odd|odd-rows|bare-rows)$ ]]
}

# One error object whose words are those of the answer.
expect_words() {
	local words=${REFUSALS[$shape]-}${RIDDLES[${shape#did-}]-}
	expect_error_object
	[[ $output =~ \"msg\":.*("$DOOR"|veth|br0) ]] || is_lie || fail "words that name the server, the port or the bridge"
	[[ $output =~ $words ]] || fail "words like $words"
}

# judge_wrong_add LOST : LOST is true where there may be nobody to take it back with.
judge_wrong_add() {
	if [ "$status" -eq 0 ]; then
		[ -z "$what" ] || is_lie || is_fine || fail "an error"
		expect_tolerated
	else
		expect_words
		if [[ $errors == *"may remain"* ]]; then
			$1 || fail "it to be taken back"
			[[ $errors =~ ^rollback:\ port\ veth[0-9a-f]+\ may\ remain ]] || fail "the port's name"
			expect_said_so
		fi
	fi
	expect_state
}

# A DEL that is content has left nothing, or been lied to; and the next one leaves nothing.
judge_wrong_del() {
	if [ "$status" -eq 0 ]; then
		[ -z "$output" ] || fail "no output"
		is_lie || expect_state
	else
		expect_words
	fi
	del "$plugin" <<<"$conf"
	expect_silent
	expect_state
}

# CHECK, GC and STATUS change nothing of what is well, whatever they are told.
judge_wrong_look() {
	if [ "$status" -eq 0 ]; then
		[ -z "$what" ] || is_lie || is_fine || fail "an error"
		[ -z "$output" ] || fail "no output"
	else
		expect_words
	fi
	expect_state
}

# ---- all of them -----------------------------------------------------------------------------------

# wrong VERB AT SHAPE
wrong() {
	local lost=false
	[ "$1" != del ] || add_well
	answered "$2" "$3" "$1"
	[ "$status" -eq 0 ] || failures=$((failures + 1))
	[[ $2 != *+ && $3 != *gone ]] || lost=true
	case $1 in
	add | del) "judge_wrong_$1" $lost ;;
	*) judge_wrong_look ;;
	esac
}

# each_answer VERB [SHAPE...] : to each request, each answer, or these and from there on.
each_answer() {
	local verb=$1 at=1 number=0 answers=0 failures=0 shape onward=''
	shift
	[ $# -eq 0 ] || onward=+
	set +T # bats' own DEBUG trap, which doubles the time
	while true; do
		wrong "$verb" $at rpc >"$log" 2>&1
		[ -n "$what" ] || break
		for shape in ${*:-$(shapes "$what")}; do
			number=$((number + 1))
			is_sampled $number || continue
			answers=$((answers + 1))
			wrong "$verb" $at$onward "$shape" >"$log" 2>&1
		done
		at=$((at + 1))
	done
	echo "# $((at - 1)) requests, $answers wrong answers, $failures failures" >&3
	[ $at -gt "${least:-3}" ] && [ $((failures * 2)) -gt $answers ] || fail "more that goes wrong"
}

@test "ovs ADD, a wrong answer to each request" {
	use "$OVS"
	each_answer add
}

@test "ovs DEL, a wrong answer to each request" {
	use "$OVS"
	each_answer del
}

@test "ovs-mirror-producer ADD, a wrong answer to each request" {
	use "$PRODUCER"
	each_answer add
}

@test "ovs-mirror-producer DEL, a wrong answer to each request" {
	use "$PRODUCER"
	each_answer del
}

@test "ovs-mirror-consumer ADD, a wrong answer to each request" {
	use "$CONSUMER"
	each_answer add
}

@test "ovs-mirror-consumer DEL, a wrong answer to each request" {
	use "$CONSUMER"
	each_answer del
}

@test "ovs CHECK, a wrong answer to each request" {
	use "$OVS"
	add_well
	base=$(snapshot)
	conf=$(with_result "$OVS")
	each_answer check
}

# No "none" among them: a server that finds no port to take back is believed. Somebody may have removed it.
ONWARD="first close did-close garbage did-garbage silence did-silence did-none"

@test "ovs GC, STATUS, nothing but wrong answers from each request on" {
	local least=1
	use "$OVS"
	add_well
	base=$(snapshot)
	conf=$(with_valid "$OVS" c0/eth0 c1/eth0)
	each_answer gc $ONWARD
	conf=$OVS
	each_answer status_of $ONWARD
}

@test "ovs, nothing but wrong answers from each request on" {
	use "$OVS"
	each_answer add $ONWARD
	each_answer del $ONWARD
}

@test "ovs-mirror-producer, nothing but wrong answers from each request on" {
	use "$PRODUCER"
	each_answer add $ONWARD
	each_answer del $ONWARD
}
