/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_text.h - host ports in the words of iptables-restore and iptables-save, in the chains of
 * the reference plugin:
 *
 *	CNI-HOSTPORT-DNAT      from PREROUTING and OUTPUT: all containers' entries
 *	CNI-DN-<21 digits>     one container's, of the network: a rule per mapping and per source to be marked
 *	CNI-HOSTPORT-SETMARK   marks what CNI-HOSTPORT-MASQ, from POSTROUTING, masquerades
 *
 * Texts only: executes nobody.
 */
#ifndef CNIC_PORTMAP_IPTABLES_TEXT_H
#define CNIC_PORTMAP_IPTABLES_TEXT_H

#include "conf.h"

#define PORTMAP_ENTRIES "CNI-HOSTPORT-DNAT"
#define PORTMAP_SETMARK "CNI-HOSTPORT-SETMARK"
#define PORTMAP_MASQ    "CNI-HOSTPORT-MASQ"

struct portmap_chain {
	char name[INSTANCE_CHAIN_LEN + 1];
};
struct portmap_chain portmap_chain(const char *network, const char *container_id);

struct portmap_lines {
	const char **line;
	size_t n;
};

void portmap_line(struct portmap_lines *to, const char *line, struct arena *arena);

/*
 * What one attachment has in one family. The chain is the container's: if it has several interfaces
 * on the network, theirs stand in it, too.
 */
struct portmap_text {
	const struct portmap *conf;
	const char *network, *container_id;
	sa_family_t family;
	struct arena *arena;

	/* portmap_text_init() */
	struct portmap_mapping *mappings;
	size_t n;
	struct portmap_chain chain;
	struct portmap_lines at, any, entries; /* of one address of the host; of all */

	/* portmap_text_look(): of the chain, by whomever */
	struct portmap_lines old_rules, old_entries;
	bool had_chain;

	struct portmap_lines out;
};

/*
 * The mappings are those of the list that are of the family. The first members are set by the
 * caller.
 */
void portmap_text_init(struct portmap_text *t, const struct portmap_list *list);

/* What iptables-save says of the chain, and whether all that is wanted is in it. */
void portmap_text_look(struct portmap_text *t, const char *saved);
bool portmap_text_has(struct portmap_text *t);
bool portmap_text_leads_to(
	struct portmap_text *t); /* is there a rule that leads to the attachment? */

/* What of it leads to other addresses of the container is wanted, too, and comes first. */
void portmap_text_keep(struct portmap_text *t);
/* So is what another interface has in the same chain. */
void portmap_text_join_with(struct portmap_text *t, const struct portmap_text *other);

void portmap_text_line(struct portmap_text *t, const char *line);
void portmap_text_marks(struct portmap_text *t); /* the two shared chains, anew */
void portmap_text_chain(struct portmap_text *t); /* the chain, empty, and no entries */
void portmap_text_own(struct portmap_text *t);   /* the chain and its entries, anew */
void portmap_text_drop(struct portmap_text *t);  /* the chain goes */
/* The same, as another look has found them. */
void portmap_text_before(struct portmap_text *t, const struct portmap_text *before);
const char *portmap_text_join(const struct portmap_text *t);

/* Do the marks have chains of our own? */
bool portmap_text_has_marks(const struct portmap_text *t);

/*
 * Does another container's chain in what iptables-save says have one of these ports, for all
 * packets? Fails with ERR_IN_USE then.
 */
int portmap_text_conflicts(struct portmap_text *t, const char *saved, struct err *err) NODISCARD;

#endif
