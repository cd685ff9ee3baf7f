/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/sha512.h"
#include "nft_elems.h"

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
	F_LIST("portMappings", struct portmap, ports, port_fields, .max = PORTMAP_MAX),
	F_END,
};

const struct json_field portmap_fields[] = {
	F_STR("backend", struct portmap, backend),
	F_BOOL("snat", struct portmap, snat),
	F_BOOL("masqAll", struct portmap, masq_all),
	F_UINT("markMasqBit", struct portmap, mark_bit, HAS(struct portmap, mark_bit), .max = 31),
	F_STR("externalSetMarkChain", struct portmap, external_chain, .empty = true),
	F_STRS("conditionsV4", struct portmap, conditions_v4),
	F_STRS("conditionsV6", struct portmap, conditions_v6),
	F_HERE("runtimeConfig", runtime_fields),
	F_END,
};

const struct portmap portmap_defaults = { .snat = true, .mark_bit = PORTMAP_MARK_BIT };

/* ---- which backend --------------------------------------------------------------------------- */

static const sa_family_t families[] = { AF_INET, AF_INET6 };
static const char *const condition_keys[] = { "conditionsV4", "conditionsV6" };

struct portmap_words portmap_conditions(const struct portmap *p, sa_family_t family)
{
	if (family == AF_INET)
		return (struct portmap_words){ p->conditions_v4, p->n_conditions_v4 };
	return (struct portmap_words){ p->conditions_v6, p->n_conditions_v6 };
}

/* Of the conditions; NULL: both could be, or neither has any. */
static const char *language_of(const struct portmap *p, size_t i)
{
	const struct portmap_words words = portmap_conditions(p, families[i]);

	return condition_language(words.word, words.n);
}

/* Keys that only the other backend understands, as the reference has it. */
static int check_backend(const struct portmap *p, struct err *err)
{
	const char *other = strcmp(p->backend, "iptables") ? "iptables" : "nftables";

	if (strcmp(p->backend, "iptables") != 0 && strcmp(p->backend, "nftables") != 0)
		return err_config(err, "backend: \"%.80s\" is neither nftables nor iptables",
				  p->backend);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *language = language_of(p, i);

		if (language && !strcmp(language, other))
			return err_config(err, "%s: are for %s, and backend is %s",
					  condition_keys[i], other, p->backend);
	}
	if (p->external_chain && !strcmp(other, "iptables"))
		return err_config(err, "externalSetMarkChain: is for iptables, and backend is %s",
				  p->backend);
	return 0;
}

/* A name that iptables takes: nothing that iptables-restore would take apart. */
static int check_external_chain(const struct portmap *p, struct err *err)
{
	const char *chain = p->external_chain;

	if (p->has_mark_bit)
		return err_config(err, "externalSetMarkChain: markMasqBit cannot be given as well");
	if (!*chain || strlen(chain) > INSTANCE_CHAIN_LEN || *chain == '-' || *chain == '!')
		return err_config(err, "externalSetMarkChain: \"%.80s\" is no chain's name", chain);
	for (const char *s = chain; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("\"'\\", *s))
			return err_config(err, "externalSetMarkChain: \"%.80s\" is no chain's name",
					  chain);
	return 0;
}

/*
 * iptables-restore takes a text apart at the ends of lines, even if they are quoted, and where one
 * is too long.
 */
static int check_words(const char *key, struct portmap_words words, struct err *err)
{
	size_t len = 0;

	for (size_t i = 0; i < words.n; i++) {
		if (!*words.word[i] || strpbrk(words.word[i], "\n\r"))
			return err_config(err, "%s[%zu]: empty, or of several lines", key, i);
		len += strlen(words.word[i]) + 1;
	}
	if (len > CONDITIONS_MAX)
		return err_config(err, "%s: longer than %d characters", key, CONDITIONS_MAX);
	return 0;
}

static int parse_conditions(struct portmap *p, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct portmap_words words = portmap_conditions(p, families[i]);

		if (condition_parse(words.word, words.n, families[i], &p->cond[i], arena, err) < 0)
			return err_wrap(err, "%s", condition_keys[i]);
	}
	return 0;
}

/* Nobody has said which: iptables where only that can do what is asked for. */
static int choose(struct portmap *p, struct arena *arena, struct err *err)
{
	bool nft = false, iptables = p->external_chain;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *language = language_of(p, i);

		if (language && !strcmp(language, "nftables"))
			nft = true;
		else if (language)
			iptables = true;
	}
	if (nft && iptables)
		return err_config(err,
				  "conditionsV4, conditionsV6, externalSetMarkChain: some are for "
				  "nftables and some for iptables");
	if (p->external_chain) {
		p->chosen = PORTMAP_IPTABLES;
		return 0;
	}
	p->may_fall_back = !nft;
	if (parse_conditions(p, arena, err) == 0)
		return 0;
	if (nft)
		return -1;
	err_clear(err);
	p->chosen = PORTMAP_IPTABLES;
	return 0;
}

