/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h - from JSON to structs by table: the table is the configuration reference, compiled.
 *
 * A row names a key and the struct member it fills; a row whose member has the wrong C type does
 * not compile. Semantics are Go's encoding/json: a key matches exactly or with case folded, members
 * are taken in document order (so the last wins, and two objects under one key merge), null leaves
 * the default, unknown keys are ignored. An empty string leaves the default, too, as most of the
 * reference's code takes it for none; not one that is required, nor an element of a list. Every
 * error names the path: "ipam.ranges[0].subnet: ...".
 */
#pragma once

#include "net/ip.h"
#include "json/json.h"

enum json_type {
	JSON_END,     /* table terminator */
	JSON_BOOL,    /* bool */
	JSON_UINT,    /* uint8_t .. uint64_t, width from the member */
	JSON_STR,     /* const char *, in the arena */
	JSON_IP,      /* struct ip: bare address */
	JSON_CIDR,    /* struct ip: address/prefix */
	JSON_IP_CIDR, /* struct ip: either; a bare address has all prefix bits */
	JSON_OBJECT,  /* struct, decoded in place by .sub */
	JSON_LIST,    /* pointer and count; each element decoded by .sub */
	JSON_MAP,     /* an object is demanded, its members are not looked at by us */
	JSON_RAW,     /* const struct json *, any value */
};

#define JSON_STR_MAX    4096 /* bytes of a string unless the row says otherwise: PATH_MAX */
#define JSON_LIST_MAX   65536
#define JSON_UINT64_MAX UINT64_C(1000000000000000) /* of a uint64_t: 10^15, a double is exact */

struct json_field {
	const char *key; /* "" as the only row: the table describes the value itself */
	enum json_type type;
	bool required;
	bool empty;         /* JSON_STR: "" is a value */
	bool null_is_empty; /* JSON_LIST: null counts as an empty list that is there */
	uint16_t offset, width;
	uint16_t count_offset; /* JSON_LIST: where the element count goes */
	uint16_t has_offset;   /* set a bool there when the key is present; 0 = none */
	uint32_t min, max;     /* JSON_UINT: bounds; JSON_STR, JSON_LIST: longest; 0 = default */
	const struct json_field *sub; /* JSON_OBJECT, JSON_LIST */
	uint16_t sub_size;            /* JSON_LIST: bytes of an element */
};

/* clang-format off */
#define JSON_(k, t, s, m)  .key = (k), .type = (t), .offset = offsetof(s, m), .width = sizeof(((s *)0)->m)
#define JSON_IS(s, m, ctype, t)  _Generic(((s *)0)->m, ctype: (t))
#define JSON_UINT_(s, m)  _Generic(((s *)0)->m, uint8_t: JSON_UINT, uint16_t: JSON_UINT, uint32_t: JSON_UINT, \
					uint64_t: JSON_UINT)
#define F_BOOL(k, s, m, ...)    { JSON_(k, JSON_IS(s, m, bool, JSON_BOOL), s, m), ##__VA_ARGS__ }
#define F_UINT(k, s, m, ...)    { JSON_(k, JSON_UINT_(s, m), s, m), ##__VA_ARGS__ }
#define F_STR(k, s, m, ...)     { JSON_(k, JSON_IS(s, m, const char *, JSON_STR), s, m), ##__VA_ARGS__ }
#define F_IP(k, s, m, ...)      { JSON_(k, JSON_IS(s, m, struct ip, JSON_IP), s, m), ##__VA_ARGS__ }
#define F_CIDR(k, s, m, ...)    { JSON_(k, JSON_IS(s, m, struct ip, JSON_CIDR), s, m), ##__VA_ARGS__ }
#define F_IP_CIDR(k, s, m, ...) { JSON_(k, JSON_IS(s, m, struct ip, JSON_IP_CIDR), s, m), ##__VA_ARGS__ }
#define F_RAW(k, s, m, ...)     { JSON_(k, JSON_IS(s, m, const struct json *, JSON_RAW), s, m), ##__VA_ARGS__ }
#define F_MAP(k, s, m, ...)     { JSON_(k, JSON_IS(s, m, const struct json *, JSON_MAP), s, m), ##__VA_ARGS__ }
#define F_OBJ(k, s, m, f, ...)  { JSON_(k, JSON_OBJECT, s, m), .sub = (f), ##__VA_ARGS__ }
/* An object whose members are members of this same struct. */
#define F_HERE(k, f, ...)       { .key = (k), .type = JSON_OBJECT, .sub = (f), ##__VA_ARGS__ }
/* The count is the member n_<m>; elements are *m. */
#define F_LIST(k, s, m, f, ...) { JSON_(k, JSON_LIST, s, m), .count_offset = offsetof(s, n_##m), \
				  .sub = (f), .sub_size = sizeof(*((s *)0)->m), ##__VA_ARGS__ }
#define F_STRS(k, s, m, ...)    F_LIST(k, s, m, json_str_item, ##__VA_ARGS__)
/* A table in the place of its name. */
#define F_TABLE(...)            (const struct json_field[]){ __VA_ARGS__, F_END }
#define F_END                   { .type = JSON_END }
/* The bool member has_<m> becomes true when the key is there. */
#define HAS(s, m)               .has_offset = offsetof(s, has_##m)
/* clang-format on */

/* The row's .max, or the default of its type; 0 = it has no bound. */
uint64_t json_max(const struct json_field *f);

extern const struct json_field json_str_item[]; /* element of a list of const char * */

/*
 * Fill the struct at `out`. Absent, null and "" leave what is there. Wrong type: code 6; out of
 * range or missing: code 7. `what` prefixes every path ("" for the document itself).
 */
int json_decode(const struct json *v, const struct json_field *fields, const char *what, void *out,
		struct err *err) NODISCARD;

/*
 * For what must work with a configuration that would not pass any more: a member that would be an
 * error is as good as absent. A list with an element that lacks a required member is absent as a
 * whole. What remains an error is a document that is no object.
 */
int json_decode_lenient(const struct json *v, const struct json_field *fields, const char *what,
			void *out, struct err *err) NODISCARD;
