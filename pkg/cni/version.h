/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - the spec versions and what each allows; nothing else compares versions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Versions whose results have one shape. */
enum cni_family {
	CNI_FAMILY_NONE, /* not a version we know */
	CNI_FAMILY_02,   /* 0.1.0, 0.2.0: ip4 and ip6 */
	CNI_FAMILY_03,   /* 0.3.0, 0.3.1, 0.4.0: lists, ips[].version */
	CNI_FAMILY_10,   /* 1.0.0, 1.1.0 */
};

#define CNI_VERSION_LATEST "1.1.0"

extern const char *const cni_versions[]; /* oldest first, NULL-terminated */

/* Exact spelling; "" counts as 0.1.0. */
enum cni_family cni_family(const char *version);

/*
 * May a configuration of this version be used with this verb (CNI spec 1.1.0, section 2; libcni's
 * texts)? `since` is the verb's first version, NULL if it was always there. Code 1 or 6 if not.
 */
int cni_version_allows(const char *version, const char *verb, const char *since,
		       struct err *err) NODISCARD;

/* Can a result of this version hold n[0] IPv4, n[1] IPv6 addresses? Before 0.3.0, one of each. */
int cni_version_allows_addresses(const char *version, const size_t n[2], struct err *err) NODISCARD;

/* One to three decimal numbers, or "", which counts as 0.1.0. */
bool cni_version_is_number(const char *version);

/* False if one of them is no number. */
bool cni_version_at_least(const char *version, const char *least);
