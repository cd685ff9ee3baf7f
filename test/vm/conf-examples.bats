#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The examples that need bridge VLAN filtering or a VRF, hence the VM.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/examples.bash"

@test "bridge-vlan.conflist" {
	run_example bridge-vlan.conflist 10.100.0.1
}

# A ping that names no VRF has no route there.
@test "vrf.conflist" {
	run_example vrf.conflist none
}
