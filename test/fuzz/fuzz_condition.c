/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cond - conditions: a byte for the family, then words separated by NUL; read, and made a rule
 * of.
 */
#include "fuzz.h"

#include "nft/expr.h"
#include "plugins/meta/portmap/condition.h"

/* As text for iptables they are quoted elsewhere: see fuzz_conf. */
static void make(struct arena *arena, const struct condition *cond, sa_family_t family)
{
	static struct err err;
	struct nl nl = { .err = &err };
	const struct nft_table t = { nft_nfproto(family), "t" };

	err_clear(&err);
	nl.labels = nl.default_labels;
	nl.batch = NL_BATCH;
	nl.buf = arena_alloc(arena, NL_BUFSIZE);
	nl.size = NL_BUFSIZE;
	nft_rule(&nl, &t, "c", NULL) {
		nft_family(&nl, nft_nfproto(family));
		condition_put(&nl, cond);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	const char **words = NULL;
	struct condition cond;
	sa_family_t family;
	size_t n = 0;
	int rc;

	if (!size)
		return 0;
	family = data[0] & 1 ? AF_INET6 : AF_INET;
	for (size_t at = 1; at < size && n < 64; at += strlen(words[n - 1]) + 1)
		*arena_append(&arena, words, n) = fuzz_text(&arena, data + at, size - at);
	rc = condition_parse(words, n, family, &cond, &arena, &err);
	fuzz_expect(rc, &err);
	for (size_t i = 0; !rc && i < cond.n; i++)
		if (cond.matches[i].name_len > IFNAMSIZ)
			abort();
	if (!rc)
		make(&arena, &cond, family);
	arena_free(&arena);
	return 0;
}
