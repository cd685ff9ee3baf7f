/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nft/attr.h"
#include "sys/deferred.h"

/* Others' transactions interrupt a dump: on a busy node often, but never for long. */
#define DUMP_TRIES 200
/* Others add and remove at the same time: so often is it tried. */
#define TRIES             100

#define ELEM_BYTES        288 /* key, data or verdict, comment, and their headers */
#define ELEMS_PER_MESSAGE 200 /* a nest's length has 16 bits */

_Static_assert(ELEM_BYTES *ELEMS_PER_MESSAGE < UINT16_MAX, "a message's elements are one nest");

/*
 * A kernel without nfnetlink has nothing of what is looked up or removed, and that is for the one
 * who adds to report: instead of the socket there is one at which the kernel does not listen.
 */
static int open_bus(struct nl *nl, struct err *err)
{
	if (nl_open_bus(nl, NETLINK_NETFILTER, err) == 0)
		return 0;
	if (nl->sock || err->sys != EPROTONOSUPPORT)
		return -1;
	err_clear(err);
	return nl_open_bus(nl, NETLINK_USERSOCK, err);
}

int nft_open(struct nl *nl, struct deferred *d, struct err *err)
{
	if (open_bus(nl, err) < 0)
		return -1;
	nl->dump_tries = DUMP_TRIES;
	nl->deferred = d;
	deferred_share_fd(d, mnl_socket_get_fd(nl->sock));
	return 0;
}

void nft_be32(struct nl *nl, uint16_t type, uint32_t v)
{
	nl_u32(nl, type, htonl(v));
}

static void batch_mark(struct nl *nl, uint16_t type)
{
	struct nfgenmsg header = { .nfgen_family = AF_UNSPEC,
				   .version = NFNETLINK_V0,
				   .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_msg(nl, type, 0, &header, sizeof(header), "nf_tables transaction");
	nl_ack(nl, false);
}

void nft_msg(struct nl *nl, const struct nft_table *t, uint16_t type, uint16_t flags,
	     const char *label)
{
	struct nfgenmsg header = { .nfgen_family = t->family, .version = NFNETLINK_V0 };

	nl_msg(nl, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header, sizeof(header),
	       label);
}

/* A message of a transaction. Only the end asks for an ack; refusals come unasked. */
static void change(struct nl *nl, const struct nft_table *t, uint16_t type, uint16_t flags,
		   const char *label)
{
	nft_msg(nl, t, type, flags, label);
	nl_ack(nl, false);
}

/* wmem_max may be less than a large transaction takes; the host's root may go beyond it. */
void nft_begin(struct nl *nl, size_t elems, struct arena *arena)
{
	size_t bytes = NL_BUFSIZE / 2 + elems * ELEM_BYTES;
	int twice = (int)bytes * 2; /* the kernel counts its own overhead */
	int fd = mnl_socket_get_fd(nl->sock);

	if (bytes > nl->size) {
		nl->batch = NL_BATCH + elems;
		nl->labels = arena_array(arena, const char *, nl->batch);
		nl->buf = arena_alloc(arena, bytes);
		nl->size = bytes;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &twice, sizeof(twice)) < 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &twice, sizeof(twice));
	}
	batch_mark(nl, NFNL_MSG_BATCH_BEGIN);
}

void nft_begin_at(struct nl *nl, size_t elems, struct arena *arena, uint32_t generation)
{
	nft_begin(nl, elems, arena);
	nft_be32(nl, NFNL_BATCH_GENID, generation);
}

static int take_generation(const struct nlmsghdr *nlh, void *data)
{
	uint32_t *generation = data;

	*generation = nft_attr_u32(nft_attrs_of_msg(nlh).of[NFTA_GEN_ID]);
	return MNL_CB_OK;
}

int nft_generation(struct nl *nl, uint32_t *generation)
{
	static const struct nft_table none = { .family = AF_UNSPEC };

	*generation = 0; /* stands for none in particular */
	nft_msg(nl, &none, NFT_MSG_GETGEN, 0, "ask for the generation of nf_tables");
	return nl_query(nl, take_generation, generation);
}

/*
 * What creates nothing deletes: nf_tables frees that after a grace period, and close(2) of the
 * socket waits for it.
 */
static bool has_deletion(const struct nl *nl)
{
	const struct nlmsghdr *nlh = (const void *)nl->buf;
	int left = (int)nl->used;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (nlh->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
		    !(nlh->nlmsg_flags & NLM_F_CREATE))
			return true;
	return false;
}

/*
 * The end mark itself is acknowledged by new kernels only (6.10): it is the last change that asks.
 */
