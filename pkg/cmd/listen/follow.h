/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - the namespaces of a forwarder while it runs: those of --watch's directory, or of the
 * attachments of --all-of's network, come and go. Of one that goes the sockets are closed, and the
 * connections that have come from it are reset: they would keep it alive.
 */
#pragma once

#include "cmd/listen/link.h"
#include "cmd/listen/watch.h"

struct listen_follow {
	struct listen_hub *hub;
	struct listen_watch watch;
	int attachments; /* inotify of what is kept of them; -1: not followed */
	bool is_open;    /* what comes now has not been there from the beginning */
	int64_t due;     /* clock_ms(): when they are looked at; 0: nothing has changed */
};

/* In hub->epoll, by the addresses of the descriptors' members. */
int listen_follow_open(struct listen_follow *f, struct listen_hub *hub, struct err *err) NODISCARD;
/* False: the event is of something else. */
bool listen_follow_event(struct listen_follow *f, const void *of);
void listen_follow_on_time(struct listen_follow *f);
void listen_follow_close(struct listen_follow *f);
