/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables.h - host ports by iptables: the texts of iptables_text.h put into the kernel, looked
 * for, and removed, so that either side checks and removes what the reference plugin or we have
 * made.
 */
#pragma once

#include "conf.h"
#include "skel/call.h"

/*
 * What is as it should be is left alone. Pushes its undo. A port that another container has is
 * ERR_IN_USE.
 */
int portmap_iptables_add(struct cni_call *c, const struct portmap *conf) NODISCARD;

/* Is all of it there? ERR_CHECK if not. Of conditions, only addresses are compared. */
int portmap_iptables_check(struct cni_call *c, const struct portmap *conf) NODISCARD;

/*
 * The container's chain of this network, from both families, nft and legacy, but for the rules that
 * lead to another attachment of the container that has a record. Shared chains stay. `conf` does
 * not matter: the chain is the container's.
 */
int portmap_iptables_del(struct cni_call *c, const char *container_id,
			 const struct portmap *conf) NODISCARD;
