/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one plugin of a list called: its stdin made of its own object and of what is the
 * runtime's, its answer taken (CNI spec 1.1.0, section 3, "Deriving request configuration").
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
	bool del_all;          /* DEL goes on where one fails; the first error is told */
	/* NULL: libcni_find(). */
	int (*find)(void *ctx, const char *type, const char *dirs, const char **path,
		    struct err *err);
	/* libcni_exec(), or another that does as much. */
	int (*exec)(void *ctx, const struct libcni_exec *x, struct libcni_answer *out,
		    struct err *err);
	void *ctx; /* for it, and for the two below, which may be NULL */
	void (*step)(void *ctx, const struct libcni_step *s);
	void (*warn)(void *ctx, const char *text); /* what is no error: a corrupt file is dropped */
};

/* What takes the place of a plugin's own keys; .at NULL: the plugin's own stay. */
struct libcni_injected {
	struct json_text prev, runtime, valid;
};

/* Of the runtime's capability arguments those that the plugin declares; none: .at NULL. */
struct json_text libcni_runtime_config(const struct libcni_plugin *p,
				       const struct libcni_attachment *a);

/* What the plugin finds on stdin, NUL-terminated. */
const char *libcni_input(const struct libcni_list *list, const struct libcni_plugin *p,
			 const struct libcni_injected *in, size_t *len);

/* What one plugin of a list is called for. */
struct libcni_request {
	const struct libcni_plugin *plugin;
	enum cni_command command;
	const struct libcni_attachment *attachment;
	const struct libcni_injected *injected;
};

/*
 * Find the plugin and execute it. On ADD the names are checked first, and *result is what it
 * answered, in its version; another verb's `result` is NULL.
 */
int libcni_call(const struct libcni *l, const struct libcni_list *list,
		const struct libcni_request *q, struct json_text *result,
		struct err *err) NODISCARD;

/* In front of what went wrong, the plugin as libcni names it, and its verb ("add"). -1. */
int libcni_failed(const struct libcni_plugin *p, const char *verb, struct err *err);
