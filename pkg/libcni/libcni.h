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

#include "libcni/cache.h"
#include "libcni/exec.h"

/* One plugin has been called. */
struct libcni_step {
	const struct libcni_exec *call;
	const struct libcni_answer *answer;
	struct json_text prev, result; /* of ADD, .at NULL: none */
	const struct err *err;         /* NULL: it went well */
};

/* Who asks, and how. */
struct libcni {
	const char *path;      /* CNI_PATH */
	const char *cache_dir; /* LIBCNI_CACHE_DIR */
	int timeout_ms;        /* of each plugin, 0 = none */
	/* libcni_exec(), or another that does as much. */
	int (*exec)(const struct libcni_exec *x, struct libcni_answer *out, struct err *err);
	void *ctx; /* of the two below, which may be NULL */
	void (*step)(void *ctx, const struct libcni_step *s);
	void (*warn)(void *ctx, const char *text); /* what is no error: a corrupt file is dropped */
};

/* *result is the last plugin's, in its version. What failed is not undone: the caller's DEL is. */
int libcni_add(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct json_text *result,
	       struct err *err) NODISCARD;

int libcni_check(const struct libcni *l, const struct libcni_list *list,
		 const struct libcni_attachment *a, struct err *err) NODISCARD;

/* From the last plugin to the first; the first that fails is the end, and the cache stays. */
int libcni_del(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct err *err) NODISCARD;

/*
 * DEL of each attachment of the network in the cache that is not among the valid ones, then GC of
 * each plugin. All are tried: *errs are what failed, err is the first. `valid` NULL: none is, and
 * the plugins are not told.
 */
int libcni_gc(const struct libcni *l, const struct libcni_list *list,
	      const struct libcni_attachment *valid, size_t n_valid, struct err **errs,
	      size_t *n_errs, struct err *err) NODISCARD;

int libcni_status(const struct libcni *l, const struct libcni_list *list,
		  struct err *err) NODISCARD;
