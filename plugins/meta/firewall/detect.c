/* SPDX-License-Identifier: Apache-2.0 */
/* Which ways of forwarding a host needs, and which of them a record or a DEL has to do with. */
#include <string.h>

#include "base/str.h"
#include "firewalld.h"
#include "forward.h"
#include "iptables_legacy.h"
#include "iptables_nft.h"
#include "iptables_rules.h"
#include "netfilter/iptables.h"
#include "nft/list.h"
#include "nftables.h"

static const sa_family_t families[] = { AF_INET, AF_INET6 };

/*
 * Is there anything? Somebody who has looked at a table has made it, and it stays. What nothing
 * installed here can read is not ours to change either.
 */
static int is_family_legacy(struct cni_call *c, sa_family_t family, bool *used)
{
	const char *saved;

	if (!iptables_legacy_has_table(family, IPTABLES_FILTER) || !iptables_legacy_is_installed(c))
		return 0;
	if (iptables_legacy_save(c, family, IPTABLES_FILTER, &saved) < 0)
		return -1;
	*used |= strstr(saved, "\n-A FORWARD ") || strstr(saved, "\n:FORWARD DROP ");
	return 0;
}

static int is_legacy(struct cni_call *c, bool *used)
{
	*used = false;
	for (size_t i = 0; !*used && i < ARRAY_SIZE(families); i++)
		if (is_family_legacy(c, families[i], used) < 0)
			return -1;
	return 0;
}

/* Its FORWARD chain sees every packet, and may drop what our table lets through. */
static int is_iptables_nft(struct cni_call *c, bool *used)
{
	*used = false;
	for (size_t i = 0; !*used && i < ARRAY_SIZE(families); i++)
		if (nft_has_chain(c->nft, fw_iptables_table(families[i]), "FORWARD", used) < 0)
			return -1;
	return 0;
}

static bool has_nftables(struct cni_call *c)
{
	struct err before = *c->err;
	uint32_t generation;
	bool has = nft_generation(c->nft, &generation) == 0;

	*c->err = before;
	return has;
}

/*
 * It rejects what its zones do not know. Without its helper we cannot make ourselves known, and it
 * is better to say so than to have containers that reach nothing.
 */
static int is_firewalld(struct cni_call *c, bool *used)
{
	static const struct nft_table theirs = { NFPROTO_INET, "firewalld" };
	bool rules;

	if (fw_firewalld_is_running(c, used) < 0)
		return -1;
	if (*used)
		return 0;
	if (nft_has_chain(c->nft, &theirs, "filter_FORWARD", &rules) < 0)
		return -1;
	if (!rules || fw_firewalld_is_usable(c) == 0)
		return 0;
	return err_wrap(c->err, "firewalld has rules here, and no backend is named");
}

static int is_iptables(struct cni_call *c, bool *used)
{
	if (is_iptables_nft(c, used) < 0)
		return -1;
	if (!*used && is_legacy(c, used) < 0)
		return -1;
	*used |= !has_nftables(c);
	return 0;
}

int fw_detect(struct cni_call *c, const char *configured, const char **backend)
{
	bool firewalld, iptables;

	*backend = configured;
	if (cni_nft(c) < 0)
		return -1;
	if (!strcmp(configured, "firewalld"))
		return fw_firewalld_is_usable(c);
	if (*configured)
		return 0;
	if (is_firewalld(c, &firewalld) < 0 || is_iptables(c, &iptables) < 0)
		return -1;
	*backend = firewalld ? "firewalld" : iptables ? "iptables" : "nftables";
	return 0;
}

static void add_backend(struct fw_backends *backends, const struct fw_backend *backend)
{
	backends->list[backends->n++] = backend;
}

/*
 * Both kinds of iptables have their say on every packet, so both are told where both are used.
 * Where none is, the one that is installed will be.
 */
static int iptables_backends(struct cni_call *c, struct fw_backends *backends)
{
	bool legacy, nft;

	if (is_legacy(c, &legacy) < 0 || is_iptables_nft(c, &nft) < 0)
		return -1;
	if (iptables_prefers_legacy(c) || !has_nftables(c))
		legacy = true;
	else
		nft = true;
	if (nft)
		add_backend(backends, &fw_iptables_nft);
	if (legacy)
		add_backend(backends, &fw_iptables_legacy);
	return 0;
}

