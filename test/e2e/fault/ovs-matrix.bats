# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The rows of OVS's plugins in the matrix: killed, DEL of what is gone, many at a time; beside the container c0,
# whose port the mirror `old` has, too.

load ../lib
load ../plugin/ovs
load fault
load rows
load kill
load missing
load crowd
load fault-ovs

OBJECTS="nothing link host_end port master namespace netns_path store records everything"

setup() {
	fault_ovs_setup
	beside=$result
}

teardown() {
	fault_ovs_teardown
}

# row NAME : as in rows.bash.
row() {
	plugin=$1 other='' restore=nothing
	case $1 in
	ovs) conf=$OVS ;;
	ovs-mirror-producer) conf=$PRODUCER ;;
	ovs-mirror-consumer) conf=$CONSUMER ;;
	esac
}

# A mirror's port is the ovs plugin's, without addresses.
PORT=$(jq -c 'del(.ipam)' <<<"$OVS")

link_of() {
	add ovs <<<"$PORT"
	expect_ok
	conf=$(with_result "$conf")
}

# ---- what is gone ----------------------------------------------------------------------------------

afresh() {
	ovs_stop
	host_clean
	setup
}

port_in_db() {
	ovs-vsctl --bare --columns="$1" find port external_ids:contNetns=/run/netns/box
}

remove_port() {
	ovs-vsctl del-port "$(port_in_db name)"
}

remove_master() {
	ovs-vsctl del-br br0
}

more_traces() {
	local port
	if [ "$plugin" = ovs ]; then
		port_in_db name
	else
		port=$(port_in_db _uuid)
		database | grep '"select_src_port"' | grep -e '"new"' ${port:+-e "$port"}
	fi
}

other_is_well() {
	case $1 in
	master | store | records | everything) return 0 ;;
	esac
	CID=c0 NS=other check ovs <<<"$(with_result "$OVS" "$beside")"
	expect_silent
	CID=c0 NS=other check ovs-mirror-producer <<<"$(with_result "$(jq -c 'del(.mirrors[1])' <<<"$PRODUCER")" "$beside")"
	expect_silent
}

# ---- many at a time --------------------------------------------------------------------------------

interface() { # N
	plugin=ovs call ADD "$1" "$PORT" >"$BATS_TEST_TMPDIR/port$1"
}

# A mirror has one consumer.
conf_of() { # N
	case $plugin in
	ovs) echo "$conf" ;;
	*-producer) with_result "$conf" "$(<"$BATS_TEST_TMPDIR/port$1")" ;;
	*-consumer) with_result "${conf//\"name\":\"/\"name\":\"$1}" "$(<"$BATS_TEST_TMPDIR/port$1")" ;;
	esac
}

more_state() {
	database
}

@test "ovs: killed" { matrix_kill ovs; }
@test "ovs-mirror-producer: killed" { matrix_kill ovs-mirror-producer; }
@test "ovs-mirror-consumer: killed" { matrix_kill ovs-mirror-consumer; }

@test "ovs: DEL of what is gone" { matrix_missing ovs; }
@test "ovs-mirror-producer: DEL of what is gone" { matrix_missing ovs-mirror-producer; }
@test "ovs-mirror-consumer: DEL of what is gone" { matrix_missing ovs-mirror-consumer; }

@test "ovs: many at a time" { crowd ovs; }
@test "ovs-mirror-producer: many at a time" { crowd ovs-mirror-producer; }
@test "ovs-mirror-consumer: many at a time" { crowd ovs-mirror-consumer; }
