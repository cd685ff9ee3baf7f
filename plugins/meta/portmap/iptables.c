/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables.h"

#include <stdio.h>
#include <string.h>

#include "iptables_text.h"
#include "netfilter/iptables.h"
#include "nft/rule.h"
#include "siblings.h"

static const char *const from[] = { PORTMAP_ENTRIES, NULL };
static const sa_family_t families[] = { AF_INET, AF_INET6 };

static struct portmap_text text_of(struct cni_call *c, const char *container_id,
				   const struct portmap *conf, const struct portmap_list *list,
				   sa_family_t family)
{
	struct portmap_text t = {
		.conf = conf,
		.network = c->req->net.name,
		.container_id = container_id,
		.family = family,
		.arena = c->arena,
	};

	portmap_text_init(&t, list);
	return t;
}

/* ---- what is there --------------------------------------------------------------------------- */

/* The jumps that all containers share. */
static const struct shared {
	const char *chain, *to, *rule;
	bool for_marks;
} shared[] = {
	{ "PREROUTING", PORTMAP_ENTRIES,
	  "-A PREROUTING -m addrtype --dst-type LOCAL -j " PORTMAP_ENTRIES, false },
	{ "OUTPUT", PORTMAP_ENTRIES, "-A OUTPUT -m addrtype --dst-type LOCAL -j " PORTMAP_ENTRIES,
	  false },
	{ "POSTROUTING", PORTMAP_MASQ,
	  "-I POSTROUTING 1 -m comment --comment \"CNI portfwd requiring masquerade\" "
	  "-j " PORTMAP_MASQ,
	  true },
};

static bool is_wanted(const struct portmap_text *t, const struct shared *s)
{
	return !s->for_marks || portmap_text_has_marks(t);
}

