/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/iptables.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "nft/list.h"
#include "nft/rule.h"
#include "sys/file.h"
#include "sys/spawn.h"

#define SBIN "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin" /* behind a runtime's meagre PATH */
#define WAIT "--wait=30" /* seconds for the lock that legacy iptables has */

static const char *const table_names[] = { "filter", "nat" };

/* ---- which ----------------------------------------------------------------------------------- */

static const struct nft_table *nft_table_of(sa_family_t family, enum iptables_table table)
{
	int i = nft_ipt_index(family);

	return table == IPTABLES_NAT ? &nft_ipt_nat[i] : &nft_ipt_filter[i];
}

bool iptables_legacy_has_table(sa_family_t family, enum iptables_table table)
{
	const char *path =
		family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
	FILE *f = fopen(path, "re");
	char line[64];
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = !strcmp(strtok(line, "\n"), table_names[table]);
	if (f)
		fclose(f);
	return has;
}

static const char *find(struct cni_call *c, const char *name)
{
	const char *path = getenv("PATH");
	char *dirs = arena_printf(c->arena, "%s:" SBIN, path ? path : ""), *dir;

	while ((dir = strsep(&dirs, ":"))) {
		const char *file = arena_printf(c->arena, "%s/%s", dir, name);

		if (*dir && access(file, X_OK) == 0)
			return file;
	}
	return NULL;
}

/* Both are links to one executable for each way: xtables-nft-multi, xtables-legacy-multi. */
static bool is_nft(const char *program)
{
	char real[PATH_MAX];

	return realpath(program, real) && strstr(strrchr(real, '/'), "nft");
}

/*
 * "iptables-restore", "ip6tables-legacy-save": the legacy one by its name, or where it is the only
 * one.
 */
static const char *program(struct cni_call *c, sa_family_t family, bool legacy, const char *verb)
{
	const char *stem = family == AF_INET ? "iptables" : "ip6tables", *path = NULL;

	if (legacy)
		path = find(c, arena_printf(c->arena, "%s-legacy-%s", stem, verb));
	if (!path)
		path = find(c, arena_printf(c->arena, "%s-%s", stem, verb));
	if (!path || (legacy && is_nft(path))) {
		(void)err_set(c->err, ERR_INTERNAL, "no %s%s-%s found", stem,
			      legacy ? "-legacy" : "", verb);
		return NULL;
	}
	return path;
}

/* ---- executing ------------------------------------------------------------------------------- */

static int execute(struct cni_call *c, const char *const *argv, const char *in,
		   struct spawn_result *res)
{
	if (cni_execute(c, argv, in, res) < 0)
		return -1;
	return spawn_succeeded(argv[0], res, c->err);
}

static int restore(struct cni_call *c, sa_family_t family, bool legacy, const char *text)
{
	const char *argv[] = { program(c, family, legacy, "restore"), "--noflush", WAIT, NULL };
	struct spawn_result res;

	if (!argv[0] || execute(c, argv, text, &res) < 0)
		return -1;
	if (res.unheard)
		return err_set(c->err, ERR_IO, "%s has not read its input", argv[0]);
	return 0;
}

int iptables_is_usable(struct cni_call *c, sa_family_t family)
{
	return program(c, family, false, "restore") ? 0 : -1;
}

int iptables_restore(struct cni_call *c, sa_family_t family, const char *text)
{
	return restore(c, family, false, text);
}

static int save(struct cni_call *c, sa_family_t family, bool legacy, enum iptables_table table,
		const char **text)
{
	const char *argv[] = { program(c, family, legacy, "save"), "-t", table_names[table], NULL };
	struct spawn_result res;

	if (!argv[0] || execute(c, argv, "", &res) < 0)
		return -1;
	*text = res.out;
	return 0;
}

int iptables_legacy_save(struct cni_call *c, sa_family_t family, enum iptables_table table,
			 const char **text)
{
	return save(c, family, true, table, text);
}

int iptables_legacy_restore(struct cni_call *c, sa_family_t family, const char *text)
{
	return restore(c, family, true, text);
}

bool iptables_legacy_is_installed(struct cni_call *c)
{
	struct err before = *c->err;
	bool has = program(c, AF_INET, true, "save");

	*c->err = before;
	return has;
}

bool iptables_prefers_legacy(struct cni_call *c)
{
	const char *path = find(c, "iptables-restore");

	return path && !is_nft(path);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Does this line of iptables-save, "-A FROM ... -j TO ...", jump from one to the other? */
static bool is_jump(const char *line, size_t len, const char *from, const char *to)
{
	size_t n = strlen(from), m = strlen(to);

	if (len < n + 4 || strncmp(line, "-A ", 3) != 0 || strncmp(line + 3, from, n) != 0 ||
	    line[3 + n] != ' ')
		return false;
	for (size_t i = 3 + n; i + 4 + m <= len; i++)
		if (!strncmp(line + i, " -j ", 4) && !strncmp(line + i + 4, to, m) &&
		    (i + 4 + m == len || line[i + 4 + m] == ' '))
			return true;
	return false;
}

static bool has_line(const char *text, const char *start)
{
	size_t n = strlen(start);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, start, n))
			return true;
	return false;
}

