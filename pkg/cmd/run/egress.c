/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/egress.h"

#include <linux/capability.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "nft/expr.h"

#define LOG_BYTES 64   /* an IPv6 header and the ports behind it */
#define SEEN_MAX  4096 /* destinations that are told of, of each family */

static const struct nft_table table = { NFPROTO_INET, "cnic_egress" };

enum { NETS, PORTS, SEEN };
static const char *const sets[2][3] = { { "nets4", "ports4", "seen4" },
					{ "nets6", "ports6", "seen6" } };

static const char *set_of(sa_family_t family, int which)
{
	return sets[family == AF_INET6][which];
}

const char *run_egress_undone_by(uint64_t caps)
{
	static const struct {
		int cap;
		const char *name;
	} list[] = {
		{ CAP_NET_ADMIN, "NET_ADMIN" },   { CAP_NET_RAW, "NET_RAW" },
		{ CAP_SYS_ADMIN, "SYS_ADMIN" },   { CAP_SYS_PTRACE, "SYS_PTRACE" },
		{ CAP_SYS_MODULE, "SYS_MODULE" }, { CAP_SYS_RAWIO, "SYS_RAWIO" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (caps >> list[i].cap & 1)
			return list[i].name;
	return NULL;
}

/* ---- what is allowed ------------------------------------------------------------------------- */

/* Those of a family and a port together, and what covers others before them. */
static int compare(const void *x, const void *y)
{
	const struct run_egress *a = x, *b = y;
	const struct ip first_a = ip_network(&a->to), first_b = ip_network(&b->to);
	int order;

	if (a->to.family != b->to.family)
		return a->to.family - b->to.family;
	if (a->port != b->port)
		return a->port - b->port;
	order = memcmp(first_a.bytes, first_b.bytes, ip_len(&a->to));
	return order ? order : a->to.plen - b->to.plen;
}

static bool is_covered(const struct run_egress *a, const struct run_egress *by)
{
	return by && a->to.family == by->to.family && a->port == by->port &&
	       cidr_contains(&by->to, &a->to);
}

/* The port of an element of `ports`; of `nets` the protocols, a byte, from 0 to 255. */
static void make_elem(const struct run_egress *a, struct nft_elem *out, struct arena *arena)
{
	const struct ip first = ip_network(&a->to), last = ip_broadcast(&a->to);
	const uint8_t port[] = { (uint8_t)(a->port >> 8), (uint8_t)a->port };
	uint8_t *end = arena_alloc(arena, NFT_KEY_MAX);
	uint16_t len = ip_len(&a->to);

	*out = (struct nft_elem){ .set = set_of(a->to.family, a->port ? PORTS : NETS),
				  .label = "add what may go out",
				  .key_len = (uint8_t)(len + 4),
				  .key_end = end };
	memcpy(out->key, first.bytes, len);
	memcpy(out->key + len, port, sizeof(port));
	memcpy(end, last.bytes, len);
	memcpy(end + len, port, sizeof(port));
	if (!a->port)
		end[len] = UINT8_MAX;
}

/* Ranges of a set may not overlap: what another one covers, or is equal to, is left out. */
static size_t make_elems(const struct run_egress *list, size_t n, struct nft_elem *out,
			 struct arena *arena)
{
	struct run_egress *sorted = arena_array(arena, struct run_egress, n + 1);
	const struct run_egress *last = NULL;
	size_t made = 0;

	if (n)
		memcpy(sorted, list, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++) {
		if (is_covered(&sorted[i], last))
			continue;
		last = &sorted[i];
		make_elem(last, &out[made++], arena);
	}
	return made;
}

/* ---- the rules ------------------------------------------------------------------------------- */

static void put_sets(struct nl *nl, sa_family_t family)
{
	const uint32_t address = family == AF_INET ? NFT_TYPE_IPV4 : NFT_TYPE_IPV6;
	const uint8_t len = family == AF_INET ? 4 : 16;
	const struct nft_set nets = { .name = set_of(family, NETS),
				      .key_type = NFT_TYPE_2(address, NFT_TYPE_PROTO),
				      .key_len = len + 4U };
	const struct nft_set ports = { .name = set_of(family, PORTS),
				       .key_type = NFT_TYPE_2(address, NFT_TYPE_PORT),
				       .key_len = len + 4U };
	const struct nft_set seen = {
		.name = set_of(family, SEEN),
		.key_type = NFT_TYPE_3(address, NFT_TYPE_PROTO, NFT_TYPE_PORT),
		.key_len = len + 8U,
	};

	nft_set_add_kind(nl, &table, &nets, (struct nft_set_kind){ .range_parts = { len, 1 } });
	nft_set_add_kind(nl, &table, &ports, (struct nft_set_kind){ .range_parts = { len, 2 } });
	nft_set_add_kind(nl, &table, &seen, (struct nft_set_kind){ .learns = SEEN_MAX });
}

static void match_protocol(struct nl *nl, uint8_t protocol)
{
	nft_meta(nl, NFT_META_L4PROTO, NFT_R(0));
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &protocol, sizeof(protocol));
}

/* The destination's address from register 0 on; the next register. */
static uint32_t load_address(struct nl *nl, sa_family_t family)
{
	nft_family(nl, nft_nfproto(family));
	nft_daddr(nl, family, NFT_R(0));
	return NFT_R(family == AF_INET ? 1 : 4);
}

/* Two bytes of what the packet carries: the port is at 2, of ICMP type and code at 0. */
static void load_port(struct nl *nl, uint32_t offset, uint32_t reg)
{
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(uint16_t), reg);
}

