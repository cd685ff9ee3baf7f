/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/portmapipt.h"

#include <stdio.h>

#include "cni/iptables.h"
#include "cni/portmaptext.h"

static const char *const from[] = { PORTMAP_ENTRIES, NULL };
static const sa_family_t families[] = { AF_INET, AF_INET6 };

static struct portmap_text text_of(struct cni_call *c, const struct portmap *conf,
				   const struct portmap_list *list, sa_family_t family)
{
	struct portmap_text t = {
		.conf = conf,
		.network = c->conf.name,
		.container_id = c->container_id,
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

static int has_own(struct cni_call *c, struct portmap_text *t, const struct cni_iptables_view *view,
		   bool *has)
{
	size_t rules, jumps;

	if (cni_iptables_count(c, view, t->chain.name, NULL, &rules) < 0 ||
	    cni_iptables_count(c, view, PORTMAP_ENTRIES, t->chain.name, &jumps) < 0)
		return -1;
	*has = rules >= portmap_text_rules(t) && jumps >= portmap_text_entries(t);
	return 0;
}

static int has_shared(struct cni_call *c, const struct portmap_text *t,
		      const struct cni_iptables_view *view, bool *has)
{
	bool marks = portmap_text_has_marks(t);
	size_t n = 1;

	for (size_t i = 0; n && i < ARRAY_SIZE(shared); i++)
		if (is_wanted(t, &shared[i]) &&
		    cni_iptables_count(c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
	if (n && marks && cni_iptables_count(c, view, PORTMAP_SETMARK, NULL, &n) < 0)
		return -1;
	if (n && marks && cni_iptables_count(c, view, PORTMAP_MASQ, NULL, &n) < 0)
		return -1;
	*has = n > 0;
	return 0;
}

/* `own`: only what is the container's. */
static int has_family(struct cni_call *c, struct portmap_text *t, bool own, bool *has)
{
	struct cni_iptables_view view;

	*has = true;
	if (!t->n)
		return 0;
	if (cni_iptables_view(c, t->family, CNI_IPTABLES_NAT, &view) < 0)
		return -1;
	if (has_own(c, t, &view, has) < 0)
		return -1;
	return *has && !own ? has_shared(c, t, &view, has) : 0;
}

static int has_all(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list,
		   bool own, bool *has)
{
	*has = true;
	for (size_t i = 0; *has && i < ARRAY_SIZE(families); i++) {
		struct portmap_text t = text_of(c, conf, list, families[i]);

		if (has_family(c, &t, own, has) < 0)
			return -1;
	}
	return 0;
}

int portmap_ipt_has(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list,
		    bool *has)
{
	return has_all(c, conf, list, false, has);
}

/* ---- making and removing --------------------------------------------------------------------- */

/* Not by declaring the chain of entries, which flushes one that is there by now. */
static int shared_lines(struct cni_call *c, struct portmap_text *t,
			const struct cni_iptables_view *view)
{
	bool has;

	if (cni_iptables_view_has(c, view, PORTMAP_ENTRIES, &has) < 0)
		return -1;
	if (!has)
		portmap_text_line(t, "-N " PORTMAP_ENTRIES);
	if (portmap_text_has_marks(t))
		portmap_text_marks(t);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		size_t n;

		if (!is_wanted(t, &shared[i]))
			continue;
		if (cni_iptables_count(c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
		if (!n)
			portmap_text_line(t, shared[i].rule);
	}
	return 0;
}

static int add_family(struct cni_call *c, struct portmap_text *t)
{
	struct cni_iptables_view view;
	bool own;

	if (!t->n)
		return 0;
	if (cni_iptables_view_saved(c, t->family, CNI_IPTABLES_NAT, &view) < 0)
		return -1;
	if (has_own(c, t, &view, &own) < 0)
		return -1;
	if (!own && portmap_text_conflicts(t, view.saved, c->err) < 0)
		return -1;
	portmap_text_line(t, "*nat");
	if (shared_lines(c, t, &view) < 0)
		return -1;
	if (!own)
		portmap_text_own(t);
	portmap_text_line(t, "COMMIT");
	return cni_iptables_restore(c, t->family, portmap_text_join(t));
}

int portmap_ipt_remove(struct cni_call *c, const char *network, const char *container_id)
{
	struct portmap_chain chain = portmap_chain(network, container_id);
	const struct nft_doomed d = { .chain = chain.name, .from = from };

	return cni_iptables_chain_remove(c, CNI_IPTABLES_NAT, &d);
}

static void undo_add(struct cni_call *c, const void *arg)
{
	(void)arg;
	if (portmap_ipt_remove(c, c->conf.name, c->container_id) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/* What is there of the container's and not as it should be goes first, and a failing ADD does not bring it back. */
static int begin_anew(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list)
{
	bool has;

	if (has_all(c, conf, list, true, &has) < 0)
		return -1;
	if (has)
		return 0;
	cni_undo_push(c, undo_add, NULL);
	return portmap_ipt_remove(c, c->conf.name, c->container_id);
}

/* The turn, because two who look for the shared jumps at the same time would both make them. */
int portmap_ipt_add(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	bool has;

	if (cni_turn_begin(c) < 0 || portmap_ipt_has(c, conf, list, &has) < 0)
		return -1;
	if (!has && begin_anew(c, conf, list) < 0)
		return -1;
	for (size_t i = 0; !has && i < ARRAY_SIZE(families); i++) {
		struct portmap_text t = text_of(c, conf, list, families[i]);

		if (add_family(c, &t) < 0)
			return -1;
	}
	cni_turn_end(c);
	return 0;
}
