# SPDX-License-Identifier: Apache-2.0
#
# Each chained plugin killed in front of each of its system calls: see kill.bash.

load ../lib
load fault
load faults
load rows
load kill

@test "portmap, our table" { matrix_kill portmap; }
@test "portmap, the reference's table" { matrix_kill "portmap nftables"; }
@test "portmap, iptables" { matrix_kill "portmap iptables"; }
@test "firewall, our table" { matrix_kill "firewall nftables"; }
@test "firewall, iptables" { matrix_kill "firewall iptables"; }
@test "tuning" { matrix_kill tuning; }
@test "bandwidth" { matrix_kill bandwidth; }
@test "sbr" { matrix_kill sbr; }

# Its parts are killed in rows of their own.
@test "chain" {
	FAULT_EVERY=$((${FAULT_EVERY:-1} == 1 ? 1 : FAULT_EVERY * 4)) matrix_kill chain
}
