/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/netns.h"

#define CONTEXT "/proc/thread-self/attr/current"

/* ---- in the namespace ------------------------------------------------------------------------ */

static int open_node(void *fd)
{
	*(int *)fd = open(TAP_NODE, O_RDWR | O_CLOEXEC);
	return 0; /* errno is for home */
}

static int node_error(struct err *err)
{
	bool missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;

	return missing ? err_sys(err, "open " TAP_NODE " (modprobe tun)")
		       : err_sys(err, "open " TAP_NODE);
}

/* A descriptor of the node belongs to the namespace it was opened in. */
static int open_in(int netns_fd, struct err *err)
{
	int fd = -1;

	if (netns_run(netns_fd, open_node, &fd, err) < 0)
		return -1;
	return fd < 0 ? node_error(err) : fd;
}

/* ---- making it ------------------------------------------------------------------------------- */

/*
 * As the reference, which leaves a header in front of packets where both owner and group are given:
 * whoever attaches says anew what there is to be, but for the queues.
 */
static short flags_of(const struct tap_device *d)
{
	int flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL;

	if (d->multi_queue)
		flags |= IFF_MULTI_QUEUE;
	if (d->has_owner && d->has_group && !*d->selinux_context)
		flags |= IFF_VNET_HDR;
	return (short)flags;
}

static int refused_id(struct err *err, const char *key, uint32_t id)
{
	if (errno == EINVAL)
		return err_config(err, "%s: %u is no id of this user namespace", key, id);
	return err_sys(err, "%s: %u", key, id);
}

static int make(const struct tap_device *d, int fd, struct err *err)
{
	struct ifreq ifr = { .ifr_flags = flags_of(d) };

	if (str_copy_ifname(ifr.ifr_name, d->name, err) < 0)
		return -1;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_sys(err, "create tap %s", d->name);
	if (d->has_owner && ioctl(fd, TUNSETOWNER, (unsigned long)d->owner) < 0)
		return refused_id(err, "owner", d->owner);
	if (d->has_group && ioctl(fd, TUNSETGROUP, (unsigned long)d->group) < 0)
		return refused_id(err, "group", d->group);
	return 0;
}

/* ---- with a context of SELinux --------------------------------------------------------------- */

static int set_context(const char *context, struct err *err)
{
	auto_close int fd = open(CONTEXT, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || file_write_fd(fd, context, strlen(context)) < 0)
		return err_sys(err, "selinuxContext: cannot take \"%.200s\"", context);
	return 0;
}

/*
 * The device has the context of the process that makes it (selinux_tun_dev_alloc_security). From
 * the container's context there is no way back, so that it is a child's.
 */
_Noreturn static void make_in_child(const struct tap_device *d, int fd, int report)
{
	struct err err = { 0 };

	if (set_context(d->selinux_context, &err) == 0)
		(void)!make(d, fd, &err);
	_exit(file_write_fd(report, (const char *)&err, sizeof(err)) < 0);
}

static int make_with_context(const struct tap_device *d, int fd, struct err *err)
{
	auto_close int in = -1, out = -1;
	int ends[2], status;
	struct err said;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	in = ends[0];
	out = ends[1];
	child = fork();
	if (child < 0)
		return err_sys(err, "fork");
	if (!child)
		make_in_child(d, fd, out);
	drop_fd(&out);
	if (file_read_fd(in, (char *)&said, sizeof(said)) != sizeof(said))
		err_fill(&said, ERR_INTERNAL, 0, "selinuxContext: the child that takes it failed");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!said.code)
		return 0;
	*err = said;
	return -1;
}

int tap_device_open(const struct tap_device *d, int netns_fd, struct err *err)
{
	auto_close int fd = open_in(netns_fd, err);

	if (fd < 0 || (*d->selinux_context ? make_with_context : make)(d, fd, err) < 0)
		return -1;
	return take_fd(&fd);
}

int tap_device_persist(int fd, bool yes, struct err *err)
{
	if (ioctl(fd, TUNSETPERSIST, (unsigned long)yes) < 0)
		return err_sys(err, "make the tap device persist");
	return 0;
}

int tap_device_status(struct err *err)
{
	auto_close int fd = -1;

	(void)open_node(&fd);
	if (fd >= 0)
		return 0;
	(void)node_error(err);
	err->code = ERR_UNAVAILABLE;
	return -1;
}
