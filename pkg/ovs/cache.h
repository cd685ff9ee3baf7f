/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what ADD leaves of an attachment to OVS for its DEL, in a file that ovs-cni
 * understands, and writes as well.
 */
#pragma once

#include "ovs/attach.h"

#define OVS_CACHE_DIR "/var/lib/cni/ovs-cni/cache" /* ovs-cni's own directory and format */

struct ovs_cache {
	const char *socket;    /* read: "" is the default */
	const char *device_id; /* "" for a veth */
	const char *ifname;    /* the device's name on the host */
	bool userspace;        /* it has no netdev */
};

/*
 * The file of ovs (o->suffix "") or of another plugin of the chain. Its undo leaves it there if the
 * port may have to be looked for (o->may_remain).
 */
int ovs_cache_store(struct cni_call *c, struct ovs_attachment *o,
		    const struct json *file) NODISCARD;

/* NULL if there is none, or none that can be read as a JSON object. */
const struct json *ovs_cache_load(struct cni_call *c, const struct ovs_attachment *o);

/* That of ovs. */
int ovs_cache_write(struct cni_call *c, struct ovs_attachment *o,
		    const struct ovs_cache *m) NODISCARD;

/* None, or one that cannot be read, is false and all empty. */
bool ovs_cache_read(struct cni_call *c, const struct ovs_attachment *o, struct ovs_cache *m);
int ovs_cache_remove(struct cni_call *c, const struct ovs_attachment *o) NODISCARD;

/* GC: those of this network whose attachment is not valid; none if it is not known which are. */
int ovs_cache_gc(struct cni_call *c, const struct ovs_attachment *o) NODISCARD;
