/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - the strings of the field: interface names and name rules. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Container ids and network names: CNI spec "CNI_CONTAINERID", libcni's
 * ^[A-Za-z0-9][A-Za-z0-9_.\-]*$. Such a name is safe as one path component.
 */
bool str_is_cni_name(const char *s);

/*
 * What the kernel (dev_valid_name) and libcni accept as an interface name, without a %: "eth%d" is
 * a pattern to the kernel, no interface bears such a name.
 * NULL if valid, otherwise what is wrong with it, in libcni's words.
 */
const char *str_ifname_fault(const char *s);

/* For qsort(3) and bsearch(3) of a list of strings. */
int str_compare(const void *x, const void *y);

/* Truncation is an error, never silent. */
int str_copy_ifname(char dst[IFNAMSIZ], const char *src, struct err *err) NODISCARD;
