# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Whatever a runtime or a user gives us: one error object with a code that names the place, exit 1,
# and nothing has changed. The keys come from the tables in the code (badinput.awk finds them,
# badinput.jq makes the cases), so a key that is added is tested from then on.

load lib

DATA=/var/lib/cni/networks
BASES='{
	"bridge": {"cniVersion":"1.1.0","name":"bad","type":"bridge","bridge":"br0","isGateway":true,
		"vlanTrunk":[{"id":5}],
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"ptp": {"cniVersion":"1.1.0","name":"bad","type":"ptp",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"loopback": {"cniVersion":"1.1.0","name":"bad","type":"loopback"},
	"host-local": {"cniVersion":"1.1.0","name":"bad","type":"any",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"static": {"cniVersion":"1.1.0","name":"bad","type":"any",
		"ipam":{"type":"static","addresses":[{"address":"10.2.0.2/24"}]}}}'

setup_file() {
	awk -f "$TEST_DIR/badinput.awk" "$ROOT"/pkg/*/*.c "$ROOT"/plugins/*/*.c >"$BATS_FILE_TMPDIR/rows"
	jq -rs --argjson bases "$BASES" -f "$TEST_DIR/badinput.jq" "$BATS_FILE_TMPDIR/rows" \
		>"$BATS_FILE_TMPDIR/cases"
}

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	log=$BATS_TEST_TMPDIR/log
	stderr_file=$BATS_TEST_TMPDIR/stderr
	reset_env
	before=$(everything)
	set +T # bats' own DEBUG trap costs more than the calls
}

# What was said about the case that went wrong, not about the hundreds before it.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || cut -c1-1000 "$log"
	host_clean
}

everything() {
	host_state
	ns_state box
	find "$DATA" -type f ! -name lock 2>/dev/null || true
}

# Ends every test here.
nothing_changed() {
	expect_same state "$before" "$(everything)"
}

# ---- calls: like those of lib.bash, but thousands of them ------------------------------------

reset_env() {
	export CNI_CONTAINERID=c1 CNI_NETNS CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN CNI_ARGS=
	unset CNI_NETNS_OVERRIDE CNI_ALWAYS_EXEC
	CNI_NETNS=$(ns_path box)
}

# try VERB PLUGIN : configuration on stdin; to $status and $output.
try() {
	status=0
	output=$(CNI_COMMAND=$1 "$CNIC_BIN/$2" 2>"$stderr_file") || status=$?
	{
		echo "\$ $1 $2: exit $status"
		echo "$output"
		cat "$stderr_file"
	} >"$log"
}

