/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attfile.h - what a plugin keeps of an attachment between ADD and DEL: one small JSON file in
 * a directory that only root may enter, <container id>-<interface><suffix>, as ovs-cni names its
 * own.
 */
#pragma once

#include "skel/call.h"

#define ATTFILE_MAX 2000000 /* bytes, of two configurations; what is larger is not read */

/*
 * One file by its path, for files that are named otherwise. Written whole or not at all, into a
 * directory that exists; an object, and what could not be read again is not written. err->sys is
 * ENOENT if there is none.
 */
int attfile_store(const char *path, const struct json *v, struct arena *arena,
		  struct err *err) NODISCARD;
int attfile_load(const char *path, struct arena *arena, const struct json **v,
		 struct err *err) NODISCARD;

int attfile_write(struct cni_call *c, const char *dir, const char *suffix,
		  const struct json *v) NODISCARD;

/* NULL if there is none, or none that can be read as a JSON object. */
const struct json *attfile_read(struct cni_call *c, const char *dir, const char *suffix);

int attfile_remove(struct cni_call *c, const char *dir, const char *suffix) NODISCARD;

/*
 * GC: remove those whose attachment is not among the valid ones, where `mine` says that the file is
 * of this network.
 */
int attfile_gc(struct cni_call *c, const char *dir, const char *suffix,
	       bool (*mine)(struct cni_call *c, const struct json *v)) NODISCARD;
