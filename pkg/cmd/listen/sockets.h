/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.h - sockets in other namespaces. A namespace is entered for the one step that makes them,
 * and the way home is verified; nothing else of `cnic listen` runs anywhere but at home.
 *
 * A socket keeps its namespace alive as long as it is open.
 */
#pragma once

#include "cmd/listen/options.h"

/*
 * Listening (of UDP: bound) sockets at each of the addresses, in their order, in fds[opt->n_at]. An
 * address may still be missing in the namespace (IP_FREEBIND). Only those for a command block. On
 * -1 none is open; ERR_NETNS: at the path is no namespace.
 */
int listen_sockets_open(const struct listen_options *opt, const char *path, int *fds,
			struct err *err) NODISCARD;

/* A socket that does not block, to be connected to opt->to. The descriptor, or -1. */
int listen_sockets_to_connect(const struct listen_options *opt, struct err *err) NODISCARD;
