/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables.h"

#include <stdio.h>
#include <string.h>

#include "iptables_saved.h"
#include "netfilter/iptables.h"
#include "nft/rule.h"
#include "siblings.h"

static const char *const from[] = { PORTMAP_ENTRIES, NULL };

/* "" without executing anything where the kernel has no such chain. */
static int read_saved(struct cni_call *c, struct portmap_text *t, const char *chain)
{
	if (iptables_saved(c, t->family, IPTABLES_NAT, chain, &t->saved) < 0)
		return -1;
	portmap_saved_read(t);
	return 0;
}

/* ---- what all containers share --------------------------------------------------------------- */

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
	{ PORTMAP_SETMARK, "MARK", NULL, true }, /* portmap_text_marks() */
	{ PORTMAP_MASQ, "MASQUERADE", NULL, true },
};

static bool is_missing(const struct portmap_text *t, const struct shared *s)
{
	return (!s->for_marks || t->has_marks) &&
	       !iptables_save_has_jump(t->saved, s->chain, s->to, t->arena);
}

static bool has_shared(const struct portmap_text *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (is_missing(t, &shared[i]))
			return false;
	return true;
}

/* Not by declaring the chain of entries, which flushes one that is there by now. */
static void put_shared(struct portmap_text *t)
{
	if (!iptables_save_has_chain(t->saved, PORTMAP_ENTRIES))
		portmap_text_line(t, "-N " PORTMAP_ENTRIES);
	if (t->has_marks)
		portmap_text_marks(t);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (shared[i].rule && is_missing(t, &shared[i]))
			portmap_text_line(t, shared[i].rule);
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

/* iptables-save is executed where there is something to compare only. */
int portmap_iptables_check(struct cni_call *c, const struct portmap *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		struct portmap_text t =
			portmap_text_of(c, c->req->container_id, conf, ip_families[i]);

		if (!t.n)
			continue;
		if (read_saved(c, &t, t.chain) < 0)
			return -1;
		if (!portmap_saved_has(&t) || !has_shared(&t))
			return err_set(c->err, ERR_CHECK,
				       "iptables: rules of the host ports are gone");
	}
	return 0;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static int remove_chain(struct cni_call *c, const struct portmap_text *t)
{
	const struct nft_chain_removal d = { .chain = t->chain, .from = from };

	return iptables_chain_remove(c, IPTABLES_NAT, &d);
}

/* What is to be done for a family. */
static int plan(struct cni_call *c, struct portmap_text *t)
{
	t->complete = true;
	if (!t->n)
		return 0;
	if (read_saved(c, t, NULL) < 0)
		return -1;
	t->complete = portmap_saved_has(t);
	return t->complete ? 0 : portmap_saved_conflicts(t, c->err);
}

static int carry_out(struct cni_call *c, struct portmap_text *t)
{
	if (!t->n || (t->complete && has_shared(t)))
		return 0;
	put_shared(t);
	if (!t->complete) {
		portmap_saved_keep(t);
		portmap_text_container(t);
	}
	return iptables_restore(c, t->family, false, portmap_text_join(t));
}

/* The chain anew, with what there is of it by now in view. */
static int put_back(struct cni_call *c, const struct portmap_text *before)
{
	struct portmap_text t =
		portmap_text_of(c, before->container_id, &portmap_defaults, before->family);

	if (read_saved(c, &t, NULL) < 0)
		return -1;
	portmap_text_before(&t, before);
	return iptables_restore(c, t.family, false, portmap_text_join(&t));
}

static void undo_add(struct cni_call *c, void *arg)
{
	const struct portmap_text *t = arg;
	int rc = 0;

	if (!t[0].had_chain && !t[1].had_chain)
		rc = remove_chain(c, t);
	else
		for (size_t i = 0; !rc && i < ARRAY_SIZE(ip_families); i++)
			rc = t[i].complete ? 0 : put_back(c, &t[i]);
	if (rc < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/* Under the lock: two calls that find a shared jump missing would both make it. */
int portmap_iptables_add(struct cni_call *c, const struct portmap *conf)
{
	struct portmap_text *t =
		arena_array(c->arena, struct portmap_text, ARRAY_SIZE(ip_families));

	if (host_lock(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		t[i] = portmap_text_of(c, c->req->container_id, conf, ip_families[i]);
		if (plan(c, &t[i]) < 0)
			return -1;
	}
	if (!t[0].complete || !t[1].complete)
		undo_push(c, undo_add, t);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (carry_out(c, &t[i]) < 0)
			return -1;
	host_unlock(c);
	return 0;
}

/* ---- DEL, GC --------------------------------------------------------------------------------- */

/* What the container's other attachments to the network have, by their records, of one family. */
static int join_siblings(struct cni_call *c, struct portmap_text *t)
{
	const struct portmap *own = c->conf;

	if (portmap_siblings(c) < 0)
		return -1;
	for (size_t i = 0; i < own->n_siblings; i++) {
		const struct portmap_siblings *s = &own->siblings[i];
		struct portmap_text sibling;

		if (strcmp(s->record->container_id, t->container_id) != 0 ||
		    strcmp(s->record->network, t->network) != 0)
			continue;
		if (!t->saved && read_saved(c, t, t->chain) < 0)
			return -1;
		sibling = portmap_text_of(c, t->container_id, &s->conf, t->family);
		portmap_saved_join(t, &sibling);
	}
	return 0;
}

int portmap_iptables_del(struct cni_call *c, const char *container_id, const struct portmap *conf)
{
	struct portmap_text t[ARRAY_SIZE(ip_families)];
	bool has, any = false;

	(void)conf;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		t[i] = portmap_text_of(c, container_id, &portmap_defaults, ip_families[i]);
	if (iptables_may_have_chain(c, IPTABLES_NAT, t[0].chain, &has) < 0)
		return -1;
	for (size_t i = 0; has && i < ARRAY_SIZE(ip_families); i++) {
		if (join_siblings(c, &t[i]) < 0)
			return -1;
		any |= t[i].rules.n;
	}
	if (!any)
		return has ? remove_chain(c, &t[0]) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		if (!t[i].had_chain)
			continue;
		portmap_text_container(&t[i]);
		if (iptables_restore(c, t[i].family, false, portmap_text_join(&t[i])) < 0)
			return -1;
	}
	return 0;
}