int nft_commit(struct nl *nl)
{
	if (nl_queued(nl) < 2) {
		nl_reset(nl);
		return 0;
	}
	nl_ack(nl, true);
	batch_mark(nl, NFNL_MSG_BATCH_END);
	if (has_deletion(nl))
		deferred_mark_slow(nl->deferred, mnl_socket_get_fd(nl->sock));
	return nl_transaction(nl);
}

bool nft_is_missing(const struct err *err)
{
	return err->sys == EOPNOTSUPP || err->sys == EPROTONOSUPPORT;
}

bool nft_should_retry(struct nl *nl, int *tries, int errnum)
{
	if ((nl->err->sys != errnum && nl->err->sys != ERESTART) || ++*tries > TRIES)
		return false;
	err_clear(nl->err);
	return true;
}

static void put_text(struct nl *nl, uint16_t attr, uint8_t type, const char *comment)
{
	struct {
		uint8_t type, len;
		char text[NFT_COMMENT_MAX + 1];
	} udata = { .type = type };
	size_t n;

	if (!comment)
		return;
	n = strnlen(comment, NFT_COMMENT_MAX);
	memcpy(udata.text, comment, n);
	udata.len = (uint8_t)(n + 1);
	nl_put(nl, attr, &udata, 2 + n + 1);
}

void nft_rule_tag(struct nl *nl, const char *tag)
{
	put_text(nl, NFTA_RULE_USERDATA, NFT_UDATA_TAG, tag);
}

/* ---- tables, chains, sets -------------------------------------------------------------------- */

void nft_table_add(struct nl *nl, const struct nft_table *t, const char *comment)
{
	change(nl, t, NFT_MSG_NEWTABLE, NLM_F_CREATE, "create nf_tables table");
	nl_str(nl, NFTA_TABLE_NAME, t->name);
	put_text(nl, NFTA_TABLE_USERDATA, NFT_UDATA_COMMENT, comment);
}

void nft_table_del(struct nl *nl, const struct nft_table *t)
{
	change(nl, t, NFT_MSG_DELTABLE, 0, "delete nf_tables table");
	nl_str(nl, NFTA_TABLE_NAME, t->name);
}

void nft_chain_add(struct nl *nl, const struct nft_table *t, const char *chain,
		   const struct nft_hook *hook)
{
	change(nl, t, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "create nf_tables chain");
	nl_str(nl, NFTA_CHAIN_TABLE, t->name);
	nl_str(nl, NFTA_CHAIN_NAME, chain);
	if (!hook)
		return;
	nl_str(nl, NFTA_CHAIN_TYPE, hook->type);
	nl_nest(nl, NFTA_CHAIN_HOOK) {
		nft_be32(nl, NFTA_HOOK_HOOKNUM, hook->hook);
		nft_be32(nl, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
	}
}

void nft_chain_del(struct nl *nl, const struct nft_table *t, const char *chain)
{
	change(nl, t, NFT_MSG_DELCHAIN, 0, "delete nf_tables chain");
	nl_str(nl, NFTA_CHAIN_TABLE, t->name);
	nl_str(nl, NFTA_CHAIN_NAME, chain);
}

void nft_chain_flush(struct nl *nl, const struct nft_table *t, const char *chain)
{
	change(nl, t, NFT_MSG_DELRULE, 0, "flush nf_tables chain");
	nl_str(nl, NFTA_RULE_TABLE, t->name);
	nl_str(nl, NFTA_RULE_CHAIN, chain);
}

void nft_chain_renew(struct nl *nl, const struct nft_table *t, const char *chain,
		     const struct nft_hook *hook)
{
	nft_chain_add(nl, t, chain, hook);
	nft_chain_flush(nl, t, chain);
}

void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle)
{
	handle = htobe64(handle);
	nft_chain_flush(nl, t, chain);
	nl_put(nl, NFTA_RULE_HANDLE, &handle, sizeof(handle));
}

static uint32_t set_flags(const struct nft_set *s, struct nft_set_kind kind)
{
	return (s->data_len ? (uint32_t)NFT_SET_MAP : 0) |
	       (kind.range_parts[0] ? (uint32_t)(NFT_SET_INTERVAL | NFT_SET_CONCAT) : 0) |
	       (kind.learns ? (uint32_t)NFT_SET_EVAL : 0);
}

static void put_set_kind(struct nl *nl, struct nft_set_kind kind)
{
	nl_nest(nl, NFTA_SET_DESC) {
		if (kind.learns)
			nft_be32(nl, NFTA_SET_DESC_SIZE, kind.learns);
		if (kind.range_parts[0])
			nl_nest(nl, NFTA_SET_DESC_CONCAT) {
				for (size_t i = 0; i < ARRAY_SIZE(kind.range_parts); i++)
					nl_nest(nl, NFTA_LIST_ELEM) {
						nft_be32(nl, NFTA_SET_FIELD_LEN,
							 kind.range_parts[i]);
					}
			}
	}
}

