/* SPDX-License-Identifier: Apache-2.0 */
#include "detect.h"

#include <stdio.h>
#include <string.h>

#include "firewalld.h"
#include "iptables_legacy.h"
#include "iptables_nft.h"
#include "iptables_rules.h"
#include "netfilter/iptables.h"
#include "netfilter/iptables_save.h"
#include "nft/list.h"
#include "nftables.h"

const struct fw_backend *const fw_backends[FW_BACKENDS] = {
	&fw_firewalld,
	&fw_nftables,
	&fw_iptables_nft,
	&fw_iptables_legacy,
};

bool fw_has_policy(const struct fw_conf *conf)
{
	return *conf->policy && strcmp(conf->policy, "open") != 0;
}

/* ---- what the host uses ---------------------------------------------------------------------- */

/*
 * Are there rules, or a policy? Looking at a table makes it, and it stays. What nothing installed
 * here can read is not ours to change either.
 */
static int is_legacy(struct cni_call *c, sa_family_t family, bool *used)
{
	struct iptables_save_rule rule;
	const char *saved;

	*used = false;
	if (!iptables_legacy_has_table(family, IPTABLES_FILTER) || !iptables_legacy_is_installed(c))
		return 0;
	if (iptables_save(c, family, true, IPTABLES_FILTER, &saved) < 0)
		return -1;
	*used = strstr(saved, "\n:FORWARD DROP ") ||
		iptables_save_next(&saved, "FORWARD", &rule, c->arena);
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
	static const struct nft_table its = { NFPROTO_INET, "firewalld" };
	bool rules;

	*used = fw_firewalld_is_running(c);
	if (*used)
		return 0;
	if (nft_has_chain(c->nft, &its, "filter_FORWARD", &rules) < 0)
		return -1;
	if (!rules || fw_firewalld_is_usable(c) == 0)
		return 0;
	return err_wrap(c->err, "firewalld has rules here, and no backend is named");
}

/*
 * The kinds of iptables whose FORWARD chain sees every packet, and may drop what our table accepts:
 * both are told where both are used. Where none is, the one that is installed will be.
 */
static int iptables_backends(struct cni_call *c, unsigned int *set, bool *used)
{
	bool alone = !has_nftables(c), nft, legacy;

	*set = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct nft_table *t = fw_iptables_table(ip_families[i]);

		if (nft_has_chain(c->nft, t, FW_CHAIN_BASE, &nft) < 0 ||
		    is_legacy(c, ip_families[i], &legacy) < 0)
			return -1;
		*set |= (nft ? FW_IPTABLES_NFT : 0) | (legacy ? FW_IPTABLES_LEGACY : 0);
	}
	*used = *set || alone;
	*set |= alone || iptables_prefers_legacy(c) ? FW_IPTABLES_LEGACY : FW_IPTABLES_NFT;
	return 0;
}

/*
 * "nftables", "iptables", "firewalld", or "": what the host uses. firewalld knows nothing of
 * policies between bridges.
 */
static int backends_for(struct cni_call *c, const struct fw_conf *conf, const char *backend,
			unsigned int *set)
{
	bool firewalld = !strcmp(backend, "firewalld"), used = false;
	unsigned int iptables = 0;

	if (!*backend && is_firewalld(c, &firewalld) < 0)
		return -1;
	*set = firewalld ? FW_FIREWALLD : 0;
	if (firewalld && !fw_has_policy(conf))
		return 0;
	if (strcmp(backend, "nftables") != 0 && iptables_backends(c, &iptables, &used) < 0)
		return -1;
	*set |= used || !strcmp(backend, "iptables") ? iptables : FW_NFTABLES;
	return 0;
}

int fw_backends_chosen(struct cni_call *c, const struct fw_conf *conf, unsigned int *set)
{
	const char *name;

	if (cni_nft(c) < 0)
		return -1;
	if (!strcmp(conf->backend, "firewalld") && fw_firewalld_is_usable(c) < 0)
		return -1;
	if (backends_for(c, conf, conf->backend, set) < 0)
		return -1;
	name = *set & FW_NFTABLES ? "nftables" : "iptables";
	if (!*conf->backend && c->req->command == CNI_ADD)
		fprintf(stderr, "firewall: backend %s\n", *set & FW_FIREWALLD ? "firewalld" : name);
	return 0;
}

/* ---- the record's extra ---------------------------------------------------------------------- */

const char *fw_backends_extra(struct cni_call *c, unsigned int set)
{
	const char *extra = "";

	fw_for_each(i, set)
		extra = arena_printf(c->arena, "%s%s%s", extra, *extra ? ", " : "",
				     fw_backends[i]->name);
	return extra;
}

unsigned int fw_backends_recorded(struct cni_call *c, const char *extra)
{
	char *list = arena_strdup(c->arena, extra ? extra : ""), *name;
	unsigned int set = 0;

	while ((name = strsep(&list, ","))) {
		name += *name == ' ';
		for (size_t i = 0; i < FW_BACKENDS; i++)
			if (!strcmp(fw_backends[i]->name, name))
				set |= 1u << i;
	}
	return set;
}

/* firewalld's are the reference's already, and it has none by nftables. */
int fw_backends_turned(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		       const char *extra, unsigned int *set)
{
	*set = fw_backends_recorded(c, extra);
	if (*set & FW_FIREWALLD)
		return 0;
	return backends_for(c, conf, strcmp(backend, "own") != 0 ? "iptables" : "nftables", set);
}

/* Those by netlink are cheap to ask. The others are only where ADD has used them, or might have. */
unsigned int fw_backends_to_clean(struct cni_call *c, const char *backend, const char *extra)
{
	const unsigned int both = FW_NFTABLES | FW_IPTABLES_NFT;
	unsigned int set = fw_backends_recorded(c, extra);

	if (set)
		return set | both;
	if (iptables_legacy_is_installed(c) &&
	    (iptables_legacy_has_table(AF_INET, IPTABLES_FILTER) ||
	     iptables_legacy_has_table(AF_INET6, IPTABLES_FILTER)))
		set |= FW_IPTABLES_LEGACY;
	if (!strcmp(backend, "firewalld") || (!*backend && fw_firewalld_is_running(c)))
		set |= FW_FIREWALLD;
	return set | both;
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

int fw_backends_status(struct cni_call *c, unsigned int set)
{
	if (set & FW_IPTABLES_LEGACY && iptables_is_usable(c, AF_INET) < 0)
		return -1;
	if (set & FW_FIREWALLD && !fw_firewalld_is_running(c))
		return err_set(c->err, ERR_UNAVAILABLE, "firewalld is not running");
	return 0;
}
