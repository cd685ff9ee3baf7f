/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/iptables.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netfilter/iptables_save.h"
#include "nft/list.h"
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

/* Both are links to one executable of each kind: xtables-nft-multi, xtables-legacy-multi. */
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

int iptables_restore(struct cni_call *c, sa_family_t family, bool legacy, const char *text)
{
	const char *argv[] = { program(c, family, legacy, "restore"), "--noflush", WAIT, NULL };
	struct spawn_result res;

	if (!argv[0] || cni_execute(c, argv, text, &res) < 0 ||
	    spawn_succeeded(argv[0], &res, c->err) < 0)
		return -1;
	if (res.unheard)
		return err_set(c->err, ERR_IO, "%s has not read its input", argv[0]);
	return 0;
}

int iptables_is_usable(struct cni_call *c, sa_family_t family)
{
	return program(c, family, false, "restore") ? 0 : -1;
}

int iptables_save(struct cni_call *c, sa_family_t family, bool legacy, enum iptables_table table,
		  const char **text)
{
	const char *argv[] = { program(c, family, legacy, "save"), "-t", table_names[table], NULL };
	struct spawn_result res;

	if (!argv[0] || cni_execute(c, argv, "", &res) < 0 ||
	    spawn_succeeded(argv[0], &res, c->err) < 0)
		return -1;
	*text = res.out;
	return 0;
}

static bool legacy_is_installed(struct cni_call *c, sa_family_t family)
{
	struct err before = *c->err;
	bool has = program(c, family, true, "save");

	*c->err = before;
	return has;
}

bool iptables_legacy_is_installed(struct cni_call *c)
{
	return legacy_is_installed(c, AF_INET);
}

/* What nothing installed here can read is not ours to remove either: others have made it. */
static bool legacy_is_readable(struct cni_call *c, sa_family_t family, enum iptables_table table)
{
	return iptables_legacy_has_table(family, table) && legacy_is_installed(c, family);
}

bool iptables_prefers_legacy(struct cni_call *c)
{
	const char *path = find(c, "iptables-restore");

	return path && !is_nft(path);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Asking legacy iptables for a table makes it. */
int iptables_saved(struct cni_call *c, sa_family_t family, enum iptables_table table,
		   const char *chain, const char **saved)
{
	const struct nft_table *t = nft_table_of(family, table);
	bool has = true;

	*saved = "";
	if (chain && iptables_prefers_legacy(c))
		has = iptables_legacy_has_table(family, table);
	else if (chain && (cni_nft(c) < 0 || nft_has_chain(c->nft, t, chain, &has) < 0))
		return -1;
	return has ? iptables_save(c, family, false, table, saved) : 0;
}

int iptables_may_have_chain(struct cni_call *c, enum iptables_table table, const char *chain,
			    bool *has)
{
	*has = false;
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; !*has && i < ARRAY_SIZE(ip_families); i++) {
		if (nft_has_chain(c->nft, nft_table_of(ip_families[i], table), chain, has) < 0)
			return -1;
		*has |= legacy_is_readable(c, ip_families[i], table);
	}
	return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Each rule that leads to it. */
static const char *deletions(struct cni_call *c, const char *saved,
			     const struct nft_chain_removal *d)
{
	const char *text = "";

	for (size_t i = 0; d->from[i]; i++) {
		struct iptables_save_rule rule;

		for (const char *at = saved; iptables_save_next(&at, d->from[i], &rule, c->arena);)
			if (iptables_save_has(&rule, "-j", d->chain))
				text = arena_printf(c->arena, "%s-D %s\n", text, rule.text);
	}
	return text;
}

static int remove_legacy(struct cni_call *c, sa_family_t family, enum iptables_table table,
			 const struct nft_chain_removal *d)
{
	const char *saved, *text;

	if (!legacy_is_readable(c, family, table))
		return 0;
	if (iptables_save(c, family, true, table, &saved) < 0)
		return -1;
	if (!iptables_save_has_chain(saved, d->chain))
		return 0;
	text = arena_printf(c->arena, "*%s\n%s-F %s\n-X %s\nCOMMIT\n", table_names[table],
			    deletions(c, saved, d), d->chain, d->chain);
	return iptables_restore(c, family, true, text);
}

int iptables_chain_remove(struct cni_call *c, enum iptables_table table,
			  const struct nft_chain_removal *d)
{
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct nft_table *t = nft_table_of(ip_families[i], table);

		if (nft_chain_remove(c->nft, t, d, c->arena) < 0 ||
		    remove_legacy(c, ip_families[i], table, d) < 0)
			return -1;
	}
	return 0;
}
