/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl_list.h - sysctls of the container's network namespace that a configuration asks for, an
 * object of names and values in the format of the reference's tuning. Must not be used for those
 * that a plugin sets of its own accord.
 */
#pragma once

#include "skel/call.h"

struct sysctl_item {
	const char *key;  /* as it stands in the configuration */
	const char *path; /* below /proc/sys */
	const char *value;
	const char *before; /* what the ADD found; NULL = nothing that can be read */
};

struct sysctl_list {
	const struct json *keys, *args; /* the objects, as tables decode them; NULL = none */
	struct sysctl_item *items;
	size_t n;
};

/*
 * Before ADD, CHECK, STATUS: the items of l->keys (of the key "sysctl") and of l->args (of
 * args.cni.sysctl, which win). But for CHECK all must be allowed by the node's administrator
 * (allowlist.h). ERR_CONFIG names what is wrong.
 *
 * The name is sysctl(8)'s: what comes first, '.' or '/', separates, and the other one stands for
 * a '.' within a component. IFNAME is the container's interface. All are below net.
 */
int sysctl_list_validate(struct cni_call *c, struct sysctl_list *l) NODISCARD;

/* ADD: set them; undone if the call fails. With an address of IPv6, IPv6 cannot be turned off. */
int sysctl_list_apply(struct cni_call *c, struct sysctl_list *l,
		      const struct cni_result *r) NODISCARD;

/* CHECK: ERR_CHECK says what is wanted and what is found. Blanks count as one. */
int sysctl_list_check(struct cni_call *c, struct sysctl_list *l) NODISCARD;