/* firewalld knows nothing of policies between bridges. */
static int policy_backends(struct cni_call *c, struct fw_backends *backends)
{
	bool iptables;

	if (is_iptables(c, &iptables) < 0)
		return -1;
	if (iptables)
		return iptables_backends(c, backends);
	add_backend(backends, &fw_nftables);
	return 0;
}

int fw_backends_for(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		    struct fw_backends *backends)
{
	*backends = (struct fw_backends){ 0 };
	if (!strcmp(backend, "firewalld")) {
		add_backend(backends, &fw_firewalld);
		return fw_has_policy(conf) ? policy_backends(c, backends) : 0;
	}
	if (!strcmp(backend, "iptables"))
		return iptables_backends(c, backends);
	add_backend(backends, &fw_nftables);
	return 0;
}

/* ---- the record's note ----------------------------------------------------------------------- */

static const struct fw_backend *const all[] = { &fw_nftables, &fw_iptables_nft, &fw_iptables_legacy,
						&fw_firewalld };

const char *fw_backends_extra(struct cni_call *c, const struct fw_backends *backends)
{
	const char *note = "";

	for (size_t i = 0; i < backends->n; i++)
		note = arena_printf(c->arena, "%s%s%s", note, *note ? ", " : "",
				    backends->list[i]->name);
	return note;
}

struct fw_backends fw_backends_recorded(struct cni_call *c, const char *note)
{
	char *list = arena_strdup(c->arena, note ? note : ""), *name;
	struct fw_backends backends = { 0 };

	while ((name = strsep(&list, ","))) {
		name += *name == ' ';
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			if (!strcmp(all[i]->name, name) && backends.n < ARRAY_SIZE(backends.list))
				add_backend(&backends, all[i]);
	}
	return backends;
}

bool fw_backends_use(const struct fw_backends *backends, const struct fw_backend *backend)
{
	for (size_t i = 0; i < backends->n; i++)
		if (backends->list[i] == backend)
			return true;
	return false;
}

/* firewalld's are the reference's already, and it has none by nftables. */
int fw_backends_turned(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		       const char *note, struct fw_backends *backends)
{
	const struct fw_backends recorded = fw_backends_recorded(c, note);

	if (fw_backends_use(&recorded, &fw_firewalld)) {
		*backends = recorded;
		return 0;
	}
	return fw_backends_for(c, conf, strcmp(backend, "own") != 0 ? "iptables" : "nftables",
			       backends);
}

static bool may_be_firewalld(struct cni_call *c)
{
	bool running;

	return fw_firewalld_is_running(c, &running) == 0 && running;
}

/* Those by netlink are cheap to ask. The others are only where ADD has used them, or might have. */
struct fw_backends fw_backends_to_clean(struct cni_call *c, const char *backend, const char *note)
{
	const struct fw_backends recorded = fw_backends_recorded(c, note);
	struct fw_backends backends = { 0 };

	add_backend(&backends, &fw_nftables);
	add_backend(&backends, &fw_iptables_nft);
	for (size_t i = 0; i < recorded.n; i++)
		if (recorded.list[i]->has_no_owner_tag)
			add_backend(&backends, recorded.list[i]);
	if (!recorded.n && iptables_legacy_is_installed(c) &&
	    (iptables_legacy_has_table(AF_INET, IPTABLES_FILTER) ||
	     iptables_legacy_has_table(AF_INET6, IPTABLES_FILTER)))
		add_backend(&backends, &fw_iptables_legacy);
	if (!recorded.n && (!strcmp(backend, "firewalld") || (!*backend && may_be_firewalld(c))))
		add_backend(&backends, &fw_firewalld);
	return backends;
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

int fw_backends_status(struct cni_call *c, const struct fw_backends *backends)
{
	bool running;

	for (size_t i = 0; i < backends->n; i++) {
		if (backends->list[i] == &fw_iptables_legacy && iptables_is_usable(c, AF_INET) < 0)
			return -1;
		if (backends->list[i] != &fw_firewalld)
			continue;
		if (fw_firewalld_is_running(c, &running) < 0)
			return -1;
		if (!running)
			return err_set(c->err, ERR_UNAVAILABLE, "firewalld is not running");
	}
	return 0;
}
