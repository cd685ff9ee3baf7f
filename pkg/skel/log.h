/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line a call, for who wants to know what a node does and where its time goes: to the
 * file, or to stderr, that CNIC_LOG names, or the key `log` of the configuration. Where neither
 * does, nothing is done. What cannot be written fails nothing.
 */
#pragma once

#include "skel/call.h"

struct log_times {
	int64_t start; /* by clock_us(): of the process's part, */
	int64_t ready; /* of the command itself; 0: it came to nothing before */
};

/*
 * The call has ended, with rc. A JSON object: time, verb, plugin, network, container, ifname, code,
 * us (all of it), prepareUs (environment, stdin, namespace), lockUs (waiting for the host's lock),
 * error, trace (TRACEPARENT).
 */
void log_call(const struct cni_call *c, const char *verb, const struct log_times *t, int rc);
