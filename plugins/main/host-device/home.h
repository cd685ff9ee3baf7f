/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - a device comes home: from wherever it is, whatever it is called there, it becomes on the
 * host what it was. Each step is taken as far as it is still needed, so that a second call goes on
 * where a first one ended.
 */
#pragma once

#include "origin.h"

/*
 * Success, too, if there is no such device any more, or it has come home before: then it stays as
 * it is. ERR_RETRY if it is one of the hardware that is in neither namespace, nor comes within some
 * seconds. What the kernel or its driver refuses to set, and a name that another interface has on
 * the host by now, is told of on stderr.
 */
int home_bring(struct cni_call *c, const struct origin *o) NODISCARD;

/* The same for one that stays in the container. */
int home_restore_in_place(struct cni_call *c, const struct origin *o) NODISCARD;
