/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_compat_rule.h"

#include <arpa/inet.h>
#include <string.h>

/* What a rule compares, in the order of its expressions, and where it sends. */
struct reading {
	enum { OTHER, DADDR, PROTOCOL, PORT } loaded;
	sa_family_t family;
	const struct ip *wanted;
	struct portmap_compat_rule read;
};

static uint32_t number_of(const struct nlattr *attr)
{
	uint32_t v = 0;

	nl_attr_u32(attr, &v);
	return ntohl(v);
}

struct load {
	uint32_t key, base, offset;
};

static int meta_attr(const struct nlattr *attr, void *data)
{
	struct load *l = data;

	if (mnl_attr_get_type(attr) == NFTA_META_KEY)
		l->key = number_of(attr);
	return MNL_CB_OK;
}

static int payload_attr(const struct nlattr *attr, void *data)
{
	struct load *l = data;

	if (mnl_attr_get_type(attr) == NFTA_PAYLOAD_BASE)
		l->base = number_of(attr);
	if (mnl_attr_get_type(attr) == NFTA_PAYLOAD_OFFSET)
		l->offset = number_of(attr);
	return MNL_CB_OK;
}

static void take_meta(struct reading *r, const struct nlattr *data)
{
	struct load l = { 0 };

	(void)mnl_attr_parse_nested(data, meta_attr, &l);
	r->loaded = l.key == NFT_META_L4PROTO ? PROTOCOL : OTHER;
}

static void take_payload(struct reading *r, const struct nlattr *data)
{
	struct load l = { 0 };

	(void)mnl_attr_parse_nested(data, payload_attr, &l);
	r->loaded = OTHER;
	if (l.base == NFT_PAYLOAD_TRANSPORT_HEADER && l.offset == 2)
		r->loaded = PORT;
	if (l.base == NFT_PAYLOAD_NETWORK_HEADER && l.offset == (r->family == AF_INET ? 16 : 24))
		r->loaded = DADDR;
}

static int value_attr(const struct nlattr *attr, void *data)
{
	struct reading *r = data;
	const void *value = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr), address = r->family == AF_INET ? 4 : 16;

	if (mnl_attr_get_type(attr) != NFTA_DATA_VALUE)
		return MNL_CB_OK;
	if (r->wanted && len == address && !memcmp(value, r->wanted->bytes, len))
		r->read.names_it = true;
	if (r->loaded == DADDR && len == address) {
		r->read.mapping.at.family = r->family;
		memcpy(r->read.mapping.at.bytes, value, len);
	} else if (r->loaded == PROTOCOL && len == 1) {
		memcpy(&r->read.mapping.protocol, value, 1);
	} else if (r->loaded == PORT && len == 2) {
		memcpy(&r->read.mapping.port, value, 2);
		r->read.mapping.port = ntohs(r->read.mapping.port);
	} else {
		r->read.is_narrow = true;
	}
	return MNL_CB_OK;
}

static int cmp_attr(const struct nlattr *attr, void *data)
{
	struct reading *r = data;

	if (mnl_attr_get_type(attr) == NFTA_CMP_OP && number_of(attr) != NFT_CMP_EQ)
		r->read.is_narrow = true;
	if (mnl_attr_get_type(attr) == NFTA_CMP_DATA)
		(void)mnl_attr_parse_nested(attr, value_attr, r);
	return MNL_CB_OK;
}

static int target_value(const struct nlattr *attr, void *data)
{
	struct reading *r = data;
	struct portmap_mapping *m = &r->read.mapping;
	const void *value = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) != NFTA_DATA_VALUE)
		return MNL_CB_OK;
	if (len == sizeof(m->to_port)) {
		memcpy(&m->to_port, value, len);
		m->to_port = ntohs(m->to_port);
	}
	if (len == (r->family == AF_INET ? 4 : 16)) {
		m->to.family = r->family;
		memcpy(m->to.bytes, value, len);
		r->read.names_it |= r->wanted && ip_equal(&m->to, r->wanted);
	}
	return MNL_CB_OK;
}

static int target_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_IMMEDIATE_DATA)
		(void)mnl_attr_parse_nested(attr, target_value, data);
	return MNL_CB_OK;
}

static void take_expr(const char *name, const struct nlattr *data, void *arg)
{
	struct reading *r = arg;

	if (!strcmp(name, "meta")) {
		take_meta(r, data);
	} else if (!strcmp(name, "payload")) {
		take_payload(r, data);
	} else if (!strcmp(name, "cmp")) {
		(void)mnl_attr_parse_nested(data, cmp_attr, r);
	} else if (!strcmp(name, "immediate")) {
		(void)mnl_attr_parse_nested(data, target_attr, r);
	} else if (strcmp(name, "nat") != 0) {
		r->read.is_narrow = true;
	}
}

struct portmap_compat_rule portmap_compat_rule(const struct nft_rule_info *rule, sa_family_t family,
					       const struct ip *address)
{
	struct reading r = { .family = family, .wanted = address };

	nft_expressions(rule, take_expr, &r);
	return r.read;
}
