#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The rows of the matrix that the machine's own kernel does not have: each call that fails, each lost answer, each kill,
# each missing object, 64 processes at a time. Where it is sampled, thinner than on the machine, and 16 processes: this is an emulator.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
for part in fault faults rows kill missing crowd; do
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/../e2e/fault/$part.bash"
done

[ "$FAULT_EVERY" -eq 1 ] || {
	read -ra objects <<<"$OBJECTS"
	OBJECTS="nothing everything ${objects[*]:FAULT_SEED % 6 + 1:3}"
	FAULT_EVERY=$((FAULT_EVERY * 4)) WORKERS=16
}

faults() {
	local add=add_with_fault
	begin "$1"
	least=0
	[ "$plugin" != vrf ] || {
		add=add_with_fault_as_well
		add_well
		well=$(well_done)
		del "$plugin" <<<"$conf"
	}
	each_fault $add
	each_fault del_with_fault
	lost_answers $add
	lost_answers del_with_fault
}

@test "ipvlan: a call fails" { faults ipvlan; }
@test "vlan: a call fails" { faults vlan; }
@test "dummy: a call fails" { faults dummy; }
@test "vrf: a call fails" { faults vrf; }

# An ADD that gets along with the fault leaves what any does, all routes and addresses: vrf's CHECK looks at none. The
# index and the MAC address of a new VRF are different with each.
well_done() {
	snapshot | sed -E 's/^[0-9]+: blue:/blue:/; s/ether (02:aa:)?[^ ]*/ether \1/' | sort
}

add_with_fault_as_well() {
	before_fault
	with_fault "$1" add "$plugin" <<<"$conf"
	echo "fault $1: $what"
	[ "$status" -ne 0 ] || expect_same "state of an ADD" "$well" "$(well_done)"
	judge_add
}

@test "ipvlan: killed" { matrix_kill ipvlan; }
@test "vlan: killed" { matrix_kill vlan; }
@test "dummy: killed" { matrix_kill dummy; }
@test "vrf: killed" { matrix_kill vrf; }

@test "ipvlan: DEL of what is gone" { matrix_missing ipvlan; }
@test "vlan: DEL of what is gone" { matrix_missing vlan; }
@test "dummy: DEL of what is gone" { matrix_missing dummy; }
@test "vrf: DEL of what is gone" { matrix_missing vrf; }

@test "ipvlan: many at a time" { crowd ipvlan; }
@test "vlan: many at a time" { crowd vlan; }
@test "dummy: many at a time" { crowd dummy; }
@test "vrf: many at a time" { crowd vrf; }
