/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/json: what is a JSON text, and what a table makes of it (Go's encoding/json decides). */
#include "json/decode.h"

#include <stdlib.h>

#include "tap.h"
#include "json/scan.h"

static struct arena arena;

/* ---- scan ---------------------------------------------------------------------------------- */

static const char *const good_texts[] = {
	"null",
	"true",
	"false",
	"0",
	"-0",
	"-0.5e+10",
	"1E-2",
	"123456789012345678901234567890",
	"\"\"",
	"[]",
	"{}",
	" \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
	"{\"\":{\"\":[]}}",
	"{\"a\":1,\"a\":2}",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\uDD1E\"",
	"\"\\u0001\"",
	"\"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e\x7f\"",
	"\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"",
	"\"\\ud800\\udc00\\uDBFF\\uDFFF\\ud7ff\\ue000\"",
	"[[[[[[[[[[]]]]]]]]]]",
};

static const struct {
	const char *text, *fault;
} bad_texts[] = {
	{ "", "unexpected end" },
	{ "  ", "unexpected end" },
	{ "{", "unexpected end" },
	{ "[1", "unexpected end" },
	{ "[1,", "unexpected end" },
	{ "{\"a\"", "unexpected end" },
	{ "{\"a\":", "unexpected end" },
	{ "\"a", "unexpected end" },
	{ "\"a\\", "unexpected end" },
	{ "\"\\u12", "unexpected end" },
	{ "tru", "unexpected" },
	{ "nul", "unexpected" },
	{ "{}x", "text behind the value" },
	{ "{}{}", "text behind the value" },
	{ "1 2", "text behind the value" },
	{ "truex", "text behind the value" },
	{ "NaN", "unexpected character" },
	{ "Infinity", "unexpected character" },
	{ "True", "unexpected character" },
	{ "'a'", "unexpected character" },
	{ "\xef\xbb\xbf{}", "unexpected character" },
	{ "[1,]", "unexpected character" },
	{ "[,1]", "unexpected character" },
	{ "[1 2]", "expected ','" },
	{ "[1}", "expected ','" },
	{ "{a:1}", "expected a string" },
	{ "{1:1}", "expected a string" },
	{ "{\"a\":1,}", "expected a string" },
	{ "{\"a\" 1}", "expected ':'" },
	{ "{\"a\"=1}", "expected ':'" },
	{ "/**/{}", "unexpected character" },
	{ "01", "leading zero" },
	{ "-01", "leading zero" },
	{ "1.}", "invalid number" },
	{ ".5", "unexpected character" },
	{ "+1", "unexpected character" },
	{ "-x", "invalid number" },
	{ "1e}", "invalid number" },
	{ "1e+}", "invalid number" },
	{ "0x10", "text behind the value" },
	{ "\"a\nb\"", "control character" },
	{ "\"a\tb\"", "control character" },
	{ "\"\\x41\"", "invalid escape" },
	{ "\"\\'\"", "invalid escape" },
	{ "\"\\u12g4\"", "invalid \\u escape" },
	{ "\"eth0\\u0000evil\"", "\\u0000" },
	{ "{\"na\\u0000me\":1}", "\\u0000" },
	{ "\"\\ud834\"", "unpaired surrogate" },
	{ "\"\\ud834\\n\"", "unpaired surrogate" },
	{ "\"\\ud834x\"", "unpaired surrogate" },
	{ "\"\\uD834\\u0041\"", "unpaired surrogate" },
	{ "\"\\uD834\\uDBFF\"", "unpaired surrogate" },
	{ "\"\\udd1e\\ud834\"", "unpaired surrogate" },
	{ "\"\\uDC00\"", "unpaired surrogate" },
	{ "\"\\ud834\\udd1\"", "invalid \\u escape" },
	{ "\"\\ud834", "unexpected end" },
	{ "\"\\ud834\\", "unexpected end" },
	{ "\"\x80\"", "invalid UTF-8" },
	{ "\"\xc0\xaf\"", "invalid UTF-8" },
	{ "\"\xc3\"", "invalid UTF-8" },
	{ "\"\xe0\x80\x80\"", "invalid UTF-8" },
	{ "\"\xed\xa0\x80\"", "invalid UTF-8" },
	{ "\"\xf0\x80\x80\x80\"", "invalid UTF-8" },
	{ "\"\xf4\x90\x80\x80\"", "invalid UTF-8" },
	{ "\"\xff\"", "invalid UTF-8" },
};

/* In a block of its own, so that a sanitizer sees a read beyond it. */
static int parse(const char *text, size_t len, struct err *err)
{
	const struct json *v;
	char *copy = malloc(len + 1);
	int rc;

	memcpy(copy, text, len);
	copy[len] = '\0';
	rc = json_parse(copy, len, &v, err);
	free(copy);
	return rc;
}

static char *repeat(const char *s, size_t n, const char *rest)
{
	size_t len = strlen(s);
	char *text = arena_alloc(&arena, len * n + strlen(rest) + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, s, len);
	memcpy(text + n * len, rest, strlen(rest) + 1);
	return text;
}

static bool nested(size_t n)
{
	const char *text = repeat("[", n, repeat("]", n, ""));
	struct err err;

	return !parse(text, strlen(text), &err);
}

static void check_limits(void)
{
	struct err err;
	char *text;

	ok(nested(JSON_MAX_DEPTH) && !nested(JSON_MAX_DEPTH + 1) && !nested(100000), "depth");
	text = repeat(" ", JSON_MAX_TEXT - 3, "{}");
	ok(!parse(text, JSON_MAX_TEXT - 1, &err), "the longest text");
	text = repeat(" ", JSON_MAX_TEXT - 2, "{}");
	ok(parse(text, JSON_MAX_TEXT, &err) < 0 && strstr(err.msg, "too large"), "a longer one");
	ok(parse("{}\0", 3, &err) < 0, "a NUL behind the value");
	ok(parse("\"a\0b\"", 5, &err) < 0, "a NUL in a string");
	ok(parse("{\"a\0\":1}", 8, &err) < 0, "a NUL in a key");
}

static void check_scan(void)
{
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(good_texts); i++)
		ok(!parse(good_texts[i], strlen(good_texts[i]), &err), "good text %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
		int rc = parse(bad_texts[i].text, strlen(bad_texts[i].text), &err);

		ok(rc < 0 && err.code == ERR_DECODE && strstr(err.msg, bad_texts[i].fault),
		   "bad text %zu: %s", i, bad_texts[i].fault);
	}
	check_limits();
}

