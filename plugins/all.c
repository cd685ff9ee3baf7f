/* SPDX-License-Identifier: Apache-2.0 */
/* all.c - the table of plugins in this executable; make SPLIT=1 builds it once for each, with ONLY. */
#include "cni/call.h"

#ifdef ONLY
extern const struct cni_plugin ONLY;

const struct cni_plugin *const cni_plugins[] = { &ONLY, NULL };
#else
extern const struct cni_plugin bridge_plugin, ptp_plugin, loopback_plugin, ovs_plugin,
	host_local_plugin, static_plugin, portmap_plugin, firewall_plugin,
	ovs_mirror_producer_plugin, ovs_mirror_consumer_plugin;

const struct cni_plugin *const cni_plugins[] = {
	&bridge_plugin,
	&ptp_plugin,
	&loopback_plugin,
	&ovs_plugin,
	&host_local_plugin,
	&static_plugin,
	&portmap_plugin,
	&ovs_mirror_producer_plugin,
	&ovs_mirror_consumer_plugin,
	&firewall_plugin,
	NULL,
};
#endif
