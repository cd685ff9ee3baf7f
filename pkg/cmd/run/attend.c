/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/attend.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/own.h"
#include "cmd/run/keep.h"
#include "cmd/run/uplink.h"
#include "skel/registry.h"

/* The plugins' call: what they are parts of (own.h), with its errors in a sink of its own. */
struct outer {
	struct cni_call call; /* first: own.h gets no more */
	struct err err;
	struct cni_request req;
	const struct run_network *net; /* of a DEL: how many plugins are left of it */
	const struct libcni_attachment *of;
	size_t left;
};

static struct outer *outer_begin(const struct run_attend *a)
{
	struct outer *o = arena_new(json_arena(), struct outer);

	o->req.timeout_ms = OWN_TIMEOUT;
	o->call = (struct cni_call)CNI_CALL_INIT(.req = &o->req, .arena = json_arena(),
						 .err = &o->err);
	o->call.netns_fd = fcntl(a->netns_fd, F_DUPFD_CLOEXEC, 3);
	return o;
}

/*
 * Of the default network every plugin has an entry in the registry, which proves that it is dead;
 * the cache does not. It goes before the entries do: were we killed between, it would stay.
 */
static int exec_plugin(void *ctx, const struct libcni_exec *x, struct libcni_answer *out,
		       struct err *err)
{
	struct outer *o = ctx;

	if (x->command == CNI_DEL && !--o->left && !strcmp(o->net->cni_path, OWN_PATH))
		libcni_cache_remove(LIBCNI_CACHE_DIR, o->net->list.name, o->of);
	return own_exec(&o->call, x, out, err);
}

static struct libcni libcni_of(const struct run_network *net, struct outer *o)
{
	return (struct libcni){
		.path = net->cni_path,
		.cache_dir = LIBCNI_CACHE_DIR,
		.timeout_ms = OWN_TIMEOUT,
		.del_all = true,
		.find = own_find,
		.exec = exec_plugin,
		.ctx = o,
	};
}

static struct libcni_attachment attachment_of(const struct run_attend *a,
					      const struct run_network *net)
{
	return (struct libcni_attachment){
		.container_id = a->networks->container_id,
		.netns = a->netns,
		.ifname = net->ifname,
		.capability_args = net->capability_args,
	};
}

/* ---- attaching ------------------------------------------------------------------------------- */

static int take_result(struct run_attend *a, const struct run_network *net, struct json_text text,
		       struct err *err)
{
	struct cni_result *r = arena_append(json_arena(), a->results, a->n_results);
	const struct json *v;

	if (json_parse_max(text.at, text.len, SIZE_MAX, &v, err) < 0)
		return -1;
	return cni_result_parse(v, net->list.version, false, "result", r, err);
}

static int add(struct run_attend *a, const struct run_network *net, struct outer *o,
	       struct err *err)
{
	const struct libcni libcni = libcni_of(net, o);
	const struct libcni_attachment of = attachment_of(a, net);
	struct json_text result;

	a->begun++;
	if (libcni_add(&libcni, &net->list, &of, &result, err) < 0 ||
	    take_result(a, net, result, err) < 0)
		return err_wrap(err, "network %s", net->list.name);
	return 0;
}

static int add_all(struct run_attend *a, struct err *err)
{
	struct outer *o = outer_begin(a);
	int rc = 0;

	for (size_t i = 0; !rc && i < a->networks->n; i++)
		rc = add(a, &a->networks->list[i], o, err);
	cni_close(&o->call);
	return rc;
}

/* Its own descriptor names the namespace for certain: pids are used again. */
static int name_netns(struct run_attend *a, struct err *err)
{
	const char *keep = a->networks->keep;

	if (!keep) {
		a->netns = arena_printf(json_arena(), "/proc/%d/fd/%d", getpid(), a->netns_fd);
		return 0;
	}
	if (run_keep(keep, a->netns_fd, err) < 0)
		return -1;
	a->kept = true;
	a->netns = realpath(keep, NULL);
	return a->netns ? 0 : err_sys(err, "--netns: find %s", keep);
}

int run_attend_attach(struct run_attend *a, int netns_fd, struct err *err)
{
	a->netns_fd = netns_fd;
	if (netns_fd < 0)
		return err_set(err, ERR_NETNS, "the watcher has got no namespace");
	if (name_netns(a, err) < 0)
		return -1;
	if (a->networks->kind == RUN_UPLINK_PASTA)
		return run_uplink_start(a->networks->options, netns_fd, &a->uplink, json_arena(),
					err);
	return add_all(a, err);
}

/* ---- detaching ------------------------------------------------------------------------------- */

static int del(struct run_attend *a, const struct run_network *net, struct outer *o,
	       struct err *err)
{
	const struct libcni libcni = libcni_of(net, o);
	const struct libcni_attachment of = attachment_of(a, net);

	o->net = net;
	o->of = &of;
	o->left = net->list.n_plugins;
	o->req.keep_entry = true;
	if (libcni_del(&libcni, &net->list, &of, err) == 0) {
		/* until then they prove it dead */
		registry_forget(net->list.name, of.container_id, of.ifname, json_arena());
		return 0;
	}
	return err_wrap(err, "network %s, container %s, which cnic gc will remove", net->list.name,
			of.container_id);
}

static int del_all(struct run_attend *a, struct err *err)
{
	struct outer *o = outer_begin(a);
	int rc = 0;

	while (a->begun) {
		struct err one = { 0 };

		if (del(a, &a->networks->list[--a->begun], o, &one) == 0)
			continue;
		if (!rc)
			*err = one;
		else
			fprintf(stderr, "cnic: %s\n", one.msg);
		rc = -1;
	}
	cni_close(&o->call);
	return rc;
}

int run_attend_detach(struct run_attend *a, bool fail, struct err *err)
{
	int rc = 0;

	run_uplink_stop(&a->uplink);
	if (a->kept && !fail)
		return 0;
	if (a->begun)
		rc = del_all(a, err);
	if (a->kept)
		run_keep_undo(a->networks->keep);
	drop_fd(&a->netns_fd);
	return rc;
}
