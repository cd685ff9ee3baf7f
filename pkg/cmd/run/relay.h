/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - what `cnic run` does while the command runs: it passes signals on to PID 1, which gives
 * them to the command, and, where the command has a terminal, what is typed and printed.
 */
#pragma once

#include <signal.h>

#include "cmd/run/sandbox.h"

/* From here on signals wait for run_relay(); *before is the mask that there was. */
int run_relay_hold_signals(sigset_t *before, struct err *err) NODISCARD;

/* The first of those that wait and would end a process; 0: none. */
int run_relay_pending(void);

/* A descriptor that is readable while there is one; -1: none is to be had. */
int run_relay_pending_fd(void) NODISCARD;

/*
 * Until PID 1 ends; *status is how (RUN_EXIT_...), and s->pid is 0. Our terminal is as it was when
 * this returns.
 */
int run_relay(struct run_sandbox *s, int *status, struct err *err) NODISCARD;
