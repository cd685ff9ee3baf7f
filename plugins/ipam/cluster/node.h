/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - who this node is: a random uuid in the file DATADIR/.node, made once. The machine-id
 * beside it tells a file that was copied to another machine, which is another node.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define NODE_UUID_LEN 36

struct node {
	char uuid[NODE_UUID_LEN + 1];
	const char *machine, *host; /* "-": not known */
};

/* On the disk when it returns. The directory exists. */
int node_identify(struct node *n, const char *data_dir, struct arena *arena,
		  struct err *err) NODISCARD;

/* 32 random hex digits, in the arena; NULL: there are none to be had. */
const char *node_token(struct arena *arena);
