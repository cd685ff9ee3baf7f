/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcni.h - the verbs of the specification on a list of plugins, as the Go library has them (CNI
 * spec 1.1.0, section 3): who is called with what, what is handed on, what is kept. To become a
 * library for runtimes: no state of the process, nothing printed, errors as values; it must not
 * know any plugin.
 *
 * Before a call, json_init() says where memory comes from; everything lives there.
 */
#pragma once

#include "libcni/call.h"

/* *result is the last plugin's, in its version. What failed is not undone: the caller's DEL is. */
int libcni_add(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct json_text *result,
	       struct err *err) NODISCARD;

int libcni_check(const struct libcni *l, const struct libcni_list *list,
		 const struct libcni_attachment *a, struct err *err) NODISCARD;

/*
 * From the last plugin to the first; the first that fails is the end, unless l->del_all. What has
 * failed stays in the cache.
 */
int libcni_del(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct err *err) NODISCARD;

struct libcni_valid {
	const struct libcni_attachment *list; /* container id and interface */
	size_t n;
};

/*
 * DEL of each attachment of the network in the cache that is not among the valid ones, then GC of
 * each plugin. All are tried: *errs are what failed, err is the first. `valid` NULL: none is, and
 * the plugins are not told.
 */
int libcni_gc(const struct libcni *l, const struct libcni_list *list,
	      const struct libcni_valid *valid, struct err **errs, size_t *n_errs,
	      struct err *err) NODISCARD;

int libcni_status(const struct libcni *l, const struct libcni_list *list,
		  struct err *err) NODISCARD;
