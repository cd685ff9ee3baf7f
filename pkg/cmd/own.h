/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - plugins called by the tool itself: in this process where they are of this executable, be
 * their file on the path or not, else executed.
 */
#pragma once

#include "libcni/call.h"
#include "skel/call.h"

/* Of a plugin that is executed, in milliseconds, where the user says nothing else. */
#define OWN_TIMEOUT 60000

/* A CNI_PATH with no plugin on it: own_find() finds this executable's. It is no directory. */
#define OWN_PATH "/proc/self/exe"

/* A libcni's .find and .exec; ctx is the outer call, as for own_run(). */
int own_find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err);
int own_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err);

/*
 * A plugin of this executable, in this process: a part of `outer`, in its namespace and with its
 * sockets. Memory is json's arena. `out`, which may be NULL, gets what an ADD answers.
 */
int own_run(struct cni_call *outer, const struct cni_plugin *plugin, const struct libcni_exec *x,
	    struct libcni_answer *out, struct err *err) NODISCARD;
