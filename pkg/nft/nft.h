/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft.h - nf_tables over the netlink builder: transactions, and the objects and expressions they
 * are made of (uapi/linux/netfilter/nf_tables.h).
 *
 * Knows no CNI and no JSON, decides nothing. Everything between nft_begin() and nft_commit()
 * happens in one step or not at all. The comment at each helper that makes an expression shows it
 * as nft(8) prints it.
 */
#ifndef CNIC_NFT_NFT_H
#define CNIC_NFT_NFT_H

#include <netinet/in.h> /* before the kernel's, which then leaves out what this has */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/arena.h"
#include "net/ip.h"
#include "nl/nl.h"

#define NFT_COMMENT_MAX 128 /* nft(8) 1.0.6 refuses longer ones; the kernel's limit is 256 */

/* A table has the family of its hooks: NFPROTO_IPV4, _IPV6, _INET, _BRIDGE. */
struct nft_table {
	uint8_t family;
	const char *name;
};

/* Where a base chain is attached: NF_INET_* or NF_BR_*, and its place among others there. */
struct nft_hook {
	const char *type; /* "filter", "nat" */
	uint32_t hook;
	int32_t priority;
};

/*
 * nft(8)'s numbers for types of keys, which nf_tables only keeps; a concatenation is 6 bits each.
 */
enum nft_type {
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_ETHER = 9,
	NFT_TYPE_PROTO = 12,
	NFT_TYPE_PORT = 13,
	NFT_TYPE_IFNAME = 41,
};
#define NFT_TYPE_PARTS      64 /* from here on it is a concatenation */
#define NFT_TYPE_2(a, b)    ((uint32_t)(a) << 6 | (b))
#define NFT_TYPE_3(a, b, c) (NFT_TYPE_2(a, b) << 6 | (c))

/* Each part of a concatenated key begins at a multiple of 4 bytes. data_len 0: a set, not a map. */
struct nft_set {
	const char *name;
	uint32_t key_type, key_len;
	uint32_t data_type, data_len; /* NFT_DATA_VERDICT, 16: a verdict map */
};

#define NFT_KEY_MAX  48
#define NFT_DATA_MAX 32

/* An element of a set or map; in a verdict map it has a verdict instead of data. */
struct nft_elem {
	const char *set;
	const char *what; /* for error texts: "host port 8080/tcp" */
	uint8_t key[NFT_KEY_MAX], data[NFT_DATA_MAX];
	uint8_t key_len, data_len; /* data_len 0: no data */
	bool has_verdict;
	bool replaceable;  /* see own.h */
	int32_t verdict;   /* NFT_GOTO, NFT_RETURN, NF_DROP */
	const char *chain; /* of NFT_GOTO */
};

/* ---- transactions ---------------------------------------------------------------------------- */

/*
 * A netfilter socket in the current namespace; nl_close() closes it. After deletions that takes
 * until an RCU grace period is over, which is left to a child (sys/deferred.h).
 */
int nft_open(struct nl *nl, struct deferred *d, struct err *err) NODISCARD;

/* Does the kernel have nf_tables, and may we use it? Says why not. */
int nft_usable(struct nl *nl) NODISCARD;
bool nft_is_missing(const struct err *err); /* the kernel's word that it has none */

/* A transaction for that many elements, which may be more than the socket's own buffer takes. */
void nft_begin(struct nl *nl, size_t elems, struct arena *arena);
/*
 * For what depends on a look: the rule set's generation before the look, and a transaction that
 * fails with ERESTART if it is another by then.
 */
int nft_generation(struct nl *nl, uint32_t *generation) NODISCARD;
void nft_begin_at(struct nl *nl, size_t elems, struct arena *arena, uint32_t generation);
/*
 * As one step. On -1 nothing has changed (if nl->ack_lost, that is not known), and err->sys tells
 * the kernel's reason: ENOENT, EEXIST. Also EOPNOTSUPP and EPROTONOSUPPORT: this kernel has no
 * nf_tables, or not this family of it.
 */
int nft_commit(struct nl *nl) NODISCARD;

