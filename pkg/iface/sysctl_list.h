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
	const struct json *keys; /* the object, as a table decodes it; NULL = none */
	struct sysctl_item *items;
	size_t n;
};

/* Before ADD, CHECK, STATUS: add l->keys, of the key "sysctl", and ask whether ADD may set them. */
int sysctl_list_validate(struct cni_call *c, struct sysctl_list *l) NODISCARD;

/*
 * Add those of `v` (NULL = none); one that is in the list from another object gets its value. The
 * name is sysctl(8)'s: what comes first, '.' or '/', separates, and the other one stands for a '.'
 * within a component. IFNAME is the container's interface. All are below net. `where` names the
 * object in errors.
 */
int sysctl_list_add(struct cni_call *c, struct sysctl_list *l, const struct json *v,
		    const char *where) NODISCARD;

/* ADD: does the administrator (allowlist.h) allow all of them? ERR_CONFIG names the first. */
int sysctl_list_is_allowed(struct cni_call *c, const struct sysctl_list *l) NODISCARD;

/* ADD: set them; undone if the call fails. With an address of IPv6, IPv6 cannot be turned off. */
int sysctl_list_apply(struct cni_call *c, struct sysctl_list *l,
		      const struct cni_result *r) NODISCARD;

/* CHECK: ERR_CHECK says what is wanted and what is found. Blanks count as one. */
int sysctl_list_check(struct cni_call *c, struct sysctl_list *l) NODISCARD;
