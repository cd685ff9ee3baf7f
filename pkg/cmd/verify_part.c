/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verify_part.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "cmd/own.h"
#include "cni/version.h"
#include "nl/nl.h"
#include "sys/netns.h"

#define RESTART "restart the container"

static const char *text(const char *fmt, ...) PRINTF(1, 2);
static const char *text(const char *fmt, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, fmt);
	s = arena_vprintf(json_arena(), fmt, ap);
	va_end(ap);
	return s;
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static const struct link *link_of(const struct link_list *list, const char *name)
{
	for (size_t i = 0; i < list->n_link; i++)
		if (!strcmp(list->link[i].name, name))
			return &list->link[i];
	return NULL;
}

static void verify_interface(struct verify *v, const struct node_attachment *a,
			     const struct cni_interface *f, const struct link_list *links)
{
	const struct link *l = link_of(links, f->name);
	char mac[MAC_STRLEN];

	if (!l) {
		verify_say(v, VERIFY_DAMAGED, a, text("interface %s is gone", f->name), RESTART);
		return;
	}
	if (f->mac && *f->mac && strcasecmp(f->mac, mac_str(l->mac, mac)) != 0)
		verify_say(
			v, VERIFY_DAMAGED, a,
			text("interface %s has the MAC address %s, not %s", f->name, mac, f->mac),
			RESTART);
	if (f->mtu && f->mtu != l->mtu)
		verify_say(v, VERIFY_DAMAGED, a,
			   text("interface %s has the MTU %u, not %u", f->name, l->mtu, f->mtu),
			   text("ip link set %s mtu %u, where it is", f->name, f->mtu));
	if (!(l->flags & IFF_UP))
		verify_say(v, VERIFY_DAMAGED, a, text("interface %s is down", f->name),
			   text("ip link set %s up, where it is", f->name));
}

static bool is_inside(const struct cni_interface *f)
{
	return f->sandbox && *f->sandbox;
}

static void verify_interfaces(struct verify *v, const struct node_attachment *a,
			      const struct cni_result *r, struct cni_call *c)
{
	struct link_list inside = { .arena = json_arena() };

	if (cni_sandbox(c) < 0 || nl_link_list(c->sandbox, &inside) < 0) {
		verify_say(v, VERIFY_BLIND, a, c->err->msg, "look again as root");
		err_clear(c->err);
		return;
	}
	for (size_t i = 0; i < r->n_interfaces; i++)
		verify_interface(v, a, &r->interfaces[i],
				 is_inside(&r->interfaces[i]) ? &inside : &v->node.links);
}

/* ---- plugins --------------------------------------------------------------------------------- */

/* What puts back what the plugin has lost. */
static const char *advice_for(const struct node_attachment *a, const char *type)
{
	for (size_t i = 0; i < a->n_records; i++)
		if (!strcmp(a->records[i]->plugin, type))
			return text("cnic repair %s, else restart the container", a->container_id);
	return RESTART;
}

static void say_failure(struct verify *v, const struct node_attachment *a, const char *type,
			const struct err *err)
{
	verify_say(v, VERIFY_DAMAGED, a,
		   text("%s: %s%s%s", type, err->msg, *err->details ? "; " : "", err->details),
		   advice_for(a, type));
}

/* A list in the cache, or a chain of it. */
struct checked {
	const struct node_attachment *of;
	struct cni_call *call;
	struct libcni_list list;
	struct libcni_attachment to;
	struct json_text prev;
};

static void check_all(struct verify *v, const struct checked *k);

/*
 * Is there something to ask? One that is gone is no damage of the container's; the DEL of one that
 * cnic run has added is cnic's own.
 */
static bool has_executable(struct verify *v, const struct node_attachment *a, const char *type)
{
	struct err err = { 0 };
	const char *path;

	if (a->n_entries && strcmp(a->entries[0]->path, OWN_PATH) != 0 &&
	    libcni_find(type, a->entries[0]->path, &path, &err) < 0)
		verify_say(v, VERIFY_LEFT, a, text("%s, so that its DEL will fail", err.msg),
			   "install it again, or cnic gc when the container is gone");
	return own_find(NULL, type, node_cni_path(a), &path, &err) == 0;
}

/*
 * Its plugins one by one: its own CHECK would end with the first that fails. They get no more of
 * the runtime's than it has got.
 */
static void check_chain(struct verify *v, const struct checked *outer, const char *conf, size_t len)
{
	struct checked k = *outer;
	struct err err = { 0 };

	if (libcni_list_parse(conf, len, &k.list, &err) < 0) {
		say_failure(v, outer->of, "chain", &err);
		return;
	}
	k.to.capability_args = json_text_member(k.list.text, "runtimeConfig");
	check_all(v, &k);
}

static void check_plugin(struct verify *v, const struct checked *k, const struct libcni_plugin *p)
{
	const struct libcni libcni = {
		.path = node_cni_path(k->of),
		.timeout_ms = k->call->req->timeout_ms,
		.find = own_find,
		.exec = own_exec,
		.ctx = k->call,
	};
	const struct libcni_injected in = { .prev = k->prev,
					    .runtime = libcni_runtime_config(p, &k->to) };
	const struct libcni_request q = { p, CNI_CHECK, &k->to, &in };
	struct err err = { 0 };
	size_t len;

	if (!has_executable(v, k->of, p->type))
		return;
	if (!strcmp(p->type, "chain")) {
		const char *conf = libcni_input(&k->list, p, &in, &len);

		check_chain(v, k, conf, len);
	} else if (libcni_call(&libcni, &k->list, &q, NULL, &err) < 0) {
		say_failure(v, k->of, p->type, &err);
	}
}