/*
 * Did it fail because somebody else has changed the rule set since the look that it was made from,
 * so that another look is worth it? errnum is what that says here, ERESTART says so everywhere
 * (nft_begin_at()). Clears the error then; says no at the hundredth time.
 */
bool nft_should_retry(struct nl *nl, int *tries, int errnum);

/* Only what is absent is made: none of these fails on what is there. */
void nft_table_add(struct nl *nl, const struct nft_table *t, const char *comment);
void nft_chain_add(struct nl *nl, const struct nft_table *t, const char *chain,
		   const struct nft_hook *hook);
void nft_set_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s);

void nft_table_del(struct nl *nl, const struct nft_table *t); /* with all that is in it */
void nft_chain_flush(struct nl *nl, const struct nft_table *t, const char *chain);
void nft_chain_del(struct nl *nl, const struct nft_table *t, const char *chain);
void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle);

/*
 * nft_rule(nl, t, chain, comment) { expressions } appends a rule, nft_rule_first() puts it in
 * front; comment may be NULL. Never leave the block early.
 */
#define nft_rule(nl, t, chain, comment) \
	NFT_BLOCK_(nl, nft_rule_begin((nl), (t), (chain), (comment), false), __COUNTER__)
#define nft_rule_first(nl, t, chain, comment) \
	NFT_BLOCK_(nl, nft_rule_begin((nl), (t), (chain), (comment), true), __COUNTER__)
struct nlattr *nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain,
			      const char *comment, bool first);

/* New elements: EEXIST where one of them is there already. As many messages as it takes. */
void nft_msg_elems_add(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
		       const char *comment);
/* ENOENT where one is gone. Only the keys matter. */
void nft_msg_elems_del(struct nl *nl, const struct nft_table *t, const struct nft_elem *e,
		       size_t n);

/* ---- expressions ----------------------------------------------------------------------------- */

/* nft_expr(nl, "masq") { attributes } */
#define nft_expr(nl, name)          \
	nl_nest(nl, NFTA_LIST_ELEM) \
	NFT_BLOCK_(nl, nft_expr_begin((nl), (name)), __COUNTER__)
struct nlattr *nft_expr_begin(struct nl *nl, const char *name);

