/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - what lives on this node: a file for each attachment that a plugin of ours has added,
 * or made rules for, from before its first effect until it is removed, over a reboot. By it `cnic`
 * finds what has been left without a DEL, and can prove that it is dead: it holds the boot and the
 * identity of the namespace, and what a DEL needs. Plugins themselves decide nothing by it; an ADD
 * does without.
 *
 * A file is named as a record is (record.h), and holds the entry, and behind it the name of the
 * attachment's link in the host's namespace, once there is one.
 */
#pragma once

#include "skel/identity.h"

#define REGISTRY_DIR "/var/lib/cni/cnic"

struct registry_entry {
	const char *plugin, *network, *container_id, *ifname, *netns, *args, *path;
	struct identity id;
	const struct json *conf;      /* stdin, as it was */
	const char *conf_text, *text; /* text: the file */
	const char *host_link;        /* "" = none, or not known */
	int64_t time;                 /* of the ADD, seconds since the epoch */
};

/* ADD: before the first effect; its undo leaves what was there before. What fails is said. */
void registry_add(struct cni_call *c);
/*
 * The same for a plugin that only makes rules, unless another one of ours has registered the
 * attachment: behind a main plugin of another vendor, the first that makes any.
 */
void registry_add_first(struct cni_call *c);
/* After its last: the link in the host's namespace (c->host_link). */
void registry_add_link(struct cni_call *c);
/* After a DEL. What fails is said, here and below; `cnic gc` removes it. */
void registry_remove(struct cni_call *c);
/* GC, when all else is done: those of this plugin and network that are not valid. */
void registry_gc(struct cni_call *c);

/* A file that cannot be used, and why. */
struct registry_fault {
	const char *path, *why;
};

/* All entries, and the files that are none. */
struct registry_list {
	struct registry_entry *entries;
	size_t n;
	struct registry_fault *faults;
	size_t n_faults;
};
int registry_list(struct registry_list *list, struct arena *arena, struct err *err) NODISCARD;

/*
 * Entries without content go: who was killed over one had not begun to add. What cannot be removed
 * is listed as a fault.
 */
void registry_remove_empty(struct arena *arena);

/* The file of one that is listed. */
const char *registry_path(const struct registry_entry *e, struct arena *arena);

/*
 * All of the attachment are removed, where it is not the plugins' DELs that do so (keep_entry).
 * What fails is said.
 */
void registry_forget(const char *network, const char *container_id, const char *ifname,
		     struct arena *arena);

/* Written again as listed, unless there is one: a DEL has not done all. What fails is said. */
void registry_restore(const struct registry_entry *e, struct arena *arena);

/*
 * Is it there as it was listed? Not if there was a DEL since, and another ADD. If it is, an ADD of
 * the same attachment waits until *fd is closed.
 */
bool registry_hold(const struct registry_entry *e, int *fd, struct arena *arena);
