/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dot.h"

#include <stdio.h>
#include <string.h>

#include "cmd/describe.h"

/* A quoted identifier: only quotes and backslashes are special there. */
static void quote(const char *s)
{
	for (s = describe_plain(s); *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
}

static const char *text_of(const struct json *o, const char *key)
{
	const char *s = json_string(json_get(o, key));

	return s ? s : "";
}

static const struct link *link_of(const struct node *node, const char *name, int index)
{
	for (size_t i = 0; i < node->links.n_link; i++) {
		const struct link *l = &node->links.link[i];

		if (name ? !strcmp(l->name, name) : l->index == index)
			return l;
	}
	return NULL;
}

static void print_id(const struct json *o)
{
	printf("\"c:");
	quote(text_of(o, "network"));
	putchar('/');
	quote(text_of(o, "containerId"));
	putchar('/');
	quote(text_of(o, "ifName"));
	putchar('"');
}

static void print_container(const struct json *o)
{
	printf("  ");
	print_id(o);
	printf(" [shape=box,label=\"");
	quote(text_of(o, "containerId"));
	printf("\\n");
	quote(text_of(o, "ifName"));
	json_for_each(address, json_get(o, "addresses")) {
		printf("\\n");
		quote(json_string(address) ? json_string(address) : "");
	}
	printf("\"%s];\n", strcmp(text_of(o, "state"), "alive") != 0 ? ",style=dashed" : "");
}

/* What the host's end is on, or where there is none, the network by its name. */
static void print_edge(const struct node *node, const struct json *o)
{
	const char *end = text_of(o, "hostLink");
	const struct link *l = *end ? link_of(node, end, 0) : NULL;
	const struct link *master = l && l->master ? link_of(node, NULL, l->master) : NULL;
	const char *bridge = master ? master->name : text_of(o, "ovsBridge");

	printf("  \"");
	quote(*bridge ? bridge : text_of(o, "network"));
	printf("\" -- ");
	print_id(o);
	if (*end) {
		printf(" [label=\"");
		quote(end);
		printf("\"]");
	}
	puts(";");
}

static void print_ports(const struct json *o)
{
	json_for_each(port, json_get(o, "ports")) {
		printf("  \"p:");
		quote(json_string(port));
		printf("\" [shape=cds,label=\"");
		quote(json_string(port));
		printf("\"];\n  \"p:");
		quote(json_string(port));
		printf("\" -- ");
		print_id(o);
		puts(" [style=dotted];");
	}
}

static bool is_end(const struct json *list, const char *name)
{
	json_for_each(o, list)
		if (!strcmp(text_of(o, "hostLink"), name))
			return true;
	return false;
}

static void print_link(const struct link *l, const char *shape)
{
	printf("  \"");
	quote(l->name);
	printf("\" [shape=%s];\n", shape);
}

/* Bridges, and those of their ports that are no container's: uplinks. */
static void print_host(const struct node *node, const struct json *list)
{
	for (size_t i = 0; i < node->links.n_link; i++) {
		const struct link *l = &node->links.link[i];
		const struct link *master = l->master ? link_of(node, NULL, l->master) : NULL;

		if (!strcmp(l->kind, "bridge"))
			print_link(l, "ellipse");
		if (master && !strcmp(master->kind, "bridge") && !is_end(list, l->name)) {
			print_link(l, "diamond");
			printf("  \"");
			quote(l->name);
			printf("\" -- \"");
			quote(master->name);
			puts("\";");
		}
	}
}

void dot_print(const struct node *node, const struct json *list)
{
	puts("graph node {\n  rankdir=LR;");
	print_host(node, list);
	json_for_each(o, list) {
		print_container(o);
		print_edge(node, o);
		print_ports(o);
	}
	puts("}");
}