/*
 * A set's id is for use by number in the transaction that makes it: here it goes by name. nft(8)
 * keeps in a set's user data (type 0) which byte order its keys have, and prints nothing useful of
 * interface names without: 1 is the host's, 2 the network's, 0 for what has several parts.
 */
void nft_set_add_kind(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		      struct nft_set_kind kind)
{
	uint8_t udata[] = { 0, sizeof(uint32_t), 0, 0, 0, 0 };

	if (s->key_type < NFT_TYPE_PARTS)
		udata[2] = s->key_type == NFT_TYPE_IFNAME ? 1 : 2;
	change(nl, t, NFT_MSG_NEWSET, NLM_F_CREATE, "create nf_tables set");
	nl_str(nl, NFTA_SET_TABLE, t->name);
	nl_str(nl, NFTA_SET_NAME, s->name);
	nft_be32(nl, NFTA_SET_ID, nl->seq);
	nft_be32(nl, NFTA_SET_FLAGS, set_flags(s, kind));
	nft_be32(nl, NFTA_SET_KEY_TYPE, s->key_type);
	nft_be32(nl, NFTA_SET_KEY_LEN, s->key_len);
	nl_put(nl, NFTA_SET_USERDATA, udata, sizeof(udata));
	if (s->data_len) {
		nft_be32(nl, NFTA_SET_DATA_TYPE, s->data_type);
		nft_be32(nl, NFTA_SET_DATA_LEN, s->data_len);
	}
	if (kind.learns || kind.range_parts[0])
		put_set_kind(nl, kind);
}

/* ---- rules and elements ---------------------------------------------------------------------- */

struct nlattr *nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain,
			      const char *comment, bool first)
{
	change(nl, t, NFT_MSG_NEWRULE, first ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_APPEND,
	       "add nf_tables rule");
	nl_str(nl, NFTA_RULE_TABLE, t->name);
	nl_str(nl, NFTA_RULE_CHAIN, chain);
	put_text(nl, NFTA_RULE_USERDATA, NFT_UDATA_COMMENT, comment);
	return nl_nest_begin(nl, NFTA_RULE_EXPRESSIONS);
}

void nft_put_data(struct nl *nl, uint16_t attr, const void *value, size_t len)
{
	nl_nest(nl, attr) {
		nl_put(nl, NFTA_DATA_VALUE, value, len);
	}
}

void nft_put_verdict(struct nl *nl, uint16_t attr, int32_t code, const char *chain)
{
	nl_nest(nl, attr) {
		nl_nest(nl, NFTA_DATA_VERDICT) {
			nft_be32(nl, NFTA_VERDICT_CODE, (uint32_t)code);
			if (chain)
				nl_str(nl, NFTA_VERDICT_CHAIN, chain);
		}
	}
}

static void put_elem(struct nl *nl, const struct nft_elem *e, bool with_data, const char *comment)
{
	nl_nest(nl, NFTA_LIST_ELEM) {
		nft_put_data(nl, NFTA_SET_ELEM_KEY, e->key, e->key_len);
		if (e->key_end)
			nft_put_data(nl, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_len);
		if (with_data && e->has_verdict)
			nft_put_verdict(nl, NFTA_SET_ELEM_DATA, e->verdict, e->chain);
		else if (with_data && e->data_len)
			nft_put_data(nl, NFTA_SET_ELEM_DATA, e->data, e->data_len);
		put_text(nl, NFTA_SET_ELEM_USERDATA, NFT_UDATA_COMMENT, comment);
	}
}

/* Elements that stand together in one set are one message. */
static void change_elems(struct nl *nl, const struct nft_table *t, bool add,
			 const struct nft_elem *e, size_t n, const char *comment)
{
	for (size_t run; n; e += run, n -= run) {
		for (run = 1; run < n && run < ELEMS_PER_MESSAGE && !strcmp(e[run].set, e->set);)
			run++;
		if (add)
			change(nl, t, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL,
			       e->label ? e->label : "add nf_tables element");
		else
			change(nl, t, NFT_MSG_DELSETELEM, 0, "delete nf_tables element");
		nl_str(nl, NFTA_SET_ELEM_LIST_TABLE, t->name);
		nl_str(nl, NFTA_SET_ELEM_LIST_SET, e->set);
		nl_nest(nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
			for (size_t i = 0; i < run; i++)
				put_elem(nl, &e[i], add, comment);
		}
	}
}

void nft_msg_elems_add(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
		       const char *comment)
{
	change_elems(nl, t, true, e, n, comment);
}

void nft_msg_elems_del(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n)
{
	change_elems(nl, t, false, e, n, NULL);
}
