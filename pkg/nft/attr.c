/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/attr.h"

#include <arpa/inet.h>
#include <string.h>

const struct nlattr *nft_attr_next(const struct nlattr *nest, const struct nlattr *attr)
{
	const struct nlattr *next;
	const char *end;

	if (!nest)
		return NULL;
	end = (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
	next = attr ? mnl_attr_next(attr) : mnl_attr_get_payload(nest);
	return mnl_attr_ok(next, (int)(end - (const char *)next)) ? next : NULL;
}

uint32_t nft_attr_u32(const struct nlattr *attr)
{
	uint32_t v = 0;

	if (attr)
		nl_attr_u32(attr, &v);
	return ntohl(v);
}

const char *nft_attr_str(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attr)
									 : "";
}

const void *nft_attr_data(const struct nlattr *nest, size_t *len)
{
	const struct nlattr *value = nl_attrs_of(nest).of[NFTA_DATA_VALUE];

	*len = value ? mnl_attr_get_payload_len(value) : 0;
	return value ? mnl_attr_get_payload(value) : NULL;
}

size_t nft_attr_copy(const struct nlattr *nest, void *out, size_t size)
{
	size_t len;
	const void *data = nft_attr_data(nest, &len);

	if (!len || len > size)
		return 0;
	memcpy(out, data, len);
	return len;
}

bool nft_attr_verdict(const struct nlattr *nest, int32_t *verdict, const char **chain)
{
	const struct nl_attrs a = nl_attrs_of(nl_attrs_of(nest).of[NFTA_DATA_VERDICT]);
	const char *to = nft_attr_str(a.of[NFTA_VERDICT_CHAIN]);

	*verdict = (int32_t)nft_attr_u32(a.of[NFTA_VERDICT_CODE]);
	*chain = *to ? to : NULL;
	return a.of[NFTA_VERDICT_CODE];
}

const char *nft_attr_text(const struct nlattr *userdata, uint8_t type, struct arena *arena)
{
	const uint8_t *p = userdata ? mnl_attr_get_payload(userdata) : NULL;
	size_t left = userdata ? mnl_attr_get_payload_len(userdata) : 0;

	for (; left >= 2 && left - 2 >= p[1]; left -= 2 + (size_t)p[1], p += 2 + p[1])
		if (p[0] == type)
			return arena_strndup(arena, (const char *)p + 2,
					     strnlen((const char *)p + 2, p[1]));
	return "";
}
