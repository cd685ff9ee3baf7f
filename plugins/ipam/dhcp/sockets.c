/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "apply.h"
#include "base/scope.h"
#include "lease_file.h"
#include "sys/netns.h"

/* ---- the namespace --------------------------------------------------------------------------- */

const char *sockets_path(const struct sockets *s, const char *netns)
{
	return arena_printf(json_arena(), "%s%s", s->prefix, netns);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static bool is_at_path(const struct sockets *s, const struct lease *l)
{
	struct stat st;

	return *l->netns && stat(sockets_path(s, l->netns), &st) == 0 &&
	       st.st_ino == l->netns_inode;
}

bool sockets_lost_path(const struct sockets *s, const struct lease *l)
{
	struct stat st;

	if (!l->at_path)
		return false;
	if (stat(sockets_path(s, l->netns), &st) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return st.st_ino != l->netns_inode;
}

static bool is_in(const struct lease *l, int netns_fd)
{
	return inode_of(netns_fd) == l->netns_inode;
}

static bool is_named(const struct lease *l)
{
	return l->ipv4 ? wire_is_named(l->wire.fd, l->wire.link.index, l->ifname)
		       : wire_is_named(l->ipv6->wire.fd, l->ipv6->wire.link.index, l->ifname);
}

bool sockets_are_at(const struct lease *l, int netns_fd)
{
	return is_in(l, netns_fd) && (l->resumed || is_named(l));
}

bool sockets_have_link(const struct lease *l)
{
	return l->ipv4 ? wire_is_there(&l->wire)
		       : wire_has_link(l->ipv6->wire.fd, l->ipv6->wire.link.index);
}

/* Of a path that is all that is known of a namespace: it may lead to our own by now. */
static int refuse_own(const struct lease *l, int netns_fd, struct err *err)
{
	bool is_home = false;

	if (l->netns_inode)
		return 0;
	if (netns_is_home(netns_fd, &is_home, err) < 0)
		return -1;
	return is_home ? err_set(err, ERR_NETNS, "its namespace is gone") : 0;
}

/* ---- opened ---------------------------------------------------------------------------------- */

/* By which the manager keeps them. */
static const char *name_of(const struct lease *l, sa_family_t family)
{
	const char *path = lease_file_path(l->network, l->container_id, l->ifname);

	return arena_printf(json_arena(), "%s%s", family == AF_INET6 ? "6-" : "",
			    strrchr(path, '/') + 1);
}

static int watch(const struct sockets *s, int fd, void *source, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return err_sys(err, "watch a packet socket");
	return 0;
}

static void unwatch(const struct sockets *s, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* One of that name that the daemon before this had kept, for a lease that is no more, goes. */
static void store(const struct sockets *s, const struct lease *l, sa_family_t family, int fd)
{
	const char *name = name_of(l, family);
	int old = manager_take(s->manager, name);

	close_fd(&old);
	if (old >= 0)
		manager_remove(s->manager, name);
	manager_store(s->manager, name, fd);
}

static int keep(const struct sockets *s, struct lease *l, struct err *err)
{
	if (l->ipv4) {
		if (watch(s, l->wire.fd, l, err) < 0)
			return -1;
		store(s, l, AF_INET, l->wire.fd);
	}
	if (l->ipv6) {
		if (watch(s, l->ipv6->wire.fd, l->ipv6, err) < 0)
			return -1;
		store(s, l, AF_INET6, l->ipv6->wire.fd);
	}
	return 0;
}

int sockets_open(const struct sockets *s, struct lease *l, int netns_fd, struct err *err)
{
	if (!l->netns_inode)
		l->netns_inode = inode_of(netns_fd);
	l->at_path = is_at_path(s, l);
	if ((l->ipv4 && wire_open(&l->wire, netns_fd, l->ifname, err) < 0) ||
	    (l->ipv6 && wire6_open(&l->ipv6->wire, netns_fd, l->ifname, err) < 0))
		return -1;
	return keep(s, l, err);
}

/* ---- found again ----------------------------------------------------------------------------- */

/* Those of the daemon before this, which need no path. -1: not all are there. */
static int take_kept(const struct sockets *s, struct lease *l, struct err *err)
{
	int fd;

	if (l->ipv4) {
		fd = manager_take(s->manager, name_of(l, AF_INET));
		if (fd < 0 || wire_adopt(&l->wire, fd, l->ifname, err) < 0)
			return -1;
	}
	if (l->ipv6) {
		fd = manager_take(s->manager, name_of(l, AF_INET6));
		if (fd < 0 || wire6_adopt(&l->ipv6->wire, fd, l->ifname, err) < 0)
			return -1;
	}
	return 0;
}

static int reopen_kept(const struct sockets *s, struct lease *l, struct err *err)
{
	auto_close int netns_fd = -1;

	if (take_kept(s, l, err) < 0)
		return -1;
	netns_fd = wire_netns(l->ipv4 ? l->wire.fd : l->ipv6->wire.fd, err);
	if (netns_fd < 0 || !is_in(l, netns_fd))
		return -1;
	l->at_path = is_at_path(s, l);
	return keep(s, l, err);
}

/* They are all there is where the path is lost. */
static void give_back_kept(const struct sockets *s, struct lease *l)
{
	unwatch(s, l->wire.fd);
	manager_give_back(s->manager, name_of(l, AF_INET), take_fd(&l->wire.fd));
	if (!l->ipv6)
		return;
	unwatch(s, l->ipv6->wire.fd);
	manager_give_back(s->manager, name_of(l, AF_INET6), take_fd(&l->ipv6->wire.fd));
}

int sockets_reopen(const struct sockets *s, struct lease *l, struct err *err)
{
	auto_close int fd = -1;
	bool gone = false;
	uint64_t inode;

	if (reopen_kept(s, l, err) == 0)
		return 0;
	if (apply_may_be_later(err)) {
		give_back_kept(s, l);
		return -1;
	}
	err_clear(err);
	sockets_close(s, l, false);
	if (netns_open(sockets_path(s, l->netns), &fd, &gone, err) < 0)
		return -1;
	inode = gone ? 0 : inode_of(fd);
	if (!gone && !inode)
		return err_sys(err, "stat %s", l->netns);
	if (gone || (l->netns_inode && inode != l->netns_inode))
		return err_set(err, ERR_NETNS, "its namespace is gone");
	return refuse_own(l, fd, err) < 0 ? -1 : sockets_open(s, l, fd, err);
}

/* ---- closed ---------------------------------------------------------------------------------- */

/* The manager may keep one that could not be found again, and so is not open here. */
void sockets_close(const struct sockets *s, struct lease *l, bool for_good)
{
	if (for_good && l->ipv4)
		manager_remove(s->manager, name_of(l, AF_INET));
	sockets_end_probe(s, l);
	unwatch(s, l->wire.fd);
	wire_close(&l->wire, s->closer);
	if (!l->ipv6)
		return;
	if (for_good)
		manager_remove(s->manager, name_of(l, AF_INET6));
	unwatch(s, l->ipv6->wire.fd);
	wire6_close(&l->ipv6->wire, s->closer);
}

/* ---- a probe --------------------------------------------------------------------------------- */

int sockets_probe(const struct sockets *s, struct lease *l, const uint8_t *packet, struct err *err)
{
	sockets_end_probe(s, l);
	l->ack = malloc(DHCP_MTU);
	if (l->ack && packet)
		memcpy(l->ack, packet, DHCP_MTU);
	return wire_probe(&l->wire, l->client.address, err) < 0 ? -1
								: watch(s, l->wire.arp, l, err);
}

void sockets_end_probe(const struct sockets *s, struct lease *l)
{
	unwatch(s, l->wire.arp);
	wire_close_probe(&l->wire, s->closer);
	free(l->ack);
	l->ack = NULL;
}
