/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_legacy.h"

#include <string.h>

#include "iptables_rules.h"
#include "netfilter/iptables.h"
#include "netfilter/iptables_save.h"

/* Asking for a table makes it: what only reads does not ask for one that is not there. */
static int count(struct fw_forward *f)
{
	struct cni_call *c = f->c;

	f->saved[0] = f->saved[1] = NULL;
	for (size_t i = 0; i < f->want.n; i++) {
		struct fw_rule *w = &f->want.list[i];
		const char **saved = &f->saved[w->family == AF_INET6], *line, *at;
		struct iptables_save_rule rule;

		if (!*saved && !f->makes && !iptables_legacy_has_table(w->family, IPTABLES_FILTER))
			*saved = "";
		if (!*saved && iptables_save(c, w->family, true, IPTABLES_FILTER, saved) < 0)
			return -1;
		line = fw_rule_line(w, c->arena);
		for (at = *saved; iptables_save_next(&at, w->chain, &rule, c->arena);)
			w->n += !strcmp(rule.text, line);
	}
	return 0;
}

static int restore(struct cni_call *c, sa_family_t family, const char *text)
{
	if (!*text)
		return 0;
	text = arena_printf(c->arena, "*filter\n%sCOMMIT\n", text);
	return iptables_restore(c, family, true, text);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/*
 * A chain is there where one of our rules leads to it; one that is named in the text is emptied, so
 * only those that are not there are.
 */
static const char *additions(const struct fw_forward *f, sa_family_t family)
{
	const char *chains = "", *rules = "";
	struct arena *arena = f->c->arena;

	for (size_t i = 0; i < f->want.n; i++) {
		const struct fw_rule *w = &f->want.list[i];
		const char *line;

		if (w->family != family || !w->missing)
			continue;
		line = fw_rule_line(w, arena);
		if (w->rule.target &&
		    !iptables_save_has_chain(f->saved[family == AF_INET6], w->rule.target))
			chains = arena_printf(arena, "%s:%s -\n", chains, w->rule.target);
		if (w->moves)
			rules = arena_printf(arena, "%s-D %s\n", rules, line);
		rules = arena_printf(arena, "%s-%c %s\n", rules, w->first ? 'I' : 'A', line);
	}
	return arena_printf(arena, "%s%s", chains, rules);
}

static int complete(struct fw_forward *f)
{
	f->makes = true;
	if (fw_rules_scan(f, count) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (restore(f->c, ip_families[i], additions(f, ip_families[i])) < 0)
			return -1;
	return 0;
}

/* ---- removing, checking ---------------------------------------------------------------------- */

/* What has been added, or the attachment's own, as often as it is there. */
static int drop(struct fw_forward *f, bool own)
{
	f->makes = false;
	if (fw_rules_scan(f, count) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const char *text = "";

		for (size_t k = 0; k < f->want.n; k++) {
			const struct fw_rule *w = &f->want.list[k];
			bool goes =
				w->family == ip_families[i] && (own ? w->is_attachments : w->added);

			for (size_t n = goes ? w->n : 0; n; n--)
				text = arena_printf(f->c->arena, "%s-D %s\n", text,
						    fw_rule_line(w, f->c->arena));
		}
		if (restore(f->c, ip_families[i], text) < 0)
			return -1;
	}
	return 0;
}

static int undo(struct fw_forward *f)
{
	return f->scanned ? drop(f, false) : 0;
}

static int release(struct fw_forward *f)
{
	return f->n_ips ? drop(f, true) : 0;
}

static int verify(struct fw_forward *f)
{
	return fw_rules_scan(f, count) < 0 ? -1 : fw_rules_check(f, "legacy ");
}

const struct fw_backend fw_iptables_legacy = {
	.name = "legacy iptables",
	.prepare = complete,
	.undo = undo,
	.release = release,
	.verify = verify,
	.restore = complete,
};