/* ---- decode -------------------------------------------------------------------------------- */

struct item {
	uint32_t id;
	const char *name;
};

struct inner {
	const char *type;
	struct item *items;
	size_t n_items;
	bool has_items;
};

struct outer {
	bool flag;
	uint8_t small;
	uint16_t vlan;
	uint32_t mtu;
	uint64_t rate;
	bool has_mtu;
	const char *name, *short_name;
	struct ip ip, net, either;
	struct inner ipam;
	const char **words;
	size_t n_words;
	const struct json *raw, *map;
};

static const struct json_field item_fields[] = { F_UINT("id", struct item, id, .required = true,
							.min = 1, .max = 4094),
						 F_STR("name", struct item, name), F_END };

static const struct json_field inner_fields[] = { F_STR("type", struct inner, type),
						  F_LIST("items", struct inner, items, item_fields,
							 HAS(struct inner, items), .max = 3,
							 .null_is_empty = true),
						  F_END };

static const struct json_field outer_fields[] = {
	F_BOOL("flag", struct outer, flag),
	F_UINT("small", struct outer, small),
	F_UINT("vlan", struct outer, vlan),
	F_UINT("mtu", struct outer, mtu, HAS(struct outer, mtu)),
	F_UINT("rate", struct outer, rate),
	F_STR("name", struct outer, name),
	F_STR("shortName", struct outer, short_name, .max = 4, .empty = true),
	F_IP("ip", struct outer, ip),
	F_CIDR("net", struct outer, net),
	F_IP_CIDR("either", struct outer, either),
	F_OBJ("ipam", struct outer, ipam, inner_fields),
	F_STRS("words", struct outer, words),
	F_RAW("raw", struct outer, raw),
	F_MAP("map", struct outer, map),
	F_END
};

static int decode(const char *text, struct outer *o, struct err *err)
{
	const struct json *v;

	*o = (struct outer){ .name = "default", .mtu = 1500, .flag = true };
	if (json_parse(text, strlen(text), &v, err) < 0)
		return -1;
	return json_decode(v, outer_fields, "", o, err);
}

