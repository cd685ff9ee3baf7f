/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what libcni keeps of an attachment between its ADD and its DEL, byte for byte:
 * DIR/results/NETWORK-CONTAINERID-IFNAME. Whoever has written it, the other can read it. A file is
 * written whole or not at all.
 */
#pragma once

#include "libcni/list.h"

#define LIBCNI_CACHE_DIR "/var/lib/cni"
#define LIBCNI_CACHE_MAX 4000000 /* bytes of a file: a configuration in base64, a result, ... */

struct libcni_arg {
	const char *key, *value;
};

/* What a runtime asks for, and what is kept of it. */
struct libcni_attachment {
	const char *container_id, *netns, *ifname;
	struct libcni_arg *args; /* CNI_ARGS */
	size_t n_args;
	struct json_text capability_args; /* an object; .at NULL: none */
};

struct libcni_cached {
	const char *dir, *path; /* of the cache; of the file */
	int64_t time;           /* of its last change, seconds since the epoch */
	const char *network;
	struct libcni_attachment attachment;
	const char *config; /* the list's bytes, NUL-terminated */
	size_t config_len;
	const struct json *result; /* NULL: there is none */
};

/*
 * The result is a JSON object in the version of the plugin that gave it. What could not be read
 * again, as it is too large or nested too deep, is not written.
 */
int libcni_cache_write(const char *dir, const struct libcni_list *list,
		       const struct libcni_attachment *a, struct json_text result,
		       struct err *err) NODISCARD;

/*
 * The result that is kept, in the shape of `version`; *out is NULL if no file can be read, which is
 * no error. A file that is no cache's is a bare result, as the first releases of libcni kept it.
 */
int libcni_cache_result(const char *dir, const char *network, const struct libcni_attachment *a,
			const char *version, const struct json **out, struct err *err) NODISCARD;

/* One file, whole. -1: it cannot be read, or is no entry of an attachment. */
int libcni_cache_read(const char *path, struct libcni_cached *out, struct err *err) NODISCARD;

/* All entries below DIR, by file name, and the paths of what is none. */
struct libcni_cache_list {
	struct libcni_cached *entries;
	const char **others; /* without names that begin with a dot */
	size_t n, n_others;
};
int libcni_cache_list(const char *dir, struct libcni_cache_list *list, struct err *err) NODISCARD;

void libcni_cache_remove(const char *dir, const char *network, const struct libcni_attachment *a);
