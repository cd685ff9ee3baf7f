/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp - an address by DHCP, whose lease a daemon looks after. */
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/scope.h"
#include "daemon.h"
#include "iface/verify.h"
#include "lease_file.h"
#include "nl/link_wait.h"
#include "nl/nl.h"
#include "options.h"
#include "skel/call.h"
#include "sys/file.h"

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

static void undo_add(struct cni_call *c, void *arg)
{
	const struct json *ignored;

	(void)arg;
	if (ask_about(c, "del", &ignored) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

/* Kernels hand a frame for an ipvlan to the one that has its address: the answer is a broadcast. */
static bool needs_broadcast(const struct dhcp_conf *conf, const struct link *l)
{
	return conf->has_broadcast ? conf->broadcast : !strcmp(l->kind, "ipvlan");
}

static int ask_for_address(struct cni_call *c, const struct link *l, const struct json **answer)
{
	const struct dhcp_conf *conf = c->conf;
	struct ask a = about(c, "add");
	const char *key = arena_printf(c->arena, "%s/%s/%s", a.container_id, a.network, a.ifname);
	uint32_t seconds =
		conf->resend_timeout ? conf->resend_timeout : lease_times.deadline / 1000;
	const uint8_t *options;
	size_t len;

	if (dhcp_options_make(conf, key, c->req->args, &options, &len, c->err) < 0)
		return -1;
	a.options = ask_hex(options, len);
	a.broadcast = needs_broadcast(conf, l);
	undo_push(c, undo_add, NULL);
	return ask_daemon(conf->socket_path, &a, c->netns_fd, (int)seconds * 1000 + ADD_MARGIN_MS,
			  answer, c->err);
}

static int dhcp_add(struct cni_call *c)
{
	const struct json *answer;
	struct link l;

	if (bring_up(c, &l) < 0 || ask_for_address(c, &l, &answer) < 0)
		return -1;
	if (!answer)
		return no_daemon(c, ERR_RETRY);
	return cni_result_parse(json_get(answer, "result"), "1.1.0", false,
				"the DHCP daemon's result", &c->result, c->err);
}

/* Without a daemon the file tells the next one. */
static int dhcp_del(struct cni_call *c)
{
	const struct json *answer;

	if (ask_about(c, "del", &answer) < 0)
		return -1;
	if (answer)
		return 0;
	return lease_file_mark_removed(
		lease_file_path(c->req->net.name, c->req->container_id, c->req->ifname), c->err);
}

static int dhcp_check(struct cni_call *c)
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

static int dhcp_status(struct cni_call *c)
{
	const struct json *answer;

	if (ask_about(c, "status", &answer) < 0) {
		c->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return answer ? 0 : no_daemon(c, ERR_UNAVAILABLE);
}

/* ---- without a daemon ------------------------------------------------------------------------ */

typedef int (*file_fn)(struct cni_call *c, const char *path, const struct lease *l,
		       const struct lease_file *f, void *data);

/* One that cannot be read is passed over. */
static int each_file(struct cni_call *c, file_fn fn, void *data)
{
	const struct dirent *e;
	auto_dir DIR *dir = opendir(LEASE_DIR);
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_sys(c->err, "open " LEASE_DIR);
	while (!rc && (e = readdir(dir))) {
		const char *path = arena_printf(c->arena, LEASE_DIR "/%s", e->d_name);
		struct lease_file f;
		struct lease *l;
		struct err ignored;

		if (*e->d_name == '.' || file_is_draft(e->d_name) ||
		    lease_file_read(path, &lease_times, &l, &f, &ignored) < 0)
			continue;
		rc = fn(c, path, l, &f, data);
		lease_free(l);
	}
	return rc;
}

static int mark_stale(struct cni_call *c, const char *path, const struct lease *l,
		      const struct lease_file *f, void *data)
{
	(void)f;
	(void)data;
	if (strcmp(l->network, c->req->net.name) != 0 ||
	    cni_gc_is_valid(&c->req->net, l->container_id, l->ifname))
		return 0;
	return lease_file_mark_removed(path, c->err);
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
	return answer ? 0 : each_file(c, mark_stale, NULL);
}

static int hold(struct cni_call *c, const char *path, const struct lease *l,
		const struct lease_file *f, void *data)
{
	const struct cni_inventory *const *to = data;
	const struct ip address = { .family = AF_INET, .v4 = l->client.address };
	char text[IP_STRLEN];
	const struct cni_holding h = {
		.plugin = "dhcp",
		.network = l->network,
		.container_id = l->container_id,
		.ifname = l->ifname,
		.what = arena_printf(c->arena, "the lease of %s (%s)", ip_str(&address, text),
				     path),
		.advice = "the runtime's GC, or cnic gc",
	};

	(void)f;
	if (!l->removed)
		(*to)->holding((*to)->ctx, &h);
	return 0;
}

static int dhcp_inventory(struct cni_call *c, const struct cni_inventory *to)
{
	return each_file(c, hold, &to);
}

/* A moment of CLOCK_BOOTTIME, as the wall's clock has it now. */
static void add_moment(struct json *o, const char *key, int64_t ms)
{
	time_t at = time(NULL) + (ms - lease_now()) / 1000;
	char text[32];
	struct tm tm;

	if (ms == INT64_MAX || !gmtime_r(&at, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	json_add_str(o, key, text);
}

static void dhcp_describe_kept(const char *network, const char *container_id, const char *ifname,
			       struct json *out)
{
	struct lease_file f;
	struct lease *l;
	struct err ignored;

	if (lease_file_read(lease_file_path(network, container_id, ifname), &lease_times, &l, &f,
			    &ignored) < 0)
		return;
	json_add_str(out, "lease", inet_ntoa(l->client.address));
	json_add_str(out, "leaseServer", inet_ntoa(l->client.server));
	add_moment(out, "leaseRenewal", l->client.t1);
	add_moment(out, "leaseEnd", l->client.end);
	lease_free(l);
}

const struct cni_plugin dhcp_plugin = {
	.describe_kept = dhcp_describe_kept,
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
	.inventory = dhcp_inventory,
	.daemon = dhcp_daemon,
};
