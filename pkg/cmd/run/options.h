/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of `cnic run` as plain data. Parsed whole before anything is done;
 * must not look at the kernel or at files: what a name means is found out by who uses it.
 *
 * Strings are argv's or the arena's.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cmd/run/values.h"

/* The kinds of --net; a network or several exclude the other two. */
enum run_net {
	RUN_NET_DEFAULT, /* none is named: the embedded list */
	RUN_NET_NAMED,   /* .nets */
	RUN_NET_NONE,    /* lo alone */
	RUN_NET_HOST,    /* no network namespace of its own */
};

/* A pseudo terminal for the command. */
enum run_tty {
	RUN_TTY_AUTO, /* if stdin, stdout and stderr are terminals */
	RUN_TTY_YES,
	RUN_TTY_NO,
};

struct run_options {
	/* The network. */
	enum run_net net;
	const char **nets; /* names, or files: with a '/' */
	size_t n_nets;
	struct run_publish *publishes;
	size_t n_publishes;
	const char **ips; /* addresses, with a prefix length or without */
	size_t n_ips;
	const char *mac; /* NULL: any */
	const char **dns;
	size_t n_dns;
	const char *hostname; /* NULL: the host's */
	const char *netns;    /* a path; NULL: none is given, or netns_fd is */
	int netns_fd;         /* -1: none */
	bool keep;
	struct run_egress *egress;
	size_t n_egress;
	bool has_egress; /* an empty list lets nothing out */

	/* What else is the command's own. */
	bool user; /* a user namespace; also where a map is given */
	struct run_id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	const char *rootfs; /* NULL: the host's files */
	bool read_only;
	struct run_mount *mounts; /* --bind and --tmpfs in their order */
	size_t n_mounts;
	uint64_t caps; /* a bit for each capability that is left to it */
	int *fds;      /* open ones but 0-2 that it gets, under the same numbers */
	size_t n_fds;
	enum run_tty tty;

	char **argv; /* the command, NULL-terminated */
};

/*
 * argv[0] is the verb. Options end at the command or "--"; a value is the next argument or behind
 * '='. Of an option that makes no list the last one counts. -1: err names the option.
 */
int run_options_parse(struct run_options *o, int argc, char **argv, struct arena *arena,
		      struct err *err) NODISCARD;

/* The options as the synopsis of the help has them. */
#define RUN_OPTIONS_SYNOPSIS                                                                  \
	" [--net NAME|FILE|none|host]... [--publish [IP:]HOST:CONTAINER[/PROTOCOL]]...\n"     \
	"      [--ip ADDRESS]... [--mac MAC] [--dns ADDRESS]... [--hostname NAME]\n"          \
	"      [--netns PATH|FD] [--keep] [--egress LIST]...\n"                               \
	"      [--user] [--uid-map MAP]... [--gid-map MAP]... [--rootfs DIR] [--read-only]\n" \
	"      [--bind SRC:DST[:ro]]... [--tmpfs DIR]... [--cap-add NAME]... [--fd N]...\n"   \
	"      [--tty|--no-tty] [--] COMMAND [ARGUMENT...]"
