/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/host_lock.h"

#include "base/clock.h"
#include "base/scope.h"
#include "skel/call.h"
#include "sys/netns.h"

int host_lock(struct cni_call *c)
{
	int64_t asked;

	if (c->lock.fd >= 0)
		return 0;
	asked = clock_us();
	c->lock.fd = netns_lock(c->err);
	c->lock.waited_us += clock_us() - asked;
	return c->lock.fd < 0 ? -1 : 0;
}

void host_unlock(struct cni_call *c)
{
	c->lock.dropped |= c->lock.fd >= 0;
	drop_fd(&c->lock.fd);
}
