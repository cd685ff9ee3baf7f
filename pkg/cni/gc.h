/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - which attachments does the runtime still know (CNI spec 1.1.0, GC)? */
#ifndef CNIC_CNI_GC_H
#define CNIC_CNI_GC_H

#include "skel/call.h"

/* Sort the decoded list once, so that asking costs O(log n). */
void cni_gc_sort(struct cni_conf *conf);

/* Is (container_id, ifname) in the valid attachments? The pair counts, not the id alone. */
bool cni_gc_is_valid(const struct cni_conf *conf, const char *container_id, const char *ifname);

#endif
