/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/reservation.h"
#include "ipam/store.h"
#include "tool_release.h"
#include "tool_verify.h"

/* ---- show ------------------------------------------------------------------------------------ */

static void show_pool(const struct tool *t, const struct pool *p)
{
	const struct survey *s = &t->survey;
	uint8_t length = conf_block_length(t->e->conf, p);
	uint64_t addresses = pool_count(&p->free), blocks = 0, singles = 0;
	char cidr[IP_STRLEN];

	for (size_t i = 0; i < s->n_blocks; i++)
		blocks += cidr_contains(&p->subnet, &s->blocks[i].ip);
	for (size_t i = 0; i < s->n_singles; i++)
		singles += cidr_contains(&p->subnet, &s->singles[i].ip);
	tool_say(t, "range %s: %llu%s addresses, %llu of %llu blocks of /%u, %llu single addresses",
		 cidr_str(&p->subnet, cidr), (unsigned long long)addresses,
		 addresses == UINT64_MAX ? " or more" : "", (unsigned long long)blocks,
		 (unsigned long long)conf_blocks(t->e->conf, p), length,
		 (unsigned long long)singles);
}

static size_t count_held(const struct tool *t, const struct ip *block)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_held; i++)
		n += cidr_contains(block, &t->held[i].ip);
	return n;
}

static void show_own(const struct tool *t)
{
	const struct state *s = &t->e->state;
	char ip[IP_STRLEN];

	for (size_t i = 0; i < s->n_blocks; i++) {
		struct range_set set = { 0 };
		size_t held = count_held(t, &s->blocks[i].base);

		for (size_t k = 0; k < t->e->conf->n_pools; k++)
			(void)pool_cut(&t->e->conf->pools[k], &s->blocks[i].base, t->e->arena,
				       &set);
		tool_say(t, "  block %s: %zu held, of %llu that the configuration gives%s",
			 cidr_str(&s->blocks[i].base, ip), held,
			 (unsigned long long)pool_count(&set),
			 held ? "" : "; GC gives it back, if it is not the last");
	}
	for (size_t i = 0; i < s->n_singles; i++)
		tool_say(t, "  single %s: %s%s%s%s%s", ip_str(&s->singles[i].ip, ip),
			 *s->singles[i].id ? s->singles[i].id : "stock",
			 *s->singles[i].id ? " " : "", s->singles[i].ifname,
			 *s->singles[i].claim ? ", claim " : "", s->singles[i].claim);
	if (s->pending.what != STATE_NOTHING)
		tool_say(t, "  a transaction whose outcome is not known yet");
}

static void show_owners(const struct tool *t)
{
	for (size_t i = 0; i < t->survey.n_nodes; i++) {
		const struct survey_owner *o = t->survey.nodes[i];
		bool own = t->e->state.uuid && !strcmp(o->uuid, t->e->state.uuid) &&
			   !strcmp(o->network, t->e->network);

		tool_say(t, "node %s (%s), network %s: %zu blocks, %zu single addresses%s%s",
			 o->uuid, o->host, o->network, o->blocks, o->singles,
			 own ? ", this node" : "", o->key ? "" : ", without a register");
		if (own)
			show_own(t);
	}
}

static int show(struct tool *t, const char *arg)
{
	const struct survey *s = &t->survey;

	(void)arg;
	tool_say(t,
		 "space %s: version %llu, blocks of /%u and /%u, %zu networks of nodes, %zu claims",
		 t->e->state.space, (unsigned long long)s->version, s->block4, s->block6,
		 s->n_nodes, s->n_claims);
	for (size_t i = 0; i < t->e->conf->n_pools; i++)
		show_pool(t, &t->e->conf->pools[i]);
	show_owners(t);
	return EXIT_SUCCESS;
}

/* ---- trace ----------------------------------------------------------------------------------- */

static void trace_owner(const struct tool *t, const char *what, const struct survey_item *item)
{
	char ip[IP_STRLEN];

	if (item->owner)
		tool_say(t, "%s %s, node %s (%s), network %s", what, cidr_str(&item->ip, ip),
			 item->owner->uuid, item->owner->host, item->owner->network);
	else
		tool_say(t, "%s %s, of no node", what, cidr_str(&item->ip, ip));
	if (*item->claim)
		tool_say(t, "claim %s", item->claim);
}

static void trace_holder(struct tool *t, const struct ip *ip)
{
	const struct state_single *s = state_find_single(&t->e->state, ip);

	if (s && *s->id)
		tool_say(t, "container %s, interface %s", s->id, s->ifname);
	for (size_t i = 0; i < t->n_held; i++)
		if (ip_equal(&t->held[i].ip, ip))
			tool_say(t, "container %s, interface %s", t->held[i].id, t->held[i].ifname);
}

static int trace(struct tool *t, const char *arg)
{
	const struct survey *s = &t->survey;
	const struct survey_item *block, *single;
	struct ip ip;

	if (!ip_parse(&ip, arg) && !cidr_parse(&ip, arg))
		return err_set(t->e->err, ERR_CONFIG, "%.80s is no address", arg);
	block = survey_find(s->blocks, s->n_blocks, &ip);
	single = survey_find(s->singles, s->n_singles, &ip);
	if (block)
		trace_owner(t, "block", block);
	if (single)
		trace_owner(t, "single address", single);
	if (!block && !single)
		tool_say(t, "free");
	trace_holder(t, &ip);
	return EXIT_SUCCESS;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct tool *t, const char *arg);
} verbs[] = {
	{ "show", show },
	{ "trace", trace },
	{ "verify", tool_verify },
	{ "release-node", tool_release_node },
	{ "release-claim", tool_release_claim },
};

void tool_say(const struct tool *t, const char *fmt, ...)
{
	va_list ap;
	char line[1024];

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	t->to->say(t->to->ctx, line);
}

static int add_held(const struct reservation *r, void *arg)
{
	struct tool *t = arg;

	if (r->state == RESERVATION_HELD)
		*arena_append(t->e->arena, t->held, t->n_held) = (struct tool_held){
			r->ip,
			arena_strdup(t->e->arena, r->holder.id),
			arena_strdup(t->e->arena, r->holder.ifname),
		};
	return 0;
}

static int read_own(struct cni_call *c, struct tool *t)
{
	const struct cluster_conf *conf = c->conf;
	auto_store struct store s;

	if (store_open(&s, STORE_READ, conf->data_dir, c->req->net.name, c->arena, c->err) < 0 ||
	    engine_open(t->e, conf, c->req->net.name, conf->space, c->arena, c->err) < 0 ||
	    (s.dir >= 0 && reservation_scan(s.dir, add_held, t, c->err) < 0))
		return -1;
	return 0;
}

/* While etcd is away, how much there is left on this node. */
static int read_space(struct tool *t, const char *verb)
{
	if (survey_read(t->e, &t->survey) == 0)
		return 0;
	if (!strcmp(verb, "show"))
		show_own(t);
	return -1;
}

int tool_run(struct cni_call *c, const char *verb, const char *arg, const struct cni_lines *to)
{
	struct engine e;
	struct tool t = { .e = &e, .to = to };

	if (read_own(c, &t) < 0 || read_space(&t, verb) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, verb))
			return verbs[i].run(&t, arg);
	return err_set(c->err, ERR_CONFIG, "%.40s: no such verb", verb);
}
