/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verify_node.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/describe.h"
#include "nft/list.h"
#include "nl/nl.h"
#include "nl/route.h"
#include "skel/instance.h"
#include "sys/sysctl.h"

/* ---- whose is it? ---------------------------------------------------------------------------- */

#define HEX "0123456789abcdef"

struct known {
	const char **comment; /* H1-H2 of each attachment, sorted */
	size_t n;
};

static int compare(const void *x, const void *y)
{
	return strncmp(*(const char *const *)x, *(const char *const *)y, INSTANCE_ID_LEN);
}

static const char *comment_of(const char *network, const char *ifname, const char *container_id)
{
	struct instance o;

	instance_init(&o, network, ifname, container_id);
	return arena_strdup(json_arena(), o.comment);
}

static void know(struct known *k, const struct node *node)
{
	k->comment = json_list(const char *, node->n);
	k->n = node->n;
	for (size_t i = 0; i < node->n; i++)
		k->comment[i] = comment_of(node->list[i].network, node->list[i].ifname,
					   node->list[i].container_id);
	if (k->n)
		qsort(k->comment, k->n, sizeof(*k->comment), compare);
}

static bool is_known(const struct known *k, const char *comment)
{
	return k->n && bsearch(&comment, k->comment, k->n, sizeof(*k->comment), compare);
}

/* "H1-H2, ..."; one that begins "H1, ..." is a network's. */
static bool is_of_attachment(const char *comment)
{
	size_t half = INSTANCE_ID_LEN / 2;

	return strlen(comment) >= INSTANCE_ID_LEN && comment[half] == '-' &&
	       strspn(comment, HEX) == half && strspn(comment + half + 1, HEX) == half;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void verify_set(struct verify *v, const struct known *k, struct nl *nft,
		       const struct nft_table *table, const char *set, struct arena *arena)
{
	struct nft_elem_list elems;

	if (nft_list(nft, table, set, &elems, arena) < 0) {
		verify_say(v, VERIFY_BLIND, NULL, nft->err->msg, "look again");
		return;
	}
	for (size_t i = 0; i < elems.n; i++) {
		const char *comment = elems.list[i].comment;

		if (!comment || !is_of_attachment(comment) || is_known(k, comment))
			continue;
		verify_say(v, VERIFY_LEFT, NULL,
			   arena_printf(arena, "table %s, set %s: an element of no attachment (%s)",
					table->name, set, comment),
			   "the runtime's GC, or nft delete element");
	}
}

/* Tables of ours, whichever plugin's: an element's comment says of what attachment it is. */
static void verify_tables(struct verify *v, const struct known *k)
{
	struct arena *arena = json_arena();
	struct nft_table_list tables, sets;
	auto_nl struct nl nft = { 0 };
	struct err err = { 0 };

	if (nft_open(&nft, NULL, &err) < 0)
		return; /* a kernel without */
	if (nft_list_tables(&nft, "cnic_", &tables, arena) < 0) {
		verify_say(v, VERIFY_BLIND, NULL, err.msg, "look again");
		return;
	}
	for (size_t i = 0; i < tables.n; i++) {
		if (nft_list_sets(&nft, &tables.list[i], &sets, arena) < 0)
			verify_say(v, VERIFY_BLIND, NULL, err.msg, "look again");
		for (size_t n = 0; n < sets.n; n++)
			verify_set(v, k, &nft, &tables.list[i], sets.list[n].name, arena);
	}
}

/* ---- what plugins keep ----------------------------------------------------------------------- */

struct inventory {
	struct verify *v;
};

static void on_holding(void *ctx, const struct cni_holding *h)
{
	const struct inventory *i = ctx;

	if (node_has(&i->v->node, h->network, h->container_id, h->ifname))
		return;
	verify_say(i->v, VERIFY_LEFT, NULL,
		   arena_printf(json_arena(), "%s is of container %s, which is not attached",
				h->what, h->container_id),
		   h->advice);
}

static void on_fault(void *ctx, const char *what, const char *advice)
{
	const struct inventory *i = ctx;

	verify_say(i->v, VERIFY_LEFT, NULL, what, advice);
}

static void verify_plugins(struct verify *v)
{
	struct inventory i = { v };
	const struct cni_inventory to = { &i, on_holding, on_fault };

	struct err err = { 0 };

	if (node_inventory(&to, &err) < 0)
		verify_say(v, VERIFY_BLIND, NULL, err.msg, "look again");
}

/* What the registry, the records and the caches have that is none of these. */
static void verify_files(struct verify *v)
{
	for (size_t i = 0; i < v->node.n_faults; i++) {
		const struct registry_fault *f = &v->node.faults[i];

		verify_say(v, VERIFY_LEFT, NULL,
			   arena_printf(json_arena(), "%s is of no use: %s", f->path, f->why),
			   arena_printf(json_arena(), "rm -r %s", describe_word(f->path)));
	}
}

/* ---- the host -------------------------------------------------------------------------------- */

/* The host's own address? One that was no gateway the time before is not asked for again. */
static bool is_host(struct nl *host, const struct ip *gateway, struct ip *other)
{
	bool is_local = false;

	if (ip_equal(gateway, other))
		return false;
	if (nl_route_is_local(host, gateway, &is_local) < 0)
		err_clear(host->err);
	if (!is_local)
		*other = *gateway;
	return is_local;
}

static bool result_needs_host(const struct cni_result *r, struct nl *host, sa_family_t family,
			      struct ip *other)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].gateway.family == family && is_host(host, &r->ips[i].gateway, other))
			return true;
	return false;
}