int portmap_resolve(struct portmap *p, struct arena *arena, struct err *err)
{
	if (p->backend && !*p->backend)
		p->backend = NULL;
	if (p->backend && check_backend(p, err) < 0)
		return -1;
	if (p->external_chain && check_external_chain(p, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (check_words(condition_keys[i], portmap_conditions(p, families[i]), err) < 0)
			return -1;
	}
	if (!p->backend)
		return choose(p, arena, err);
	p->chosen = strcmp(p->backend, "iptables") ? PORTMAP_NFTABLES : PORTMAP_IPTABLES;
	return p->chosen == PORTMAP_NFTABLES ? parse_conditions(p, arena, err) : 0;
}

/* ---- mappings -------------------------------------------------------------------------------- */

uint8_t portmap_protocol(const struct portmap_port *port)
{
	static const uint8_t known[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP };

	if (!port->protocol || !*port->protocol)
		return IPPROTO_TCP;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcasecmp(port->protocol, portmap_protocol_name(known[i])))
			return known[i];
	return 0;
}

static bool is_unspecified(const struct ip *ip)
{
	static const uint8_t none[16];

	return !memcmp(ip->bytes, none, ip_len(ip));
}

static bool is_usable(const struct portmap_port *port)
{
	return port->host_port && port->container_port && portmap_protocol(port);
}

/* Is it for this family, too? */
static bool is_for(const struct portmap_port *port, sa_family_t family)
{
	return port->host_ip.family == AF_UNSPEC || port->host_ip.family == family;
}

static struct portmap_mapping mapping_of(const struct portmap_port *port, const struct ip *to)
{
	struct portmap_mapping m = {
		.to = *to,
		.protocol = portmap_protocol(port),
		.port = (uint16_t)port->host_port,
		.to_port = (uint16_t)port->container_port,
	};

	if (port->host_ip.family != AF_UNSPEC && !is_unspecified(&port->host_ip))
		m.at = port->host_ip;
	return m;
}

/* The place on the host. */
static int by_place(const void *x, const void *y)
{
	const struct portmap_mapping *a = x, *b = y;

	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	if (a->port != b->port)
		return a->port - b->port;
	if (a->at.family != b->at.family)
		return a->at.family - b->at.family;
	return a->at.family == AF_UNSPEC ? 0 : ip_cmp(&a->at, &b->at);
}

/* One family's, sorted, each place once. */
static void add_family(struct portmap_list *list, const struct portmap *p, const struct ip *to)
{
	struct portmap_mapping *first = list->mapping + list->n;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < p->n_ports; i++)
		if (is_usable(&p->ports[i]) && is_for(&p->ports[i], to->family))
			first[n++] = mapping_of(&p->ports[i], to);
	qsort(first, n, sizeof(*first), by_place);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_place(&first[kept - 1], &first[i]) != 0)
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
				       p->n_ports * ARRAY_SIZE(families) + 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct ip *to = address_of(result, ifname, families[i]);

		if (to)
			add_family(&list, p, to);
	}
	return list;
}

/* A mapping and where it comes from. */
struct placed {
	struct portmap_mapping m;
	size_t index;
};

static int by_place_and_index(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int order = by_place(&x->m, &y->m);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* One place cannot lead to two ports. */
static int check_places(const struct portmap *p, sa_family_t family, struct arena *arena,
			struct err *err)
{
	struct placed *all = arena_array(arena, struct placed, p->n_ports + 1);
	const struct ip any = { .family = family };
	size_t n = 0;

	for (size_t i = 0; i < p->n_ports; i++)
		if (is_for(&p->ports[i], family))
			all[n++] = (struct placed){ mapping_of(&p->ports[i], &any), i };
	qsort(all, n, sizeof(*all), by_place_and_index);
	for (size_t i = 1; i < n; i++)
		if (!by_place(&all[i - 1].m, &all[i].m) && all[i - 1].m.to_port != all[i].m.to_port)
			return err_config(
				err,
				"runtimeConfig.portMappings[%zu].hostPort: %u/%s leads to %u already",
				all[i].index, all[i].m.port,
				portmap_protocol_name(all[i].m.protocol), all[i - 1].m.to_port);
	return 0;
}

int portmap_check_ports(const struct portmap *p, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < p->n_ports; i++)
		if (!portmap_protocol(&p->ports[i]))
			return err_config(
				err,
				"runtimeConfig.portMappings[%zu].protocol: \"%.80s\" is none "
				"of tcp, udp, sctp, dccp",
				i, p->ports[i].protocol);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (check_places(p, families[i], arena, err) < 0)
			return -1;
	return 0;
}

/* ---- elements -------------------------------------------------------------------------------- */

/* 16 digits that tell one set of conditions from another. */
static const char *tag_of(const struct portmap *p, struct arena *arena)
{
	uint8_t digest[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct portmap_words words = portmap_conditions(p, families[i]);

		sha512_add(&s, condition_keys[i], strlen(condition_keys[i]) + 1);
		for (size_t k = 0; k < words.n; k++)
			sha512_add(&s, words.word[k], strlen(words.word[k]) + 1);
	}
	sha512_end(&s, digest);
	return arena_printf(arena, "%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
			    digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
}

enum portmap_masq_mode portmap_masq(const struct portmap *p)
{
	if (!p->snat)
		return PORTMAP_MASQ_NONE;
	return p->masq_all ? PORTMAP_MASQ_ALL : PORTMAP_MASQ_LOCAL_SUBNET;
}

struct nft_elems portmap_elems(const struct portmap *p, const char *comment, struct arena *arena)
{
	const struct nft_table_def *own = portmap_nft_table(p->cond, tag_of(p, arena), arena);
	struct nft_elems elems =
		portmap_nft_elems(own, p->list.mapping, p->list.n, portmap_masq(p), arena);

	elems.comment = comment;
	return elems;
}
