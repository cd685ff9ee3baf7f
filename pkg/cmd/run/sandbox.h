/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - the namespaces of a command and their PID 1, seen from the host: made, let go, waited
 * for. Knows no network but the namespace: who attaches it does so between run_sandbox_start() and
 * run_sandbox_release().
 *
 * PID 1 is a child of this process, and the command is its child. Either's death ends the other:
 * PID 1 gets a SIGKILL with its parent, the kernel kills a PID namespace with its PID 1. Nothing of
 * a sandbox outlives it but what holds its network namespace open.
 */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "cmd/run/options.h"

/* All descriptors are O_CLOEXEC. PID 1's files below /proc cannot be opened but by root. */
struct run_sandbox {
	pid_t pid;    /* of PID 1, in our PID namespace; 0: none, or none any more */
	int netns;    /* its network namespace: new, or the one it has joined; -1: the host's */
	int userns;   /* its user namespace, which owns the other new ones; -1: the host's */
	int channel;  /* to PID 1 */
	int terminal; /* the master of its terminal, from the release on; -1: it has none */
};

#define RUN_SANDBOX_INIT                                                 \
	{                                                                \
		.netns = -1, .userns = -1, .channel = -1, .terminal = -1 \
	}

/* What files of the sandbox say, NUL-terminated; NULL: they say what they said. */
struct run_texts {
	const char *resolv_conf, *hosts;
};

/*
 * Makes the namespaces, with their maps written; PID 1 goes on by itself to lo and the mounts.
 * `join` is a network namespace to be in instead of a new one, -1: none. The command, which does
 * not run yet, has the signals of `mask` blocked. On -1 nothing is left of it.
 */
int run_sandbox_start(struct run_sandbox *s, const struct run_options *o, int join,
		      const sigset_t *mask, struct arena *arena, struct err *err) NODISCARD;

/*
 * The networks are there: the command may run, with s->terminal if it is to have one. -1: it
 * cannot; if that is PID 1's doing, it has said why, ends, and err says no more.
 */
int run_sandbox_release(struct run_sandbox *s, const struct run_options *o,
			const struct run_texts *texts, struct err *err) NODISCARD;

/* Has there been a command, after the release? Nothing else has come from PID 1 then. */
bool run_sandbox_has_run(const struct run_sandbox *s);

/* Kills what is left of it, waits for its end, and closes the descriptors. */
void run_sandbox_end(struct run_sandbox *s);
