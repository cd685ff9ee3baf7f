/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watcher.h - the process that attaches a command's networks and detaches them, whatever becomes of
 * `cnic run`: it is in a session of its own, takes no signal but SIGKILL, and takes the end of its
 * channel for that of `cnic run`. Were both killed, `cnic gc` would go by what the plugins have
 * recorded.
 */
#pragma once

#include <sys/types.h>

#include "cmd/run/networks.h"
#include "cmd/run/sandbox.h"

struct run_watcher {
	const struct run_networks *networks;
	pid_t pid;   /* 0: there is none */
	int channel; /* to it; -1: none */
	int uplink;  /* the process of the way out, should the watcher be killed; -1: none */
};

#define RUN_WATCHER_INIT                    \
	{                                   \
		.channel = -1, .uplink = -1 \
	}

/* Before the sandbox is made, whose descriptors it must not have. None without networks. */
int run_watcher_start(struct run_watcher *w, const struct run_networks *n,
		      struct err *err) NODISCARD;

/*
 * Attaches the networks to the sandbox's namespace; *texts is what its files say (files.h), in
 * json's arena. On -1 nothing is attached any more.
 */
int run_watcher_attach(struct run_watcher *w, const struct run_sandbox *s, struct run_texts *texts,
		       struct err *err) NODISCARD;

/*
 * Detaches them, unless the namespace is kept as its command has run, and waits for it and for the
 * watcher's end; does nothing where there is none. -1: not all could be.
 */
int run_watcher_detach(struct run_watcher *w, bool has_run, struct err *err) NODISCARD;
