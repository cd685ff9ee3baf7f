/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/value.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* What is tagged so: ["set", [...]], ["map", [...]], ["uuid", "..."]. */
static const struct json *tagged(const struct json *v, const char *tag)
{
	const struct json *first = json_is_list(v) ? json_first(v) : NULL;
	const char *have = json_string(first);

	return have && !strcmp(have, tag) ? json_next(first) : NULL;
}

size_t ovsdb_set(const struct json *v, const struct json **first)
{
	const struct json *set = tagged(v, "set");
	size_t n = 0;

	*first = v;
	if (!set)
		return !json_is_null(v) && !tagged(v, "map");
	*first = json_is_list(set) ? json_first(set) : NULL;
	for (const struct json *item = *first; item; item = json_next(item))
		n++;
	return n;
}

static const struct json *only(const struct json *v)
{
	const struct json *first;

	return ovsdb_set(v, &first) == 1 ? first : NULL;
}

const char *ovsdb_str(const struct json *v)
{
	return json_string(only(v));
}

bool ovsdb_int(const struct json *v, int64_t *out)
{
	return json_int(only(v), out);
}

static bool is_uuid(const char *s)
{
	return s && strlen(s) == OVSDB_UUID_LEN &&
	       strspn(s, "0123456789abcdefABCDEF-") == OVSDB_UUID_LEN;
}

const char *ovsdb_uuid(const struct json *v)
{
	const char *s = json_string(tagged(only(v), "uuid"));

	return is_uuid(s) ? s : NULL;
}

const char *ovsdb_map(const struct json *v, const char *key)
{
	const struct json *pairs = tagged(v, "map");

	if (!json_is_list(pairs))
		return NULL;
	json_for_each(pair, pairs) {
		const struct json *first = json_is_list(pair) ? json_first(pair) : NULL;
		const char *have = json_string(first);

		if (have && !strcmp(have, key))
			return json_string(json_next(first));
	}
	return NULL;
}

static struct json *add_tagged(struct json *parent, const char *key, const char *tag)
{
	struct json *v = json_add_list(parent, key);

	json_add_str(v, NULL, tag);
	return v;
}

struct json *ovsdb_add_set(struct json *parent, const char *key)
{
	return json_add_list(add_tagged(parent, key, "set"), NULL);
}

void ovsdb_add_uuid(struct json *parent, const char *key, const char *uuid)
{
	json_add_str(add_tagged(parent, key, "uuid"), NULL, uuid);
}

void ovsdb_add_map(struct json *parent, const char *key, const struct ovsdb_pair *pairs, size_t n)
{
	struct json *list = json_add_list(add_tagged(parent, key, "map"), NULL);

	for (size_t i = 0; i < n; i++) {
		struct json *pair = json_add_list(list, NULL);

		json_add_str(pair, NULL, pairs[i].key);
		json_add_str(pair, NULL, pairs[i].value);
	}
}

int ovsdb_new_uuid(char uuid[OVSDB_UUID_LEN + 1], struct err *err)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return err_sys(err, "get random bytes");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(uuid, OVSDB_UUID_LEN + 1,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return 0;
}
