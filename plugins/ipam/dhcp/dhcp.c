/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp - an address by DHCP, whose lease a daemon looks after. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "iface/verify.h"
#include "ipv6.h"
#include "kept.h"
#include "lease_file.h"
#include "nl/link_wait.h"
#include "nl/nl.h"
#include "options.h"
#include "skel/call.h"

#define UP_TIMEOUT_MS    10000 /* for a carrier; then the server is asked as often as it takes */
#define ADD_MARGIN_MS    5000  /* beyond what the daemon gives a server */
#define SHORT_TIMEOUT_MS 10000 /* for what no server has to be asked for */

static int dhcp_validate(struct cni_call *c)
{
	return dhcp_options_validate(c->conf, c->err);
}

/* ---- the interface --------------------------------------------------------------------------- */

/* Up, and with a carrier if it gets one soon: what is sent without one is lost. */
static int bring_up(struct cni_call *c, struct link *l)
{
	auto_nl struct nl nl = { 0 };

	if (c->netns_fd < 0)
		return err_set(c->err, ERR_NETNS, "dhcp: there is no namespace at %s",
			       c->req->netns);
	if (nl_open_at(&nl, c->netns_fd, c->err) < 0 || nl_link_get(&nl, c->req->ifname, l) < 0)
		return -1;
	if (!(l->flags & IFF_UP)) {
		nl_link_up(&nl, l->index);
		if (nl_commit(&nl) < 0 || nl_link_get_index(&nl, l->index, l) < 0)
			return -1;
	}
	if (!(l->flags & IFF_RUNNING) &&
	    nl_link_wait_up(&nl, c->netns_fd, l->index, UP_TIMEOUT_MS) < 0)
		err_clear(c->err);
	return 0;
}

/* ---- what the daemon is asked ---------------------------------------------------------------- */

static struct ask about(const struct cni_call *c, const char *command)
{
	const struct dhcp_conf *conf = c->conf;

	return (struct ask){
		.command = command,
		.network = c->req->net.name,
		.container_id = c->req->container_id,
		.ifname = c->req->ifname,
		.netns = c->req->netns,
		.priority = conf->priority,
		.probe = conf->probe,
		.resend_max = conf->resend_max,
		.resend_timeout = conf->resend_timeout,
	};
}

/* An advertisement is waited for by the plugin itself, and renewed by the kernel. */
static bool needs_daemon(const struct dhcp_conf *conf)
{
	return conf->ipv4 || dhcp_options_want_ipv6(conf);
}

/* For an address. */
static int patience_ms(const struct dhcp_conf *conf)
{
	return conf->resend_timeout ? (int)conf->resend_timeout * 1000 : (int)lease_times.deadline;
}

static int no_daemon(const struct cni_call *c, int code)
{
	const struct dhcp_conf *conf = c->conf;

	return err_set(c->err, code, "error dialing DHCP daemon: nobody listens at %s (cnic dhcp)",
		       conf->socket_path);
}

/* *answer NULL: there is no daemon. */
static int ask_about(const struct cni_call *c, const char *command, const struct json **answer)
{
	const struct dhcp_conf *conf = c->conf;
	const struct ask a = about(c, command);

	return ask_daemon(conf->socket_path, &a, -1, SHORT_TIMEOUT_MS, answer, c->err);
}

/* ---- the commands ---------------------------------------------------------------------------- */

/*
 * Without a daemon the file tells the next one; one that has started meanwhile is told itself. One
 * that is killed takes questions with it, of which the last has waited at its socket.
 */
static int dhcp_del(struct cni_call *c)
{
	const char *path = lease_file_path(c->req->net.name, c->req->container_id, c->req->ifname);
	const struct json *answer;
	int rc = ask_about(c, "del", &answer);

	if ((rc < 0 && c->err->sys != ECONNRESET) || answer)
		return rc;
	err_clear(c->err);
	if (lease_file_mark_removed(path, c->err) < 0)
		return -1;
	rc = ask_about(c, "del", &answer);
	if (rc == 0 || c->err->sys != ECONNRESET)
		return rc;
	err_clear(c->err);
	return ask_about(c, "del", &answer);
}

