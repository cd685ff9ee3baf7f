/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what an ADD that made packet filter rules, or an interface that goes with its master,
 * leaves behind, so that DEL, GC, CHECK and repair see what it saw: a file (attfile.h) per
 * attachment and plugin in a directory that only root may enter. It does not survive a reboot,
 * which the rules do not either.
 *
 * A file is named by hashes (instance.h) and holds the names; one that is not of these names, or
 * cannot be read, is told of on stderr and passed over. It never holds what the rules are: those
 * are the plugin's, to be derived again.
 *
 * Reading or writing takes the record's flock until the call ends, so repair cannot recreate rules
 * that a concurrent DEL removed. Write before making rules, read before deleting them, remove last.
 */
#pragma once

#include "skel/identity.h"
#include "sys/netns.h"

#define RECORD_DIR NETNS_LOCK_DIR "/rules"

struct record {
	const char *plugin, *network, *container_id, *ifname, *netns, *args;
	struct identity id;      /* netns as it was */
	const char *extra;       /* what the plugin has decided; "" if nothing */
	const struct json *conf; /* the configuration, all of it but prevResult */
	const struct json *result;
	struct cni_result prev; /* of it: c->result, or if that is empty still, c->req->prev */
};

/* The name of a file: H1-H2 of the attachment's instance comment (instance.h), and the plugin. */
const char *record_name_of(struct arena *arena, const char *plugin, const char *network,
			   const char *ifname, const char *container_id);

/* ADD; extra is for DEL and repair, NULL = nothing. Its undo leaves what was there before. */
int record_write(struct cni_call *c, const char *extra) NODISCARD;

/* *r is NULL if there is none that can be used; fails if another call is at it and does not end. */
int record_read(struct cni_call *c, struct record **r) NODISCARD;
int record_hold(struct cni_call *c) NODISCARD; /* if there is one */
bool record_exists(const struct cni_call *c);  /* there is a file, be it one that cannot be used */
int record_remove(struct cni_call *c) NODISCARD;

/*
 * GC: records of this plugin and network whose attachment is not valid; none if the runtime did not
 * say which are. fn is called for each, the first error is kept; record_gc() removes them.
 */
typedef int (*record_fn)(struct cni_call *c, const struct record *r);
int record_each_stale(struct cni_call *c, record_fn fn) NODISCARD;
int record_gc(struct cni_call *c) NODISCARD;

/*
 * The other records of this plugin, on any network, without those that a GC collects. With `text`,
 * only those whose file has it somewhere. They are not held. fn ends it with 1, or -1. What is no
 * record is passed over.
 */
typedef int (*cni_record_visit)(struct cni_call *c, const struct record *r, void *data);
int record_each_other(struct cni_call *c, const char *text, cni_record_visit fn,
		      void *data) NODISCARD;

/*
 * All records, for repair: the names of their files, and one of them, held until *fd is closed. *r
 * is NULL if it is not there any more; one that cannot be used is an error.
 */
int record_names(const char ***names, size_t *n, struct arena *arena, struct err *err) NODISCARD;
int record_names_in(const char *dir, const char ***names, size_t *n, struct arena *arena,
		    struct err *err) NODISCARD;
/* The same without holding it. */
int record_peek(const char *name, struct arena *arena, struct record **r,
		struct err *err) NODISCARD;
int record_load(const char *name, int *fd, struct arena *arena, struct record **r,
		struct err *err) NODISCARD;
