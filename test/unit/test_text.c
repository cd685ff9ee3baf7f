/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/json/text: a text as it is written, and printed anew as Go's encoding/json prints it. */
#include "json/text.h"

#include <stdlib.h>

#include "texts.h"

static struct arena arena;
static struct err err;

/* ---- reading --------------------------------------------------------------------------------- */

static const struct {
	const char *text, *cut, *type;
	char kind;
} kinds[] = {
	{ " {\"a\": [1]}\n", "{\"a\": [1]}", "map[string]interface {}", '{' },
	{ "\t[ 1 , [ ] ]", "[ 1 , [ ] ]", "[]interface {}", '[' },
	{ "\"a]}\\\"\" ", "\"a]}\\\"\"", "string", '"' },
	{ "true ", "true", "bool", 't' },
	{ " false", "false", "bool", 'f' },
	{ "null", "null", "<nil>", 'n' },
	{ "-12.5e+3 ", "-12.5e+3", "float64", '-' },
	{ " 0", "0", "float64", '0' },
};

static void check_kinds(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct json_text t = text(kinds[i].text);

		is_str(cut(t), kinds[i].cut, "without the space around it");
		ok(json_text_kind(t) == kinds[i].kind, "kind %c", kinds[i].kind);
		is_str(json_text_go_type(t), kinds[i].type, "its type in Go");
	}
	ok(!json_text_kind((struct json_text){ 0 }), "none has no kind");
	is_str(json_text_go_type((struct json_text){ 0 }), "<nil>", "nor a type");
}

static const struct {
	const char *text, *msg;
} faults[] = {
	{ "", "unexpected end of JSON input" },
	{ " ", "unexpected end of JSON input" },
	{ "{\"a\":", "unexpected end of JSON input" },
	{ "[1,2", "unexpected end of JSON input" },
	{ "{} x", "invalid JSON: text behind the value at byte 3" },
	{ "{'a':1}", "invalid JSON: expected a string at byte 1" },
	{ "\"\xff\"", "invalid JSON: invalid UTF-8 at byte 1" },
	{ "{\"a\\u0000\":1}", "invalid JSON: \\u0000 in a string at byte 9" },
	{ "[\"\\ud800\"]", "invalid JSON: unpaired surrogate at byte 8" },
};

static const char *nested(int depth)
{
	char *s = arena_alloc(&arena, (size_t)depth * 2 + 1);

	memset(s, '[', (size_t)depth);
	memset(s + depth, ']', (size_t)depth);
	return s;
}

static void check_faults(void)
{
	const char *deep = nested(JSON_MAX_DEPTH + 1);
	struct json_text t;
	char *big = arena_alloc(&arena, JSON_MAX_TEXT + 1);

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		ok(json_text(faults[i].text, strlen(faults[i].text), &t, &err) < 0 &&
			   err.code == ERR_DECODE,
		   "%s is none", faults[i].text);
		is_str(err.msg, faults[i].msg, "and why");
	}
	ok(json_text("[1]\0]", 5, &t, &err) < 0, "nor is one with a NUL behind it");
	ok(json_text(deep, strlen(deep), &t, &err) < 0 && strstr(err.msg, "nested too deep"),
	   "nor one nested too deep");
	memset(big, ' ', JSON_MAX_TEXT);
	big[0] = '1';
	ok(json_text(big, JSON_MAX_TEXT, &t, &err) < 0 && strstr(err.msg, "too large"),
	   "nor one of a megabyte");
	ok(json_text(big, JSON_MAX_TEXT - 1, &t, &err) == 0 && t.len == 1, "one less is");
}

static const char *walked(const char *s)
{
	struct json_walk w = json_walk(text(s));
	const char *out = "";
	struct json_member m;

	while (json_walk_next(&w, &m))
		out = arena_printf(&arena, "%s%s=%s;", out, m.key ? m.key : "", cut(m.value));
	return out;
}

