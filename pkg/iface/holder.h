/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holder.h - who has an interface already, when the kernel says only EBUSY: the bridge it is a port
 * of, or an interface on it, here or in another container. Changes nothing.
 */
#pragma once

#include "nl/link_kind.h"
#include "skel/call.h"

/*
 * Complete the error of a request for an interface on `master`, which is known to nl: ERR_IN_USE
 * that names the holder, if the kernel's was that the master, or its VLAN, is taken and there is
 * one. Returns -1.
 */
int holder_explain(struct cni_call *c, struct nl *nl, const struct link *master,
		   const struct link_req *req) NODISCARD;
