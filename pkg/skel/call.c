/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "cni/args.h"
#include "cni/gc.h"
#include "cni/version.h"
#include "nft/nft.h"
#include "sys/netns.h"
#include "sys/spawn.h"

const char *const cni_command_names[] = { "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION" };

_Static_assert(ARRAY_SIZE(cni_command_names) == CNI_COMMANDS, "one name per command");

const struct cni_plugin *cni_plugin_named(const char *name)
{
	for (const char *dash; name; dash = strchr(name, '-'), name = dash ? dash + 1 : NULL)
		for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
			if (!strcmp((*p)->name, name))
				return *p;
	return NULL;
}

void undo_push(struct cni_call *c, void (*fn)(struct cni_call *, const void *), const void *arg)
{
	if (c->n_undo == ARRAY_SIZE(c->undo))
		abort(); /* a plugin has more steps than it can take back: ours to fix */
	c->undo[c->n_undo++] = (struct cni_undo){ fn, arg };
}

void undo_all(struct cni_call *c)
{
	struct err first = *c->err; /* what an undo has to say must not hide it */

	while (c->n_undo) {
		const struct cni_undo *u = &c->undo[--c->n_undo];

		err_clear(c->err);
		u->fn(c, u->arg);
	}
	*c->err = first;
}

int host_lock(struct cni_call *c)
{
	if (c->lock_fd < 0)
		c->lock_fd = netns_lock(c->err);
	return c->lock_fd < 0 ? -1 : 0;
}

void host_unlock(struct cni_call *c)
{
	c->lock_dropped |= c->lock_fd >= 0;
	close_fd(&c->lock_fd);
	c->lock_fd = -1;
}

int cni_try_all(struct cni_call *c, const cni_step *steps, size_t n)
{
	struct err first = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		err_clear(c->err);
		if (steps[i](c) < 0)
			rc = err_keep_first(&first, c->err, rc);
	}
	*c->err = first;
	return rc;
}

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
		.listen = true,
		.hold = hold,
	};

	if (c->lock_fd >= 0)
		hold[s.n_hold++] = c->lock_fd;
	if (c->record_fd && *c->record_fd >= 0)
		hold[s.n_hold++] = *c->record_fd;
	return spawn(&s, res, c->arena, c->err);
}

const char *cni_arg(const struct cni_call *c, const char *key)
{
	return cni_args_get(c->args, key, c->arena);
}

uint32_t cni_add_interface(struct cni_call *c, const struct link *link, const char *sandbox)
{
	struct cni_result *r = &c->result;
	struct cni_interface *f = arena_append(c->arena, r->interfaces, r->n_interfaces);
	char mac[MAC_STRLEN];

	f->name = arena_strdup(c->arena, link->name);
	f->mac = arena_strdup(c->arena, mac_str(link->mac, mac));
	f->sandbox = sandbox;
	if (cni_version_at_least(c->conf.version, "1.1.0")) /* the first that has the key */
		f->mtu = link->mtu;
	return (uint32_t)r->n_interfaces - 1;
}

static int decode_own(struct cni_call *c)
{
	const struct cni_plugin *p = c->plugin;

	c->own = arena_alloc(c->arena, p->conf_size);
	if (p->defaults)
		memcpy(c->own, p->defaults, p->conf_size);
	if (!p->fields)
		return 0;
	if (c->command == CNI_DEL || c->command == CNI_GC)
		return json_decode_lenient(c->conf.raw, p->fields, "", c->own, c->err);
	return json_decode(c->conf.raw, p->fields, "", c->own, c->err);
}

/* CHECK needs the result of ADD; on ADD it is what the chain did before us. DEL and GC do without. */
static int decode_prev(struct cni_call *c)
{
	struct cni_result *prev;

	if (c->command != CNI_ADD && c->command != CNI_CHECK)
		return 0;
	if (!c->conf.prev_result) {
		if (c->command == CNI_CHECK)
			return err_set(c->err, ERR_CONFIG, "prevResult: missing, CHECK needs it");
		return 0;
	}
	prev = arena_new(c->arena, struct cni_result);
	c->prev = prev;
	return cni_result_parse(c->conf.prev_result, c->conf.version, true, "prevResult", prev,
				c->err);
}

/* What only ADD and CHECK take from CNI_ARGS must not stop a DEL. */
static int check_args(struct cni_call *c)
{
	if (!c->plugin->args || (c->command != CNI_ADD && c->command != CNI_CHECK))
		return 0;
	return cni_args_check(c->args, c->plugin->args, c->arena, c->err);
}

static int validate(struct cni_call *c)
{
	if (!c->plugin->validate || c->command == CNI_DEL || c->command == CNI_GC)
		return 0;
	return c->plugin->validate(c);
}

int cni_host(struct cni_call *c)
{
	if (c->host)
		return 0;
	c->host = arena_new(c->arena, struct nl);
	return nl_open(c->host, c->err);
}

static int open_namespaces(struct cni_call *c)
{
	if (c->plugin->ipam || c->plugin->bare)
		return 0;
	if (cni_host(c) < 0)
		return -1;
	if (c->netns_fd < 0)
		return 0;
	c->sandbox = arena_new(c->arena, struct nl);
	return nl_open_at(c->sandbox, c->netns_fd, c->err);
}

int cni_nft(struct cni_call *c)
{
	struct nl *nft;

	if (c->nft)
		return 0;
	nft = arena_new(c->arena, struct nl);
	if (nft_open(nft, c->err) < 0) {
		nl_close(nft);
		return -1;
	}
	c->nft = nft;
	return 0;
}

static int dispatch(struct cni_call *c)
{
	const struct cni_plugin *p = c->plugin;
	int (*const commands[])(struct cni_call *) = {
		[CNI_ADD] = p->add, [CNI_DEL] = p->del,       [CNI_CHECK] = p->check,
		[CNI_GC] = p->gc,   [CNI_STATUS] = p->status, [CNI_VERSION] = NULL,
	};

	if (commands[c->command] && commands[c->command](c) < 0)
		return -1;
	return c->finish ? c->finish(c) : 0;
}

static int run_command(struct cni_call *c, cni_step command)
{
	int rc = decode_own(c);

	if (!rc)
		rc = decode_prev(c);
	if (!rc)
		rc = check_args(c);
	if (!rc)
		rc = validate(c);
	if (!rc)
		rc = open_namespaces(c);
	if (!rc)
		rc = command(c);
	if (rc < 0)
		undo_all(c);
	if (c->host)
		nl_close(c->host);
	if (c->sandbox)
		nl_close(c->sandbox);
	if (c->nft)
		nl_close(c->nft);
	close_fd(&c->netns_fd);
	if (c->record_fd) {
		close_fd(c->record_fd);
		*c->record_fd = -1;
	}
	host_unlock(c);
	return rc;
}

int cni_run(struct cni_call *c)
{
	return run_command(c, dispatch);
}

int cni_repair(struct cni_call *c)
{
	return run_command(c, c->plugin->repair);
}
