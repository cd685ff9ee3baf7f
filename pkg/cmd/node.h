/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - the attachments of this node, from all that is kept of them: libcni's cache, the
 * registry, the records; and whether their containers can still be there. Reads only.
 */
#pragma once

#include "libcni/cache.h"
#include "nl/link.h"
#include "skel/record.h"
#include "skel/registry.h"
#include "sys/netns_scan.h"

enum node_life {
	NODE_ALIVE,
	NODE_UNKNOWN, /* there is no proof that it is dead */
	NODE_DEAD,
};

/* One attachment, and what is kept of it; NULL where it is not. */
struct node_attachment {
	const char *network, *container_id, *ifname, *netns; /* netns "" = not known */
	const struct libcni_cached *cached;                  /* the newest, if there are several */
	const struct libcni_cached **older;
	size_t n_older;
	struct registry_entry **entries;
	size_t n_entries;
	struct record **records;
	size_t n_records;
	int64_t time; /* of the ADD, seconds since the epoch; 0 = not known */
	enum node_life life;
	const char *why;                   /* of its life */
	uint64_t netns_inode;              /* of its namespace, 0 = not known */
	const struct netns_holder *holder; /* of its namespace, NULL: none is known */
};

struct node {
	struct node_attachment *list; /* by network, container and interface */
	size_t n;
	struct registry_fault *faults; /* files that are no entry, no record, nothing of a cache */
	size_t n_faults;
	struct netns_scan scan;
	struct link_list links; /* of the host's namespace */
	struct identity here;
	struct arena *arena;
};

/* The directories of each `--cache DIR`, which go from the command line; NULL-terminated. */
const char **node_take_caches(int *argc, char **argv);

/* `caches`: besides libcni's and multus's. */
int node_load(struct node *node, const char *const *caches, struct arena *arena,
	      struct err *err) NODISCARD;

/* CNI_PATH as it was at the ADD; a plugin of this executable needs none. */
const char *node_cni_path(const struct node_attachment *a);

/* Its faults, on stderr, for verbs that are about something else. */
void node_complain(const struct node *node);

/* They are in the order of these three; ifname "": on any interface. NULL: there is none. */
const struct node_attachment *node_find(const struct node *node, const char *network,
					const char *container_id, const char *ifname);
bool node_has(const struct node *node, const char *network, const char *container_id,
	      const char *ifname);

/* The inventories of all plugins of this executable. All are asked; the first error is told. */
int node_inventory(const struct cni_inventory *to, struct err *err) NODISCARD;