static void check_walk(void)
{
	struct json_walk none = json_walk((struct json_text){ 0 });
	struct json_member m;

	is_str(walked(" { \"a\" : 1 , \"b\":{\"a\":2},\"\":[ ] }"), "a=1;b={\"a\":2};=[ ];",
	       "members");
	is_str(walked("[1,\"},\", [2,3] ,null , -1.50]"), "=1;=\"},\";=[2,3];=null;=-1.50;",
	       "elements");
	is_str(walked("{\"a\\\"}\":1,\"\\u0061\":\"\\\\\"}"), "a\"}=1;a=\"\\\\\";",
	       "escaped keys, an escape before the end of a string");
	is_str(walked("{\"\\ud834\\udd1e\":1}"), "\xf0\x9d\x84\x9e=1;", "a pair of surrogates");
	is_str(walked("{\"a\":1,\"A\":2,\"a\":3}"), "a=1;A=2;a=3;", "as they stand");
	is_str(walked("{ }"), "", "an empty object");
	is_str(walked("[\n]"), "", "an empty list");
	is_str(walked("\"{[\""), "", "a string has none");
	is_str(walked("7"), "", "nor has a number");
	ok(!json_walk_next(&none, &m), "nor has what is not there");
}

static const char *member(const char *s, const char *key)
{
	return cut(json_text_member(text(s), key));
}

static void check_member(void)
{
	is_str(member("{\"a\":1,\"b\":[2]}", "b"), "[2]", "a member");
	is_str(member("{\"a\":1,\"\\u0061\":{ },\"b\":3}", "a"), "{ }", "the last of equal keys");
	is_str(member("{\"A\":1,\"b\":{\"a\":2}}", "a"), NULL, "keys are exact, and its own");
	is_str(member("{\"a\":null}", "a"), "null", "null is one");
	is_str(member("{\"\":0}", ""), "0", "the empty key");
	is_str(member("[\"a\",1]", "a"), NULL, "a list has none");
	is_str(member("\"a\"", "a"), NULL, "nor has a string");
	ok(!json_text_member((struct json_text){ 0 }, "a").at, "nor has what is not there");
	is_str(json_text_string(text(" \"a\\n\\u20ac\\/\" ")), "a\n\xe2\x82\xac/", "a string");
	is_str(json_text_string(text("\"\"")), "", "an empty one");
	is_str(json_text_string(text("{\"a\":1}")), NULL, "an object is none");
	is_str(json_text_string((struct json_text){ 0 }), NULL, "nor is what is not there");
	is_str(json_text_string(json_text_member(text("{\"a\":\"b\"}"), "a")), "b", "a member's");
}

/* ---- making ---------------------------------------------------------------------------------- */

/* encoding/json's string: what is escaped, and how. */
static const struct {
	const char *bytes, *quoted;
} strings[] = {
	{ "", "\"\"" },
	{ "a/'z\x7f", "\"a/'z\x7f\"" },
	{ "\"\\", "\"\\\"\\\\\"" },
	{ "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
	{ "\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\"" },
	{ "<a>&", "\"\\u003ca\\u003e\\u0026\"" },
	{ "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\"" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e", "\"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e\"" },
	{ "a\xff\xc3", "\"a\\ufffd\\ufffd\"" },
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
};

static void check_strings(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct json_buf b = { 0 };

		json_buf_add_str(&b, strings[i].bytes);
		is_str(b.text, strings[i].quoted, "as Go quotes it");
		ok(b.len == strlen(strings[i].quoted), "its length");
	}
}

static void check_keys(void)
{
	struct json_buf b = { 0 };

	json_buf_add(&b, "{");
	json_buf_add_key(&b, "a");
	json_buf_add_text(&b, text(" [1, 2] "));
	json_buf_add_key(&b, "<{");
	json_buf_add(&b, "{");
	json_buf_add_key(&b, "c");
	json_buf_add_str(&b, "{");
	json_buf_add(&b, "}");
	json_buf_add_key(&b, "d");
	json_buf_add(&b, "null}");
	is_str(b.text, "{\"a\":[1, 2],\"\\u003c{\":{\"c\":\"{\"},\"d\":null}",
	       "members, with commas");
}

