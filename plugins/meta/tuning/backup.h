/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.h - what attributes were before the first ADD, in the reference's file, so that either
 * side's DEL finds what the other's ADD has changed. Of ours GC knows the network.
 */
#pragma once

#include "attrs.h"

/* If there is one, what it has is older, and stays. */
int backup_write(struct cni_call *c, const char *dir, const struct attrs *before,
		 bool *existed) NODISCARD;

/* Nothing if there is none, or none that can be understood. */
int backup_read(struct cni_call *c, const char *dir, struct attrs *before, bool *exists) NODISCARD;
void backup_decode(const struct json *v, struct attrs *before); /* v may be NULL */
int backup_remove(struct cni_call *c, const char *dir) NODISCARD;
int backup_gc(struct cni_call *c, const char *dir) NODISCARD;
