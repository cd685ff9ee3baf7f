# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# The lists of conf-examples that need an Open vSwitch, unfolded and folded into a chain: see chain.bash.

load ../lib
load ../plugin/ovs
load chain

PREPARE=switch
VERSIONS="0.3.0 0.4.0 1.0.0 1.1.0"

teardown() {
	ovs_stop
	host_clean
}

switch() {
	ovs_stop
	ovs_start
	ovs-vsctl set interface br0 mtu_request=1500 # or it follows its ports, in its own time
}

mirrored_switch() {
	switch
	ovs-vsctl -- --id=@m create mirror name=example-mirror -- add bridge br0 mirrors @m >/dev/null
}

more() {
	ovs_rows
	find "$MEMOS" -type f 2>/dev/null | sort
	ovs-vsctl --format=json --columns=name,output_port,select_src_port,select_dst_port list Mirror | jq -c '.data' |
		sed -E 's/[0-9a-f]{8}-[0-9a-f-]{27}/uuid/g'
}

@test "ovs.conflist" { example ovs.conflist; }
@test "ovs-trunk.conflist" { CAPS='{"mac":"02:aa:00:00:00:78"}' example ovs-trunk.conflist; }
@test "ovs-mirror-producer.conflist" { PREPARE=mirrored_switch example ovs-mirror-producer.conflist; }
@test "ovs-mirror-consumer.conflist" { PREPARE=mirrored_switch example ovs-mirror-consumer.conflist; }

@test "crossover: the lists with Open vSwitch" {
	local file
	for file in ovs ovs-trunk ovs-mirror-producer ovs-mirror-consumer; do
		PREPARE=mirrored_switch crossed "$(list_of $file.conflist)"
	done
}
