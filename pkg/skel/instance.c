/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha512.h"

#define DIGITS 16 /* of each of the two hashes */

_Static_assert(INSTANCE_ID_LEN == 2 * DIGITS + 1, "H1-H2");

static void hash(uint8_t digest[SHA512_LEN], const char *const *parts, size_t n)
{
	struct sha512 s;

	sha512_begin(&s);
	for (size_t i = 0; i < n; i++)
		sha512_add(&s, parts[i], strlen(parts[i]));
	sha512_end(&s, digest);
}

/* The first 16 digits as a number. */
static uint64_t hash64(const char *const *parts, size_t n)
{
	uint8_t digest[SHA512_LEN];
	uint64_t x = 0;

	hash(digest, parts, n);
	for (unsigned int i = 0; i < sizeof(x); i++)
		x = x << 8 | digest[i];
	return x;
}

static uint64_t hash_instance(const char *ifname, const char *container_id)
{
	const char *const parts[] = { ifname, ":", container_id };

	return hash64(parts, ARRAY_SIZE(parts));
}

/* What does not fit is left out. */
static void append(struct instance *o, const char *key, const char *name)
{
	size_t at = strlen(o->comment);

	snprintf(o->comment + at, sizeof(o->comment) - at, ", %s: ", key);
	at = strlen(o->comment);
	for (; *name && at < INSTANCE_COMMENT_MAX; name++)
		if (*name != '"')
			o->comment[at++] = *name;
}

void instance_init(struct instance *o, const char *network, const char *ifname,
		   const char *container_id)
{
	*o = (struct instance){ 0 };
	snprintf(o->comment, sizeof(o->comment), "%016jx-%016jx", (uintmax_t)hash64(&network, 1),
		 (uintmax_t)hash_instance(ifname, container_id));
	append(o, "net", network);
	append(o, "if", ifname);
	append(o, "id", container_id);
}

static int compare(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

void instance_set_init(struct instance_set *s, struct cni_call *c)
{
	const struct cni_conf *conf = &c->req->net;

	snprintf(s->network, sizeof(s->network), "%016jx-", (uintmax_t)hash64(&conf->name, 1));
	s->known = conf->has_attachments;
	s->n_valid = conf->n_attachments;
	s->valid = arena_array(c->arena, uint64_t, s->n_valid + 1);
	for (size_t i = 0; i < s->n_valid; i++)
		s->valid[i] = hash_instance(conf->attachments[i].ifname,
					    conf->attachments[i].container_id);
	qsort(s->valid, s->n_valid, sizeof(*s->valid), compare);
}

static bool parse_digits(const char *s, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";

	*out = 0;
	for (int i = 0; i < DIGITS; i++) {
		const char *digit = s[i] ? strchr(digits, s[i]) : NULL;

		if (!digit)
			return false;
		*out = *out << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

bool instance_has_comment(const struct instance *o, const char *comment)
{
	return !strncmp(comment, o->comment, INSTANCE_ID_LEN);
}

bool instance_match_this(const char *comment, void *instance)
{
	return instance_has_comment(instance, comment);
}

bool instance_match_stale(const char *comment, void *set)
{
	const struct instance_set *s = set;
	uint64_t key;

	return s->known && !strncmp(comment, s->network, DIGITS + 1) &&
	       parse_digits(comment + DIGITS + 1, &key) &&
	       !bsearch(&key, s->valid, s->n_valid, sizeof(*s->valid), compare);
}

void instance_hash_name(char *out, size_t len, const char *prefix, const char *network,
			const char *container_id)
{
	const char *const parts[] = { network, container_id };
	char text[2 * SHA512_LEN + 1];
	uint8_t digest[SHA512_LEN];

	hash(digest, parts, ARRAY_SIZE(parts));
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	snprintf(out, len + 1, "%s%s", prefix, text);
}
