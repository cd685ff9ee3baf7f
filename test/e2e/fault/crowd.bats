# SPDX-License-Identifier: Apache-2.0
#
# 64 processes at a time: see crowd.bash.

load ../lib
load fault
load faults
load rows
load crowd

@test "bridge" { crowd bridge; }
@test "ptp" { crowd ptp; }
@test "macvlan" { crowd macvlan; }
@test "host-device" { crowd host-device; }
@test "tap" { crowd tap; }
@test "loopback" { crowd loopback; }
@test "host-local" { crowd host-local; }
@test "cluster" { crowd cluster; }
@test "static" { crowd static; }
@test "portmap, our table" { crowd portmap; }
@test "portmap, the reference's table" { crowd "portmap nftables"; }
@test "portmap, iptables" { crowd "portmap iptables"; }
@test "firewall, our table" { crowd "firewall nftables"; }
@test "firewall, iptables" { crowd "firewall iptables"; }
@test "tuning" { crowd tuning; }
@test "bandwidth" { crowd bandwidth; }
@test "sbr" { crowd sbr; }
@test "chain" { crowd chain; }
