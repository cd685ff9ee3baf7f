/* SPDX-License-Identifier: Apache-2.0 */
/*
 * portmaptext.h - host ports in the words of iptables-restore and iptables-save, in the chains of the reference
 * plugin:
 *
 *	CNI-HOSTPORT-DNAT      from PREROUTING and OUTPUT: all containers' entries
 *	CNI-DN-<21 digits>     one container's, of the network: a rule per mapping and per source to be marked
 *	CNI-HOSTPORT-SETMARK   marks what CNI-HOSTPORT-MASQ, from POSTROUTING, masquerades
 *
 * Texts only: executes nobody.
 */
#ifndef CNIC_CNI_PORTMAPTEXT_H
#define CNIC_CNI_PORTMAPTEXT_H

#include "cni/portmapconf.h"

#define PORTMAP_ENTRIES "CNI-HOSTPORT-DNAT"
#define PORTMAP_SETMARK "CNI-HOSTPORT-SETMARK"
#define PORTMAP_MASQ    "CNI-HOSTPORT-MASQ"

struct portmap_chain {
	char name[CNI_CHAIN_LEN + 1];
};
struct portmap_chain portmap_chain(const char *network, const char *container_id);

/* What one container has in one family. */
struct portmap_text {
	const struct portmap *conf;
	const char *network, *container_id;
	sa_family_t family;
	const struct nft_mapping *mappings;
	size_t n;
	struct portmap_chain chain;
	const char **lines;
	size_t n_lines;
	struct arena *arena;
};

/* The mappings are those of conf->list that are of the family. The other members are set by the caller. */
void portmap_text_init(struct portmap_text *t, const struct portmap_list *list);

void portmap_text_line(struct portmap_text *t, const char *line);
void portmap_text_marks(struct portmap_text *t); /* the two shared chains, anew */
void portmap_text_own(struct portmap_text *t);   /* the container's chain, anew, and its entries */
const char *portmap_text_join(const struct portmap_text *t);

/* How many rules and entries the reference has for it; we may have more. */
size_t portmap_text_rules(const struct portmap_text *t);
size_t portmap_text_entries(struct portmap_text *t);

/* Do the marks have chains of our own? */
bool portmap_text_has_marks(const struct portmap_text *t);

/*
 * Does another container's chain in what iptables-save says have one of these ports, for all packets? Fails with
 * ERR_IN_USE then.
 */
int portmap_text_conflicts(struct portmap_text *t, const char *saved, struct err *err) NODISCARD;

#endif
