/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "nl/nl.h"

/*
 * Which parts of the tuple CTA_FILTER_ORIG_FLAGS compares: the kernel keeps their bits in
 * net/netfilter/nf_internals.h. Ports it compares of TCP and UDP only.
 */
#define FILTER_IP_SRC   (1 << 0)
#define FILTER_IP_DST   (1 << 1)
#define FILTER_PROTO    (1 << 3)
#define FILTER_DST_PORT (1 << 5)

/*
 * With 5,000 connections to look at, the kernel flushes a port in 1 ms and lists all in 20; with
 * 100,000 it is 25 and 200. An empty table of 262,144 buckets is flushed in no time, and listed in
 * 9.
 */
#define MAX_FLUSHES 16

struct search {
	sa_family_t family;
	const struct conntrack_port *ports;
	size_t n_ports;
	uint64_t set[65536 / 64];      /* which ports are among them */
	const struct nlmsghdr **found; /* entries, as the kernel has told of them */
	size_t n_found;
	struct arena *arena;
};

/* ---- what is there --------------------------------------------------------------------------- */

/* A tuple's addresses, from and to, and its destination port. */
static void parse_tuple(const struct nlattr *tuple, struct conntrack_port *to)
{
	struct nl_attrs a = nl_attrs_of(tuple), ip = nl_attrs_of(a.of[CTA_TUPLE_IP]),
			proto = nl_attrs_of(a.of[CTA_TUPLE_PROTO]);
	uint16_t port = 0;

	nl_attr_ip(ip.of[CTA_IP_V4_SRC], AF_INET, 32, &to->from);
	nl_attr_ip(ip.of[CTA_IP_V6_SRC], AF_INET6, 128, &to->from);
	nl_attr_ip(ip.of[CTA_IP_V4_DST], AF_INET, 32, &to->dst);
	nl_attr_ip(ip.of[CTA_IP_V6_DST], AF_INET6, 128, &to->dst);
	nl_attr_u8(proto.of[CTA_PROTO_NUM], &to->proto);
	nl_attr_u16(proto.of[CTA_PROTO_DST_PORT], &port);
	to->port = ntohs(port);
}

static bool is_or_any(const struct ip *wanted, const struct ip *ip)
{
	return !wanted->family || (wanted->family == ip->family && ip_equal(wanted, ip));
}

static bool is_meant(const struct search *s, const struct conntrack_port *to, const struct ip *from)
{
	if (to->dst.family != s->family || !(s->set[to->port / 64] >> to->port % 64 & 1))
		return false;
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct conntrack_port *p = &s->ports[i];

		if (p->proto == to->proto && p->port == to->port && is_or_any(&p->dst, &to->dst) &&
		    is_or_any(&p->from, from))
			return true;
	}
	return false;
}

static int parse_msg(const struct nlmsghdr *nlh, void *data)
{
	struct conntrack_port to = { 0 }, reply = { 0 };
	struct search *s = data;
	struct nl_attrs a;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(struct nfgenmsg));
	parse_tuple(a.of[CTA_TUPLE_ORIG], &to);
	parse_tuple(a.of[CTA_TUPLE_REPLY], &reply);
	if (is_meant(s, &to, &reply.from))
		*arena_append(s->arena, s->found, s->n_found) =
			memcpy(arena_alloc(s->arena, nlh->nlmsg_len), nlh, nlh->nlmsg_len);
	return MNL_CB_OK;
}

static void reset(void *data)
{
	((struct search *)data)->n_found = 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ct_msg(struct nl *nf, uint16_t type, uint16_t flags, sa_family_t family,
		   const char *label)
{
	struct nfgenmsg nfg = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	nl_msg(nf, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &nfg, sizeof(nfg), label);
}

/*
 * Of an IPv6 source the kernel (ctnetlink_filter_match_tuple) takes those that have any other
 * address.
 */
static void put_filter(struct nl *nf, const struct conntrack_port *p, bool exact)
{
	uint32_t flags = FILTER_PROTO;
	uint16_t port = htons(p->port);

	nl_nest(nf, CTA_TUPLE_ORIG) {
		if (exact && p->dst.family == AF_INET) {
			flags |= FILTER_IP_DST;
			nl_nest(nf, CTA_TUPLE_IP)
				nl_ip(nf, CTA_IP_V4_DST, &p->dst);
		}
		nl_nest(nf, CTA_TUPLE_PROTO) {
			nl_u8(nf, CTA_PROTO_NUM, p->proto);
			nl_put(nf, CTA_PROTO_DST_PORT, &port, sizeof(port));
		}
	}
	if (exact)
		flags |= FILTER_DST_PORT;
	if (p->from.family == AF_INET)
		nl_nest(nf, CTA_TUPLE_REPLY)
			nl_nest(nf, CTA_TUPLE_IP)
				nl_ip(nf, CTA_IP_V4_SRC, &p->from);
	nl_nest(nf, CTA_FILTER) {
		nl_u32(nf, CTA_FILTER_ORIG_FLAGS, flags);
		if (p->from.family == AF_INET)
			nl_u32(nf, CTA_FILTER_REPLY_FLAGS, FILTER_IP_SRC);
	}
}

/* A failure because the kernel does not know such a request is forgotten. */
static bool is_unknown(struct nl *nf, int rc)
{
	if (rc == 0 || (nf->err->sys != EINVAL && nf->err->sys != EOPNOTSUPP &&
			nf->err->sys != EPROTONOSUPPORT))
		return false;
	err_clear(nf->err);
	return true;
}

/* ---- deleting: the kernel looks -------------------------------------------------------------- */

static bool can_flush(const struct search *s)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if ((s->ports[i].proto != IPPROTO_TCP && s->ports[i].proto != IPPROTO_UDP) ||
		    s->ports[i].dst.family == AF_INET6 || s->ports[i].from.family == AF_INET6)
			return false;
	return s->n_ports <= MAX_FLUSHES;
}

