/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the configuration of ovs: its keys, those of the node's file, and what follows from
 * them.
 */
#pragma once

#include "iface/sysctl_list.h"
#include "iface/vf.h"
#include "iface/vlan_list.h"
#include "ovs/attach.h"
#include "ovs/cache.h"

struct ovs_conf {
	const char *configuration_path, *device_id, *device_info;
	struct vlan_range *trunk;
	size_t n_trunk;
	uint32_t mtu, retries, interval;
	bool slaac;
	struct sysctl_list sysctls;
	const char *runtime_mac;
	const struct json *args_mac, *args_ovn_port; /* only strings count */

	const uint8_t *mac; /* the container's, by whichever way it was asked for; NULL = none */
	struct ovs_attachment ovs; /* .port as configured */
	struct vf vf;              /* with a deviceID */
	struct ovs_cache cache;    /* DEL: what ADD has written, if it has */
	bool has_cache;
};

extern const struct json_field ovs_fields[];
extern const struct ovs_conf ovs_defaults;
extern const char *const ovs_args[];

/* ADD, CHECK, STATUS: with the node's keys, what a table cannot say. */
int ovs_validate(struct cni_call *c) NODISCARD;

/*
 * Connect; the bridge is there, and so is the device. A bridge that is not configured is the one
 * that the device's uplink is on, by its own name or by its bond's.
 */
int ovs_find_bridge(struct cni_call *c) NODISCARD;
