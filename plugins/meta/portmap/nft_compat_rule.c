/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_compat_rule.h"

#include <arpa/inet.h>
#include <string.h>

static void take_address(struct ip *out, sa_family_t family, const struct nft_stmt *s)
{
	out->family = family;
	memcpy(out->bytes, s->data, s->len);
}

static uint16_t port_of(const struct nft_stmt *s)
{
	uint16_t port;

	memcpy(&port, s->data, sizeof(port));
	return ntohs(port);
}

static void take_match(struct portmap_compat_rule *r, sa_family_t family, const struct nft_stmt *s)
{
	size_t len = family == AF_INET ? 4 : 16;

	if (s->negated)
		r->is_narrow = true;
	else if (s->field == NFT_FIELD_DADDR && s->len == len && s->plen == len * 8)
		take_address(&r->mapping.at, family, s);
	else if (s->field == NFT_FIELD_PROTOCOL)
		memcpy(&r->mapping.protocol, s->data, 1);
	else if (s->field == NFT_FIELD_DPORT)
		r->mapping.port = port_of(s);
	else
		r->is_narrow = true;
}

static void take_value(struct portmap_compat_rule *r, sa_family_t family, const struct nft_stmt *s)
{
	if (s->len == sizeof(r->mapping.to_port))
		r->mapping.to_port = port_of(s);
	if (s->len == (family == AF_INET ? 4 : 16))
		take_address(&r->mapping.to, family, s);
}

struct portmap_compat_rule portmap_compat_rule(const struct nft_rule_info *rule, sa_family_t family)
{
	struct portmap_compat_rule r = { 0 };

	for (size_t i = 0; i < rule->n; i++) {
		const struct nft_stmt *s = &rule->stmts[i];

		if (s->kind == NFT_STMT_MATCH)
			take_match(&r, family, s);
		else if (s->kind == NFT_STMT_VALUE)
			take_value(&r, family, s);
		else if (s->kind != NFT_STMT_NAT && s->kind != NFT_STMT_VERDICT)
			r.is_narrow = true;
	}
	return r;
}