/* Since Linux 6.10. Others take it for a tuple, which is not a whole one (EINVAL). */
static int flush(struct nl *nf, const struct search *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		ct_msg(nf, IPCTNL_MSG_CT_DELETE, 0, s->family, "flush tracked connections");
		put_filter(nf, &s->ports[i], true);
	}
	return nl_commit(nf);
}

/* ---- deleting: we look ----------------------------------------------------------------------- */

/* Nothing but the ports tells them apart. */
static bool is_one_kind(const struct search *s)
{
	const struct conntrack_port *first = &s->ports[0];

	for (size_t i = 1; i < s->n_ports; i++)
		if (s->ports[i].proto != first->proto ||
		    s->ports[i].from.family != first->from.family ||
		    (first->from.family && !ip_equal(&s->ports[i].from, &first->from)))
			return false;
	return true;
}

/* Kernels before 5.8 ignore a filter. */
static int list(struct nl *nf, struct search *s, bool filtered)
{
	ct_msg(nf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family, "list tracked connections");
	if (filtered)
		put_filter(nf, s->ports, s->n_ports == 1);
	return nl_dump(nf, parse_msg, reset, s);
}

static void delete_entry(struct nl *nf, sa_family_t family, const struct nlmsghdr *entry)
{
	static const uint16_t key[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	struct nl_attrs a = nl_attrs_of_msg(entry, sizeof(struct nfgenmsg));

	ct_msg(nf, IPCTNL_MSG_CT_DELETE, 0, family, "delete tracked connection");
	for (size_t i = 0; i < ARRAY_SIZE(key); i++)
		if (a.of[key[i]])
			nl_put(nf, a.of[key[i]]->nla_type, mnl_attr_get_payload(a.of[key[i]]),
			       mnl_attr_get_payload_len(a.of[key[i]]));
}

/* One that has ended meanwhile, or begun anew and has another id, is gone. */
static int delete_found(struct nl *nf, const struct search *s)
{
	for (size_t i = 0; i < s->n_found; i++) {
		delete_entry(nf, s->family, s->found[i]);
		if ((i + 1) % NL_BATCH == 0 && nl_commit_allow(nf, ENOENT) < 0)
			return -1;
	}
	return nl_commit_allow(nf, ENOENT);
}

/* A kernel that tracks no connections takes no request of that kind (EINVAL). */
static int list_and_delete(struct nl *nf, struct search *s)
{
	int rc = list(nf, s, is_one_kind(s));

	if (is_unknown(nf, rc))
		rc = list(nf, s, false);
	if (is_unknown(nf, rc))
		return 0;
	return rc < 0 ? rc : delete_found(nf, s);
}

/* ---------------------------------------------------------------------------------------------- */

int conntrack_flush(struct nl *nf, sa_family_t family, const struct conntrack_port *ports, size_t n,
		    struct arena *arena)
{
	struct conntrack_port *some = arena_array(arena, struct conntrack_port, n);
	struct search s = { .family = family, .ports = some, .arena = arena };

	for (size_t i = 0; i < n; i++) {
		if (ports[i].dst.family && ports[i].dst.family != family)
			continue;
		some[s.n_ports++] = ports[i];
		s.set[ports[i].port / 64] |= UINT64_C(1) << ports[i].port % 64;
	}
	if (!s.n_ports)
		return 0;
	if (can_flush(&s)) {
		int rc = flush(nf, &s);

		if (!is_unknown(nf, rc))
			return rc;
	}
	return list_and_delete(nf, &s);
}