no_traces() {
	local links=(/sys/class/net/*) records=("$DATA"/*/[0-9f]* "$DATA"/*/last*)
	case ${links[*]} in
	/sys/class/net/lo) ;;
	*) fail "no links" ;;
	esac
	case ${records[*]} in
	"$DATA/*/[0-9f]* $DATA/*/last*") ;;
	*) fail "no records" ;;
	esac
}

# refused CODES TEXT : the answer is an error object with one of the codes, its text contains TEXT.
refused() {
	local code
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	case $output in
	*$'\n'*) fail "one line" ;;
	'{"cniVersion":"'*'","code":'*,\"msg\":\"*'}') ;;
	*) fail "an error object" ;;
	esac
	code=${output#*\"code\":}
	code=${code%%,*}
	[[ " $1 " == *" $code "* ]] || fail "code $1, not $code"
	[[ $output == *"$2"* ]] || fail "a text with '$2'"
	[ "${#output}" -lt 4096 ] || fail "an error object that can be read"
	[ ! -s "$stderr_file" ] || [[ $(<"$stderr_file") != *Sanitizer* ]] || fail "no sanitizer finding"
	no_traces
}

# refuse VERB PLUGIN CODES TEXT <<<CONF
refuse() {
	try "$1" "$2"
	refused "$3" "$4"
}

base_of() {
	jq -c --arg plugin "$1" '.[$plugin]' <<<"$BASES"
}

# ---- each key of each table ------------------------------------------------------------------

# each_case PLUGIN KIND COMMAND : COMMAND PATH CONF OTHER for all cases of a kind; there must be some.
each_case() {
	local case_plugin kind path conf other cases=0
	plugin=$1
	while IFS=$'\t' read -r case_plugin kind path conf other; do
		[ "$case_plugin" = "$1" ] && [ "$kind" = "$2" ] || continue
		cases=$((cases + 1))
		"$3" "$path" "$conf" "$other"
	done <"$BATS_FILE_TMPDIR/cases"
	[ $cases -gt 0 ] || fail "cases of $2 for $1"
}

bad_add() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

bad_in_every_verb() {
	local verb
	for verb in ADD DEL CHECK GC STATUS; do
		refuse $verb "$plugin" 6 "\"msg\":\"$1: " <<<"$2"
	done
}

# null is as good as nothing: for CHECK, which finds no interface, and STATUS, which finds no fault.
null_is_absent() {
	local verb with
	for verb in CHECK STATUS; do
		try $verb "$plugin" <<<"$2"
		with="$status $output"
		try $verb "$plugin" <<<"$3"
		[ "$with" = "$status $output" ] || fail "for $verb with $1 null as without: $with"
	done
}

@test "every key in the source is found" {
	local tables
	tables=$(cat "$ROOT"/pkg/*/*.c "$ROOT"/plugins/*/*.c |
		grep -oE '(F_[A-Z_]+\(|\.key = )"' | wc -l)
	[ "$tables" -gt 100 ]
	[ "$(grep -c '"table"' "$BATS_FILE_TMPDIR/rows")" = "$tables" ]
}

# The error object of a delegate is read by a table as well: see "a delegate".
@test "every key in the source has cases" {
	local key
	jq -r 'select(.table and .table != "error_fields" and .key != "") | .key' \
		"$BATS_FILE_TMPDIR/rows" | sort -u >"$BATS_TEST_TMPDIR/keys"
	cut -f3 "$BATS_FILE_TMPDIR/cases" | sort -u >"$BATS_TEST_TMPDIR/paths"
	while read -r key; do
		grep -qE "(^|\.)${key//./\\.}\$" "$BATS_TEST_TMPDIR/paths" || fail "a case for $key"
	done <"$BATS_TEST_TMPDIR/keys"
}

for_each_key_of() {
	each_case "$1" type bad_in_every_verb
	codes="6 7" each_case "$1" range bad_add
	codes="6 7" each_case "$1" long bad_add
	codes=7 each_case "$1" missing bad_add
	each_case "$1" null null_is_absent
	nothing_changed
}

@test "bridge: each key with a wrong type, out of range, too long, null" {
	for_each_key_of bridge
}

@test "ptp: each key with a wrong type, out of range, too long, null" {
	for_each_key_of ptp
}

@test "host-local: each key with a wrong type, out of range, too long, null" {
	for_each_key_of host-local
}

@test "static: each key with a wrong type, out of range, too long, null" {
	for_each_key_of static
}

@test "loopback: each key with a wrong type, too long, null" {
	each_case loopback type bad_in_every_verb
	codes="6 7" each_case loopback long bad_add
	codes=7 each_case loopback missing bad_add
	each_case loopback null null_is_absent
	nothing_changed
}

bad_prev() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	refuse CHECK "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

@test "bridge: each key of prevResult" {
	codes=6 each_case bridge prev-type bad_prev
	codes="6 7" each_case bridge prev-range bad_prev
	codes="6 7" each_case bridge prev-long bad_prev
	codes=7 each_case bridge prev-missing bad_prev
	each_case bridge prev-null null_is_absent
	nothing_changed
}

@test "host-local: each key of prevResult" {
	codes=6 each_case host-local prev-type bad_prev
	codes="6 7" each_case host-local prev-range bad_prev
	codes=7 each_case host-local prev-missing bad_prev
	each_case host-local prev-null null_is_absent
	nothing_changed
}

@test "loopback: each key of prevResult in its old shape" {
	codes=6 each_case loopback old-type bad_add
	codes="6 7" each_case loopback old-range bad_add
	codes="6 7" each_case loopback old-long bad_add
	codes=7 each_case loopback old-missing bad_add
	nothing_changed
}

@test "bridge: a delegate's keys" {
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	ip link del br0 2>/dev/null || true
	nothing_changed
}

@test "bridge: a delegate's keys, exec'ed" {
	export CNI_ALWAYS_EXEC=1
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	nothing_changed
}
