/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/events.h"

#include <sys/epoll.h>

int listen_events_add(int epoll, int fd, uint32_t events, void *of, struct err *err)
{
	struct epoll_event ev = { .events = events, .data.ptr = of };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(err, "add to epoll") : 0;
}
