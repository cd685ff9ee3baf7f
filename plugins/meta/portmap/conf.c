/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/sha512.h"
#include "skel/instance.h"

#define CONDITIONS_MAX 4096 /* bytes, of one family */

static const struct json_field port_fields[] = {
	F_UINT("hostPort", struct portmap_port, host_port, .required = true, .min = 1,
	       .max = 65535),
	F_UINT("containerPort", struct portmap_port, container_port, .required = true, .min = 1,
	       .max = 65535),
	F_STR("protocol", struct portmap_port, protocol),
	F_IP("hostIP", struct portmap_port, host_ip),
	F_END,
};

static const struct json_field runtime_fields[] = {
	F_LIST("portMappings", struct portmap, ports, port_fields, .max = CNI_PORT_MAPPINGS_MAX),
	F_END,
};

const struct json_field portmap_fields[] = {
	F_STR("backend", struct portmap, backend),
	F_BOOL("snat", struct portmap, snat),
	F_BOOL("masqAll", struct portmap, masq_all),
	F_UINT("markMasqBit", struct portmap, mark_bit, HAS(struct portmap, mark_bit), .max = 31),
	F_STR("externalSetMarkChain", struct portmap, external_chain, .empty = true),
	F_STRS("conditionsV4", struct portmap, conditions[0]),
	F_STRS("conditionsV6", struct portmap, conditions[1]),
	F_HERE("runtimeConfig", runtime_fields),
	F_END,
};

const struct portmap portmap_defaults = { .snat = true, .mark_bit = PORTMAP_MARK_BIT };

/* ---- which backend --------------------------------------------------------------------------- */

/* Those that one backend alone may understand. */
static const char *const keys[] = { "conditionsV4", "conditionsV6", "externalSetMarkChain" };

/* The one backend that understands a key; NULL: both do, or it is not there. */
static const char *language_of(const struct portmap *p, size_t i)
{
	if (i < ARRAY_SIZE(ip_families))
		return condition_language(p->conditions[i], p->n_conditions[i]);
	return p->external_chain ? "iptables" : NULL;
}

/* The backend that is named, or the one that a key needs, as the reference has it. */
static int choose(const struct portmap *p, const char **backend, struct err *err)
{
	const char *by = "backend";

	*backend = p->backend;
	if (p->backend && strcmp(p->backend, "iptables") != 0 &&
	    strcmp(p->backend, "nftables") != 0)
		return err_config(err, "backend: \"%.80s\" is neither nftables nor iptables",
				  p->backend);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *language = language_of(p, i);

		if (language && *backend && strcmp(language, *backend) != 0)
			return err_config(err, "%s: for %s, while %s is for %s", keys[i], language,
					  by, *backend);
		if (language && !*backend) {
			*backend = language;
			by = keys[i];
		}
	}
	return 0;
}

/* A name that iptables takes: nothing that iptables-restore would take apart. */
static int check_external_chain(const struct portmap *p, struct err *err)
{
	const char *chain = p->external_chain;
	bool valid;

	if (p->has_mark_bit)
		return err_config(err, "externalSetMarkChain: markMasqBit cannot be given as well");
	valid = *chain && strlen(chain) <= INSTANCE_CHAIN_LEN && *chain != '-' && *chain != '!';
	for (const char *s = chain; *s; s++)
		valid &= *s > ' ' && *s <= '~' && !strchr("\"'\\", *s);
	if (!valid)
		return err_config(err, "externalSetMarkChain: \"%.80s\" is no chain's name", chain);
	return 0;
}

/*
 * iptables-restore takes a text apart at the ends of lines, even if they are quoted, and where one
 * is too long.
 */
static int check_words(const struct portmap *p, size_t i, struct err *err)
{
	size_t len = 0;

	for (size_t k = 0; k < p->n_conditions[i]; k++) {
		const char *word = p->conditions[i][k];

		if (!*word || strpbrk(word, "\n\r"))
			return err_config(err, "%s[%zu]: empty, or of several lines", keys[i], k);
		len += strlen(word) + 1;
	}
	if (len > CONDITIONS_MAX)
		return err_config(err, "%s: longer than %d characters", keys[i], CONDITIONS_MAX);
	return 0;
}

static int parse_conditions(struct portmap *p, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (condition_parse(p->conditions[i], p->n_conditions[i], ip_families[i],
				    &p->cond[i], arena, err) < 0)
			return err_wrap(err, "%s", keys[i]);
	return 0;
}

/* Where no backend is named, iptables does what only that can do. */
int portmap_resolve(struct portmap *p, struct arena *arena, struct err *err)
{
	const char *backend;

	if (p->backend && !*p->backend)
		p->backend = NULL;
	if (choose(p, &backend, err) < 0 || (p->external_chain && check_external_chain(p, err) < 0))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (check_words(p, i, err) < 0)
			return -1;
	p->may_fall_back = !p->backend && (!backend || strcmp(backend, "nftables") != 0);
	p->chosen = p->backend ? PORTMAP_NFTABLES : PORTMAP_OWN;
	if (!p->external_chain && (!p->backend || !strcmp(p->backend, "nftables"))) {
		if (parse_conditions(p, arena, err) == 0)
			return 0;
		if (!p->may_fall_back)
			return -1;
		err_clear(err);
	}
	p->chosen = PORTMAP_IPTABLES;
	return 0;
}