static int has_shared(struct cni_call *c, const struct portmap_text *t,
		      const struct iptables_view *view, bool *has)
{
	bool marks = portmap_text_has_marks(t);
	size_t n = 1;

	for (size_t i = 0; n && i < ARRAY_SIZE(shared); i++)
		if (is_wanted(t, &shared[i]) &&
		    iptables_count(c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
	if (n && marks && iptables_count(c, view, PORTMAP_SETMARK, NULL, &n) < 0)
		return -1;
	if (n && marks && iptables_count(c, view, PORTMAP_MASQ, NULL, &n) < 0)
		return -1;
	*has = n > 0;
	return 0;
}

/* iptables-save is executed where there is something to compare only. */
static int scan(struct cni_call *c, struct portmap_text *t, struct iptables_view *view, bool *has)
{
	if (iptables_view(c, t->family, IPTABLES_NAT, view) < 0 ||
	    iptables_view_has(c, view, t->chain.name, has) < 0)
		return -1;
	if (*has && !view->saved && iptables_view_saved(c, t->family, IPTABLES_NAT, view) < 0)
		return -1;
	if (!*has)
		return 0;
	portmap_text_look(t, view->saved);
	*has = portmap_text_has(t);
	return *has ? has_shared(c, t, view, has) : 0;
}

int portmap_iptables_has(struct cni_call *c, const struct portmap *conf,
			 const struct portmap_list *list, bool *has)
{
	*has = true;
	for (size_t i = 0; *has && i < ARRAY_SIZE(families); i++) {
		struct portmap_text t = text_of(c, c->req->container_id, conf, list, families[i]);
		struct iptables_view view;

		if (t.n && scan(c, &t, &view, has) < 0)
			return -1;
	}
	return 0;
}

/* ---- making and removing --------------------------------------------------------------------- */

/* Not by declaring the chain of entries, which flushes one that is there by now. */
static int shared_lines(struct cni_call *c, struct portmap_text *t,
			const struct iptables_view *view)
{
	bool has;

	if (iptables_view_has(c, view, PORTMAP_ENTRIES, &has) < 0)
		return -1;
	if (!has)
		portmap_text_line(t, "-N " PORTMAP_ENTRIES);
	if (portmap_text_has_marks(t))
		portmap_text_marks(t);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		size_t n;

		if (!is_wanted(t, &shared[i]))
			continue;
		if (iptables_count(c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
		if (!n)
			portmap_text_line(t, shared[i].rule);
	}
	return 0;
}

static int remove_chain(struct cni_call *c, const char *container_id)
{
	struct portmap_chain chain = portmap_chain(c->req->net.name, container_id);
	const struct nft_chain_removal d = { .chain = chain.name, .from = from };

	return iptables_chain_remove(c, IPTABLES_NAT, &d);
}

/* What is to be done for a family. */
struct plan {
	struct portmap_text t;
	struct iptables_view view;
	bool complete, done;
};

static int plan(struct cni_call *c, struct plan *p)
{
	p->complete = true;
	if (!p->t.n)
		return 0;
	if (iptables_view_saved(c, p->t.family, IPTABLES_NAT, &p->view) < 0)
		return -1;
	portmap_text_look(&p->t, p->view.saved);
	p->complete = portmap_text_has(&p->t);
	if (!p->complete)
		return portmap_text_conflicts(&p->t, p->view.saved, c->err);
	return has_shared(c, &p->t, &p->view, &p->done);
}

static int carry_out(struct cni_call *c, struct plan *p)
{
	if (!p->t.n || p->done)
		return 0;
	portmap_text_line(&p->t, "*nat");
	if (shared_lines(c, &p->t, &p->view) < 0)
		return -1;
	if (!p->complete) {
		portmap_text_keep(&p->t);
		portmap_text_own(&p->t);
	}
	portmap_text_line(&p->t, "COMMIT");
	return iptables_restore(c, p->t.family, portmap_text_join(&p->t));
}

/* ---- taking back ----------------------------------------------------------------------------- */

/* The chain anew, with what there is of it by now in view. */
static int put_back(struct cni_call *c, const struct portmap_text *before)
{
	struct portmap_text t = { .network = before->network,
				  .container_id = before->container_id,
				  .family = before->family,
				  .chain = before->chain,
				  .arena = c->arena };
	struct iptables_view view;

	if (iptables_view_saved(c, t.family, IPTABLES_NAT, &view) < 0)
		return -1;
	portmap_text_look(&t, view.saved);
	portmap_text_line(&t, "*nat");
	portmap_text_before(&t, before);
	portmap_text_line(&t, "COMMIT");
	return iptables_restore(c, t.family, portmap_text_join(&t));
}

static int undo_lost(struct cni_call *c, const struct plan *plans)
{
	if (!plans[0].t.had_chain && !plans[1].t.had_chain)
		return remove_chain(c, c->req->container_id);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (!plans[i].complete && put_back(c, &plans[i].t) < 0)
			return -1;
	return 0;
}

static void undo_add(struct cni_call *c, void *arg)
{
	if (undo_lost(c, arg) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/* The turn, because two who look for the shared jumps at the same time would both make them. */
int portmap_iptables_add(struct cni_call *c, const struct portmap *conf,
			 const struct portmap_list *list)
{
	struct plan *plans = arena_array(c->arena, struct plan, ARRAY_SIZE(families));

	if (host_lock(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		plans[i].t = text_of(c, c->req->container_id, conf, list, families[i]);
		if (plan(c, &plans[i]) < 0)
			return -1;
	}
	if (!plans[0].complete || !plans[1].complete)
		undo_push(c, undo_add, plans);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (carry_out(c, &plans[i]) < 0)
			return -1;
	host_unlock(c);
	return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

/*
 * In whichever way iptables has put it: as an expression, or in what an extension keeps for itself.
 */
static bool mentions(const struct nft_rule_list *rules, const struct ip *ip)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct nlattr *e = rules->list[i].expressions;

		if (e && memmem(mnl_attr_get_payload(e), mnl_attr_get_payload_len(e), ip->bytes,
				ip_len(ip)))
			return true;
	}
	return false;
}

/*
 * Has the chain rules of others, as far as can be said without their records: more than this
 * attachment has by our count, or none that leads to it? Asking legacy iptables for a table makes
 * it.
 */
static int has_more(struct cni_call *c, struct portmap_text *t, bool *more)
{
	size_t own = t->at.n + t->any.n + (t->family == AF_INET);
	struct nft_rule_list rules;
	struct iptables_view view;
	size_t n;
	bool found;

	if (t->conf->chosen != PORTMAP_IPTABLES &&
	    !iptables_legacy_has_table(t->family, IPTABLES_NAT))
		return 0;
	if (iptables_view(c, t->family, IPTABLES_NAT, &view) < 0)
		return -1;
	if (view.saved) {
		portmap_text_look(t, view.saved);
		n = t->old_rules.n;
		found = portmap_text_leads_to(t);
	} else if (nft_rules(c->nft, view.table, t->chain.name, &rules, c->arena) < 0) {
		return -1;
	} else {
		n = rules.n;
		found = t->n && mentions(&rules, &t->mappings[0].to);
	}
	*more |= n > own || (n && !found);
	return 0;
}

/* What others of the container have in its chain, of one family, as far as it is there. */
static int others(struct cni_call *c, struct portmap_text *t, bool *any)
{
	struct iptables_view view;
	struct portmap_siblings *kin;
	size_t n;

	if (iptables_view_saved(c, t->family, IPTABLES_NAT, &view) < 0 ||
	    portmap_siblings(c, &kin, &n) < 0)
		return -1;
	portmap_text_look(t, view.saved);
	for (size_t i = 0; i < n; i++) {
		struct portmap_text k =
			text_of(c, t->container_id, &kin[i].conf, &kin[i].conf.list, t->family);

		if (strcmp(kin[i].record->container_id, t->container_id) != 0 ||
		    strcmp(kin[i].record->network, t->network) != 0)
			continue;
		portmap_text_look(&k, view.saved);
		if (!k.n || !portmap_text_has(&k))
			continue;
		portmap_text_join_with(t, &k);
		*any = true;
	}
	return 0;
}

/* Theirs alone, anew. */
static int leave(struct cni_call *c, struct portmap_text *t)
{
	if (!t->had_chain)
		return 0;
	portmap_text_line(t, "*nat");
	portmap_text_own(t);
	if (!t->entries.n)
		portmap_text_drop(t);
	portmap_text_line(t, "COMMIT");
	return iptables_restore(c, t->family, portmap_text_join(t));
}

int portmap_iptables_del(struct cni_call *c, const char *container_id, const struct portmap *conf)
{
	static const struct portmap_list nothing;
	struct portmap_text rest[ARRAY_SIZE(families)];
	bool more = false, any = false;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct portmap_text own = text_of(c, container_id, conf, &conf->list, families[i]);

		rest[i] = text_of(c, container_id, conf, &nothing, families[i]);
		if (has_more(c, &own, &more) < 0)
			return -1;
	}
	for (size_t i = 0; more && i < ARRAY_SIZE(families); i++)
		if (others(c, &rest[i], &any) < 0)
			return -1;
	if (!any)
		return remove_chain(c, container_id);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (leave(c, &rest[i]) < 0)
			return -1;
	return 0;
}
