/* SPDX-License-Identifier: Apache-2.0 */
/* loopback - bring lo up in the container. CNI_IFNAME does not matter: it is always lo. */
#include <string.h>

#include "iface/sysctl_list.h"
#include "nl/addr.h"

struct loopback_conf {
	struct sysctl_list sysctls;
};

static const struct json_field loopback_fields[] = {
	F_MAP("sysctl", struct loopback_conf, sysctls.keys),
	F_END,
};

static int loopback_validate(struct cni_call *c)
{
	struct loopback_conf *conf = c->conf;

	return sysctl_list_validate(c, &conf->sysctls);
}

static int take_down(struct cni_call *c)
{
	struct link lo;

	if (nl_link_get(c->sandbox, "lo", &lo) < 0)
		return -1;
	nl_link_flags(c->sandbox, lo.index, 0, IFF_UP);
	return nl_commit(c->sandbox);
}

static void undo_up(struct cni_call *c, void *arg)
{
	(void)arg;
	(void)!take_down(c);
}

/* To be undone even where only the kernel's answer is lost. */
static int bring_up(struct cni_call *c, struct link *lo)
{
	if (nl_link_get(c->sandbox, "lo", lo) < 0)
		return -1;
	if (lo->flags & IFF_UP)
		return 0;
	undo_push(c, undo_up, NULL);
	nl_link_up(c->sandbox, lo->index);
	return nl_commit(c->sandbox);
}

/* The first address of each family; all must be loopback ones, or lo is not what we take it for. */
static int report_addresses(struct cni_call *c, const struct addr_list *list)
{
	struct cni_result *r = &c->result;
	sa_family_t last = AF_UNSPEC;
	char buf[IP_STRLEN];

	for (size_t i = 0; i < list->n_addr; i++) {
		const struct ip *ip = &list->addr[i].ip;

		if (!ip_is_loopback(ip))
			return err_config(
				c->err, "loopback interface found with non-loopback address \"%s\"",
				cidr_str(ip, buf));
		if (ip->family != last)
			*arena_append(c->arena, r->ips, r->n_ips) =
				(struct cni_ipconfig){ .address = *ip, .has_interface = true };
		last = ip->family;
	}
	return 0;
}

static int loopback_add(struct cni_call *c)
{
	struct addr_list list = { .arena = c->arena };
	struct loopback_conf *conf = c->conf;
	struct link lo;

	if (sysctl_list_apply(c, &conf->sysctls, &c->result) < 0 || bring_up(c, &lo) < 0)
		return -1;
	if (nl_addr_list(c->sandbox, lo.index, AF_UNSPEC, &list) < 0 ||
	    report_addresses(c, &list) < 0)
		return -1;
	if (c->req->prev)
		c->result = *c->req->prev;
	else
		cni_add_interface(c, &lo, c->req->netns);
	return 0;
}

static int loopback_del(struct cni_call *c)
{
	return c->sandbox ? take_down(c) : 0;
}

static int loopback_check(struct cni_call *c)
{
	struct loopback_conf *conf = c->conf;
	struct link lo;

	if (nl_link_get(c->sandbox, "lo", &lo) < 0)
		return -1;
	if (!(lo.flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "loopback interface is down");
	return sysctl_list_check(c, &conf->sysctls);
}

/* GC and STATUS: there is nothing on the host to collect and nothing that could be unavailable. */
const struct cni_plugin loopback_plugin = {
	.name = "loopback",
	.fields = loopback_fields,
	.conf_size = sizeof(struct loopback_conf),
	.validate = loopback_validate,
	.add = loopback_add,
	.del = loopback_del,
	.check = loopback_check,
};
