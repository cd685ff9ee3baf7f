/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attfile.h - what a plugin keeps of an attachment between ADD and DEL: one small JSON file in
 * a directory that only root may enter.
 */
#pragma once

#include "skel/call.h"

#define ATTFILE_MAX 2000000 /* bytes, of two configurations; what is larger is not read */

/*
 * Written whole or not at all, into a directory that exists; an object, and what could not be read
 * again is not written. err->sys is ENOENT if there is none.
 */
int attfile_store(const char *path, const struct json *v, struct arena *arena,
		  struct err *err) NODISCARD;
int attfile_load(const char *path, struct arena *arena, const struct json **v,
		 struct err *err) NODISCARD;

/*
 * The same for this call's attachment: <dir>/<container id><separator><interface><suffix>, as the
 * plugin names it whose place ours takes.
 */
struct attfile_place {
	const char *dir, *separator, *suffix;
};

const char *attfile_path(struct cni_call *c, const struct attfile_place *p);
int attfile_write(struct cni_call *c, const struct attfile_place *p,
		  const struct json *v) NODISCARD;
/* NULL if there is none, or none that is a JSON object; one that cannot be read now is an error. */
int attfile_read(struct cni_call *c, const struct attfile_place *p,
		 const struct json **v) NODISCARD;
int attfile_remove(struct cni_call *c, const struct attfile_place *p) NODISCARD;

/*
 * GC: those whose attachment is not valid, where `mine` says that the file is of this network; none
 * if the runtime did not say which are valid.
 */
typedef bool (*attfile_mine)(struct cni_call *c, const struct attfile_place *p,
			     const struct json *v);
int attfile_gc(struct cni_call *c, const struct attfile_place *p, attfile_mine mine) NODISCARD;
