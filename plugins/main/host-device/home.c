/* SPDX-License-Identifier: Apache-2.0 */
#include "home.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/str.h"
#include "giveback.h"
#include "iface/move.h"
#include "network.h"
#include "nl/nl.h"
#include "sys/netns.h"
#include "sys/sysfs.h"

#define COME_BACK_MS 5000

/* ---- where it is ----------------------------------------------------------------------------- */

static int find_named(struct cni_call *c, struct nl *nl, const char *name, const struct origin *o,
		      struct link_device *d)
{
	*d = (struct link_device){ 0 };
	if (*name && nl_device_find(nl, name, 0, c->arena, d) < 0)
		return -1;
	if (!d->link.index || !origin_is(o, d, nl == c->host))
		*d = (struct link_device){ 0 };
	return 0;
}

static int find_listed(struct cni_call *c, struct nl *nl, const struct origin *o,
		       struct link_device *d)
{
	struct link_device_list list = { .arena = c->arena };

	*d = (struct link_device){ 0 };
	if (nl_device_list(nl, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_device && !d->link.index; i++)
		if (origin_is(o, &list.device[i], nl == c->host))
			*d = list.device[i];
	return 0;
}

/* By the name it most likely has; else among all. */
static int find(struct cni_call *c, struct nl *nl, const char *name, const struct origin *o,
		struct link_device *d)
{
	if (find_named(c, nl, name, o, d) < 0)
		return -1;
	return d->link.index ? 0 : find_listed(c, nl, o, d);
}

/* It is somewhere, if not here; one without an interface, or unplugged, does not come back. */
static bool may_come_back(struct cni_call *c, const struct origin *o)
{
	return origin_is_hardware(o) && sysfs_is_device_name(o->bus) &&
	       sysfs_is_device_name(o->parent) &&
	       sysfs_has_netdev(sysfs_path("/sys", o->bus, o->parent, c->arena), c->arena);
}

static int any_link(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	return nlh->nlmsg_type == RTM_NEWLINK ? MNL_CB_STOP : MNL_CB_OK;
}

/* The kernel ends a namespace in its own time. Without the host lock, which others want. */
static int find_or_await(struct cni_call *c, const struct origin *o, struct link_device *d)
{
	int64_t deadline = clock_ms() + COME_BACK_MS;
	auto_nl struct nl watcher;
	int rc = nl_open(&watcher, c->err);

	if (rc < 0 || nl_watch(&watcher, RTNLGRP_LINK) < 0)
		return -1;
	for (;;) {
		if (find(c, c->host, o->name, o, d) < 0)
			return -1;
		if (d->link.index || !may_come_back(c, o))
			return 0;
		host_unlock(c);
		rc = nl_wait(&watcher, NULL, (int)(deadline - clock_ms()), any_link, NULL);
		if (rc < 0 || host_lock(c) < 0)
			return -1;
		if (rc == 1)
			return err_set(c->err, ERR_RETRY,
				       "device %s of %s is in no namespace that is known, and has "
				       "not come back to the host",
				       o->parent, o->name);
	}
}

/* ---- its name -------------------------------------------------------------------------------- */

static bool is_altname_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* On the host a name of its own making could be in the way of another interface, and of itself. */
static int remove_altnames(struct cni_call *c, struct nl *nl, const struct origin *o,
			   const struct link_device *d, bool all)
{
	for (size_t i = 0; i < d->n_altnames; i++) {
		const char *name = d->altnames[i];

		if (!all && is_altname_of(name, o->altnames, o->n_altnames))
			continue;
		nl_altname_del(nl, d->link.index, name);
		if (giveback_commit(c, nl, o->name) < 0)
			return -1;
	}
	return 0;
}

static int add_altnames(struct cni_call *c, const struct origin *o, const struct link_device *d,
			const char *name)
{
	for (size_t i = 0; i < o->n_altnames; i++) {
		if (!strcmp(o->altnames[i], name) ||
		    is_altname_of(o->altnames[i], d->altnames, d->n_altnames))
			continue;
		nl_altname_add(c->host, d->link.index, o->altnames[i]);
		if (giveback_commit(c, c->host, o->name) < 0)
			return -1;
	}
	return 0;
}

/* Free on the host, or `self`'s. */
static int is_free(struct cni_call *c, const char *name, int self, bool *yes)
{
	struct link_device d;

	*yes = false;
	if (str_ifname_fault(name))
		return 0;
	if (nl_device_find(c->host, name, 0, c->arena, &d) < 0)
		return -1;
	*yes = !d.link.index || (d.link.index == self);
	return 0;
}

/* That which it had; if another interface has it now, an alternative one of its own; else any. */
static int choose_name(struct cni_call *c, const struct origin *o, int self, const char **name)
{
	bool yes;

	*name = o->name;
	if (is_free(c, *name, self, &yes) < 0)
		return -1;
	for (size_t i = 0; !yes && i < o->n_altnames; i++) {
		*name = o->altnames[i];
		if (is_free(c, *name, self, &yes) < 0)
			return -1;
	}
	if (!yes)
		*name = "dev%d"; /* the kernel fills in a number */
	return 0;
}

/* ---- out of the container -------------------------------------------------------------------- */

/* With the alias by which it is known on the host. */
static int leave(struct cni_call *c, struct nl *inside, const struct origin *o,
		 const struct link_device *d)
{
	const char *name;

	if (strcmp(d->alias, o->name) != 0)
		nl_link_alias(inside, d->link.index, o->name);
	if (nl_queued(inside) && giveback_commit(c, inside, o->name) < 0)
		return -1;
	if (remove_altnames(c, inside, o, d, true) < 0 || choose_name(c, o, 0, &name) < 0)
		return -1;
	if (move_out(c, inside, d->link.index, name) == 0)
		return 0;
	if (c->err->sys == EEXIST) { /* somebody was quicker: on the host it gets its name */
		err_clear(c->err);
		if (move_out(c, inside, d->link.index, "dev%d") == 0)
			return 0;
	}
	if (c->err->sys != ENODEV)
		return err_wrap(c->err, "bring %s home", o->name);
	err_clear(c->err);
	return 0;
}

/* By its index, which counts before what the container may have given any of its interfaces. */
static int find_indexed(struct cni_call *c, struct nl *inside, const struct origin *o,
			struct link_device *d)
{
	uint32_t index = o->index_inside ? o->index_inside : o->index;

