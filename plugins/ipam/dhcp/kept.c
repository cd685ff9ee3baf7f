/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "lease_file.h"

typedef int (*file_fn)(struct cni_call *c, const char *path, const struct lease *l, void *data);

/* One that cannot be read is passed over. */
static int each_file(struct cni_call *c, file_fn fn, void *data)
{
	const char **paths;
	size_t n;
	int rc = lease_file_list(&paths, &n, c->err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct lease_file f;
		struct lease *l;
		struct err ignored;

		if (lease_file_read(paths[i], &lease_times, &l, &f, &ignored) < 0)
			continue;
		rc = fn(c, paths[i], l, data);
		lease_free(l);
	}
	return rc;
}

static int mark_stale(struct cni_call *c, const char *path, const struct lease *l, void *data)
{
	(void)data;
	if (strcmp(l->network, c->req->net.name) != 0 ||
	    cni_gc_is_valid(&c->req->net, l->container_id, l->ifname))
		return 0;
	return lease_file_mark_removed(path, c->err);
}

static int hold(struct cni_call *c, const char *path, const struct lease *l, void *data)
{
	const struct cni_inventory *const *to = data;
	const char *address = lease_address(l);
	const char *what = address ? arena_printf(c->arena, "the lease of %s", address)
				   : "a lease without an address";
	const struct cni_holding h = {
		.plugin = "dhcp",
		.network = l->network,
		.container_id = l->container_id,
		.ifname = l->ifname,
		.what = arena_printf(c->arena, "%s (%s)", what, path),
		.advice = "the runtime's GC, or cnic gc",
	};

	if (!l->removed)
		(*to)->holding((*to)->ctx, &h);
	return 0;
}

int kept_mark_stale(struct cni_call *c)
{
	return each_file(c, mark_stale, NULL);
}

int kept_inventory(struct cni_call *c, const struct cni_inventory *to)
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

static void describe_ipv6(const struct dhcp6_lease *l, struct json *out)
{
	struct json *list = l->n ? json_add_list(out, "lease6") : NULL;
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < l->n; i++)
		json_add_str(list, NULL, inet_ntop(AF_INET6, &l->addresses[i], text, sizeof(text)));
	if (!l->n)
		return;
	add_moment(out, "lease6Renewal", l->t1);
	add_moment(out, "lease6End", dhcp6_lease_last_end(l));
}

void kept_describe(const char *network, const char *container_id, const char *ifname,
		   struct json *out)
{
	struct lease_file f;
	struct lease *l;
	struct err ignored;

	if (lease_file_read(lease_file_path(network, container_id, ifname), &lease_times, &l, &f,
			    &ignored) < 0)
		return;
	if (l->client.holds) {
		json_add_str(out, "lease", inet_ntoa(l->client.address));
		json_add_str(out, "leaseServer", inet_ntoa(l->client.server));
		add_moment(out, "leaseRenewal", l->client.t1);
		add_moment(out, "leaseEnd", l->client.end);
	}
	if (l->ipv6)
		describe_ipv6(&l->ipv6->client.lease, out);
	lease_free(l);
}