/* It is on a link whose other end the host has. */
static bool is_linked(const struct node_attachment *a)
{
	for (size_t i = 0; i < a->n_entries; i++)
		if (*a->entries[i]->host_link)
			return true;
	return false;
}

/* Has a container the host as its gateway? */
static bool is_needed(const struct node *node, struct nl *host, sa_family_t family)
{
	struct ip other = { 0 };

	for (size_t i = 0; i < node->n; i++) {
		const struct node_attachment *a = &node->list[i];
		struct cni_result r;
		struct err ignored;

		if (a->life == NODE_ALIVE && is_linked(a) && a->cached && a->cached->result &&
		    cni_result_parse(a->cached->result, "", false, "", &r, &ignored) == 0 &&
		    result_needs_host(&r, host, family, &other))
			return true;
	}
	return false;
}

static void verify_forwarding(struct verify *v)
{
	static const struct {
		sa_family_t family;
		const char *path;
	} all[] = { { AF_INET, "net/ipv4/ip_forward" },
		    { AF_INET6, "net/ipv6/conf/all/forwarding" } };
	auto_nl struct nl host = { 0 };
	struct err err = { 0 };

	if (nl_open(&host, &err) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct err ignored;
		char value[16];

		if (sysctl_read(all[i].path, value, sizeof(value), &ignored) < 0 ||
		    strcmp(value, "0") != 0 || !is_needed(&v->node, &host, all[i].family))
			continue;
		verify_say(v, VERIFY_DAMAGED, NULL,
			   arena_printf(json_arena(),
					"%s is 0, and containers have the host as their gateway",
					all[i].path),
			   arena_printf(json_arena(), "echo 1 >/proc/sys/%s", all[i].path));
	}
}

static bool is_end(const struct node_attachment *a, const char *link)
{
	for (size_t i = 0; i < a->n_entries; i++)
		if (!strcmp(a->entries[i]->host_link, link))
			return true;
	return false;
}

/* A port of it that is an attachment's; NULL: what becomes of it is not our business. */
static const struct link *own_port(const struct node *node, const struct link *master)
{
	for (size_t i = 0; i < node->links.n_link; i++)
		for (size_t k = 0; node->links.link[i].master == master->index && k < node->n; k++)
			if (is_end(&node->list[k], node->links.link[i].name))
				return &node->links.link[i];
	return NULL;
}

/* A bridge that is down forwards nothing. */
static void verify_bridges(struct verify *v)
{
	for (size_t i = 0; i < v->node.links.n_link; i++) {
		const struct link *l = &v->node.links.link[i];
		const struct link *port = l->flags & IFF_UP ? NULL : own_port(&v->node, l);

		if (port)
			verify_say(v, VERIFY_DAMAGED, NULL,
				   arena_printf(json_arena(), "%s, the master of %s, is down",
						l->name, port->name),
				   arena_printf(json_arena(), "ip link set %s up", l->name));
	}
}

void verify_node(struct verify *v)
{
	struct known known;

	know(&known, &v->node);
	verify_files(v);
	verify_tables(v, &known);
	verify_plugins(v);
	verify_forwarding(v);
	verify_bridges(v);
}
