/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "cni/conf.h"
#include "cni/version.h"
#include "nft/drop.h"
#include "nl/nl.h"
#include "skel/record.h"
#include "sys/netns.h"

static bool is_wanted(const struct repair *what, const struct record *r)
{
	return (!what->network || !strcmp(what->network, r->network)) &&
	       (!what->plugin_name || !strcmp(what->plugin_name, r->plugin)) &&
	       (!what->container_id || !strcmp(what->container_id, r->container_id));
}

static int find_plugin(struct cni_call *c, const struct repair *what, const char *name)
{
	for (const struct cni_plugin *const *p = what->plugins; *p; p++)
		if (!strcmp((*p)->name, name) && (*p)->repair) {
			c->plugin = *p;
			return 0;
		}
	return err_config(c->err, "this executable has no such plugin, or it repairs nothing");
}

static int decode_conf(struct cni_call *c, struct cni_request *req, const struct record *r)
{
	if (cni_conf_decode(&req->net, r->conf, false, c->err) < 0)
		return -1;
	if (strcmp(req->net.name, r->network) != 0)
		return err_config(c->err, "the configuration is another network's");
	req->stdin_text = json_print(r->conf);
	req->stdin_len = strlen(req->stdin_text);
	return cni_version_allows(req->net.version, "ADD", NULL, c->err);
}

/* Does the path lead to the namespace of the ADD still? */
static int is_same_netns(const struct record *r, int netns_fd, bool *yes, struct err *err)
{
	auto_nl struct nl nl = { 0 };
	uint64_t cookie;

	*yes = true;
	if (!r->id.netns_cookie)
		return 0;
	if (nl_open_at(&nl, netns_fd, err) < 0)
		return -1;
	cookie = netns_cookie(mnl_socket_get_fd(nl.sock));
	*yes = !cookie || cookie == r->id.netns_cookie;
	return 0;
}

/*
 * 1: the namespace is gone, or the path leads to another one by now, be it our own, which is no
 * container's.
 */
static int repair_one(const struct repair *what, const struct record *r, struct cni_call *c)
{
	struct cni_request req = {
		.command = CNI_ADD,
		.container_id = r->container_id,
		.netns = r->netns,
		.ifname = r->ifname,
		.args = r->args,
		.path = "",
		.prev = &r->prev,
		.record = r,
		.backend = what->backend,
	};
	bool gone = false, home = false, same = true;

	c->req = &req;
	if (netns_open(r->netns, &c->netns_fd, &gone, c->err) < 0 ||
	    (!gone && (netns_is_home(c->netns_fd, &home, c->err) < 0 ||
		       is_same_netns(r, c->netns_fd, &same, c->err) < 0)))
		return -1;
	if (gone || home || !same)
		return 1;
	if (find_plugin(c, what, r->plugin) < 0 || decode_conf(c, &req, r) < 0)
		return -1;
	return cni_run(c, NULL);
}

static void complain(const char *name, const struct record *r, const struct err *err)
{
	if (r)
		fprintf(stderr, "cnic: %s of network %s, container %s, interface %s: %s%s%s\n",
			r->plugin, r->network, r->container_id, r->ifname, err->msg,
			*err->details ? ": " : "", err->details);
	else
		fprintf(stderr, "cnic: " RECORD_DIR "/%s: %s\n", name, err->msg);
}

static void one(struct repair *what, const char *name, struct arena *arena)
{
	struct err err = { 0 };
	struct record *r;
	struct cni_call c = CNI_CALL_INIT(.arena = arena, .err = &err);
	int rc = record_load(name, &c.record_fd, arena, &r, &err);
	bool wanted = rc < 0 || (r && is_wanted(what, r));

	if (!rc && wanted)
		rc = repair_one(what, r, &c);
	drop_fd(&c.netns_fd);
	drop_fd(&c.record_fd);
	if (!wanted)
		return;
	if (rc < 0)
		complain(name, r, &err);
	what->failed += rc < 0;
	what->gone += rc > 0;
	what->repaired += !rc;
}

/* A plugin knows which chains of its tables are not its own. */
static bool is_guest(const char *table, const char *chain)
{
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		if ((*p)->is_guest_chain && (*p)->is_guest_chain(table, chain))
			return true;
	return false;
}

static int drop_unused(struct arena *arena, struct err *err)
{
	struct nl nft;
	int rc = nft_open(&nft, NULL, err);

	if (!rc)
		rc = nft_drop_unused(&nft, "cnic_", is_guest, arena);
	nl_close(&nft);
	return rc;
}

int repair_all(struct repair *what, struct err *err)
{
	struct arena all = { 0 };
	const char **names;
	size_t n;
	int rc = record_names(&names, &n, &all, err);

	for (size_t i = 0; i < n; i++) {
		struct arena arena = { 0 };

		json_init(&arena);
		one(what, names[i], &arena);
		arena_free(&arena);
	}
	if (!rc && what->backend && strcmp(what->backend, "own") != 0)
		rc = drop_unused(&all, err);
	arena_free(&all);
	return rc;
}

static bool is_backend(const char *name)
{
	return !strcmp(name, "own") || !strcmp(name, "nftables") || !strcmp(name, "iptables");
}

/* -1: not understood. */
static int parse_repair(int argc, char **argv, struct repair *what)
{
	for (int i = 1; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--network")   ? &what->network
				     : !strcmp(argv[i], "--plugin")  ? &what->plugin_name
				     : !strcmp(argv[i], "--backend") ? &what->backend
								     : &what->container_id;

		if (*argv[i] == '-' && (value == &what->container_id || ++i == argc))
			return -1;
		if (*value)
			return -1;
		*value = argv[i];
	}
	return what->backend && !is_backend(what->backend) ? -1 : 0;
}

int repair_run(int argc, char **argv)
{
	struct repair what = { .plugins = cni_plugins };
	struct err err = { 0 };
	int rc;

	if (parse_repair(argc, argv, &what) < 0)
		return -1;
	rc = repair_all(&what, &err);
	if (rc < 0)
		fprintf(stderr, "cnic: %s\n", err.msg);
	printf("%zu repaired, %zu failed, %zu gone\n", what.repaired, what.failed, what.gone);
	return rc < 0 || what.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