static void undo_add(struct cni_call *c, void *arg)
{
	(void)arg;
	if (dhcp_del(c) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

/* Kernels hand a frame for an ipvlan to the one that has its address: the answer is a broadcast. */
static bool needs_broadcast(const struct dhcp_conf *conf, const struct link *l)
{
	return conf->has_broadcast ? conf->broadcast : !strcmp(l->kind, "ipvlan");
}

/* For the next daemon, which is somewhere else. */
static const char *absolute(const struct cni_call *c, const char *path)
{
	char here[PATH_MAX];

	if (*path == '/' || !getcwd(here, sizeof(here)))
		return path;
	return arena_printf(c->arena, "%s/%s", here, path);
}

static int ask_for_address(struct cni_call *c, const struct link *l, const struct json **answer)
{
	const struct dhcp_conf *conf = c->conf;
	struct ask a = about(c, "add");
	const char *key = arena_printf(c->arena, "%s/%s/%s", a.container_id, a.network, a.ifname);
	const uint8_t *options;
	size_t len;

	if (dhcp_options_make(conf, key, c->req->args, &options, &len, c->err) < 0)
		return -1;
	a.netns = absolute(c, c->req->netns);
	a.options = ask_hex(options, len);
	a.broadcast = needs_broadcast(conf, l);
	a.no_ipv4 = !conf->ipv4;
	a.ipv6 = dhcp_options_want_ipv6(conf);
	a.rapid_commit = a.ipv6 && conf->rapid_commit;
	a.request6 = a.ipv6 ? dhcp_options_request6(conf) : NULL;
	undo_push(c, undo_add, NULL);
	return ask_daemon(conf->socket_path, &a, c->netns_fd,
			  patience_ms(conf) + (int)conf->probe + ADD_MARGIN_MS, answer, c->err);
}

static int add_leases(struct cni_call *c, const struct link *l)
{
	const struct json *answer;

	if (ask_for_address(c, l, &answer) < 0)
		return -1;
	if (!answer)
		return no_daemon(c, ERR_RETRY);
	return cni_result_parse(json_get(answer, "result"), "1.1.0", false,
				"the DHCP daemon's result", &c->result, c->err);
}

static int dhcp_add(struct cni_call *c)
{
	const struct dhcp_conf *conf = c->conf;
	struct link l;

	if (bring_up(c, &l) < 0 || (*conf->ipv6 && ipv6_prepare(c, &l) < 0) ||
	    (needs_daemon(conf) && add_leases(c, &l) < 0))
		return -1;
	if (dhcp_options_want_slaac(conf) && ipv6_await_router(c, &l, patience_ms(conf)) < 0)
		return -1;
	return *conf->ipv6 ? ipv6_set_gateway(c, &l) : 0;
}

/* The leases as they are now, and what is advertised, have to be on the interface. */
static int check_leases(struct cni_call *c)
{
	const struct json *answer;
	struct cni_result now;

	if (ask_about(c, "check", &answer) < 0)
		return -1;
	if (!answer)
		return no_daemon(c, ERR_CHECK);
	if (cni_result_parse(json_get(answer, "result"), "1.1.0", false, "the DHCP daemon's result",
			     &now, c->err) < 0)
		return -1;
	return verify_lease(c, &now);
}

static int dhcp_check(struct cni_call *c)
{
	if (needs_daemon(c->conf) && check_leases(c) < 0)
		return -1;
	return dhcp_options_want_slaac(c->conf) ? ipv6_check_router(c) : 0;
}

static int dhcp_status(struct cni_call *c)
{
	const struct json *answer;

	if (!needs_daemon(c->conf))
		return 0;
	if (ask_about(c, "status", &answer) < 0) {
		c->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return answer ? 0 : no_daemon(c, ERR_UNAVAILABLE);
}

static int dhcp_gc(struct cni_call *c)
{
	const struct dhcp_conf *conf = c->conf;
	struct ask a = { .command = "gc", .network = c->req->net.name };
	const struct json *answer;

	if (!c->req->net.has_attachments)
		return 0;
	for (size_t i = 0; i < c->req->net.n_attachments; i++)
		*arena_append(c->arena, a.valid, a.n_valid) = (struct ask_valid){
			c->req->net.attachments[i].container_id,
			c->req->net.attachments[i].ifname,
		};
	if (ask_daemon(conf->socket_path, &a, -1, SHORT_TIMEOUT_MS, &answer, c->err) < 0)
		return -1;
	return answer ? 0 : kept_mark_stale(c);
}

const struct cni_plugin dhcp_plugin = {
	.describe_kept = kept_describe,
	.name = "dhcp",
	.fields = dhcp_fields,
	.defaults = &dhcp_defaults,
	.conf_size = sizeof(struct dhcp_conf),
	.ipam = true,
	.asks_network = true,
	.validate = dhcp_validate,
	.add = dhcp_add,
	.del = dhcp_del,
	.check = dhcp_check,
	.gc = dhcp_gc,
	.status = dhcp_status,
	.inventory = kept_inventory,
	.daemon = dhcp_daemon,
};
