/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attend.h - the networks of one command: attached, and detached in the reverse order, by plugins
 * in this process where they are ours. Runs in the watcher (watcher.h), so that it goes on when
 * `cnic run` is killed.
 */
#pragma once

#include "cmd/run/networks.h"
#include "cmd/run/uplink.h"
#include "cni/result.h"

struct run_attend {
	const struct run_networks *networks;
	int netns_fd;      /* -1: not attached yet */
	const char *netns; /* its path, as plugins and caches are told */
	size_t begun;      /* networks whose ADD has been begun */
	struct cni_result *results;
	size_t n_results;
	struct run_uplink uplink; /* pasta */
	bool kept;                /* there is a mount at networks->keep */
};

/*
 * ADD of all networks to the namespace, or pasta; with networks->keep it stays in any case. On -1
 * some may have been added: run_attend_detach(). netns_fd is a's from now on. Memory is json's
 * arena.
 */
int run_attend_attach(struct run_attend *a, int netns_fd, struct err *err) NODISCARD;

/*
 * DEL of those that have been begun, and all else that attaching has made. All is tried; the first
 * error is told. `fail`: also of a namespace that was to be kept.
 */
int run_attend_detach(struct run_attend *a, bool fail, struct err *err) NODISCARD;
