/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - the name CNI_IFNAME in the container: free for ADD, and freed by DEL. */
#pragma once

#include "skel/call.h"

/* ERR_IN_USE if the container has an interface of that name. */
int inside_name_is_free(struct cni_call *c) NODISCARD;

/*
 * DEL: remove the interface, which has no end elsewhere. Success if the namespace or the interface
 * is gone, or the name is one's of another kind. Returns when it is unlisted.
 */
int inside_del(struct cni_call *c, const char *kind) NODISCARD;
