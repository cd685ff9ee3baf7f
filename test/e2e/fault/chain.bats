# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for a chain of five plugins: all or nothing, whichever of them a call fails in.

load ../lib
load fault
load faults
load rows

@test "chain ADD" {
	begin chain
	each_fault add_with_fault
}

@test "chain ADD: the kernel's answer is lost" {
	begin chain
	lost_answers add_with_fault
}

@test "chain DEL" {
	begin chain
	each_fault del_with_fault
}

@test "chain DEL: the kernel's answer is lost" {
	begin chain
	lost_answers del_with_fault
}

@test "chain GC" {
	begin chain
	alive=c0/eth0 each_fault gc_with_fault
}
