# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# 64 processes at once on one node of cluster, for a pool that has fewer addresses. For files that have loaded lib.bash.

# at_once N COMMAND : COMMAND I for each I up to N, all at the same time; what they print to $answers. All have to be well.
at_once() {
	local i pids=() rc=0
	rm -f "$BATS_TEST_TMPDIR"/at_once.*
	for ((i = 1; i <= $1; i++)); do
		"$2" "$i" >"$BATS_TEST_TMPDIR/at_once.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || rc=1
	done
	answers=$(cat "$BATS_TEST_TMPDIR"/at_once.*)
	return $rc
}

one_call() { # VERB ID
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "$PLUGINS/cluster" <<<"$pool"
}

first_add() {
	one_call ADD "c$1" || true # for some it is exhausted
}

# Those without an address leave nothing in the way of the others.
del_and_add() {
	one_call DEL "c$1" && { [ -z "${has_one[$1]:-}" ] || one_call ADD "d$1"; }
}

# each_once N : the answers have so many addresses, none of them twice.
each_once() {
	local given
	given=$(jq -r '.ips // [] | .[].address' <<<"$answers")
	[ "$(grep -c . <<<"$given")" -eq "$1" ] && [ "$(sort -u <<<"$given" | wc -l)" -eq "$1" ] || fail "$1 addresses, each once: $answers"
}

# exhaust N CONF : its pool has N addresses.
exhaust() {
	local pool=$2 i
	declare -A has_one=()
	at_once 64 first_add
	each_once "$1"
	[ "$(jq -r '.code // empty' <<<"$answers" | paste -sd' ')" = "$(yes 100 | head -n $((64 - $1)) | paste -sd' ')" ] ||
		fail "the rest to be told that it is exhausted: $answers"
	for i in {1..64}; do
		! grep -q '"ips"' "$BATS_TEST_TMPDIR/at_once.$i" || has_one[$i]=1
	done
	at_once 64 del_and_add || fail "every release to be usable at once: $answers"
	each_once "$1"
}
