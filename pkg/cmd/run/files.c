/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/file.h"

#define RESOLV_CONF     "/etc/resolv.conf"
#define RESOLV_UPSTREAM "/run/systemd/resolve/resolv.conf" /* systemd-resolved.service(8) */
#define RESOLV_MAX      65536

/* ---- resolv.conf ----------------------------------------------------------------------------- */

/* The value of a line "nameserver ADDRESS", with nothing behind it; NULL: it is another line. */
static const char *nameserver_of(const char *line)
{
	static const char key[] = "nameserver";
	char *value;

	if (strncmp(line, key, sizeof(key) - 1) != 0)
		return NULL;
	value = arena_strdup(json_arena(), line + sizeof(key) - 1);
	value += strspn(value, " \t");
	value[strcspn(value, " \t\r")] = '\0';
	return value;
}

static bool is_loopback(const char *server)
{
	struct ip ip;

	return ip_parse(&ip, server) && ip_is_loopback(&ip);
}

/* The text without such servers; *n is how many are left. */
static const char *reachable(const char *text, size_t *n)
{
	char *rest = arena_strdup(json_arena(), text), *line;
	struct json_buf b = { 0 };

	*n = 0;
	while ((line = strsep(&rest, "\n"))) {
		const char *server = nameserver_of(line);

		if (server && is_loopback(server))
			continue;
		*n += server != NULL;
		if (!*line && !rest)
			break;
		json_buf_add(&b, line);
		json_buf_add(&b, "\n");
	}
	return b.len ? b.text : "";
}

/* Where the host's own resolver is on its loopback, what that one asks. */
static const char *of_host(void)
{
	static const char *const files[] = { RESOLV_CONF, RESOLV_UPSTREAM };
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct err ignored;
		const char *text;
		size_t len, n;

		if (file_read(files[i], RESOLV_MAX, json_arena(), &text, &len, &ignored) < 0)
			continue;
		text = reachable(text, &n);
		if (n)
			return text;
		first = first ? first : text;
	}
	return first ? first : "";
}

static void add_list(struct json_buf *b, const char *key, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_buf_add(b, i ? " " : key);
		json_buf_add(b, i ? "" : " ");
		json_buf_add(b, list[i]);
	}
	json_buf_add(b, n ? "\n" : "");
}

static void add_servers(struct json_buf *b, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_list(b, "nameserver", &list[i], 1);
}

static void add_settings(struct json_buf *b, const struct cni_dns *dns)
{
	if (dns->domain && *dns->domain)
		add_list(b, "domain", &dns->domain, 1);
	add_list(b, "search", dns->search, dns->n_search);
	add_list(b, "options", dns->options, dns->n_options);
}

static const char *resolv_conf(const struct run_options *o, const struct cni_result *results,
			       size_t n)
{
	struct json_buf b = { 0 };

	add_servers(&b, o->dns, o->n_dns);
	for (size_t i = 0; i < n && !o->n_dns; i++)
		add_servers(&b, results[i].dns.nameservers, results[i].dns.n_nameservers);
	if (!b.len)
		json_buf_add(&b, of_host());
	for (size_t i = 0; i < n; i++)
		add_settings(&b, &results[i].dns);
	return b.text;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static const char *hostname_of(const struct run_options *o)
{
	char *name = arena_alloc(json_arena(), HOST_NAME_MAX + 1);

	if (o->hostname)
		return o->hostname;
	return gethostname(name, HOST_NAME_MAX + 1) == 0 ? name : "";
}

static void add_host(struct json_buf *b, const char *address, const char *name)
{
	json_buf_add(b, arena_printf(json_arena(), "%s\t%s\n", address, name));
}

static const char *hosts(const struct run_options *o, const struct cni_result *results, size_t n)
{
	const char *name = hostname_of(o);
	struct json_buf b = { 0 };
	bool any = false;
	char ip[IP_STRLEN];

	add_host(&b, "127.0.0.1", "localhost");
	add_host(&b, "::1", "localhost ip6-localhost ip6-loopback");
	for (size_t i = 0; i < n && *name; i++)
		for (size_t k = 0; k < results[i].n_ips; k++, any = true)
			add_host(&b, ip_str(&results[i].ips[k].address, ip), name);
	if (!any && *name && strcmp(name, "localhost") != 0)
		add_host(&b, "127.0.1.1", name);
	return b.text;
}

void run_files_make(const struct run_networks *n, const struct cni_result *results,
		    size_t n_results, struct run_texts *out)
{
	const struct run_options *o = n->options;
	bool is_ours =
		!n->joined && o->net != RUN_NET_HOST && (o->net != RUN_NET_NONE || o->hostname);

	*out = (struct run_texts){ 0 };
	if (is_ours || o->n_dns)
		out->resolv_conf = resolv_conf(o, results, n_results);
	if (is_ours)
		out->hosts = hosts(o, results, n_results);
}
