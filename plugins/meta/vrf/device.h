/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - the VRF that a configuration names, beside the other links of the container's
 * namespace: found or made, with its last default route.
 */
#pragma once

#include "nl/route.h"
#include "nl/vrf.h"
#include "skel/call.h"

#define UNREACHABLE_METRIC 4278198272 /* behind all others: the kernel's networking/vrf */
#define NO_VRF             "the kernel has no vrf: modprobe vrf"

struct device {
	const char *name;
	struct vrf_list links;
	const struct link *link; /* of the call's interface; NULL if there is none */
	int index;               /* of the VRF; 0 = there is none */
	uint32_t table;
	bool added, unreachable_added; /* by this call, or so it may be */
};

/* The links, the call's interface, and the VRF if there is one of that name. */
int device_list(struct cni_call *c, const char *name, struct device *d) NODISCARD;
const struct vrf_link *device_find(const struct device *d, const char *name);
const char *device_name(const struct device *d, int index); /* "none" if there is none */
bool device_has_others(const struct device *d);             /* interfaces but the call's */

/*
 * ADD: the VRF that is there, which must have `table` (0: any), or a new one with the lowest table
 * that neither rules, routes nor VRFs have.
 */
int device_ensure(struct cni_call *c, uint32_t table, const struct route_list *routes,
		  struct device *d) NODISCARD;

/* The default route that nothing gets past, of each family; `before`: it may be among these. */
int device_add_unreachable(struct cni_call *c, const struct route_list *before,
			   struct device *d) NODISCARD;
int device_check_unreachable(struct cni_call *c, uint32_t table) NODISCARD;

/* Does not go with the VRF. What is among `keep` (NULL: nothing) stays. */
int device_remove_unreachable(struct cni_call *c, const struct device *d,
			      const struct route_list *keep) NODISCARD;

/* Of what this call has made. */
void device_undo(struct cni_call *c, struct cni_steps *steps, const struct device *d);