static void accept_protocols(struct nl *nl)
{
	static const struct {
		uint8_t from, to;
	} types[] = { { 130, 136 }, { 143, 143 } };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		nft_rule(nl, &table, "output", NULL) {
			match_protocol(nl, IPPROTO_ICMPV6);
			nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_R(0));
			nft_cmp(nl, NFT_CMP_GTE, NFT_R(0), &types[i].from, 1);
			nft_cmp(nl, NFT_CMP_LTE, NFT_R(0), &types[i].to, 1);
			nft_verdict(nl, NF_ACCEPT, NULL);
		}
}

static void accept_own(struct nl *nl)
{
	static const char lo[IFNAMSIZ] = "lo";

	nft_rule(nl, &table, "output", NULL) {
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), lo, sizeof(lo));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	nft_rule(nl, &table, "output", NULL) {
		nft_ct_state(nl,
			     NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	accept_protocols(nl);
}

static void accept_allowed(struct nl *nl, sa_family_t family)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

	nft_rule(nl, &table, "output", NULL) {
		nft_meta(nl, NFT_META_L4PROTO, load_address(nl, family));
		nft_lookup(nl, set_of(family, NETS), NFT_R(0));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		nft_rule(nl, &table, "output", NULL) {
			match_protocol(nl, protocols[i]);
			load_port(nl, 2, load_address(nl, family));
			nft_lookup(nl, set_of(family, PORTS), NFT_R(0));
			nft_verdict(nl, NF_ACCEPT, NULL);
		}
}

/* Where a packet goes, as `seen` has it. */
static void load_destination(struct nl *nl, sa_family_t family, bool icmp)
{
	uint32_t reg;

	if (icmp)
		match_protocol(nl, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	reg = load_address(nl, family);
	nft_meta(nl, NFT_META_L4PROTO, reg);
	load_port(nl, icmp ? 0 : 2, reg + 1);
}

static void refuse(struct nl *nl, sa_family_t family, bool icmp)
{
	nft_rule(nl, &table, "output", NULL) {
		load_destination(nl, family, icmp);
		nft_lookup(nl, set_of(family, SEEN), NFT_R(0));
		nft_verdict(nl, NFT_GOTO, "refuse");
	}
	nft_rule(nl, &table, "output", NULL) {
		load_destination(nl, family, icmp);
		nft_elem_learn(nl, set_of(family, SEEN), NFT_R(0));
		nft_log(nl, RUN_EGRESS_GROUP, LOG_BYTES);
		nft_verdict(nl, NFT_GOTO, "refuse");
	}
}

static void put_refusal(struct nl *nl)
{
	nft_rule(nl, &table, "refuse", NULL) {
		match_protocol(nl, IPPROTO_TCP);
		nft_reject_tcp(nl);
	}
	nft_rule(nl, &table, "refuse", NULL) {
		nft_reject_admin(nl);
	}
}

static void put_rules(struct nl *nl)
{
	accept_own(nl);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		accept_allowed(nl, ip_families[i]);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ip_families); i++)
		refuse(nl, ip_families[i / 2], i % 2 == 0);
	nft_rule(nl, &table, "output", NULL) {
		nft_verdict(nl, NFT_GOTO, "refuse");
	}
	put_refusal(nl);
}

static int apply(struct nl *nl, const struct nft_elem *elems, size_t n, struct arena *arena)
{
	static const struct nft_hook output = { "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER };

	nft_begin(nl, n + 16, arena);
	nft_table_add(nl, &table, NULL);
	nft_chain_add(nl, &table, "output", &output);
	nft_chain_add(nl, &table, "refuse", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		put_sets(nl, ip_families[i]);
	put_rules(nl);
	nft_msg_elems_add(nl, &table, elems, n, NULL);
	return nft_commit(nl);
}

int run_egress_apply(const struct run_egress *allowed, size_t n, struct arena *arena,
		     struct err *err)
{
	struct nft_elem *elems = arena_array(arena, struct nft_elem, n + 1);
	struct nl *nl = arena_new(arena, struct nl);
	int rc = nft_open(nl, NULL, err);

	if (!rc)
		rc = apply(nl, elems, make_elems(allowed, n, elems, arena), arena);
	nl_close(nl);
	return rc < 0 ? err_wrap(err, "--egress") : 0;
}
