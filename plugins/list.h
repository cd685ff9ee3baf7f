/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - the plugins of this suite, each once: PLUGIN(symbol, "name", "folder below plugins/").
 * A file that includes it defines PLUGIN; the Makefile and the tests read it as text, so that
 * a row is one line.
 */
PLUGIN(bridge, "bridge", "main/bridge")
PLUGIN(ptp, "ptp", "main/ptp")
PLUGIN(loopback, "loopback", "main/loopback")
PLUGIN(macvlan, "macvlan", "main/macvlan")
PLUGIN(ipvlan, "ipvlan", "main/ipvlan")
PLUGIN(vlan, "vlan", "main/vlan")
PLUGIN(dummy, "dummy", "main/dummy")
PLUGIN(ovs, "ovs", "main/ovs")
PLUGIN(host_device, "host-device", "main/host-device")
PLUGIN(tap, "tap", "main/tap")
PLUGIN(host_local, "host-local", "ipam/host-local")
PLUGIN(static, "static", "ipam/static")
PLUGIN(dhcp, "dhcp", "ipam/dhcp")
PLUGIN(cluster, "cluster", "ipam/cluster")
PLUGIN(portmap, "portmap", "meta/portmap")
PLUGIN(firewall, "firewall", "meta/firewall")
PLUGIN(tuning, "tuning", "meta/tuning")
PLUGIN(bandwidth, "bandwidth", "meta/bandwidth")
PLUGIN(sbr, "sbr", "meta/sbr")
PLUGIN(vrf, "vrf", "meta/vrf")
PLUGIN(chain, "chain", "meta/chain")
PLUGIN(ovs_mirror_producer, "ovs-mirror-producer", "meta/ovs-mirror")
PLUGIN(ovs_mirror_consumer, "ovs-mirror-consumer", "meta/ovs-mirror")
