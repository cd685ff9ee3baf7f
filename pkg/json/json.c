/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "json/internal.h"
#include "json/scan.h"

#define EXACT 9007199254740992.0 /* 2^53: the integers a double tells apart */

/*
 * cJSON's allocator hooks carry no context: the arena of the call that this thread has in progress.
 */
static _Thread_local struct arena *pool;

static void *pool_alloc(size_t n)
{
	return arena_alloc(pool, n);
}

static void pool_free(void *p)
{
	(void)p;
}

void json_init(struct arena *arena)
{
	cJSON_Hooks hooks = { pool_alloc, pool_free };

	pool = arena;
	cJSON_InitHooks(&hooks);
}

struct arena *json_arena(void)
{
	return pool;
}

int json_parse_max(const char *text, size_t len, size_t max, const struct json **out,
		   struct err *err)
{
	size_t at = 0;
	const char *fault = len >= max ? "too large" : json_scan(text, len, &at);
	struct json *root;

	if (fault)
		return err_set(err, ERR_DECODE, "invalid JSON: %s at byte %zu", fault, at);
	root = cJSON_ParseWithLength(text, len);
	if (!root)
		return err_set(err, ERR_DECODE, "invalid JSON: not understood");
	*out = root;
	return 0;
}

int json_parse(const char *text, size_t len, const struct json **out, struct err *err)
{
	return json_parse_max(text, len, JSON_MAX_TEXT, out, err);
}

bool json_is_null(const struct json *v)
{
	return !v || cJSON_IsNull(v);
}

bool json_is_object(const struct json *v)
{
	return cJSON_IsObject(v);
}

bool json_is_list(const struct json *v)
{
	return cJSON_IsArray(v);
}

const struct json *json_first(const struct json *v)
{
	return v ? v->child : NULL;
}

const struct json *json_next(const struct json *v)
{
	return v ? v->next : NULL;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	const struct json *item, *found = NULL;

	cJSON_ArrayForEach(item, obj)
		if (item->string && !strcasecmp(item->string, key))
			found = item;
	return found && !cJSON_IsNull(found) ? found : NULL;
}

const char *json_string(const struct json *v)
{
	return cJSON_GetStringValue(v);
}

bool json_bool(const struct json *v, bool *out)
{
	*out = cJSON_IsTrue(v);
	return cJSON_IsBool(v);
}

bool json_int(const struct json *v, int64_t *out)
{
	double n = cJSON_GetNumberValue(v); /* NaN if it is none */

	if (!(n >= -EXACT && n <= EXACT) || n != floor(n))
		return false;
	*out = (int64_t)n;
	return true;
}

const char *json_key(const struct json *v)
{
	return v->string;
}

struct json *json_object(void)
{
	return cJSON_CreateObject();
}

/* The arena never returns NULL, so neither do cJSON's constructors. */
static struct json *attach(struct json *parent, const char *key, struct json *child)
{
	if (key)
		cJSON_AddItemToObject(parent, key, child);
	else
		cJSON_AddItemToArray(parent, child);
	return child;
}

struct json *json_list_new(void)
{
	return cJSON_CreateArray();
}

void json_add(struct json *parent, const char *key, struct json *child)
{
	attach(parent, key, child);
}

struct json *json_add_object(struct json *parent, const char *key)
{
	return attach(parent, key, cJSON_CreateObject());
}

struct json *json_add_list(struct json *parent, const char *key)
{
	return attach(parent, key, cJSON_CreateArray());
}

/*
 * What came from the environment or the kernel may be any bytes; JSON text is UTF-8 (RFC 8259,
 * 8.1).
 */
static const char *sanitize(const char *s)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	char *out = arena_alloc(pool, strlen(s) * 3 + 1), *o = out;

	while (*s) {
		size_t n = json_utf8_len(s);

		memcpy(o, n ? s : replacement, n ? n : 3);
		o += n ? n : 3;
		s += n ? n : 1;
	}
	return out;
}

void json_add_str(struct json *parent, const char *key, const char *s)
{
	attach(parent, key, cJSON_CreateStringReference(sanitize(s)));
}

void json_add_null(struct json *parent, const char *key)
{
	attach(parent, key, cJSON_CreateNull());
}

void json_add_bool(struct json *parent, const char *key, bool b)
{
	attach(parent, key, cJSON_CreateBool(b));
}

void json_add_int(struct json *parent, const char *key, int64_t n)
{
	attach(parent, key, cJSON_CreateNumber((double)n));
}

void json_add_copy(struct json *parent, const char *key, const struct json *v)
{
	attach(parent, key, cJSON_Duplicate(v, true));
}

void json_add_strs(struct json *parent, const char *key, const char *const *s, size_t n)
{
	struct json *list;

	if (!n)
		return;
	list = json_add_list(parent, key);
	for (size_t i = 0; i < n; i++)
		json_add_str(list, NULL, s[i]);
}

const char *json_print(const struct json *v)
{
	return cJSON_PrintUnformatted(v);
}
