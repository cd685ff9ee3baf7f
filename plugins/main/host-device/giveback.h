/* SPDX-License-Identifier: Apache-2.0 */
/* giveback.h - a device is given back with what the kernel and its driver let it have. */
#pragma once

#include "skel/call.h"

/*
 * What was queued on `nl`, of `what` (a device, an address). A refusal, which would come each time,
 * must not keep a container from being removed: it is told of on stderr. A failure is that the
 * device is gone (err->sys ENODEV), or that it is not known what the kernel has done.
 */
int giveback_commit(struct cni_call *c, struct nl *nl, const char *what) NODISCARD;
