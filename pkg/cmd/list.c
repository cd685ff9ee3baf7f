/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/describe.h"
#include "cmd/dot.h"

#define ID_SHOWN 13 /* of a container id in the table */

struct options {
	bool show, json, dot;
	const char *what; /* NULL: all */
	const char **caches;
};

/* ---- which ----------------------------------------------------------------------------------- */

/* "8080", "8080/tcp" */
static bool is_port(const char *ports, const char *what)
{
	const char *at = strrchr(ports, '/');
	const char *number = ports;
	size_t n = strlen(what);

	for (const char *c = ports; at && c < at; c++)
		if (*c == ' ')
			number = c + 1;
	return !strncmp(number, what, n) && (number[n] == '/' || number[n] == ' ');
}

/* An address without its prefix length is the same. */
static bool is_address(const char *cidr, const char *what)
{
	size_t n = strlen(what);

	return !strncmp(cidr, what, n) && (cidr[n] == '/' || !cidr[n]);
}

static bool any(const struct json *list, bool (*is)(const char *, const char *), const char *what)
{
	json_for_each(item, list)
		if (json_string(item) && is(json_string(item), what))
			return true;
	return false;
}

static bool is_wanted(const struct json *o, const char *what)
{
	static const char *const keys[] = { "containerId", "network", "netns", "hostLink" };

	if (!what)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = json_string(json_get(o, keys[i]));

		if (value && !strcmp(value, what))
			return true;
	}
	return any(json_get(o, "addresses"), is_address, what) ||
	       any(json_get(o, "ports"), is_port, what);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char *text_of(const struct json *o, const char *key)
{
	const char *s = json_string(json_get(o, key));

	return s && *s ? describe_plain(s) : "-";
}

/* A list's strings or numbers, with commas. */
static const char *joined(const struct json *list)
{
	const char *out = "";

	json_for_each(item, list) {
		const char *s = json_string(item);
		int64_t n = 0;

		if (!s)
			s = json_int(item, &n) ? arena_printf(json_arena(), "%lld", (long long)n)
					       : "?";
		out = arena_printf(json_arena(), "%s%s%s", out, *out ? "," : "", s);
	}
	return *out ? describe_plain(out) : "-";
}

static const char *age_of(const struct json *o)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t age = -1;

	if (!json_int(json_get(o, "age"), &age) || age < 0)
		return "-";
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (age >= units[i].seconds)
			return arena_printf(json_arena(), "%lld%c",
					    (long long)(age / units[i].seconds), units[i].unit);
	return "0s";
}

static void print_row(const struct json *o)
{
	printf("%-16s %-*.*s %-8s %-8s %-6s %-24s %s\n", text_of(o, "network"), ID_SHOWN, ID_SHOWN,
	       text_of(o, "containerId"), text_of(o, "ifName"), text_of(o, "state"), age_of(o),
	       joined(json_get(o, "addresses")), joined(json_get(o, "ports")));
}

static void print_table(const struct json *list)
{
	printf("%-16s %-*s %-8s %-8s %-6s %-24s %s\n", "NETWORK", ID_SHOWN, "CONTAINER", "IFNAME",
	       "STATE", "AGE", "ADDRESSES", "PORTS");
	json_for_each(o, list)
		print_row(o);
}

/* ---- in full --------------------------------------------------------------------------------- */

static void print_member(const struct json *v)
{
	const char *s = json_string(v);
	int64_t n;

	if (json_is_list(v))
		s = joined(v);
	else if (!s && json_int(v, &n))
		s = arena_printf(json_arena(), "%lld", (long long)n);
	printf("  %-14s %s\n", json_key(v), s ? *s ? describe_plain(s) : "-" : "yes");
}

static void print_full(const struct json *list)
{
	json_for_each(o, list) {
		printf("%s %s\n", text_of(o, "containerId"), text_of(o, "ifName"));
		json_for_each(v, o)
			if (strcmp(json_key(v), "containerId") != 0 &&
			    strcmp(json_key(v), "ifName") != 0)
				print_member(v);
	}
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int parse(struct options *opt, int argc, char **argv)
{
	opt->caches = node_take_caches(&argc, argv);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			opt->json = true;
		else if (opt->show && !strcmp(argv[i], "--dot"))
			opt->dot = true;
		else if (opt->show && !opt->what && *argv[i] != '-')
			opt->what = argv[i];
		else
			return -1;
	}
	return opt->json && opt->dot ? -1 : 0;
}

static int print(const struct options *opt, const struct node *node)
{
	struct json *list = json_list_new();

	for (size_t i = 0; i < node->n; i++) {
		struct json *o = describe_attachment(node, &node->list[i]);

		if (is_wanted(o, opt->what))
			json_add(list, NULL, o);
	}
	if (opt->dot)
		dot_print(node, list);
	else if (opt->json)
		puts(json_print(list));
	else if (opt->show)
		print_full(list);
	else
		print_table(list);
	if (json_first(list) || !opt->what)
		return EXIT_SUCCESS;
	fprintf(stderr, "cnic: no attachment of %s\n", opt->what);
	return EXIT_FAILURE;
}

static int run(struct options *opt, int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct node node;
	int rc;

	json_init(&arena);
	rc = parse(opt, argc, argv);
	if (!rc && node_load(&node, opt->caches, &arena, &err) < 0) {
		fprintf(stderr, "cnic: %s\n", describe_plain(err.msg));
		rc = EXIT_FAILURE;
	} else if (!rc) {
		node_complain(&node);
		rc = print(opt, &node);
	}
	arena_free(&arena);
	return rc;
}

int list_run(int argc, char **argv)
{
	struct options opt = { 0 };

	return run(&opt, argc, argv);
}

int list_show_run(int argc, char **argv)
{
	struct options opt = { .show = true };

	return run(&opt, argc, argv);
}
