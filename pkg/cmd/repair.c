/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/repair.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cni/conf.h"
#include "skel/record.h"
#include "cni/version.h"
#include "nft/drop.h"
#include "plugins/meta/firewall/nftables.h"
#include "sys/netns.h"

static bool is_wanted(const struct cni_repair *what, const struct record *r)
{
	return (!what->network || !strcmp(what->network, r->network)) &&
	       (!what->plugin_name || !strcmp(what->plugin_name, r->plugin)) &&
	       (!what->container_id || !strcmp(what->container_id, r->container_id));
}

static int find_plugin(struct cni_call *c, const struct cni_repair *what, const char *name)
{
	for (const struct cni_plugin *const *p = what->plugins; *p; p++)
		if (!strcmp((*p)->name, name) && (*p)->repair) {
			c->plugin = *p;
			return 0;
		}
	return err_set(c->err, ERR_CONFIG,
		       "this executable has no such plugin, or it repairs nothing");
}

static int decode_conf(struct cni_call *c, const struct record *r)
{
	if (cni_conf_decode(&c->conf, r->conf, false, c->err) < 0)
		return -1;
	if (strcmp(c->conf.name, r->network) != 0)
		return err_set(c->err, ERR_CONFIG, "the configuration is another network's");
	c->stdin_text = json_print(r->conf);
	c->stdin_len = strlen(c->stdin_text);
	return cni_version_allows(c->conf.version, "ADD", NULL, c->err);
}

/* 1: the namespace is gone. Our own is not a container's: the path has come to mean another. */
static int repair(const struct cni_repair *what, const struct record *r, struct cni_call *c)
{
	bool gone = false, home = false;

	c->container_id = r->container_id;
	c->netns = r->netns;
	c->ifname = r->ifname;
	c->args = r->args;
	c->prev = &r->prev;
	c->record_extra = r->note;
	c->backend = what->backend;
	if (netns_open(r->netns, &c->netns_fd, &gone, c->err) < 0)
		return -1;
	if (!gone && netns_is_home(c->netns_fd, &home, c->err) < 0) {
		close_fd(&c->netns_fd);
		return -1;
	}
	if (gone || home) {
		close_fd(&c->netns_fd);
		return 1;
	}
	if (find_plugin(c, what, r->plugin) < 0 || decode_conf(c, r) < 0) {
		close_fd(&c->netns_fd);
		return -1;
	}
	return cni_repair(c);
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

static void one(struct cni_repair *what, const char *name, struct arena *arena)
{
	auto_close int held = -1;
	struct err err = { 0 };
	struct record *r;
	struct cni_call c = { .command = CNI_ADD,
			      .path = "",
			      .netns_fd = -1,
			      .lock_fd = -1,
			      .record_fd = &held,
			      .arena = arena,
			      .err = &err };
	int rc = record_load(name, &held, arena, &r, &err);

	if (!rc && (!r || !is_wanted(what, r)))
		return;
	if (!rc)
		rc = repair(what, r, &c);
	if (rc < 0)
		complain(name, r, &err);
	what->failed += rc < 0;
	what->gone += rc > 0;
	what->repaired += !rc;
}

/* Of the admin chain of firewall's table the rules are the administrator's. */
static bool is_guest(const char *table, const char *chain)
{
	return !strcmp(table, "cnic_firewall") && !fw_nftables_is_chain(chain);
}

static int drop_unused(struct arena *arena, struct err *err)
{
	struct nl nft;
	int rc = nft_open(&nft, err);

	if (!rc)
		rc = nft_drop_unused(&nft, "cnic_", is_guest, arena);
	nl_close(&nft);
	return rc;
}

int repair_all(struct cni_repair *what, struct err *err)
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
