/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attfile.h - what a plugin notes down of an attachment between ADD and DEL: one small JSON file in a
 * directory that only root may enter, <container id>-<interface><suffix>, as ovs-cni names its own.
 */
#ifndef CNIC_SKEL_ATTFILE_H
#define CNIC_SKEL_ATTFILE_H

#include "skel/call.h"

#define CNI_MEMO_MAX 2000000 /* bytes, of two configurations; what is larger is not read */

/*
 * One file by its path, for memos that are named otherwise. Written whole or not at all, into a
 * directory that exists; an object, and what could not be read again is not written. err->sys is
 * ENOENT if there is none.
 */
int cni_memo_store(const char *path, const struct json *v, struct arena *arena,
		   struct err *err) NODISCARD;
int cni_memo_load(const char *path, struct arena *arena, const struct json **v,
		  struct err *err) NODISCARD;

int cni_memo_write(struct cni_call *c, const char *dir, const char *suffix,
		   const struct json *v) NODISCARD;

/* NULL if there is none, or none that can be read as a JSON object. */
const struct json *cni_memo_read(struct cni_call *c, const char *dir, const char *suffix);

int cni_memo_remove(struct cni_call *c, const char *dir, const char *suffix) NODISCARD;

/*
 * GC: remove those whose attachment is not among the valid ones, where `mine` says that the memo is of
 * this network.
 */
int cni_memo_collect(struct cni_call *c, const char *dir, const char *suffix,
		     bool (*mine)(struct cni_call *c, const struct json *memo)) NODISCARD;

#endif
