/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - OVSDB values as JSON (RFC 7047, 5.1): sets, maps, references. A set of one element is
 * its bare element on the wire, so every reader here takes either.
 */
#pragma once

#include "json/json.h"

#define OVSDB_UUID_LEN 36

struct ovsdb_pair {
	const char *key, *value;
};

/* ---- reading: what is not of the kind asked for is as if it was not there -------------------- */

/* How many elements; the first of them, json_next() the others. */
size_t ovsdb_set(const struct json *v, const struct json **first);
const char *ovsdb_str(const struct json *v);        /* a string, or an optional one; NULL if none */
bool ovsdb_int(const struct json *v, int64_t *out); /* the same */
const char *ovsdb_uuid(const struct json *v);       /* a reference; NULL if it is none */
const char *ovsdb_map(const struct json *v, const char *key); /* a map's string; NULL if absent */

/* ---- building: key NULL appends to a list ---------------------------------------------------- */

struct json *ovsdb_add_set(struct json *parent, const char *key); /* its list, empty */
void ovsdb_add_uuid(struct json *parent, const char *key, const char *uuid);
void ovsdb_add_map(struct json *parent, const char *key, const struct ovsdb_pair *pairs, size_t n);

/* A random one (RFC 9562, 5.4): a row may be inserted under an id of the client's choice. */
int ovsdb_new_uuid(char uuid[OVSDB_UUID_LEN + 1], struct err *err) NODISCARD;