/* From one size to the next, a byte at a time and many at once. */
static void check_long(void)
{
	char *want = arena_alloc(&arena, 100001);
	struct json_buf b = { 0 };

	memset(want, 'x', 100000);
	for (int i = 0; i < 1500; i++)
		json_buf_add(&b, "x");
	json_buf_add(&b, want + 1500);
	ok(b.len == 100000 && !strcmp(b.text, want), "a long text");
}

static const char *printed(const char *s, bool sorted, unsigned int tab)
{
	struct json_buf b = { 0 };

	json_buf_add_go(&b, text(s), (struct json_style){ .sorted = sorted, .tab = tab });
	return b.text;
}

static const char some[] =
	" { \"b\" : [ 1 , { \"z\":true, \"a\":null } , [ ] ] , \"a\" : \"\\u003c\\u00e4\" , \"B\":{ } }";

static const char indented[] = "{\n"
			       "    \"B\": {},\n"
			       "    \"a\": \"\\u003c\xc3\xa4\",\n"
			       "    \"b\": [\n"
			       "        1,\n"
			       "        {\n"
			       "            \"a\": null,\n"
			       "            \"z\": true\n"
			       "        },\n"
			       "        []\n"
			       "    ]\n"
			       "}";

static void check_printing(void)
{
	is_str(printed(some, false, 0),
	       "{\"b\":[1,{\"z\":true,\"a\":null},[]],\"a\":\"\\u003c\xc3\xa4\",\"B\":{}}",
	       "compact");
	is_str(printed(some, true, 0),
	       "{\"B\":{},\"a\":\"\\u003c\xc3\xa4\",\"b\":[1,{\"a\":null,\"z\":true},[]]}",
	       "sorted");
	is_str(printed(some, true, 4), indented, "indented by 4");
	is_str(printed("[[],{}]", true, 2), "[\n  [],\n  {}\n]", "by 2; empty ones stay on a line");
	is_str(printed("\"a\\/\"", true, 4), "\"a/\"", "a string alone");
	is_str(printed("{\"a\":1,\"b\":2,\"\\u0061\":3,\"a\":4,\"b\":5}", true, 0),
	       "{\"a\":4,\"b\":5}", "a map has a key once: the last");
	is_str(printed("{\"a\":1,\"a\":2}", false, 0), "{\"a\":1,\"a\":2}", "as written, both");
	is_str(printed("[3,1,2]", true, 0), "[3,1,2]", "a list has its order");
	is_str(printed("{\"\xc3\xa4\":1,\"z\":2,\"Z\":3,\"\":4,\"aa\":5,\"a\":6}", true, 0),
	       "{\"\":4,\"Z\":3,\"a\":6,\"aa\":5,\"z\":2,\"\xc3\xa4\":1}", "bytewise");
}

static void check_numbers(void)
{
	static const char numbers[] =
		"[12345678901234567890,9007199254740993,1.0,-0,1e3,1E+2,0.10,"
		"1e999,123456789012345678901234567890123456789012345678901234567890123456789]";

	is_str(printed(numbers, true, 0), numbers, "numbers stay as they are written");
}

static void check_depth(void)
{
	const char *deep = nested(JSON_MAX_DEPTH);

	is_str(printed(deep, true, 0), deep, "as deep as a text may be");
	ok(strstr(printed(deep, true, 1), "\n[]") == NULL &&
		   strstr(printed(deep, true, 1), " []\n"),
	   "indented, too");
}

int main(void)
{
	json_init(&arena);
	check_kinds();
	check_faults();
	check_walk();
	check_member();
	check_strings();
	check_keys();
	check_long();
	check_printing();
	check_numbers();
	check_depth();
	arena_free(&arena);
	return done_testing();
}
