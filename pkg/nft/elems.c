/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/elems.h"

#include <stdio.h>
#include <string.h>

const struct nft_elem *nft_elems_find(const struct nft_elems *c, const struct nft_elem *key)
{
	for (size_t i = 0; i < c->n_elems; i++) {
		const struct nft_elem *e = &c->elems[i];

		if (!strcmp(e->set, key->set) && e->key_len == key->key_len &&
		    !memcmp(e->key, key->key, e->key_len))
			return e;
	}
	return NULL;
}

struct nft_elem *nft_elems_put(struct nft_elems *c, const char *set, const struct ip *key,
			       const char *label, struct arena *arena)
{
	struct nft_elem *e = &c->elems[c->n_elems];
	char text[IP_STRLEN];

	*e = (struct nft_elem){ .set = set, .key_len = (uint8_t)ip_len(key) };
	memcpy(e->key, key->bytes, e->key_len);
	if (nft_elems_find(c, e))
		return NULL;
	e->label = arena_printf(arena, "%s %s", label, ip_str(key, text));
	c->n_elems++;
	return e;
}

void nft_elems_goto(struct nft_elems *c, struct nft_elem *e, const char *prefix,
		    const struct ip *net, nft_subchain_build build)
{
	struct nft_subchain *s = &c->chains[c->n_chains], *k = c->chains;
	char text[IP_STRLEN] = "";

	*s = (struct nft_subchain){ .build = build };
	if (net)
		s->net = ip_network(net);
	snprintf(s->name, sizeof(s->name), "%s%s", prefix, net ? cidr_str(&s->net, text) : "");
	for (char *p = s->name; *p; p++)
		if (*p == ':')
			*p = '_';
	while (strcmp(k->name, s->name) != 0)
		k++;
	if (k == s)
		c->n_chains++;
	e->has_verdict = true;
	e->verdict = NFT_GOTO;
	e->chain = k->name;
}
