#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2119
#
# The examples that need bridge VLAN filtering, a VRF or ipvlan with a DHCP server, hence the VM.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/dhcp.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/examples.bash"

@test "bridge-vlan.conflist" {
	run_example bridge-vlan.conflist 10.100.0.1
}

# A ping that names no VRF has no route there.
@test "vrf.conflist" {
	run_example vrf.conflist none
}

@test "dhcp-ipvlan.conflist" {
	uplink 10.106.0.1/24
	dhcp_ns=wire dnsmasq_at w0 --dhcp-range=10.106.0.10,10.106.0.99
	dhcp_daemon
	run_example dhcp-ipvlan.conflist 10.106.0.1
	dhcp_end
}
