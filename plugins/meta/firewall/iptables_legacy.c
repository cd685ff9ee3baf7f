/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_legacy.h"

#include <string.h>

#include "iptables_rules.h"
#include "netfilter/iptables.h"
#include "netfilter/iptables_save.h"

/* ---- what is there --------------------------------------------------------------------------- */

static const char *line_of(struct arena *arena, const struct fw_rule *w)
{
	char text[XT_SAVED_SIZE];

	xt_rule_save(&w->rule, text);
	return arena_printf(arena, "%s %s", w->chain, text);
}

/* How often the rule is there. */
static size_t count(struct arena *arena, const char *saved, const struct fw_rule *w)
{
	const char *line = line_of(arena, w);
	struct iptables_save_rule rule;
	size_t n = 0;

	while (iptables_save_next(&saved, w->chain, &rule, arena))
		n += !strcmp(rule.text, line);
	return n;
}

struct view {
	struct fw_rules want;
	const char *saved[ARRAY_SIZE(ip_families)]; /* NULL: not of interest */
};

static size_t index_of(const struct fw_rule *w)
{
	return w->family == AF_INET6;
}

/* Asking for a table makes it: what only reads does not ask for one that is not there. */
static int scan(struct fw_forward *f, bool ask, struct view *v)
{
	struct cni_call *c = f->c;

	*v = (struct view){ .want = fw_rules_of(f, c->arena) };
	for (size_t i = 0; i < v->want.n; i++) {
		struct fw_rule *w = &v->want.list[i];
		const char **saved = &v->saved[index_of(w)];

		if (!*saved && !ask && !iptables_legacy_has_table(w->family, IPTABLES_FILTER))
			*saved = "";
		if (!*saved && iptables_legacy_save(c, w->family, IPTABLES_FILTER, saved) < 0)
			return -1;
		w->missing = !count(c->arena, *saved, w);
	}
	return 0;
}

static const struct fw_rule *first_missing(const struct view *v, bool with_own)
{
	for (size_t i = 0; i < v->want.n; i++)
		if (v->want.list[i].missing && (with_own || !v->want.list[i].is_attachments))
			return &v->want.list[i];
	return NULL;
}

static void note_added(struct fw_forward *f, const struct view *v, struct arena *arena)
{
	if (f->added)
		return;
	f->added = arena_new(arena, struct fw_rules);
	for (size_t i = 0; i < v->want.n; i++)
		if (v->want.list[i].missing && v->want.list[i].tag)
			*arena_append(arena, f->added->list, f->added->n) = v->want.list[i];
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* A chain that is named in the text is emptied, so only those that are not there are. */
static const char *chains(struct fw_forward *f, const char *saved)
{
	const struct {
		const char *name;
		bool wanted;
	} all[] = { { FW_CHAIN_FORWARD, !f->policy_only },
		    { f->admin, !f->policy_only },
		    { FW_CHAIN_STAGE_1, f->bridge },
		    { FW_CHAIN_STAGE_2, f->bridge } };
	struct cni_call *c = f->c;
	const char *text = "";

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].wanted && !iptables_save_has_chain(saved, all[i].name))
			text = arena_printf(c->arena, "%s:%s -\n", text, all[i].name);
	return text;
}

/*
 * The jump that accepts goes in front, and the one to isolation, which is there, in front of that.
 */
static const char *isolation_first(struct cni_call *c, struct view *v, sa_family_t family)
{
	const struct fw_rule jump = fw_isolation_jump(family);
	const char *line = line_of(c->arena, &jump);
	bool accepts = true;

	for (size_t i = 0; i < v->want.n; i++)
		if (v->want.list[i].family == family &&
		    !strcmp(v->want.list[i].rule.target, FW_CHAIN_FORWARD))
			accepts = !v->want.list[i].missing;
	if (accepts || !count(c->arena, v->saved[index_of(&jump)], &jump))
		return "";
	return arena_printf(c->arena, "-D %s\n-I %s\n", line, line);
}

static const char *rules(struct cni_call *c, const struct view *v, sa_family_t family)
{
	const char *text = "";

	for (size_t i = 0; i < v->want.n; i++) {
		const struct fw_rule *w = &v->want.list[i];

		if (w->missing && w->family == family)
			text = arena_printf(c->arena, "%s-%c %s\n", text, w->first ? 'I' : 'A',
					    line_of(c->arena, w));
	}
	return text;
}

static int complete(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct cni_call *c = f->c;
	struct view v;

	(void)nl;
	if (scan(f, true, &v) < 0)
		return -1;
	note_added(f, &v, arena);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const char *text = v.saved[i] ? rules(c, &v, ip_families[i]) : "";

		if (*text &&
		    iptables_legacy_restore(
			    c, ip_families[i],
			    arena_printf(arena, "*filter\n%s%s%sCOMMIT\n", chains(f, v.saved[i]),
					 text, isolation_first(c, &v, ip_families[i]))) < 0)
			return -1;
	}
	return 0;
}

/* ---- removing, checking ---------------------------------------------------------------------- */

/* Of these rules, those that are there. */
static int drop(struct fw_forward *f, const struct fw_rules *list, bool own_only)
{
	struct cni_call *c = f->c;
	struct view v;

	if (scan(f, false, &v) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const char *text = "";

		for (size_t k = 0; v.saved[i] && k < list->n; k++) {
			const struct fw_rule *w = &list->list[k];
			bool goes = w->family == ip_families[i] && (w->is_attachments || !own_only);
			size_t n = goes ? count(c->arena, v.saved[i], w) : 0;

			for (; n; n--)
				text = arena_printf(c->arena, "%s-D %s\n", text,
						    line_of(c->arena, w));
		}
		text = *text ? arena_printf(c->arena, "*filter\n%sCOMMIT\n", text) : NULL;
		if (text && iptables_legacy_restore(c, ip_families[i], text) < 0)
			return -1;
	}
	return 0;
}

static int undo(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	(void)nl, (void)arena;
	return f->added && f->added->n ? drop(f, f->added, false) : 0;
}

static int release(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	const struct fw_rules want = fw_rules_of(f, arena);

	(void)nl;
	return f->n_ips ? drop(f, &want, true) : 0;
}

static int verify(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	const struct fw_rule *w;
	struct view v;

	if (scan(f, false, &v) < 0)
		return -1;
	w = first_missing(&v, true);
	if (!w)
		return 0;
	return err_set(nl->err, ERR_CHECK, "legacy %s: rule gone: -A %s",
		       w->family == AF_INET ? "iptables" : "ip6tables", line_of(arena, w));
}

const struct fw_backend fw_iptables_legacy = {
	.name = "legacy iptables",
	.prepare = complete,
	.undo = undo,
	.release = release,
	.verify = verify,
	.restore = complete,
};