static const struct {
	const char *text;
	int code;
	const char *error;
} faults[] = {
	{ "[]", 6, "document: expected an object" },
	{ "5", 6, "document: expected an object" },
	{ "null", 6, "document: expected an object" },
	{ "{\"flag\":1}", 6, "flag: expected true or false" },
	{ "{\"flag\":\"true\"}", 6, "flag: expected true or false" },
	{ "{\"mtu\":\"1500\"}", 6, "mtu: expected an integer" },
	{ "{\"mtu\":true}", 6, "mtu: expected an integer" },
	{ "{\"mtu\":1.5}", 6, "mtu: expected an integer" },
	{ "{\"mtu\":1e999}", 6, "mtu: expected an integer" },
	{ "{\"mtu\":[]}", 6, "mtu: expected an integer" },
	{ "{\"mtu\":-1}", 7, "mtu: -1 is not in 0..4294967295" },
	{ "{\"mtu\":4294967296}", 7, "mtu: 4294967296 is not in 0..4294967295" },
	{ "{\"mtu\":1e30}", 7, "mtu:" },
	{ "{\"rate\":-1}", 7, "rate: -1 is not in 0..1000000000000000" },
	{ "{\"rate\":1000000000000001}", 7, "rate: 1000000000000001 is not in" },
	{ "{\"small\":256}", 7, "small: 256 is not in 0..255" },
	{ "{\"vlan\":65536}", 7, "vlan: 65536 is not in 0..65535" },
	{ "{\"name\":5}", 6, "name: expected a string" },
	{ "{\"name\":{}}", 6, "name: expected a string" },
	{ "{\"shortName\":\"12345\"}", 7, "shortName: longer than 4 bytes" },
	{ "{\"ip\":\"10.0.0.1/8\"}", 6, "ip: \"10.0.0.1/8\" is not an IP address" },
	{ "{\"ip\":\"x\"}", 6, "ip: \"x\" is not an IP address" },
	{ "{\"ip\":1}", 6, "ip: expected a string" },
	{ "{\"net\":\"10.0.0.1\"}", 6, "net: \"10.0.0.1\" is not an address/prefix" },
	{ "{\"net\":\"\"}", 6, "net: \"\" is not an address/prefix" },
	{ "{\"either\":\"10.0.0\"}", 6, "either: \"10.0.0\" is not an IP address" },
	{ "{\"ipam\":[]}", 6, "ipam: expected an object" },
	{ "{\"ipam\":\"x\"}", 6, "ipam: expected an object" },
	{ "{\"IPAM\":{\"Type\":1}}", 6, "ipam.type: expected a string" },
	{ "{\"ipam\":{\"items\":{}}}", 6, "ipam.items: expected an array" },
	{ "{\"ipam\":{\"items\":[1]}}", 6, "ipam.items[0]: expected an object" },
	{ "{\"ipam\":{\"items\":[null]}}", 6, "ipam.items[0]: expected an object" },
	{ "{\"ipam\":{\"items\":[{\"id\":1},{\"id\":\"x\"}]}}", 6,
	  "ipam.items[1].id: expected an" },
	{ "{\"ipam\":{\"items\":[{\"id\":1},{}]}}", 7, "ipam.items[1].id: missing" },
	{ "{\"ipam\":{\"items\":[{\"id\":null}]}}", 7, "ipam.items[0].id: missing" },
	{ "{\"ipam\":{\"items\":[{\"id\":0}]}}", 7, "ipam.items[0].id: 0 is not in 1..4094" },
	{ "{\"ipam\":{\"items\":[{\"id\":4095}]}}", 7, "ipam.items[0].id: 4095 is not in 1..4094" },
	{ "{\"ipam\":{\"items\":[{\"id\":1},{\"id\":1},{\"id\":1},{\"id\":1}]}}", 7,
	  "ipam.items: more than 3 elements" },
	{ "{\"words\":[\"a\",5]}", 6, "words[1]: expected a string" },
	{ "{\"words\":\"a\"}", 6, "words: expected an array" },
	{ "{\"map\":[]}", 6, "map: expected an object" },
	{ "{\"name\":\"x\",\"NAME\":5}", 6, "name: expected a string" },
	{ "{\"mtu\":\"x\",\"mtu\":5}", 6, "mtu: expected an integer" },
};

static void check_faults(void)
{
	struct outer o;
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		int rc = decode(faults[i].text, &o, &err);

		ok(rc < 0 && err.code == faults[i].code, "%s: code %d", faults[i].text,
		   faults[i].code);
		ok(strstr(err.msg, faults[i].error) == err.msg, "%s: %s", faults[i].text,
		   faults[i].error);
	}
}

