/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair.h - after the rule set was flushed: put back the rules of every attachment, from the
 * records of their ADDs. For the tool, not for runtimes.
 */
#pragma once

#include "skel/call.h"

struct repair {
	const struct cni_plugin *const *plugins;          /* NULL-terminated */
	const char *network, *plugin_name, *container_id; /* only these; NULL = all */
	/*
	 * "own", "nftables", "iptables": the rules become this one's, whatever is configured; of
	 * our tables then those go that are not in use. NULL: what is gone comes back.
	 */
	const char *backend;
	size_t repaired, failed, gone; /* gone: its namespace is; left to DEL and GC */
};

/* Each failure is a line on stderr. -1 if the records cannot be listed. */
int repair_all(struct repair *what, struct err *err) NODISCARD;

/*
 * cnic repair [--network NAME] [--plugin NAME] [--backend NAME] [CONTAINERID]: the exit status, -1
 * if not understood.
 */
int repair_run(int argc, char **argv);
