/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.h - the forwarder: what connects to one of the sockets is connected to one address, by
 * one thread on epoll(7). It ends on SIGTERM when all connections have, at once on SIGINT.
 */
#pragma once

#include "cmd/listen/targets.h"

/* n_files: how many descriptors this process may have. Returns at the end. */
int listen_forward(const struct listen_options *opt, const struct listen_targets *targets,
		   size_t n_files, struct err *err) NODISCARD;
