/* SPDX-License-Identifier: Apache-2.0 */
#include "json/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json/internal.h"

struct decoder {
	struct err *err;
	bool lenient;
	char path[256]; /* "ipam.ranges[0].subnet", for messages */
};

struct str_item {
	const char *s;
};

const struct json_field json_str_item[] = { F_STR("", struct str_item, s), F_END };

static int mismatch(struct decoder *d, const char *want)
{
	return err_set(d->err, ERR_DECODE, "%s: expected %s", d->path[0] ? d->path : "document",
		       want);
}

static int decode_bool(struct decoder *d, const struct json *v, bool *out)
{
	if (!cJSON_IsBool(v))
		return mismatch(d, "true or false");
	*out = cJSON_IsTrue(v);
	return 0;
}

uint64_t json_max(const struct json_field *f)
{
	if (f->max)
		return f->max;
	switch (f->type) {
	case JSON_UINT:
		return f->width == sizeof(uint64_t) ? JSON_UINT64_MAX
						    : (UINT64_C(1) << (f->width * 8)) - 1;
	case JSON_STR:
		return JSON_STR_MAX;
	case JSON_LIST:
		return JSON_LIST_MAX;
	default:
		return 0;
	}
}

/* cJSON's numbers are doubles, which tell the integers up to JSON_UINT64_MAX apart. */
static int decode_uint(struct decoder *d, const struct json_field *f, const struct json *v, void *p)
{
	double n = v->valuedouble;

	if (!cJSON_IsNumber(v) || !isfinite(n) || n != floor(n))
		return mismatch(d, "an integer");
	if (n < f->min || n > (double)json_max(f))
		return err_config(d->err, "%s: %.0f is not in %u..%ju", d->path, n, f->min,
				  (uintmax_t)json_max(f));
	if (f->width == sizeof(uint8_t))
		*(uint8_t *)p = (uint8_t)n;
	else if (f->width == sizeof(uint16_t))
		*(uint16_t *)p = (uint16_t)n;
	else if (f->width == sizeof(uint32_t))
		*(uint32_t *)p = (uint32_t)n;
	else
		*(uint64_t *)p = (uint64_t)n;
	return 0;
}

static int decode_str(struct decoder *d, const struct json_field *f, const struct json *v,
		      const char **out)
{
	if (!cJSON_IsString(v))
		return mismatch(d, "a string");
	if (strlen(v->valuestring) > json_max(f))
		return err_config(d->err, "%s: longer than %ju bytes", d->path,
				  (uintmax_t)json_max(f));
	*out = v->valuestring;
	return 0;
}

static int decode_ip(struct decoder *d, const struct json_field *f, const struct json *v,
		     struct ip *out)
{
	const char *s = cJSON_GetStringValue(v);

	if (!s)
		return mismatch(d, "a string");
	if ((f->type != JSON_CIDR && ip_parse(out, s)) ||
	    (f->type != JSON_IP && cidr_parse(out, s)))
		return 0;
	return err_set(d->err, ERR_DECODE, "%s: \"%.80s\" is not %s", d->path, s,
		       f->type == JSON_CIDR ? "an address/prefix" : "an IP address");
}

static int decode_value(struct decoder *d, const struct json_field *table, const struct json *v,
			void *out);

static int decode_list(struct decoder *d, const struct json_field *f, const struct json *v,
		       char *base)
{
	size_t at = strlen(d->path), i = 0, n = (size_t)cJSON_GetArraySize(v);
	const struct json *item;
	char *elems;

	if (!cJSON_IsArray(v))
		return mismatch(d, "an array");
	if (n > json_max(f))
		return err_config(d->err, "%s: more than %ju elements", d->path,
				  (uintmax_t)json_max(f));
	elems = arena_list(json_arena(), n, f->sub_size);
	cJSON_ArrayForEach(item, v) {
		snprintf(d->path + at, sizeof(d->path) - at, "[%zu]", i);
		if (decode_value(d, f->sub, item, elems + i++ * f->sub_size) < 0)
			return -1;
	}
	d->path[at] = '\0';
	*(void **)(void *)(base + f->offset) = elems;
	*(size_t *)(void *)(base + f->count_offset) = n;
	return 0;
}

