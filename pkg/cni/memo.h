/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memo.h - what a plugin notes down of an attachment between ADD and DEL: one small JSON file in a
 * directory that only root may enter, <container id>-<interface><suffix>, as ovs-cni names its own.
 */
#ifndef CNIC_CNI_MEMO_H
#define CNIC_CNI_MEMO_H

#include "cni/call.h"

/* Written whole or not at all. */
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
