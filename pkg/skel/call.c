/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/scope.h"
#include "cni/args.h"
#include "cni/version.h"
#include "nft/nft.h"
#include "skel/record.h"
#include "skel/registry.h"
#include "sys/spawn.h"

const struct cni_plugin *cni_plugin_named(const char *name)
{
	for (const char *dash; name; dash = strchr(name, '-'), name = dash ? dash + 1 : NULL)
		for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
			if (!strcmp((*p)->name, name))
				return *p;
	return NULL;
}

const struct cni_plugin *cni_plugin_named_alike(const char *name, const char *other,
						const char *plugin)
{
	const struct cni_plugin *p = cni_plugin_named(name);
	size_t len = strlen(other), end = strlen(plugin);

	if (!p || len < end || strcmp(other + len - end, plugin) != 0)
		return NULL;
	return !strncmp(name, other, len - end) && !strcmp(name + (len - end), p->name) ? p : NULL;
}

void cni_step(struct cni_call *c, struct cni_steps *s, int rc)
{
	if (rc < 0 && s->failed)
		fprintf(stderr, "also: %s\n", c->err->msg);
	else if (rc < 0)
		s->first = *c->err;
	s->failed |= rc < 0;
	err_clear(c->err);
}

int cni_steps_end(struct cni_call *c, const struct cni_steps *s)
{
	*c->err = s->first;
	return s->failed ? -1 : 0;
}

#define HOST_MAX_OUTPUT ((size_t)64 << 20) /* bytes: a table of some hundred thousand rules */

int cni_execute(struct cni_call *c, const char *const *argv, const char *in,
		struct spawn_result *res)
{
	int hold[2];
	struct spawn s = {
		.path = argv[0],
		.argv = argv,
		.envp = environ,
		.in = in,
		.in_len = strlen(in),
		.max_out = HOST_MAX_OUTPUT,
		.listen = true,
		.hold = hold,
	};

	if (c->lock.fd >= 0)
		hold[s.n_hold++] = c->lock.fd;
	if (c->record_fd >= 0)
		hold[s.n_hold++] = c->record_fd;
	return spawn(&s, res, c->arena, c->err);
}

const char *cni_arg(const struct cni_call *c, const char *key)
{
	return c->req->command == CNI_STATUS ? NULL : cni_args_get(c->req->args, key, c->arena);
}

void cni_set_mtu(const struct cni_call *c, struct cni_interface *f, uint32_t mtu)
{
	if (cni_version_at_least(c->req->net.version, "1.1.0")) /* the first that has the key */
		f->mtu = mtu;
}

uint32_t cni_add_interface(struct cni_call *c, const struct link *link, const char *sandbox)
{
	struct cni_result *r = &c->result;
	struct cni_interface *f = arena_append(c->arena, r->interfaces, r->n_interfaces);
	char mac[MAC_STRLEN];

	f->name = arena_strdup(c->arena, link->name);
	f->mac = arena_strdup(c->arena, mac_str(link->mac, mac));
	f->sandbox = sandbox;
	cni_set_mtu(c, f, link->mtu);
	return (uint32_t)r->n_interfaces - 1;
}

bool cni_is_lenient(const struct cni_call *c)
{
	return c->req->command == CNI_DEL || c->req->command == CNI_GC;
}

int cni_decode(struct cni_call *c, const struct json *v, const char *path)
{
	const struct json_field *fields = c->plugin->fields;

	if (!fields)
		return 0;
	return cni_is_lenient(c) ? json_decode_lenient(v, fields, path, c->conf, c->err)
				 : json_decode(v, fields, path, c->conf, c->err);
}

void cni_reset_conf(struct cni_call *c)
{
	if (c->plugin->defaults)
		memcpy(c->conf, c->plugin->defaults, c->plugin->conf_size);
	else
		memset(c->conf, 0, c->plugin->conf_size);
}

enum { HOST, SANDBOX, NFT }; /* of cni_call's sockets */

/* The call whose socket a part has. */
static struct cni_call *owner(const struct cni_call *c, int which)
{
	struct cni_call *o = c->outer;

	return o && (which != SANDBOX || o->netns_fd == c->netns_fd) ? o : NULL;
}

static int open_own(struct cni_call *c, int which)
{
	struct nl *nl = arena_new(c->arena, struct nl);
	int rc = which == HOST      ? nl_open(nl, c->err)
		 : which == SANDBOX ? nl_open_at(nl, c->netns_fd, c->err)
				    : nft_open(nl, &c->deferred, c->err);

	if (rc < 0) {
		nl_close(nl);
		return -1;
	}
	nl->deferred = &c->deferred;
	c->sockets[which] = nl;
	return 0;
}

