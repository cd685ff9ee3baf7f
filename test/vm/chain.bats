#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Lists of what the machine's own kernel does not have, unfolded and folded into a chain, and from the one form to
# the other: see e2e/compat/chain.bash. By our cnitool, since an emulator takes seconds for a program in Go.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/compat/chain.bash"

# ctl HOW VERB LIST : as the one of chain.bash.
ctl() {
	local dir=$BATS_TEST_TMPDIR/$1
	mkdir -p "$dir"
	mv "$(written "$1" "$3")" "$dir/"
	status=0
	output=$(NETCONFPATH=$dir CNI_PATH=$CNIC_BIN timeout -k 5 60 "$CNIC_BIN/cnitool" "$2" "$(jq -r .name <<<"$3")" \
		"$(ns_path)" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	errors=$(<"$BATS_TEST_TMPDIR/stderr")
	echo "\$ cnitool $2 $1: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
	[ "$2" != add ] || [ "$status" -ne 0 ] || result=$output
}

uplink() {
	ip link add eth0 address 02:aa:00:00:00:01 up type veth peer name w0 address 02:aa:00:00:00:02
	ip link set w0 up
}

# folds FILE [PLUGIN...] : the list of conf-examples with more plugins behind its own. Crossed in a version that has no GC,
# since cnitool's knows no valid attachments. Sampled, each third list, and crossed one way: each takes half a minute.
folds() {
	local list ways=(folded unfolded folded) n=$((BATS_TEST_NUMBER + FAULT_SEED))
	[ "$FAULT_EVERY" -eq 1 ] || [ $((n % 3)) -eq 0 ] || skip "in another run: each third list"
	n=$((n % 2))
	list=$(list_of "$1" | jq -c '.plugins += $ARGS.positional' --jsonargs "${@:2}")
	in_versions "$list" 1.1.0
	list=$(jq -c '.cniVersion = "1.0.0"' <<<"$list")
	by_the_other "${ways[n]}" "${ways[n + 1]}" "$list"
	[ "$FAULT_EVERY" -ne 1 ] || by_the_other "${ways[n + 1]}" "${ways[n]}" "$list"
}

SYSCTL='{"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}'

@test "ipvlan.conflist, and tuning" { PREPARE=uplink folds ipvlan.conflist "$SYSCTL"; }
@test "vlan.conflist, and sbr" { PREPARE=uplink folds vlan.conflist '{"type": "sbr"}'; }
@test "dummy.conflist, and tuning" { folds dummy.conflist "$SYSCTL"; }
@test "vrf.conflist" { folds vrf.conflist; }
@test "bridge-vlan.conflist, and a vrf" { folds bridge-vlan.conflist '{"type": "vrf", "vrfname": "red"}'; }

@test "what has been made is taken back when the last one fails" {
	local file=(ipvlan vlan dummy)
	PREPARE=uplink same_as_unfolded "$(list_of "${file[FAULT_SEED % 3]}.conflist" |
		jq -c '.plugins += [{type: "vrf", vrfname: "a/b"}]')"
	[[ $observed == "ADD exit 1"*vrfname* ]] || fail "vrf to be refused: $observed"
}
