#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cluster below an interface, on two nodes with one wire. ipvlan: test/vm/cluster.bats.

load ../lib
load ../etcd
load ../two_nodes

@test "bridge: pods of two nodes reach each other; one that moves keeps its addresses" {
	local n
	for n in 1 2; do
		ip -n "node$n" link add br0 up type bridge
		ip -n "node$n" link set w0 master br0
	done
	pods_of_two_nodes '{"type":"bridge","bridge":"br0"}'
}

@test "macvlan: pods of two nodes reach each other; one that moves keeps its addresses" {
	pods_of_two_nodes '{"type":"macvlan","master":"w0"}'
}
