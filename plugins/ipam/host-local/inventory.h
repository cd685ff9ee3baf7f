/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.h - what the stores in the default directory hold, and whether their indexes agree. */
#pragma once

#include "skel/call.h"

/* cni_plugin's .inventory; `dir` is dataDir. */
int inventory_stores(struct cni_call *c, const char *dir, const struct cni_inventory *to);
