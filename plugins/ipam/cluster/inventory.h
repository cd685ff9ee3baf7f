/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.h - what `cnic verify` is told of journal and state. */
#pragma once

#include "skel/call.h"

/* Every address held, and every file in the way, of the networks below `dir`. */
int inventory_networks(struct cni_call *c, const char *dir,
		       const struct cni_inventory *to) NODISCARD;
