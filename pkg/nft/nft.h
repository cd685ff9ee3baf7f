/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft.h - nf_tables over the netlink builder: transactions, and the objects they make
 * (uapi/linux/netfilter/nf_tables.h).
 *
 * Knows no CNI and no JSON, decides nothing. Everything between nft_begin() and nft_commit()
 * happens in one step or not at all. What stands in a rule is in expr.h, reading in list.h and
 * rule.h.
 */
#pragma once

#include <netinet/in.h> /* before the kernel's, which then leaves out what this has */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/arena.h"
#include "net/ip.h"
#include "nl/nl.h"

#define NFT_COMMENT_MAX 128 /* nft(8) 1.0.6 refuses longer ones; the kernel's limit is 256 */

/* A table has the family of its hooks: NFPROTO_IPV4, _IPV6, _INET, _BRIDGE. */
struct nft_table {
	uint8_t family;
	const char *name;
};

/*
 * What a rule looks at. Addresses are known to rule.h where the table's family says which they are:
 * not in inet.
 */
enum nft_field {
	NFT_FIELD_OTHER,
	NFT_FIELD_SADDR,
	NFT_FIELD_DADDR,
	NFT_FIELD_PROTOCOL,
	NFT_FIELD_DPORT,
	NFT_FIELD_IIFNAME,
	NFT_FIELD_OIFNAME,
};

/* Where a base chain is attached: NF_INET_* or NF_BR_*, and its place among others there. */
struct nft_hook {
	const char *type; /* "filter", "nat" */
	uint32_t hook;
	int32_t priority; /* NF_IP_PRI_NAT_SRC, ... */
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

/* What a set is beyond that; zeroed: nothing. */
struct nft_set_kind {
	/*
	 * The bytes of each part of a concatenation whose elements are ranges (Linux 5.6), of which
	 * no two may overlap.
	 */
	uint8_t range_parts[2];
	uint32_t learns; /* so many elements, from packets (nft_elem_learn()) */
};

#define NFT_KEY_MAX  48
#define NFT_DATA_MAX 32

/* An element of a set or map; in a verdict map it has a verdict instead of data. */
struct nft_elem {
	const char *set;
	const char *label; /* for error texts: "host port 8080/tcp" */
	uint8_t key[NFT_KEY_MAX], data[NFT_DATA_MAX];
	uint8_t key_len, data_len; /* data_len 0: no data */
	const uint8_t *key_end;    /* of a range: its last key; NULL: `key` alone */
	bool has_verdict;
	bool replaceable;  /* see table.h */
	int32_t verdict;   /* NFT_GOTO, NFT_RETURN, NF_DROP */
	const char *chain; /* of NFT_GOTO */
};

/* ---- transactions ---------------------------------------------------------------------------- */

/*
 * A netfilter socket in the current namespace; nl_close() closes it. After deletions that takes
 * until an RCU grace period is over, which is left to a child (sys/deferred.h).
 */
int nft_open(struct nl *nl, struct deferred *d, struct err *err) NODISCARD;

/* A transaction for that many elements, which may be more than the socket's own buffer takes. */
void nft_begin(struct nl *nl, size_t elems, struct arena *arena);
/*
 * For what depends on a list: the rule set's generation before the list, and a transaction that
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
 * True if the transaction lost a race and is to be built anew from a new list: errnum is what says
 * so here, ERESTART says so everywhere (nft_begin_at()). Clears the error then; false at the
 * hundredth time.
 */
bool nft_should_retry(struct nl *nl, int *tries, int errnum);

/*
 * The kernel's word that it has no nf_tables, or not for this family, or of nft_elems_add() not all
 * that its table needs.
 */
bool nft_is_missing(const struct err *err);

/*
 * Only what is absent is made: none of these fails on what is there. A chain that is there is
 * updated, though, and what that leaves is freed as what is deleted is, behind a grace period that
 * the next to close a netfilter socket waits for: 10 ms and more. So an ADD looks first.
 */
void nft_table_add(struct nl *nl, const struct nft_table *t, const char *comment);
void nft_chain_add(struct nl *nl, const struct nft_table *t, const char *chain,
		   const struct nft_hook *hook);
/* The same without rules, be it there or not. */
void nft_chain_renew(struct nl *nl, const struct nft_table *t, const char *chain,
		     const struct nft_hook *hook);
void nft_set_add_kind(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		      struct nft_set_kind kind);
#define nft_set_add(nl, t, s) nft_set_add_kind((nl), (t), (s), (struct nft_set_kind){ 0 })

void nft_table_del(struct nl *nl, const struct nft_table *t); /* with all that is in it */
void nft_chain_flush(struct nl *nl, const struct nft_table *t, const char *chain);
void nft_chain_del(struct nl *nl, const struct nft_table *t, const char *chain);
void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle);

/*
 * nft_rule(nl, t, chain, comment) { expressions } appends a rule, nft_rule_at() with `first` puts
 * it in front; comment may be NULL. Never leave the block early.
 */
#define nft_rule(nl, t, chain, comment) nft_rule_at(nl, t, chain, comment, false)
#define nft_rule_at(nl, t, chain, comment, first) \
	NFT_BLOCK_(nl, nft_rule_begin((nl), (t), (chain), (comment), (first)), __COUNTER__)
#define NFT_BLOCK_(nl, begin, id) NFT_BLOCK__(nl, begin, id)
#define NFT_BLOCK__(nl, begin, id)                            \
	for (struct nlattr *block_##id = (begin); block_##id; \
	     block_##id = nl_nest_end((nl), block_##id))
struct nlattr *nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain,
			      const char *comment, bool first);
/*
 * A text that nft(8) and iptables do not show: on the rule being built, after its block; it takes
 * the place of a comment. NULL: none.
 */
void nft_rule_tag(struct nl *nl, const char *tag);

/* New elements: EEXIST where one of them is there already. As many messages as it takes. */
void nft_msg_elems_add(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
		       const char *comment);
/* ENOENT where one is gone. Only the keys matter. */
void nft_msg_elems_del(struct nl *nl, const struct nft_table *t, const struct nft_elem *e,
		       size_t n);

/* A message to nf_tables, with its label for errors; of no transaction yet. */
void nft_msg(struct nl *nl, const struct nft_table *t, uint16_t type, uint16_t flags,
	     const char *label);
void nft_put_data(struct nl *nl, uint16_t attr, const void *value, size_t len);
void nft_put_verdict(struct nl *nl, uint16_t attr, int32_t code, const char *chain);
void nft_be32(struct nl *nl, uint16_t type, uint32_t v); /* nf_tables' numbers are big-endian */

/*
 * User data is a list of type, length, value; type 0 is the comment everywhere, with its NUL.
 * nft(8) and iptables have some more types for rules (3 in 2024), and pass over those they do not
 * know.
 */
#define NFT_UDATA_COMMENT 0
#define NFT_UDATA_TAG     0xc1
