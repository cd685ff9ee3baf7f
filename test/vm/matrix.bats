#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The rows of the matrix that the machine's own kernel does not have: each call that fails, each lost answer, each kill,
# each missing object, 64 processes at a time. Sampled thinner than on the machine: this is an emulator.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
for part in fault faults rows kill missing crowd; do
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/../e2e/fault/$part.bash"
done

FAULT_EVERY=$((FAULT_EVERY * 4)) WORKERS=16

faults() {
	begin "$1"
	least=0
	each_fault add_with_fault
	each_fault del_with_fault
	lost_answers add_with_fault
	lost_answers del_with_fault
}

@test "ipvlan: a call fails" { faults ipvlan; }
@test "vlan: a call fails" { faults vlan; }
@test "dummy: a call fails" { faults dummy; }

@test "ipvlan: killed" { matrix_kill ipvlan; }
@test "vlan: killed" { matrix_kill vlan; }
@test "dummy: killed" { matrix_kill dummy; }

@test "ipvlan: DEL of what is gone" { matrix_missing ipvlan; }
@test "vlan: DEL of what is gone" { matrix_missing vlan; }
@test "dummy: DEL of what is gone" { matrix_missing dummy; }
@test "vrf: DEL of what is gone" { matrix_missing vrf; }

@test "ipvlan: many at a time" { crowd ipvlan; }
@test "vlan: many at a time" { crowd vlan; }
@test "dummy: many at a time" { crowd dummy; }
@test "vrf: many at a time" { crowd vrf; }
