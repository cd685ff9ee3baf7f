/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include <string.h>

#include "base/str.h"
#include "nft/expr.h"

const char *condition_language(const char *const *words, size_t n)
{
	if (!n || !*words[0])
		return NULL;
	return *words[0] == '-' || *words[0] == '!' ? "iptables" : "nftables";
}

/* What is left of the words, and what has become of them. */
struct reader {
	const char *const *words;
	size_t n, at;
	sa_family_t family;
	struct arena *arena;
	struct err *err;
};

static const char *take(struct reader *r)
{
	return r->at < r->n ? r->words[r->at++] : NULL;
}

static bool take_if(struct reader *r, const char *word)
{
	if (r->at == r->n || strcmp(r->words[r->at], word) != 0)
		return false;
	r->at++;
	return true;
}

static int refuse(struct reader *r, const char *word, const char *why)
{
	return err_config(r->err, "\"%.80s\": %s", word ? word : "", why);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int take_address(struct reader *r, struct condition_match *m)
{
	const char *word = take(r);

	if (!word)
		return refuse(r, word, "an address is missing");
	if (!(strchr(word, '/') ? cidr_parse(&m->net, word) : ip_parse(&m->net, word)))
		return refuse(r, word, "not an address");
	if (m->net.family != r->family)
		return refuse(r, word, "of the other family");
	return 0;
}

/* With `any` behind it, "+" or "*", it is the beginning of a name. */
static int take_name(struct reader *r, struct condition_match *m, char any)
{
	const char *word = take(r);
	size_t len = word ? strlen(word) : 0;

	m->name_len = IFNAMSIZ;
	if (len >= 2 && word[0] == '"' && word[len - 1] == '"') {
		word++;
		len -= 2;
	}
	if (len && word[len - 1] == any)
		m->name_len = (uint8_t)--len;
	if (!len || len >= IFNAMSIZ)
		return refuse(r, word, "not an interface name");
	memcpy(m->name, word, len);
	return str_ifname_fault(m->name) ? refuse(r, word, "not an interface name") : 0;
}

/* ---- iptables -------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	enum nft_field on;
} options[] = {
	{ "-s", NFT_FIELD_SADDR },       { "--src", NFT_FIELD_SADDR },
	{ "--source", NFT_FIELD_SADDR }, { "-d", NFT_FIELD_DADDR },
	{ "--dst", NFT_FIELD_DADDR },    { "--destination", NFT_FIELD_DADDR },
	{ "-i", NFT_FIELD_IIFNAME },     { "--in-interface", NFT_FIELD_IIFNAME },
};

static int take_option(struct reader *r, struct condition_match *m)
{
	const char *word;

	m->negated = take_if(r, "!");
	word = take(r);
	for (size_t i = 0; word && i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].word, word) != 0)
			continue;
		m->on = options[i].on;
		return m->on == NFT_FIELD_IIFNAME ? take_name(r, m, '+') : take_address(r, m);
	}
	return refuse(r, word, "only -s, -d and -i, with or without !, are known here");
}

/* ---- nft ------------------------------------------------------------------------------------- */

static int take_expression(struct reader *r, struct condition_match *m)
{
	bool header = take_if(r, r->family == AF_INET ? "ip" : "ip6");

	if (!header)
		(void)take_if(r, "meta");
	if (header && take_if(r, "saddr"))
		m->on = NFT_FIELD_SADDR;
	else if (header && take_if(r, "daddr"))
		m->on = NFT_FIELD_DADDR;
	else if (!header && take_if(r, "iifname"))
		m->on = NFT_FIELD_IIFNAME;
	else
		return refuse(r, take(r),
			      r->family == AF_INET
				      ? "only ip saddr, ip daddr and iifname are known here"
				      : "only ip6 saddr, ip6 daddr and iifname are known here");
	m->negated = take_if(r, "!=");
	if (!m->negated)
		(void)take_if(r, "==");
	return m->on == NFT_FIELD_IIFNAME ? take_name(r, m, '*') : take_address(r, m);
}

/* nft(8) gets them in one line, so it does not matter where one ends and the next begins. */
static void split(struct reader *r, const char *const *words, size_t n)
{
	const char **list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		for (const char *p = words[i]; *(p += strspn(p, " \t"));) {
			size_t len = strcspn(p, " \t");

			*arena_append(r->arena, list, count) = arena_strndup(r->arena, p, len);
			p += len;
		}
	}
	r->words = list;
	r->n = count;
}

/* ---- both ------------------------------------------------------------------------------------ */

int condition_parse(const char *const *words, size_t n, sa_family_t family, struct condition *out,
		    struct arena *arena, struct err *err)
{
	struct reader r = { words, n, 0, family, arena, err };
	const char *language = condition_language(words, n);
	bool nft = language && !strcmp(language, "nftables");

	*out = (struct condition){ 0 };
	if (nft)
		split(&r, words, n);
	while (r.at < r.n) {
		struct condition_match *m = arena_append(arena, out->matches, out->n);

		*m = (struct condition_match){ 0 };
		if ((nft ? take_expression(&r, m) : take_option(&r, m)) < 0)
			return -1;
	}
	return 0;
}

void condition_put(struct nl *nl, const struct condition *cond)
{
	for (size_t i = 0; i < cond->n; i++) {
		const struct condition_match *m = &cond->matches[i];
		enum nft_cmp_ops op = m->negated ? NFT_CMP_NEQ : NFT_CMP_EQ;

		if (m->on == NFT_FIELD_IIFNAME) {
			nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
			nft_cmp(nl, op, NFT_R(0), m->name, m->name_len);
		} else {
			nft_addr_in(nl, m->on, &m->net, op);
		}
	}
}