/* ---- mappings -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
	{ "dccp", IPPROTO_DCCP },
};

const char *portmap_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

uint8_t portmap_protocol(const char *name)
{
	if (!name || !*name)
		return IPPROTO_TCP;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcasecmp(name, protocols[i].name))
			return protocols[i].number;
	return 0;
}

static struct portmap_mapping mapping_of(const struct portmap *p, size_t i, const struct ip *to)
{
	static const uint8_t unspecified[16];
	const struct portmap_port *port = &p->ports[i];
	const struct ip *at = &port->host_ip;
	struct portmap_mapping m = {
		.to = *to,
		.protocol = portmap_protocol(port->protocol),
		.port = (uint16_t)port->host_port,
		.to_port = (uint16_t)port->container_port,
		.index = i,
	};

	if (at->family != AF_UNSPEC && memcmp(at->bytes, unspecified, ip_len(at)) != 0)
		m.at = *at;
	return m;
}

int portmap_by_place(const struct portmap_mapping *a, const struct portmap_mapping *b)
{
	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	if (a->port != b->port)
		return a->port - b->port;
	if (a->at.family != b->at.family)
		return a->at.family - b->at.family;
	return a->at.family == AF_UNSPEC ? 0 : ip_cmp(&a->at, &b->at);
}

static int by_place_and_index(const void *x, const void *y)
{
	const struct portmap_mapping *a = x, *b = y;
	int order = portmap_by_place(a, b);

	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* One family's that can be used, sorted. */
static size_t sort_family(const struct portmap *p, const struct ip *to, struct portmap_mapping *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ports; i++) {
		sa_family_t family = p->ports[i].host_ip.family;

		out[n] = mapping_of(p, i, to);
		if (out[n].protocol && out[n].port && out[n].to_port &&
		    (family == AF_UNSPEC || family == to->family))
			n++;
	}
	qsort(out, n, sizeof(*out), by_place_and_index);
	return n;
}

/* Each place once. */
static void add_family(struct portmap_list *list, const struct portmap *p, const struct ip *to)
{
	struct portmap_mapping *first = list->mapping + list->n;
	size_t n = sort_family(p, to, first), kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || portmap_by_place(&first[kept - 1], &first[i]) != 0)
			first[kept++] = first[i];
	list->n += kept;
}

/*
 * The first address of a family that is the container's on this interface, or of which the result
 * does not say whose it is.
 */
static const struct ip *address_of(const struct cni_result *r, const char *ifname,
				   sa_family_t family)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ipconfig *ip = &r->ips[i];
		const struct cni_interface *f;

		if (ip->address.family != family)
			continue;
		if (!ip->has_interface || ip->interface >= r->n_interfaces)
			return &ip->address;
		f = &r->interfaces[ip->interface];
		if (!strcmp(f->name, ifname) && f->sandbox && *f->sandbox)
			return &ip->address;
	}
	return NULL;
}

struct portmap_list portmap_list(const struct portmap *p, const struct cni_result *result,
				 const char *ifname, struct arena *arena)
{
	struct portmap_list list = {
		.mapping = arena_array(arena, struct portmap_mapping,
				       p->n_ports * ARRAY_SIZE(ip_families) + 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct ip *to = address_of(result, ifname, ip_families[i]);

		if (to)
			add_family(&list, p, to);
	}
	return list;
}

/* One place cannot lead to two ports. */
static int check_places(const struct portmap *p, sa_family_t family, struct arena *arena,
			struct err *err)
{
	struct portmap_mapping *all = arena_array(arena, struct portmap_mapping, p->n_ports + 1);
	const struct ip any = { .family = family };
	size_t n = sort_family(p, &any, all);

	for (size_t i = 1; i < n; i++)
		if (!portmap_by_place(&all[i - 1], &all[i]) && all[i - 1].to_port != all[i].to_port)
			return err_config(
				err,
				"runtimeConfig.portMappings[%zu].hostPort: %u/%s leads to %u already",
				all[i].index, all[i].port, portmap_protocol_name(all[i].protocol),
				all[i - 1].to_port);
	return 0;
}

int portmap_check_ports(const struct portmap *p, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < p->n_ports; i++)
		if (!portmap_protocol(p->ports[i].protocol))
			return err_config(
				err,
				"runtimeConfig.portMappings[%zu].protocol: \"%.80s\" is none "
				"of tcp, udp, sctp, dccp",
				i, p->ports[i].protocol);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (check_places(p, ip_families[i], arena, err) < 0)
			return -1;
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *portmap_mapping_name(const struct portmap_mapping *m, struct arena *arena)
{
	const char *protocol = portmap_protocol_name(m->protocol);
	char text[IP_STRLEN];

	if (m->at.family == AF_UNSPEC)
		return arena_printf(arena, "host port %u/%s", m->port, protocol);
	return arena_printf(arena,
			    m->at.family == AF_INET ? "host port %s:%u/%s" : "host port [%s]:%u/%s",
			    ip_str(&m->at, text), m->port, protocol);
}

const char *portmap_tag(const struct portmap *p, struct arena *arena)
{
	uint8_t digest[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		sha512_add(&s, keys[i], strlen(keys[i]) + 1);
		for (size_t k = 0; k < p->n_conditions[i]; k++)
			sha512_add(&s, p->conditions[i][k], strlen(p->conditions[i][k]) + 1);
	}
	sha512_end(&s, digest);
	return arena_printf(arena, "%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
			    digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
}
