/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - network configuration lists: found in a directory, read, understood as far as a runtime
 * has to (CNI spec 1.1.0, section 1; libcni's LoadNetworkConf). The bytes of a list and of its
 * plugins stay as they are written.
 *
 * Everything lives in json's arena.
 */
#pragma once

#include "json/text.h"

#define LIBCNI_FILE_MAX 1000000 /* bytes of a configuration */

/* One plugin of a list. */
struct libcni_plugin {
	const char *type, *name;         /* name: what its own object says, "" as a rule */
	struct json_text text;           /* its object */
	const struct json *capabilities; /* NULL: it has none */
	const char **capable;            /* those that are true, sorted */
	size_t n_capable;
};

struct libcni_list {
	const char *name, *version; /* "": none, which counts as 0.1.0 */
	bool disable_check, disable_gc, only_inlined;
	struct libcni_plugin *plugins;
	size_t n_plugins;
	struct json_text text; /* without the space around it */
	const char *bytes;     /* the whole file, NUL-terminated; what is made of a single plugin */
	size_t n_bytes;
};

/* A list, NUL-terminated; it may have no plugins, which only its directory has then. */
int libcni_list_parse(const char *bytes, size_t len, struct libcni_list *out,
		      struct err *err) NODISCARD;

/* One of its plugins, alone. */
int libcni_plugin_parse(struct json_text text, struct libcni_plugin *out,
			struct err *err) NODISCARD;

/* The file, and the plugins in the directory of the network's name beside it. */
int libcni_list_read(const char *path, struct libcni_list *out, struct err *err) NODISCARD;

/*
 * The network's list in the directory: of the *.conflist the first of that name, else of *.conf and
 * *.json the first plugin of that name, as a list of one. A file that cannot be understood is an
 * error, unless the network is found before it.
 */
int libcni_list_find(const char *dir, const char *name, struct libcni_list *out,
		     struct err *err) NODISCARD;

/* An object, or null? If not, in libcni's words, which are Go's. */
int libcni_check_object(struct json_text t, struct err *err) NODISCARD;

/* Does the plugin's configuration declare the capability? */
bool libcni_plugin_is_capable(const struct libcni_plugin *p, const char *capability);
