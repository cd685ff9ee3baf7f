/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siblings.h - other attachments of a container, on the same network or another, by the records of
 * their ADDs: several may want the same port of the host, and one of them has it.
 */
#ifndef CNIC_PORTMAP_SIBLINGS_H
#define CNIC_PORTMAP_SIBLINGS_H

#include "conf.h"
#include "skel/record.h"

struct portmap_siblings {
	const struct record *record;
	struct portmap conf; /* as portmap_from_record() has it */
	struct nft_elems elems;
	int oif; /* portmaphost.c: where ::1 has a route for it; -1: not looked at */
};

/* The backend that a repair has turned to, whatever is configured; NULL or "": none. */
void portmap_turn_conf(struct portmap *conf, const char *backend);

/* Under the configuration and with the result that the ADD had; a settled *conf, in any case. */
int portmap_from_record(struct cni_call *c, const struct record *r, struct portmap *conf) NODISCARD;

/*
 * Those that stay when the call is done: of the call's container, in a GC of all. Looked for when
 * first asked for.
 */
int portmap_siblings(struct cni_call *c, struct portmap_siblings **list, size_t *n) NODISCARD;

/* An attachment's claim on our table. Its container's other attachments are kin. */
struct nft_elems portmap_claim_of(struct cni_call *c, const struct record *who,
				  const struct portmap *conf, const struct portmap_list *list);

/* The call's own attachment. */
struct record portmap_who(const struct cni_call *c);

/* Who of the kin has a shared element next. */
const struct nft_succession *portmap_succession(struct cni_call *c);

#endif
