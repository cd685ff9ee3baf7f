# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for a chain of five plugins: all or nothing, whichever of them a call fails in.

load ../lib
load fault
load faults
load rows
load ../plugin/chain

# What plugins of the test's own have done, between whom ours stands: see plugin/chain.bash.
with_executed() {
	foreign first last
	export CNI_PATH=$CNIC_BIN:$FOREIGN
	use chain '{"cniVersion":"1.1.0","name":"net","type":"chain","plugins":[{"type":"first"},
		{"type":"tap",'"$IPAM"'},{"type":"last"}]}'
	more_state() {
		find "$FOREIGN/done" -type f
	}
}

@test "chain ADD, plugins of others" {
	with_executed
	each_fault add_with_fault
}

@test "chain DEL, plugins of others" {
	with_executed
	each_fault del_with_fault
}

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
