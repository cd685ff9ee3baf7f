/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_text.h - host ports in the words of iptables-restore, in the chains of the reference
 * plugin:
 *
 *	CNI-HOSTPORT-DNAT      from PREROUTING and OUTPUT: all containers' entries
 *	CNI-DN-<21 digits>     one container's, of the network: a rule per mapping and marked source
 *	CNI-HOSTPORT-SETMARK   marks what CNI-HOSTPORT-MASQ, from POSTROUTING, masquerades
 *
 * Writes texts: executes nothing.
 */
#pragma once

#include "conf.h"
#include "netfilter/iptables_save.h"
#include "skel/instance.h"

#define PORTMAP_CHAIN   "CNI-DN-"
#define PORTMAP_ENTRIES "CNI-HOSTPORT-DNAT"
#define PORTMAP_SETMARK "CNI-HOSTPORT-SETMARK"
#define PORTMAP_MASQ    "CNI-HOSTPORT-MASQ"

struct portmap_rules {
	struct iptables_save_rule *rule;
	size_t n;
};

/*
 * What one attachment has in one family. The chain is the container's: the rules of its other
 * interfaces on the network stand in it, too.
 */
struct portmap_text {
	const struct portmap *conf;
	const char *network, *container_id;
	sa_family_t family;
	struct arena *arena;
	char chain[INSTANCE_CHAIN_LEN + 1];
	bool has_marks; /* by chains of our own */

	/* What is wanted: of the chain, and the entries that lead to it. */
	const struct portmap_mapping *mappings;
	size_t n;
	struct portmap_rules rules, entries;

	/* iptables-save's, and portmap_saved_read(): what the chain has, of all interfaces */
	const char *saved;
	struct portmap_rules old, old_entries;
	bool had_chain;
	bool complete; /* ADD: nothing of the container's is missing */

	const char **line; /* what is written */
	size_t n_lines;
};

struct portmap_text portmap_text_of(struct cni_call *c, const char *container_id,
				    const struct portmap *conf, sa_family_t family);

void portmap_text_line(struct portmap_text *t, const char *line);
void portmap_text_marks(struct portmap_text *t);     /* the two shared chains, anew */
void portmap_text_container(struct portmap_text *t); /* what is wanted in place of what is there */

/* What was there before in place of what is there. */
void portmap_text_before(struct portmap_text *t, const struct portmap_text *before);

/* All lines, as one transaction of the table. */
const char *portmap_text_join(const struct portmap_text *t);
