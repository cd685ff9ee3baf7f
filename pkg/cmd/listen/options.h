/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of `cnic listen` as data. Opens nothing. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "cmd/listen/address.h"

#define LISTEN_HOST "host" /* what the namespace of the process itself is called */

/* A namespace to listen in. */
struct listen_netns {
	const char *name, *path; /* path NULL: the process's own */
};

struct listen_options {
	struct listen_netns *netns; /* each --netns */
	size_t n_netns;
	const char *all_of, *watch; /* NULL: not given */
	struct listen_address *at;
	size_t n_at; /* at least one */
	int backlog;
	char **command; /* NULL: --connect */
	struct listen_address to;
	const char *to_netns; /* path of the namespace to connect in; NULL: the process's own */
	bool proxy;           /* a PROXY header in front */
	int64_t idle_ms, drain_ms; /* 0: no limit */
};

/*
 * The words behind the verb, in *opt and the arena; argv must live as long. -1: the error names the
 * word that makes no sense, and why.
 */
int listen_options_parse(struct listen_options *opt, int argc, char **argv, struct arena *arena,
			 struct err *err) NODISCARD;

#define LISTEN_OPTIONS_SYNOPSIS                                                                  \
	" [--netns NETNS...|--all-of NETWORK|--watch DIR] [--backlog N] ADDRESS:PORT[/udp]...\n" \
	"      (-- COMMAND...|--connect [NETNS@]ADDRESS:PORT|unix:PATH [--proxy-protocol]\n"     \
	"      [--idle TIME] [--drain TIME])"