static size_t count_lines(const char *text, const char *from, const char *to, const char *about)
{
	size_t n = 0, len;

	for (const char *p = text; *p; p += len + (p[len] == '\n')) {
		const char *at = strstr(p, about);

		len = strcspn(p, "\n");
		n += is_jump(p, len, from, to) && at && at < p + len;
	}
	return n;
}

/* The one that a configuration's iptables is. */
static int uses_nft(struct cni_call *c, sa_family_t family, bool *nft)
{
	const char *path = program(c, family, false, "restore");

	if (!path)
		return -1;
	*nft = is_nft(path);
	return *nft ? cni_nft(c) : 0;
}

int iptables_count_jumps(struct cni_call *c, const struct ip *about, enum iptables_table table,
			 const char *from, const char *to, size_t *n)
{
	struct ip host = *about;
	char text[IP_STRLEN];
	const char *saved;
	bool nft;

	if (uses_nft(c, about->family, &nft) < 0)
		return -1;
	if (nft)
		return nft_count_jumps(c->nft, nft_table_of(about->family, table), from, to, about,
				       c->arena, n);
	host.plen = ip_bits(about);
	if (save(c, about->family, true, table, &saved) < 0)
		return -1;
	*n = count_lines(saved, from, to, arena_printf(c->arena, " -s %s ", cidr_str(&host, text)));
	return 0;
}

int iptables_view(struct cni_call *c, sa_family_t family, enum iptables_table table,
		  struct iptables_view *view)
{
	bool nft;

	*view = (struct iptables_view){ .table = nft_table_of(family, table) };
	if (uses_nft(c, family, &nft) < 0) {
		err_clear(c->err);
		return cni_nft(c);
	}
	return nft ? 0 : save(c, family, true, table, &view->saved);
}

int iptables_view_saved(struct cni_call *c, sa_family_t family, enum iptables_table table,
			struct iptables_view *view)
{
	view->table = nft_table_of(family, table);
	return save(c, family, false, table, &view->saved);
}

static size_t count_rules_of(const char *saved, const char *chain)
{
	size_t n = 0, len = strlen(chain);

	for (const char *p = saved; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		n += !strncmp(p, "-A ", 3) && !strncmp(p + 3, chain, len) && p[3 + len] == ' ';
	return n;
}

int iptables_count(struct cni_call *c, const struct iptables_view *view, const char *chain,
		   const char *to, size_t *n)
{
	struct nft_rule_list rules;

	if (view->saved) {
		*n = to ? count_lines(view->saved, chain, to, "")
			: count_rules_of(view->saved, chain);
		return 0;
	}
	if (to)
		return nft_count_jumps(c->nft, view->table, chain, to, NULL, c->arena, n);
	if (nft_rules(c->nft, view->table, chain, &rules, c->arena) < 0)
		return -1;
	*n = rules.n;
	return 0;
}

int iptables_view_has(struct cni_call *c, const struct iptables_view *view, const char *chain,
		      bool *has)
{
	if (!view->saved)
		return nft_has_chain(c->nft, view->table, chain, has);
	*has = has_line(view->saved, arena_printf(c->arena, ":%s ", chain));
	return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Each rule that leads to it, as it was saved, with -D for -A. */
static const char *deletions(struct cni_call *c, const char *saved,
			     const struct nft_chain_removal *d)
{
	const char *text = "";
	size_t len;

	for (const char *p = saved; *p; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		for (size_t i = 0; d->from[i]; i++)
			if (is_jump(p, len, d->from[i], d->chain))
				text = arena_printf(c->arena, "%s-D%.*s\n", text, (int)len - 2,
						    p + 2);
	}
	return text;
}

static int remove_legacy(struct cni_call *c, sa_family_t family, enum iptables_table table,
			 const struct nft_chain_removal *d)
{
	const char *saved, *text;

	if (!iptables_legacy_has_table(family, table))
		return 0;
	if (save(c, family, true, table, &saved) < 0)
		return -1;
	if (!has_line(saved, arena_printf(c->arena, ":%s ", d->chain)))
		return 0;
	text = arena_printf(c->arena, "*%s\n%s-F %s\n-X %s\nCOMMIT\n", table_names[table],
			    deletions(c, saved, d), d->chain, d->chain);
	return restore(c, family, true, text);
}

int iptables_chain_remove(struct cni_call *c, enum iptables_table table,
			  const struct nft_chain_removal *d)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };

	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (nft_chain_remove(c->nft, nft_table_of(families[i], table), d, c->arena) < 0)
			return -1;
		if (remove_legacy(c, families[i], table, d) < 0)
			return -1;
	}
	return 0;
}
