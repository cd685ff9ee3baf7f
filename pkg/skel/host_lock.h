/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_lock.h - changes to objects of the host's network namespace that attachments share (a
 * bridge, the jumps to a chain), one call after the other. FIFO, since RTNL, which is one lock for
 * all namespaces, is not fair: a crowd of calls goes through in the order it came.
 *
 * A plugin releases it before a delegate that is executed: another program is not waited for with
 * it held, but in a rollback, until whose end a failing call holds it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct cni_call;

struct host_lock {
	int fd; /* -1 = not held */
	int64_t waited_us;
	bool dropped; /* released since it was first taken: shared state may have changed */
};

int host_lock(struct cni_call *c) NODISCARD; /* success if it is held already */
void host_unlock(struct cni_call *c);
