/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_iptables.h"

#include <string.h>

#include "netfilter/iptables.h"
#include "netfilter/iptables_save.h"

#define FAMILIES ARRAY_SIZE(ip_families)

static const char *const postrouting[] = { "POSTROUTING", NULL };

struct chain {
	const char *network, *container_id;
	char name[INSTANCE_CHAIN_LEN + 1];
	const struct ip **others; /* addresses of the container's other interfaces on the network */
	size_t n_others;
};

static struct chain chain_of(const char *network, const char *container_id)
{
	struct chain chain = { .network = network, .container_id = container_id };

	instance_hash_name(chain.name, INSTANCE_CHAIN_LEN, "CNI-", network, container_id);
	return chain;
}

static const char *host_str(const struct ip *ip, char text[IP_STRLEN])
{
	struct ip host = ip_host(ip);

	return cidr_str(&host, text);
}

static const char *network_str(const struct ip *ip, char text[IP_STRLEN])
{
	const struct ip net = ip_network(ip);

	return cidr_str(&net, text);
}

static bool is_saved(struct cni_call *c, const char *saved, const char *line)
{
	static const char *const options[] = { "-s", "-d", "-j", NULL };
	const struct iptables_save_rule want = iptables_save_parse(line, c->arena);
	struct iptables_save_rule rule;

	while (iptables_save_next(&saved, want.word[0], &rule, c->arena))
		if (iptables_save_equal(&rule, &want, options))
			return true;
	return false;
}

/*
 * An address's rules that are not there. The subnets come before the rest of the world. Names have
 * no characters that iptables-restore would take apart.
 */
static const char *missing_rules(struct cni_call *c, const struct chain *chain, const char *saved,
				 const char *text, const struct ip *ip)
{
	const char *comment =
		arena_printf(c->arena, "-m comment --comment \"name: \\\"%s\\\" id: \\\"%s\\\"\"",
			     chain->network, chain->container_id);
	char net[IP_STRLEN], host[IP_STRLEN];
	const char *const lines[] = {
		arena_printf(c->arena, "-I %s -d %s %s -j ACCEPT", chain->name,
			     network_str(ip, net), comment),
		arena_printf(c->arena, "-A %s ! -d %s %s -j MASQUERADE", chain->name,
			     ip->family == AF_INET ? "224.0.0.0/4" : "ff00::/8", comment),
		arena_printf(c->arena, "-A %s -s %s %s -j %s", postrouting[0], host_str(ip, host),
			     comment, chain->name),
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text, lines[i]) && !is_saved(c, saved, lines[i]))
			text = arena_printf(c->arena, "%s%s\n", text, lines[i]);
	return text;
}

/* What is not there yet, of each family; "": nothing. */
static int missing(struct cni_call *c, const struct cni_result *r, const char *text[FAMILIES])
{
	const struct chain chain = chain_of(c->req->net.name, c->req->container_id);

	for (size_t k = 0; k < FAMILIES; k++) {
		sa_family_t family = ip_families[k];
		const char *saved;

		text[k] = "";
		if (!cni_result_has_family(r, family))
			continue;
		if (iptables_saved(c, family, IPTABLES_NAT, chain.name, &saved) < 0)
			return -1;
		for (size_t i = 0; i < r->n_ips; i++)
			if (r->ips[i].address.family == family)
				text[k] = missing_rules(c, &chain, saved, text[k],
							&r->ips[i].address);
		if (*text[k] && !iptables_save_has_chain(saved, chain.name))
			text[k] = arena_printf(c->arena, ":%s -\n%s", chain.name, text[k]);
	}
	return 0;
}

static int restore(struct cni_call *c, const char *const text[FAMILIES])
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (*text[i] &&
		    iptables_restore(c, ip_families[i], false,
				     arena_printf(c->arena, "*nat\n%sCOMMIT\n", text[i])) < 0)
			return -1;
	return 0;
}

static int set(struct cni_call *c, const struct cni_result *r)
{
	const char *text[FAMILIES];

	return missing(c, r, text) < 0 ? -1 : restore(c, text);
}

static int check(struct cni_call *c)
{
	const char *text[FAMILIES];

	if (missing(c, c->req->prev, text) < 0)
		return -1;
	return *text[0] || *text[1] ? err_set(c->err, ERR_CHECK, "iptables: rules are gone") : 0;
}

static int add_other(struct cni_call *c, const struct record *r, void *data)
{
	struct chain *chain = data;

	if (strcmp(r->network, chain->network) != 0 ||
	    strcmp(r->container_id, chain->container_id) != 0)
		return 0;
	for (size_t i = 0; i < r->prev.n_ips; i++)
		*arena_append(c->arena, chain->others, chain->n_others) = &r->prev.ips[i].address;
	return 0;
}

/* Is the rule about one of the addresses, or a subnet of theirs? */
static bool is_of_others(const struct chain *chain, const struct iptables_save_rule *rule)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < chain->n_others; i++)
		if (iptables_save_has(rule, "-s", host_str(chain->others[i], text)) ||
		    iptables_save_has(rule, "-d", network_str(chain->others[i], text)))
			return true;
	return false;
}

/* The deletion of a chain's rules with this target that are not the others'; *shared: some are. */
static const char *deletions(struct cni_call *c, const struct chain *chain, const char *saved,
			     const char *from, const char *target, bool *shared)
{
	struct iptables_save_rule rule;
	const char *text = "";

	while (iptables_save_next(&saved, from, &rule, c->arena)) {
		if (!iptables_save_has(&rule, "-j", target))
			continue;
		if (!is_of_others(chain, &rule))
			text = arena_printf(c->arena, "%s-D %s\n", text, rule.text);
		else if (shared)
			*shared = true;
	}
	return text;
}

static int leave_to_others(struct cni_call *c, const struct chain *chain, bool *shared)
{
	const char *saved, *text[FAMILIES], *name = chain->name;

	*shared = false;
	for (size_t i = 0; chain->n_others && i < FAMILIES; i++) {
		if (iptables_saved(c, ip_families[i], IPTABLES_NAT, name, &saved) < 0)
			return -1;
		text[i] = arena_printf(c->arena, "%s%s",
				       deletions(c, chain, saved, postrouting[0], name, shared),
				       deletions(c, chain, saved, name, "ACCEPT", NULL));
	}
	return *shared ? restore(c, text) : 0;
}

/* The chain goes with the last interface that has a record. */
static int remove_chain(struct cni_call *c, const char *network, const char *container_id)
{
	struct chain chain = chain_of(network, container_id);
	const struct nft_chain_removal d = { .chain = chain.name, .from = postrouting };
	bool has, shared;

	if (iptables_may_have_chain(c, IPTABLES_NAT, chain.name, &has) < 0)
		return -1;
	if (!has)
		return 0;
	if (record_each_other(c, container_id, add_other, &chain) < 0 ||
	    leave_to_others(c, &chain, &shared) < 0)
		return -1;
	return shared ? 0 : iptables_chain_remove(c, IPTABLES_NAT, &d);
}

static int del(struct cni_call *c, const struct cni_result *r)
{
	(void)r;
	return remove_chain(c, c->req->net.name, c->req->container_id);
}

static int gc_chain(struct cni_call *c, const struct record *r)
{
	return remove_chain(c, r->network, r->container_id);
}

static int gc(struct cni_call *c, nft_stale stale, void *data)
{
	(void)stale, (void)data;
	return record_each_stale(c, gc_chain);
}

const struct masq_backend masq_iptables = { "iptables", check, set, del, gc };