static const struct {
	const char *text;
	bool flag;
	uint32_t mtu;
	const char *name, *type;
} values[] = {
	{ "{}", true, 1500, "default", NULL },
	{ "{\"unknown\":[{}],\"x\":null}", true, 1500, "default", NULL },
	{ "{\"flag\":null,\"mtu\":null,\"name\":null,\"ipam\":null}", true, 1500, "default", NULL },
	{ "{\"flag\":false,\"mtu\":0,\"name\":\"\"}", false, 0, "default", NULL },
	{ "{\"FLAG\":false,\"Mtu\":9,\"nAmE\":\"x\"}", false, 9, "x", NULL },
	{ "{\"mtu\":1,\"mtu\":2}", true, 2, "default", NULL },
	{ "{\"mtu\":1,\"MTU\":2}", true, 2, "default", NULL },
	{ "{\"MTU\":2,\"mtu\":1}", true, 1, "default", NULL },
	{ "{\"mtu\":1,\"mtu\":null}", true, 1, "default", NULL },
	{ "{\"mtu\":4294967295}", true, 4294967295U, "default", NULL },
	{ "{\"mtu\":1e3}", true, 1000, "default", NULL },
	{ "{\"mtu\":-0}", true, 0, "default", NULL },
	{ "{\"na\\u006de\":\"\\u00e4\"}", true, 1500, "\xc3\xa4", NULL },
	{ "{\"name\":\"\\ud834\\udd1e\"}", true, 1500, "\xf0\x9d\x84\x9e", NULL },
	{ "{\"ipam\":{\"type\":\"a\"},\"ipam\":{}}", true, 1500, "default", "a" },
	{ "{\"ipam\":{\"type\":\"a\"},\"IPAM\":{\"TYPE\":\"b\"}}", true, 1500, "default", "b" },
	{ "{\"ipam\":{\"type\":\"a\"},\"ipam\":null}", true, 1500, "default", "a" },
};

static void check_values(void)
{
	struct outer o;
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ok(!decode(values[i].text, &o, &err), "%s", values[i].text);
		ok(o.flag == values[i].flag && o.mtu == values[i].mtu, "flag and mtu");
		is_str(o.name, values[i].name, "name");
		is_str(o.ipam.type, values[i].type, "ipam.type");
	}
	ok(!decode("{\"mtu\":1500}", &o, &err) && o.has_mtu, "has");
	ok(!decode("{\"mtu\":null}", &o, &err) && !o.has_mtu, "null is not has");
	ok(!decode("{\"small\":255,\"vlan\":65535}", &o, &err) && o.small == 255 && o.vlan == 65535,
	   "widths");
	ok(!decode("{\"rate\":1000000000000000}", &o, &err) && o.rate == JSON_UINT64_MAX &&
		   !decode("{\"rate\":4294967296}", &o, &err) && o.rate == UINT64_C(1) << 32,
	   "more than 32 bits");
	ok(!decode("{\"shortName\":\"1234\"}", &o, &err), "a string as long as it may be");
}

/*
 * Row 10, row 11: what is wrong, and an empty string, are as good as absent; what is left is whole.
 */
static void check_lenient(void)
{
	static const char text[] =
		"{\"flag\":5,\"mtu\":\"x\",\"name\":[],\"shortName\":\"12345\",\"net\":\"x\","
		"\"ipam\":{\"type\":5},\"words\":[\"a\",5],\"map\":[],\"small\":7}";
	const struct json *v;
	struct outer o = { .name = "default", .mtu = 1500, .flag = true };
	struct err err = { 0 };

	if (json_parse(text, strlen(text), &v, &err) < 0)
		abort();
	ok(!json_decode_lenient(v, outer_fields, "", &o, &err), "all is forgiven");
	ok(o.flag && o.mtu == 1500 && !o.has_mtu && !strcmp(o.name, "default"), "by default");
	ok(!o.short_name && !o.net.family && !o.ipam.type && !o.n_words && !o.map, "or absent");
	ok(o.small == 7, "but what is right");
	ok(!decode("{\"words\":[\"\"],\"shortName\":\"\"}", &o, &err) && o.n_words == 1 &&
		   !strcmp(o.words[0], "") && o.short_name && !*o.short_name,
	   "an empty element, and a string that may be empty, are there");
}