static void check_all(struct verify *v, const struct checked *k)
{
	for (size_t i = 0; i < k->list.n_plugins; i++)
		check_plugin(v, k, &k->list.plugins[i]);
}

/* Plugins hold the sandbox of an interface against the path that they are called with. */
static int print_moved(struct cni_result *r, const struct node_attachment *a, const char *netns,
		       const char *version, struct json **out, struct err *err)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		if (is_inside(&r->interfaces[i]) && !strcmp(r->interfaces[i].sandbox, a->netns))
			r->interfaces[i].sandbox = netns;
	return cni_result_json(r, version, out, err);
}

static int move_result(const struct json *result, const struct checked *k, struct json_text *out,
		       struct err *err)
{
	struct cni_result r;
	struct json *o;

	if (cni_result_parse(result, k->list.version, false, "result", &r, err) < 0 ||
	    print_moved(&r, k->of, k->to.netns, k->list.version, &o, err) < 0)
		return -1;
	*out = json_text_own(json_print(o));
	return 0;
}

/* By the list in the cache, with the namespace where it can be found. */
static void check_list(struct verify *v, const struct node_attachment *a, const char *netns,
		       struct cni_call *c)
{
	struct checked k = { .of = a, .call = c, .to = a->cached->attachment };
	const struct json *result;
	struct err err = { 0 };

	k.to.netns = netns;
	if (libcni_list_parse(a->cached->config, a->cached->config_len, &k.list, &err) < 0 ||
	    libcni_cache_result(a->cached->dir, a->network, &k.to, k.list.version, &result, &err) <
		    0) {
		verify_say(v, VERIFY_LEFT, a, text("%s: %s", a->cached->path, err.msg),
			   "cnic gc, or remove it");
		return;
	}
	if (!result || k.list.disable_check || !cni_version_at_least(k.list.version, "0.4.0"))
		return;
	if (move_result(result, &k, &k.prev, &err) < 0)
		say_failure(v, a, "result", &err);
	else
		check_all(v, &k);
}

/*
 * What no cache knows, by the records of its rules, where that is all that the plugin does: what
 * became of its interface behind it in the list is not known.
 */
static void check_record(struct verify *v, const struct node_attachment *a, const struct record *r,
			 const char *netns, struct cni_call *c)
{
	const struct cni_plugin *plugin = cni_plugin_named(r->plugin);
	struct json *conf = json_object(), *prev;
	struct cni_result result = r->prev;
	struct err err = { 0 };
	struct libcni_exec x = {
		.type = r->plugin,
		.command = CNI_CHECK,
		.container_id = a->container_id,
		.netns = netns,
		.ifname = a->ifname,
		.args = r->args,
		.cni_path = node_cni_path(a),
		.timeout_ms = c->req->timeout_ms,
	};
	const char *version = json_string(json_get(r->conf, "cniVersion"));

	if (!plugin || !plugin->no_netns || !version || !cni_version_at_least(version, "0.4.0") ||
	    print_moved(&result, a, netns, version, &prev, &err) < 0)
		return;
	json_for_each(member, r->conf)
		json_add_copy(conf, json_key(member), member);
	json_add(conf, "prevResult", prev);
	x.in = json_print(conf);
	x.in_len = strlen(x.in);
	if (own_run(c, plugin, &x, NULL, &err) < 0)
		say_failure(v, a, r->plugin, &err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool is_open(const struct node_attachment *a, const char *path, int *fd)
{
	struct err ignored;
	struct stat st;
	bool gone;

	if (!*path || netns_open(path, fd, &gone, &ignored) < 0 || *fd < 0)
		return false;
	if (!a->netns_inode || (fstat(*fd, &st) == 0 && st.st_ino == a->netns_inode))
		return true;
	drop_fd(fd); /* another's, at a path that is used again */
	return false;
}

/* The path, or if it leads there no more, another one that does. */
static const char *living_path(const struct node_attachment *a, int *fd)
{
	const char *const paths[] = { a->netns, a->holder ? a->holder->path : "" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (is_open(a, paths[i], fd))
			return paths[i];
	return NULL;
}

static void say_closed(struct verify *v, const struct node_attachment *a)
{
	if (a->life == NODE_ALIVE)
		verify_say(v, VERIFY_BLIND, a, "its namespace cannot be entered",
			   a->holder ? "look again" : RESTART);
	else
		verify_say(v, VERIFY_LEFT, a,
			   "there is no namespace at its path, nor a proof that it is gone",
			   "its runtime's DEL, or cnitool del");
}

void verify_part(struct verify *v, const struct node_attachment *a)
{
	struct cni_call c = CNI_CALL_INIT(.req = &v->req, .outer = &v->call, .arena = json_arena(),
					  .err = v->call.err);
	const char *netns = living_path(a, &c.netns_fd);
	struct cni_result result;
	struct err ignored;

	if (!netns) {
		say_closed(v, a);
		return;
	}
	if (a->cached && a->cached->result &&
	    cni_result_parse(a->cached->result, "", false, "result", &result, &ignored) == 0)
		verify_interfaces(v, a, &result, &c);
	if (a->cached)
		check_list(v, a, netns, &c);
	else
		for (size_t i = 0; i < a->n_records; i++)
			check_record(v, a, a->records[i], netns, &c);
	cni_close(&c);
}
