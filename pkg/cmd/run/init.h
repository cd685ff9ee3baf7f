/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.h - PID 1 of a sandbox: it makes what only a process inside can make, executes the command,
 * forwards signals to it, reaps what is orphaned, and ends with the command's exit status. What
 * fails before is on stderr, and its status is RUN_EXIT_OURS.
 */
#pragma once

#include <signal.h>

#include "cmd/run/options.h"

/* Exit statuses that are not the command's, as docker has them; 128 + n: signal n ended it. */
enum run_exit {
	RUN_EXIT_OURS = 125,
	RUN_EXIT_NOT_EXECUTABLE = 126,
	RUN_EXIT_NOT_FOUND = 127,
	RUN_EXIT_SIGNAL = 128,
};

struct run_init {
	const struct run_options *o;
	int channel;        /* to the process outside */
	bool has_user;      /* a user namespace of its own */
	bool has_net;       /* a new network namespace */
	bool has_host_root; /* the command has the user id of the machine's root */
	bool has_terminal;  /* a terminal for the command */
	sigset_t mask;      /* of the command: the signals it has blocked */
	struct arena *arena;
};

/* In the new namespaces, as their PID 1. Does not return. */
void run_init(const struct run_init *in) __attribute__((noreturn));
