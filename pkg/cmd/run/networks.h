/* SPDX-License-Identifier: Apache-2.0 */
/*
 * networks.h - what a command is to be attached to, found out before anything is done: lists read
 * and understood, what each is asked for. Attaches nothing, that is attend.h's.
 */
#pragma once

#include "cmd/run/options.h"
#include "libcni/libcni.h"

struct run_network {
	struct libcni_list list;
	const char *cni_path;
	const char *ifname;               /* eth0, eth1, ... */
	struct json_text capability_args; /* .at NULL: none */
};

enum run_uplink_kind {
	RUN_UPLINK_NONE,  /* lo alone, or what is there already */
	RUN_UPLINK_CNI,   /* .list */
	RUN_UPLINK_PASTA, /* without root (uplink.h) */
};

struct run_networks {
	const struct run_options *options;
	enum run_uplink_kind kind;
	struct run_network *list;
	size_t n;
	const char *container_id; /* "run-" and 12 random hex digits */
	bool joined;              /* the command enters a namespace that is there already */
	const char *keep;         /* where the namespace stays; NULL: it goes with the command */
};

/*
 * `joined`: see there; it gets no network. Memory is json's arena. -1: err says which option, and
 * what to do.
 */
int run_networks_load(struct run_networks *n, const struct run_options *o, bool joined,
		      struct err *err) NODISCARD;
