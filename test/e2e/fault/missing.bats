# SPDX-License-Identifier: Apache-2.0
#
# DEL of each plugin's attachment when something of it is gone: see missing.bash.

load ../lib
load fault
load faults
load rows
load missing

@test "bridge" { matrix_missing bridge; }
@test "ptp" { matrix_missing ptp; }
@test "macvlan" { matrix_missing macvlan; }
@test "host-device" { matrix_missing host-device; }
@test "tap" { matrix_missing tap; }
@test "loopback" { matrix_missing loopback; }
@test "host-local" { matrix_missing host-local; }
@test "cluster" { matrix_missing cluster; }
@test "static" { matrix_missing static; }
@test "portmap, our table" { matrix_missing portmap; }
@test "portmap, the reference's table" { matrix_missing "portmap nftables"; }
@test "portmap, iptables" { matrix_missing "portmap iptables"; }
@test "firewall, our table" { matrix_missing "firewall nftables"; }
@test "firewall, iptables" { matrix_missing "firewall iptables"; }
@test "tuning" { matrix_missing tuning; }
@test "bandwidth" { matrix_missing bandwidth; }
@test "sbr" { matrix_missing sbr; }
@test "chain" { matrix_missing chain; }
