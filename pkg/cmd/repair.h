/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair.h - after somebody has flushed the rule set: put back the rules of every attachment, from the
 * records of their ADDs. For the tool, not for runtimes.
 */
#ifndef CNIC_CMD_REPAIR_H
#define CNIC_CMD_REPAIR_H

#include "skel/call.h"

struct cni_repair {
	const struct cni_plugin *const *plugins;          /* NULL-terminated */
	const char *network, *plugin_name, *container_id; /* only these; NULL = all */
	/*
	 * "own", "nftables", "iptables": their rules become this one's, whatever is configured; of tables of
	 * ours then those go that nobody needs. NULL: what is gone comes back.
	 */
	const char *backend;
	size_t repaired, failed, gone; /* gone: its namespace is, DEL or GC will come */
};

/* What fails is told of on stderr, a line each. -1 if the records cannot be listed. */
int repair_all(struct cni_repair *what, struct err *err) NODISCARD;

#endif