	*d = (struct link_device){ 0 };
	if (index && nl_device_find(inside, NULL, (int)index, c->arena, d) < 0)
		return -1;
	if (!d->link.index || !origin_is(o, d, false))
		*d = (struct link_device){ 0 };
	return 0;
}

/* One that is on the host is not looked for in the container among all that it has. */
static int find_and_leave(struct cni_call *c, struct nl *inside, const struct origin *o, bool *left)
{
	struct link_device d, home = { 0 };

	if (find_indexed(c, inside, o, &d) < 0 ||
	    (!d.link.index && find_named(c, inside, c->req->ifname, o, &d) < 0) ||
	    (!d.link.index && find(c, c->host, o->name, o, &home) < 0) ||
	    (!d.link.index && !home.link.index && find_listed(c, inside, o, &d) < 0))
		return -1;
	*left = d.link.index != 0;
	return *left ? leave(c, inside, o, &d) : 0;
}

/* In the namespace of this call; without one, in that of the ADD, which may have other paths. */
static int leave_container(struct cni_call *c, const struct origin *o, bool *left)
{
	auto_nl struct nl other = { 0 };
	auto_close int fd = -1;
	struct nl *inside = c->sandbox;
	bool gone = false, is_home = false;

	*left = false;
	if (!inside) {
		if (netns_open(o->netns, &fd, &gone, c->err) < 0 ||
		    (!gone && netns_is_home(fd, &is_home, c->err) < 0))
			return -1;
		if (gone || is_home)
			return 0;
		if (nl_open_at(&other, fd, c->err) < 0)
			return -1;
		inside = &other;
	}
	return find_and_leave(c, inside, o, left);
}

/* ---- on the host ----------------------------------------------------------------------------- */

/* After which it is down, if it has another name. */
static int rename_back(struct cni_call *c, const struct origin *o, struct link_device *d)
{
	const char *name;

	if (choose_name(c, o, d->link.index, &name) < 0)
		return -1;
	if (strcmp(name, o->name) != 0)
		fprintf(stderr,
			"host-device: the name %s is taken on the host: the device comes home as "
			"%s\n",
			o->name, strchr(name, '%') ? d->link.name : name);
	if (strchr(name, '%') || !strcmp(name, d->link.name))
		return 0;
	if (is_altname_of(name, d->altnames, d->n_altnames)) {
		nl_altname_del(c->host, d->link.index, name);
		if (giveback_commit(c, c->host, o->name) < 0)
			return -1;
	}
	nl_link_rename(c->host, d->link.index, name);
	if (giveback_commit(c, c->host, o->name) < 0)
		return -1;
	return nl_device_find(c->host, NULL, d->link.index, c->arena, d);
}

/* Drivers take a MAC address or an MTU more readily when they are down, as they come. */
static int set_attributes(struct cni_call *c, struct nl *nl, const struct origin *o,
			  const struct link *l)
{
	uint8_t mac[MAC_LEN];

	if (*o->mac && mac_parse(mac, o->mac) && memcmp(mac, l->mac, MAC_LEN) != 0)
		nl_link_mac(nl, l->index, mac);
	if (nl_queued(nl) && giveback_commit(c, nl, o->name) < 0)
		return -1;
	if (o->mtu && o->mtu != l->mtu)
		nl_link_mtu(nl, l->index, o->mtu);
	if (nl_queued(nl) && giveback_commit(c, nl, o->name) < 0)
		return -1;
	if ((l->flags & ORIGIN_FLAGS) != o->flags)
		nl_link_flags(nl, l->index, o->flags, ORIGIN_FLAGS);
	return nl_queued(nl) ? giveback_commit(c, nl, o->name) : 0;
}

/* The alias comes last: by it a device that is not done yet is known. */
static int restore(struct cni_call *c, const struct origin *o, struct link_device *d)
{
	if (remove_altnames(c, c->host, o, d, false) < 0 || rename_back(c, o, d) < 0 ||
	    add_altnames(c, o, d, d->link.name) < 0 ||
	    set_attributes(c, c->host, o, &d->link) < 0 ||
	    network_restore(c, c->host, d->link.index, &o->addresses) < 0)
		return -1;
	if (!strcmp(d->alias, o->alias))
		return 0;
	nl_link_alias(c->host, d->link.index, o->alias);
	return giveback_commit(c, c->host, o->name);
}

/* One that was home before this call may have another configuration by now. */
int home_bring(struct cni_call *c, const struct origin *o)
{
	struct link_device d;
	bool left;

	if (host_lock(c) < 0 || leave_container(c, o, &left) < 0 || find_or_await(c, o, &d) < 0)
		return -1;
	if (d.link.index && (left || !origin_is_in_use(o, &d)) && restore(c, o, &d) < 0) {
		if (c->err->sys != ENODEV)
			return -1;
		err_clear(c->err); /* unplugged meanwhile */
	}
	host_unlock(c);
	return 0;
}

/* ---- in the container ------------------------------------------------------------------------ */

int home_restore_in_place(struct cni_call *c, const struct origin *o)
{
	struct link_device d;

	if (!c->sandbox)
		return 0;
	if (find(c, c->sandbox, c->req->ifname, o, &d) < 0)
		return -1;
	if (!d.link.index)
		return 0;
	if (network_remove_others(c, c->sandbox, d.link.index, &o->addresses) < 0)
		return -1;
	if (strcmp(d.link.name, o->name) != 0) {
		nl_link_rename(c->sandbox, d.link.index, o->name);
		if (giveback_commit(c, c->sandbox, o->name) < 0 ||
		    nl_device_find(c->sandbox, NULL, d.link.index, c->arena, &d) < 0)
			return -1;
	}
	if (set_attributes(c, c->sandbox, o, &d.link) < 0)
		return -1;
	return network_restore(c, c->sandbox, d.link.index, &o->addresses);
}
