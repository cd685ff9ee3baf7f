/* SPDX-License-Identifier: Apache-2.0 */
/* Which ways of forwarding a host needs, and which of them a record or a DEL has to do with. */
#include <string.h>

#include "base/str.h"
#include "forward.h"
#include "firewalld.h"
#include "iptables_legacy.h"
#include "netfilter/iptables.h"
#include "nftables.h"
#include "iptables_nft.h"

static const sa_family_t families[] = { AF_INET, AF_INET6 };

/*
 * Is there anything? Somebody who has looked at a table has made it, and it stays. What nothing installed here
 * can read is not ours to change either.
 */
static int is_family_legacy(struct cni_call *c, sa_family_t family, bool *used)
{
	const char *saved;

	if (!cni_iptables_legacy(family, CNI_IPTABLES_FILTER) || !cni_iptables_has_legacy(c))
		return 0;
	if (cni_iptables_legacy_save(c, family, CNI_IPTABLES_FILTER, &saved) < 0)
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
		if (nft_has_chain(c->nft, ipf_table(families[i]), "FORWARD", used) < 0)
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
 * It rejects what its zones do not know. Without its helper we cannot make ourselves known, and it is better to say
 * so than to have containers that reach nothing.
 */
static int is_firewalld(struct cni_call *c, bool *used)
{
	static const struct nft_table theirs = { NFPROTO_INET, "firewalld" };
	bool rules;

	if (cni_fwdaemon_running(c, used) < 0)
		return -1;
	if (*used)
		return 0;
	if (nft_has_chain(c->nft, &theirs, "filter_FORWARD", &rules) < 0)
		return -1;
	if (!rules || cni_fwdaemon_usable(c) == 0)
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

int cni_firewall_choose(struct cni_call *c, const char *configured, const char **backend)
{
	bool firewalld, iptables;

	*backend = configured;
	if (cni_nft(c) < 0)
		return -1;
	if (!strcmp(configured, "firewalld"))
		return cni_fwdaemon_usable(c);
	if (*configured)
		return 0;
	if (is_firewalld(c, &firewalld) < 0 || is_iptables(c, &iptables) < 0)
		return -1;
	*backend = firewalld ? "firewalld" : iptables ? "iptables" : "nftables";
	return 0;
}

static void add_way(struct cni_ways *ways, const struct nft_forwarding *way)
{
	ways->list[ways->n++] = way;
}

/*
 * Both kinds of iptables have their say on every packet, so both are told where both are used. Where none is,
 * the one that is installed will be.
 */
static int iptables_ways(struct cni_call *c, struct cni_ways *ways)
{
	bool legacy, nft;

	if (is_legacy(c, &legacy) < 0 || is_iptables_nft(c, &nft) < 0)
		return -1;
	if (cni_iptables_prefers_legacy(c) || !has_nftables(c))
		legacy = true;
	else
		nft = true;
	if (nft)
		add_way(ways, &nft_ipforward);
	if (legacy)
		add_way(ways, &cni_fwlegacy);
	return 0;
}

/* firewalld knows nothing of policies between bridges. */
static int policy_ways(struct cni_call *c, struct cni_ways *ways)
{
	bool iptables;

	if (is_iptables(c, &iptables) < 0)
		return -1;
	if (iptables)
		return iptables_ways(c, ways);
	add_way(ways, &nft_filter);
	return 0;
}

int cni_firewall_ways(struct cni_call *c, const struct cni_firewall *conf, const char *backend,
		      struct cni_ways *ways)
{
	*ways = (struct cni_ways){ 0 };
	if (!strcmp(backend, "firewalld")) {
		add_way(ways, &cni_fwdaemon);
		return cni_firewall_has_policy(conf) ? policy_ways(c, ways) : 0;
	}
	if (!strcmp(backend, "iptables"))
		return iptables_ways(c, ways);
	add_way(ways, &nft_filter);
	return 0;
}

/* ---- the record's note ----------------------------------------------------------------------- */

static const struct nft_forwarding *const all[] = { &nft_filter, &nft_ipforward, &cni_fwlegacy,
						    &cni_fwdaemon };

const char *cni_firewall_note(struct cni_call *c, const struct cni_ways *ways)
{
	const char *note = "";

	for (size_t i = 0; i < ways->n; i++)
		note = arena_printf(c->arena, "%s%s%s", note, *note ? ", " : "",
				    ways->list[i]->name);
	return note;
}

struct cni_ways cni_firewall_noted(struct cni_call *c, const char *note)
{
	char *list = arena_strdup(c->arena, note ? note : ""), *name;
	struct cni_ways ways = { 0 };

	while ((name = strsep(&list, ","))) {
		name += *name == ' ';
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			if (!strcmp(all[i]->name, name) && ways.n < ARRAY_SIZE(ways.list))
				add_way(&ways, all[i]);
	}
	return ways;
}

bool cni_firewall_uses(const struct cni_ways *ways, const struct nft_forwarding *way)
{
	for (size_t i = 0; i < ways->n; i++)
		if (ways->list[i] == way)
			return true;
	return false;
}

/* firewalld's are the reference's already, and it has none by nftables. */
int cni_firewall_turned(struct cni_call *c, const struct cni_firewall *conf, const char *backend,
			const char *note, struct cni_ways *ways)
{
	const struct cni_ways noted = cni_firewall_noted(c, note);

	if (cni_firewall_uses(&noted, &cni_fwdaemon)) {
		*ways = noted;
		return 0;
	}
	return cni_firewall_ways(c, conf, strcmp(backend, "own") != 0 ? "iptables" : "nftables",
				 ways);
}

static bool may_be_firewalld(struct cni_call *c)
{
	bool running;

	return cni_fwdaemon_running(c, &running) == 0 && running;
}

/* Those by netlink are cheap to ask. The others are only where ADD has used them, or might have. */
struct cni_ways cni_firewall_removing(struct cni_call *c, const char *backend, const char *note)
{
	const struct cni_ways noted = cni_firewall_noted(c, note);
	struct cni_ways ways = { 0 };

	add_way(&ways, &nft_filter);
	add_way(&ways, &nft_ipforward);
	for (size_t i = 0; i < noted.n; i++)
		if (noted.list[i]->unmarked)
			add_way(&ways, noted.list[i]);
	if (!noted.n && cni_iptables_has_legacy(c) &&
	    (cni_iptables_legacy(AF_INET, CNI_IPTABLES_FILTER) ||
	     cni_iptables_legacy(AF_INET6, CNI_IPTABLES_FILTER)))
		add_way(&ways, &cni_fwlegacy);
	if (!noted.n && (!strcmp(backend, "firewalld") || (!*backend && may_be_firewalld(c))))
		add_way(&ways, &cni_fwdaemon);
	return ways;
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

int cni_firewall_status(struct cni_call *c, const struct cni_ways *ways)
{
	bool running;

	for (size_t i = 0; i < ways->n; i++) {
		if (ways->list[i] == &cni_fwlegacy && cni_iptables_usable(c, AF_INET) < 0)
			return -1;
		if (ways->list[i] != &cni_fwdaemon)
			continue;
		if (cni_fwdaemon_running(c, &running) < 0)
			return -1;
		if (!running)
			return err_set(c->err, ERR_UNAVAILABLE, "firewalld is not running");
	}
	return 0;
}