#define NFT_BLOCK_(nl, begin, id) NFT_BLOCK__(nl, begin, id)
#define NFT_BLOCK__(nl, begin, id)                            \
	for (struct nlattr *block_##id = (begin); block_##id; \
	     block_##id = nl_nest_end((nl), block_##id))

/* Registers of 4 bytes; one value may fill several from there on. */
#define NFT_R(n) ((uint32_t)NFT_REG32_00 + (n))

/* A message to nf_tables, with what it is for errors; of no transaction yet. */
void nft_msg(struct nl *nl, const struct nft_table *t, uint16_t type, uint16_t flags,
	     const char *what);
void nft_put_verdict(struct nl *nl, uint16_t attr, int32_t code, const char *chain);

void nft_be32(struct nl *nl, uint16_t type, uint32_t v); /* nf_tables' numbers are big-endian */

void nft_payload(struct nl *nl, enum nft_payload_bases base, uint32_t offset, uint32_t len,
		 uint32_t reg);
void nft_meta(struct nl *nl, enum nft_meta_keys key, uint32_t reg);
void nft_ct(struct nl *nl, enum nft_ct_keys key, uint32_t reg);
void nft_cmp(struct nl *nl, enum nft_cmp_ops op, uint32_t reg, const void *data, size_t len);
void nft_mask(struct nl *nl, uint32_t reg, const void *mask, size_t len);  /* reg &= mask */
void nft_lookup(struct nl *nl, const char *set, uint32_t reg);             /* ... @set */
void nft_map(struct nl *nl, const char *map, uint32_t reg, uint32_t dreg); /* map @map */
void nft_vmap(struct nl *nl, const char *map, uint32_t reg);               /* vmap @map */
void nft_value(struct nl *nl, uint32_t reg, const void *data, size_t len); /* 10.1.0.2, into reg */
void nft_verdict(struct nl *nl, int32_t code, const char *chain);          /* accept, goto chain */
uint8_t nft_nfproto(sa_family_t family); /* NFPROTO_IPV4, NFPROTO_IPV6 */
void nft_family(struct nl *nl,
		uint8_t family);   /* meta nfproto ipv4, only where the table is inet */
void nft_dst_local(struct nl *nl); /* fib daddr type local */
void nft_ct_status(struct nl *nl, uint32_t bits); /* ct status dnat */
void nft_ct_state(struct nl *nl, uint32_t bits);  /* ct state established,related */
void nft_ct_reply(struct nl *nl);                 /* ct direction reply */
void nft_masquerade(struct nl *nl);               /* masquerade */
/* dnat ip to ..., the address from one register, the port from another */
void nft_dnat(struct nl *nl, sa_family_t family, uint32_t address, uint32_t port);
void nft_counter(struct nl *nl); /* counter */

/*
 * The source or destination address of that family into reg; in an inet table after nft_family().
 */
void nft_saddr(struct nl *nl, sa_family_t family, uint32_t reg);
void nft_daddr(struct nl *nl, sa_family_t family, uint32_t reg);
/* ip6 saddr set ..., ip6 daddr set ..., from a register; the checksums of what is inside follow */
void nft_saddr6_set(struct nl *nl, uint32_t reg);
void nft_daddr6_set(struct nl *nl, uint32_t reg);
/* ip saddr 10.1.0.0/16, ip daddr != 10.1.0.0/16, by the prefix length */
void nft_saddr_in(struct nl *nl, const struct ip *net);
void nft_daddr_in(struct nl *nl, const struct ip *net, enum nft_cmp_ops op);
/* The address in register 0, by the prefix length. */
void nft_cmp_prefix(struct nl *nl, const struct ip *net, enum nft_cmp_ops op);

/* ---- looking --------------------------------------------------------------------------------- */

struct nft_elem_info {
	size_t index;       /* nft_get(): of the one asked for */
	struct nft_elem at; /* what is there; its chain lives as long as the callback */
	char comment[NFT_COMMENT_MAX * 2];
};

/*
 * Ask for these elements, each by its key: found() for each that is there. A set or table that does
 * not exist holds none.
 */
typedef void (*nft_elem_cb)(const struct nft_elem_info *found, void *data);
int nft_get(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
	    nft_elem_cb found, void *data) NODISCARD;

/* All elements of a set; `reset` as with nl_dump(). No such set: none. */
int nft_list(struct nl *nl, const struct nft_table *t, const char *set, nft_elem_cb found,
	     void (*reset)(void *data), void *data) NODISCARD;

/* All rules of a chain, or of all chains if it is NULL; no such chain: none. */
struct nft_rule_info {
	const char *chain, *comment; /* never NULL */
	uint64_t handle;
	const struct nlattr *expressions, *userdata; /* NULL if none */
};

/* Its expressions, each with its name and attributes; what one of kind "immediate" decides. */
typedef void (*nft_expr_cb)(const char *name, const struct nlattr *data, void *arg);
void nft_expressions(const struct nft_rule_info *rule, nft_expr_cb cb, void *arg);
bool nft_verdict_of(const struct nlattr *immediate, int32_t *verdict, const char **chain);
const char *nft_goes_to(const struct nlattr *immediate); /* NULL: nowhere */

typedef void (*nft_rule_cb)(const struct nft_rule_info *rule, void *data);
int nft_rules(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_cb cb,
	      void (*reset)(void *data), void *data) NODISCARD;

/* Is there such a chain? */
int nft_has_chain(struct nl *nl, const struct nft_table *t, const char *chain, bool *has) NODISCARD;

/* The text of a comment in an object's user data, "" if it has none. */
void nft_comment_of(const struct nlattr *userdata, char *out, size_t size);

/*
 * The same for a mark that nft(8) and iptables do not show: on the rule being built, after its
 * block; it takes the place of a comment.
 */
void nft_rule_tag(struct nl *nl, const char *mark);
void nft_tag_of(const struct nlattr *userdata, char *out, size_t size);

#endif