static void check_addresses(void)
{
	struct outer o;
	char buf[IP_STRLEN];
	struct err err;

	ok(!decode("{\"ip\":\"10.0.0.1\",\"net\":\"fd00::1/64\",\"either\":\"10.0.0.9/8\"}", &o,
		   &err),
	   "addresses");
	is_str(ip_str(&o.ip, buf), "10.0.0.1", "ip");
	is_str(cidr_str(&o.net, buf), "fd00::1/64", "net");
	is_str(cidr_str(&o.either, buf), "10.0.0.9/8", "either with a prefix");
	ok(!decode("{\"either\":\"fd00::1\",\"ip\":\"\"}", &o, &err), "bare");
	is_str(cidr_str(&o.either, buf), "fd00::1/128", "either without");
	ok(o.ip.family == AF_UNSPEC, "an empty ip is none");
}

static void check_lists(void)
{
	struct outer o;
	struct err err;

	ok(!decode("{\"words\":[\"a\",\"b\"],\"ipam\":{\"items\":[{\"id\":7,\"name\":\"x\"},"
		   "{\"ID\":8}]}}",
		   &o, &err),
	   "lists");
	ok(o.n_words == 2 && o.ipam.n_items == 2 && o.ipam.has_items, "their lengths");
	is_str(o.words[1], "b", "words[1]");
	ok(o.ipam.items[0].id == 7 && o.ipam.items[1].id == 8, "items[].id");
	is_str(o.ipam.items[0].name, "x", "items[0].name");
	is_str(o.ipam.items[1].name, NULL, "items[1].name");
	ok(!decode("{\"words\":[\"a\"],\"words\":[\"b\",\"c\"]}", &o, &err) && o.n_words == 2,
	   "the last list");
	is_str(o.words[0], "b", "and only that one");
	ok(!decode("{\"words\":[\"a\"],\"words\":null}", &o, &err) && !o.n_words,
	   "null empties it");
	ok(!decode("{\"ipam\":{\"items\":null}}", &o, &err) && o.ipam.has_items, "null is there");
	ok(!decode("{\"ipam\":{}}", &o, &err) && !o.ipam.has_items, "absent is not");
	ok(!decode("{\"ipam\":{\"items\":[]}}", &o, &err) && o.ipam.has_items && !o.ipam.n_items,
	   "empty is");
}

/* ---- look around, print -------------------------------------------------------------------- */

static const struct {
	const char *in, *out;
} prints[] = {
	{ "plain", "\"plain\"" },
	{ "", "\"\"" },
	{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
	{ "\n\t\x01\x1f", "\"\\n\\t\\u0001\\u001f\"" },
	{ "\xc3\xa4", "\"\xc3\xa4\"" },
	{ "a\xff", "\"a\xef\xbf\xbd\"" },
	{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
};

static void check_print(void)
{
	const char *const list[] = { "a", "b" };
	struct json *o = json_object(), *sub;

	json_add_str(o, "s", "x");
	json_add_int(o, "n", 4294967295U);
	json_add_strs(o, "none", list, 0);
	json_add_strs(o, "list", list, 2);
	sub = json_add_object(o, "o");
	json_add_int(json_add_object(json_add_list(sub, "l"), NULL), "zero", 0);
	is_str(json_print(o),
	       "{\"s\":\"x\",\"n\":4294967295,\"list\":[\"a\",\"b\"],\"o\":{\"l\":[{\"zero\":0}]}}",
	       "an object");
	for (size_t i = 0; i < ARRAY_SIZE(prints); i++) {
		const char *want = arena_printf(&arena, "{\"k\":%s}", prints[i].out);

		o = json_object();
		json_add_str(o, "k", prints[i].in);
		is_str(json_print(o), want, "a string");
	}
}

static void check_get(void)
{
	static const char text[] = "{\"a\":1,\"A\":\"x\",\"b\":null,\"c\":{\"d\":\"y\"}}";
	const struct json *v;
	struct err err;

	ok(!json_parse(text, strlen(text), &v, &err) && json_is_object(v), "an object");
	is_str(json_string(json_get(v, "a")), "x", "the last of the keys that match");
	ok(!json_get(v, "b") && !json_get(v, "z"), "null and absent");
	is_str(json_string(json_get(json_get(v, "C"), "D")), "y", "nested, in any case");
	is_str(json_string(json_get(v, "c")), NULL, "an object is no string");
	ok(json_is_null(NULL), "nothing is null");
}

int main(void)
{
	json_init(&arena);
	check_scan();
	check_values();
	check_lenient();
	check_addresses();
	check_lists();
	check_faults();
	check_get();
	check_print();
	arena_free(&arena);
	return done_testing();
}
