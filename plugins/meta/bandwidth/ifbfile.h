/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ifbfile.h - which attachment an ifb is of, since its name, a hash of network and container id,
 * does not say it: a file of that name. Two interfaces of a container on one network would have the
 * same name; the second one's is a hash of its own name, too.
 */
#pragma once

#include "skel/call.h"

#define IFBFILE_DIR "/run/cnic/bandwidth"

struct ifbfile {
	char name[IFNAMSIZ];
	bool ours;     /* there is a file, of this attachment */
	bool inside;   /* and it says that its ifb is in the container, */
	bool sent;     /* and that what the device sends is queued by us, */
	bool received; /* or what it receives */
	bool free;     /* there is none of that name */
};

/* This attachment's, or else its first name that is not another attachment's. */
int ifbfile_find(struct cni_call *c, struct ifbfile *f) NODISCARD;

/* The second name, for where the first turns out to be taken. */
void ifbfile_second(struct cni_call *c, struct ifbfile *f);

/* Before anything is made. Its undo leaves what was found `before`. */
int ifbfile_write(struct cni_call *c, const struct ifbfile *before,
		  const struct ifbfile *f) NODISCARD;
int ifbfile_remove(struct cni_call *c, const struct ifbfile *f) NODISCARD;

/*
 * GC: `remove` for each of this network's attachments that are not valid, and if it is well the
 * file goes, too. All are tried.
 */
typedef int (*ifbfile_fn)(struct cni_call *c, const struct ifbfile *f);
int ifbfile_gc(struct cni_call *c, ifbfile_fn remove) NODISCARD;

/* Each file, and ifbs of such a name in the host's namespace that have none (cni_plugin). */
int ifbfile_inventory(struct cni_call *c, const struct cni_inventory *to);
