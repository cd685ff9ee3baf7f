#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cluster below ipvlan, on two nodes with one wire; what else there is of it is in e2e/plugin/cluster-nodes.bats.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/etcd.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/two_nodes.bash"

@test "ipvlan: pods of two nodes reach each other; one that moves keeps its addresses" {
	pods_of_two_nodes '{"type":"ipvlan","master":"w0"}'
}
