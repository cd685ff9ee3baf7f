# SPDX-License-Identifier: Apache-2.0
#
# Each plugin killed in front of each of its system calls: see kill.bash.

load ../lib
load fault
load faults
load rows
load kill

@test "bridge" { matrix_kill bridge; }
@test "ptp" { matrix_kill ptp; }
@test "macvlan" { matrix_kill macvlan; }
@test "loopback" { matrix_kill loopback; }
@test "host-device" { matrix_kill host-device; }
@test "tap" { matrix_kill tap; }
@test "host-local" { matrix_kill host-local; }
@test "cluster" { matrix_kill cluster; }
@test "static" { matrix_kill static; }