/* Go: null sets a slice to nil and leaves everything else as it is. */
static void decode_null(const struct json_field *f, char *base)
{
	if (f->type == JSON_LIST)
		*(size_t *)(void *)(base + f->count_offset) = 0;
	if (f->null_is_empty)
		*(bool *)(base + f->has_offset) = true;
}

static int decode_field(struct decoder *d, const struct json_field *f, const struct json *v,
			char *base)
{
	void *p = base + f->offset;

	switch (f->type) {
	case JSON_BOOL:
		return decode_bool(d, v, p);
	case JSON_UINT:
		return decode_uint(d, f, v, p);
	case JSON_STR:
		return decode_str(d, f, v, p);
	case JSON_IP:
	case JSON_CIDR:
	case JSON_IP_CIDR:
		return decode_ip(d, f, v, p);
	case JSON_OBJECT:
		return decode_value(d, f->sub, v, p);
	case JSON_LIST:
		return decode_list(d, f, v, base);
	case JSON_MAP:
		if (!cJSON_IsObject(v))
			return mismatch(d, "an object");
		__attribute__((fallthrough));
	case JSON_RAW:
		*(const void **)p = v;
		return 0;
	case JSON_END:
		break;
	}
	return mismatch(d, "a known type");
}

/* Row for a key: an exact match first, else a case-folded one. */
static const struct json_field *row(const struct json_field *table, const char *key)
{
	const struct json_field *folded = NULL;

	for (const struct json_field *f = table; f->type != JSON_END; f++) {
		if (!strcmp(f->key, key))
			return f;
		if (!folded && !strcasecmp(f->key, key))
			folded = f;
	}
	return folded;
}

static void path_append(struct decoder *d, size_t at, const char *key)
{
	snprintf(d->path + at, sizeof(d->path) - at, "%s%s", at ? "." : "", key);
}

static bool forgive(struct decoder *d)
{
	if (!d->lenient)
		return false;
	err_clear(d->err);
	return true;
}

/* null, or an empty string where that says nothing. */
static bool is_absent(const struct json_field *f, const struct json *v)
{
	const char *s = cJSON_GetStringValue(v);

	if ((f->type == JSON_STR || f->type == JSON_IP) && !f->required && !f->empty && s && !*s)
		return true;
	return cJSON_IsNull(v);
}

static int decode_members(struct decoder *d, const struct json_field *table, const struct json *obj,
			  void *out, uint64_t *seen)
{
	size_t at = strlen(d->path);
	const struct json *v;

	cJSON_ArrayForEach(v, obj) {
		const struct json_field *f = row(table, v->string);

		if (!f)
			continue;
		if (is_absent(f, v)) {
			decode_null(f, out);
			continue;
		}
		path_append(d, at, f->key);
		if (decode_field(d, f, v, out) == 0) {
			*seen |= UINT64_C(1) << (f - table);
			if (f->has_offset)
				*(bool *)((char *)out + f->has_offset) = true;
		} else if (!forgive(d)) {
			return -1;
		}
		d->path[at] = '\0';
	}
	return 0;
}

static int decode_value(struct decoder *d, const struct json_field *table, const struct json *v,
			void *out)
{
	size_t at = strlen(d->path);
	uint64_t seen = 0;

	if (table->type != JSON_END && !*table->key)
		return decode_field(d, table, v, out);
	if (!cJSON_IsObject(v))
		return mismatch(d, "an object");
	if (decode_members(d, table, v, out, &seen) < 0)
		return -1;
	for (const struct json_field *f = table; f->type != JSON_END; f++) {
		if (!f->required || seen & UINT64_C(1) << (f - table))
			continue;
		path_append(d, at, f->key);
		return err_config(d->err, "%s: missing", d->path);
	}
	return 0;
}

static int decode(bool lenient, const struct json *v, const struct json_field *fields,
		  const char *what, void *out, struct err *err)
{
	struct decoder d = { .err = err, .lenient = lenient };

	snprintf(d.path, sizeof(d.path), "%s", what);
	return decode_value(&d, fields, v, out);
}

int json_decode(const struct json *v, const struct json_field *fields, const char *what, void *out,
		struct err *err)
{
	return decode(false, v, fields, what, out, err);
}

int json_decode_lenient(const struct json *v, const struct json_field *fields, const char *what,
			void *out, struct err *err)
{
	return decode(true, v, fields, what, out, err);
}
