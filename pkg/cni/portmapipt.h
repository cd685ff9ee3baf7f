/* SPDX-License-Identifier: Apache-2.0 */
/*
 * portmapipt.h - host ports by iptables, in the chains and words of the reference plugin, so that either side
 * checks and removes what the other has made:
 *
 *	CNI-HOSTPORT-DNAT      from PREROUTING and OUTPUT: all containers' entries
 *	CNI-DN-<21 digits>     one container's, of the network: a rule per mapping and per source to be marked
 *	CNI-HOSTPORT-SETMARK   marks what CNI-HOSTPORT-MASQ, from POSTROUTING, masquerades
 */
#ifndef CNIC_CNI_PORTMAPIPT_H
#define CNIC_CNI_PORTMAPIPT_H

#include "cni/call.h"
#include "cni/portmapconf.h"

/* What is as it should be is left alone. Pushes its undo. */
int portmap_ipt_add(struct cni_call *c, const struct portmap *conf,
		    const struct portmap_list *list) NODISCARD;

/* Is all of it there? As far as numbers of rules tell. */
int portmap_ipt_has(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list,
		    bool *has) NODISCARD;

/* The container's chain and entries, of both families, nft and legacy. Shared chains stay. */
int portmap_ipt_remove(struct cni_call *c, const char *network, const char *container_id) NODISCARD;

#endif
