# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The plugins of OVS when any single call fails, and when ovsdb-server is killed or stopped at any step
# of what is said between them: never a hang, all or nothing, clear errors.

load ../lib
load ../plugin/ovs
load fault
load fault-ovs

setup_file() {
	build_shim
}

setup() {
	fault_ovs_setup
}

teardown() {
	fault_ovs_teardown
}

# ---- each call fails ---------------------------------------------------------------------------

@test "ovs ADD, each call fails" {
	use "$OVS"
	each_fault add_with_fault
}

@test "ovs DEL, each call fails" {
	use "$OVS"
	each_fault del_with_fault
}

@test "ovs ADD, an answer of the kernel's is lost" {
	use "$OVS"
	lost_answers add_with_fault
}

@test "ovs DEL, an answer of the kernel's is lost" {
	use "$OVS"
	lost_answers del_with_fault
}

@test "ovs-mirror-producer ADD, each call fails" {
	use "$PRODUCER"
	each_fault add_with_fault
}

@test "ovs-mirror-producer DEL, each call fails" {
	use "$PRODUCER"
	each_fault del_with_fault
}

@test "ovs-mirror-consumer ADD, each call fails" {
	use "$CONSUMER"
	each_fault add_with_fault
}

@test "ovs-mirror-consumer DEL, each call fails" {
	use "$CONSUMER"
	each_fault del_with_fault
}

# ---- the server is killed or stopped at each step ------------------------------------------------

# struck SIGNAL N VERB : the call, with the server struck before the N-th of what is said to it.
struck() {
	local signal=$1 number=$2 verb=$3
	export FAULT_SET=peer FAULT_SIGNAL FAULT_PID
	FAULT_SIGNAL=$(kill -l "$signal")
	FAULT_PID=$(pid_of ovsdb-server)
	[ "$signal" != STOP ] || export FAULT_HASTE=10
	with_fault "$number" "$verb" "$plugin" <<<"$conf"
	unset FAULT_SET FAULT_SIGNAL FAULT_PID FAULT_HASTE
	echo "$signal at $number: $what"
}

# How often something is said to the server in this call: the shim's count.
said() {
	FAULT_SET=peer with_fault 0 "$1" "$plugin" <<<"$conf"
	expect_ok
	od -An -tu4 -j252 -N4 "$fault_state" | tr -d ' '
}

recover() {
	case $1 in
	STOP)
		kill -CONT "$(pid_of ovsdb-server)"
		;;
	KILL)
		end_process ovsdb-server
		end_process ovs-vswitchd # which would wait longer from time to time
		server_start
		switch_start
		;;
	esac
}

add_struck() {
	local start=$SECONDS
	struck "$1" "$2" add
	[ $((SECONDS - start)) -lt 20 ] || fail "an end in its time"
	recover "$1"
	[ "$status" -eq 0 ] || [ "$1" = KILL ] || await_database
	judge_add
}

del_struck() {
	local start
	add_well
	start=$SECONDS
	struck "$1" "$2" del
	[ $((SECONDS - start)) -lt 20 ] || fail "an end in its time"
	recover "$1"
	judge_del
}

# each_step SIGNAL VERB : some that fail, or nothing has been tested.
each_step() {
	local number steps failures=0 strict=false
	needs_preload
	set +T
	[ "$2" = add ] || add_well >"$log"
	steps=$(said "$2" | tail -n 1)
	[ "$2" = del ] || del "$plugin" <<<"$conf" >"$log"
	for ((number = 1; number <= steps; number++)); do
		is_sampled $number || continue
		"$2_struck" "$1" $number >"$log" 2>&1
		! grep -q "^\$ ${2^^} .* exit 1" "$log" || failures=$((failures + 1))
	done
	echo "# $steps steps, $failures failures" >&3
	[ "$failures" -ge 3 ] || [ "$FAULT_EVERY" -gt 1 ] || fail "steps at which it fails"
}

@test "ovs ADD, the server is killed at each step" {
	use "$OVS"
	each_step KILL add
}

@test "ovs ADD, the server is stopped at each step" {
	use "$OVS"
	each_step STOP add
}

@test "ovs DEL, the server is killed at each step" {
	use "$OVS"
	each_step KILL del
}

@test "ovs DEL, the server is stopped at each step" {
	use "$OVS"
	each_step STOP del
}

@test "ovs-mirror-producer ADD, the server is killed at each step" {
	use "$PRODUCER"
	each_step KILL add
}

@test "ovs-mirror-producer ADD, the server is stopped at each step" {
	use "$PRODUCER"
	each_step STOP add
}

@test "ovs-mirror-producer DEL, the server is killed at each step" {
	use "$PRODUCER"
	each_step KILL del
}

@test "ovs-mirror-producer DEL, the server is stopped at each step" {
	use "$PRODUCER"
	each_step STOP del
}