static int open_socket(struct cni_call *c, int which)
{
	struct cni_call *o = owner(c, which);
	int rc;

	if (c->sockets[which])
		return 0;
	if (!o)
		return open_own(c, which);
	rc = open_socket(o, which);
	c->sockets[which] = o->sockets[which];
	return rc;
}

int cni_host(struct cni_call *c)
{
	return open_socket(c, HOST);
}

int cni_sandbox(struct cni_call *c)
{
	return c->netns_fd < 0 ? 0 : open_socket(c, SANDBOX);
}

int cni_nft(struct cni_call *c)
{
	return open_socket(c, NFT);
}

static int open_namespaces(struct cni_call *c)
{
	if (c->plugin->ipam || c->plugin->no_netns)
		return 0;
	return cni_host(c) < 0 ? -1 : cni_sandbox(c);
}

/* Before any side effect, in this order. */
static int prepare(struct cni_call *c)
{
	const struct cni_plugin *p = c->plugin;

	c->conf = arena_alloc(c->arena, p->conf_size);
	cni_reset_conf(c);
	if (cni_decode(c, c->req->net.raw, "") < 0)
		return -1;
	if (c->req->command == CNI_CHECK && !c->req->prev)
		return err_config(c->err, "prevResult: missing, CHECK needs it");
	/* what only ADD and CHECK take from CNI_ARGS must not stop a DEL */
	if (p->args && (c->req->command == CNI_ADD || c->req->command == CNI_CHECK) &&
	    cni_args_check(c->req->args, p->args, c->arena, c->err) < 0)
		return -1;
	return p->validate && !cni_is_lenient(c) ? p->validate(c) : 0;
}

void cni_close(struct cni_call *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->sockets); i++)
		if (c->sockets[i] && (!c->outer || c->sockets[i] != c->outer->sockets[i]))
			nl_close(c->sockets[i]);
	drop_fd(&c->netns_fd);
	drop_fd(&c->record_fd);
	host_unlock(c);
	deferred_close_all(&c->deferred);
}

/* What a command that went well does to the registry; NULL = nothing. */
static void (*const registered[CNI_COMMANDS])(struct cni_call *c) = {
	[CNI_ADD] = registry_add_link,
	[CNI_DEL] = registry_remove,
	[CNI_GC] = registry_gc,
};

/* A repair is none of the commands. */
static bool is_registered(const struct cni_call *c)
{
	return (c->plugin->registers || c->plugin->registers_rules) && !c->req->record &&
	       !c->req->keep_entry;
}

static int run_command(struct cni_call *c)
{
	const struct cni_plugin *p = c->plugin;
	int (*const commands[])(struct cni_call *) = {
		[CNI_ADD] = p->add, [CNI_DEL] = p->del,       [CNI_CHECK] = p->check,
		[CNI_GC] = p->gc,   [CNI_STATUS] = p->status, [CNI_VERSION] = NULL,
	};
	int (*command)(struct cni_call *) = c->req->record ? p->repair : commands[c->req->command];
	int rc = prepare(c) < 0 ? -1 : open_namespaces(c);

	if (rc < 0 || !command)
		return rc;
	if (!is_registered(c))
		return command(c);
	if (c->req->command == CNI_ADD && p->registers)
		registry_add(c);
	rc = command(c);
	if (!rc && registered[c->req->command])
		registered[c->req->command](c);
	return rc;
}

int cni_run(struct cni_call *c, int (*last)(struct cni_call *c))
{
	int rc = run_command(c);

	if (!rc && last)
		rc = last(c);
	if (rc < 0)
		undo_all(c);
	cni_close(c);
	return rc;
}

/* ---- a part of a call ------------------------------------------------------------------------ */

/* A failed part may have left something in a batch. */
static void reset_sockets(const struct cni_call *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->sockets); i++)
		if (c->sockets[i])
			nl_reset(c->sockets[i]);
}

/* What it has locked: its record, the host, the namespace. */
static void unlock_part(struct cni_call *part)
{
	reset_sockets(part->outer);
	drop_fd(&part->record_fd);
	host_unlock(part);
	if (part->netns_fd >= 0)
		(void)flock(part->netns_fd, LOCK_UN);
	deferred_close_all(&part->deferred);
}

int cni_run_part(struct cni_call *c, struct cni_call *part)
{
	int rc;

	part->outer = c;
	part->netns_fd = c->netns_fd;
	rc = run_command(part);
	if (rc < 0)
		undo_all(part);
	unlock_part(part);
	return rc;
}

/* With its record held again, if there is one. */
void cni_undo_part(struct cni_call *part)
{
	const struct err first = *part->err;

	if (record_hold(part) < 0)
		fprintf(stderr, "rollback: %s\n", part->err->msg);
	undo_all(part);
	unlock_part(part);
	*part->err = first;
}
