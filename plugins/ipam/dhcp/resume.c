/* SPDX-License-Identifier: Apache-2.0 */
#include "resume.h"

#include <fcntl.h>
#include <sys/file.h>

#include "lease_file.h"
#include "sys/file.h"
#include "times.h"

#define SPREAD_MOST 3000  /* milliseconds over which leases go on after a start */
#define SPREAD_EACH 5     /* for each of them */
#define SPREAD_SOON 10000 /* what is left of a lease that does not wait */
#define SPREAD_LEFT 16    /* the part of what is left beyond that that another waits at most */

static int64_t first_end(const struct lease *l)
{
	int64_t end = l->client.holds ? l->client.end : INT64_MAX, end6 = INT64_MAX;

	if (l->ipv6 && l->ipv6->client.holds)
		end6 = dhcp6_lease_first_end(&l->ipv6->client.lease);
	return end < end6 ? end : end6;
}

/* Not all at once; but a lease that ends soon does not wait for the others. */
static int64_t time_to_go_on(const struct attend *d, const struct lease *l)
{
	int64_t now = lease_now(), over = SPREAD_MOST, left = first_end(l) - now - SPREAD_SOON;

	if (d->leases.n < SPREAD_MOST / SPREAD_EACH)
		over = (int64_t)d->leases.n * SPREAD_EACH;
	if (over > left / SPREAD_LEFT)
		over = left > 0 ? left / SPREAD_LEFT : 0;
	return now + times_random() % (over + 1);
}

/* What is no lease is passed over; what cannot be read now, not for good. */
static void resume(struct attend *d, const char *path)
{
	struct lease_file f;
	struct lease *l;
	struct err err = { 0 };

	if (lease_file_read(path, &d->times, &l, &f, &err) < 0) {
		lease_log("%s: %s", path, err.msg);
		d->unread |= err.sys && err.sys != ENOENT;
		return;
	}
	if (lease_find(&d->leases, l->network, l->container_id, l->ifname)) {
		lease_free(l);
		return;
	}
	l->wake = time_to_go_on(d, l);
	if (lease_add(&d->leases, l, &err) < 0) {
		lease_say(l, "%s", err.msg);
		lease_free(l);
		d->unread = true;
	} else if (f.other_boot) {
		attend_end(d, l, "its container was of another boot");
	}
}

int resume_other(struct attend *d, const struct ask *a, const struct dhcp_answer *given,
		 const char *mac, int64_t most, struct err *err)
{
	struct lease *l = lease_new(a, &d->times, err);

	if (!l)
		return -1;
	if (mac && !mac_parse(l->wire.link.mac, mac))
		l->wire.link = (struct wire_link){ 0 };
	l->resumed = l->adopted = true;
	l->client.holds = true;
	l->client.address = given->result.ips[0].address.v4;
	l->client.t1 = l->client.t2 = lease_now();
	l->client.end = l->client.t1 + most;
	l->wake = time_to_go_on(d, l);
	if (lease_file_give(l, given, NULL, err) == 0 && lease_add(&d->leases, l, err) == 0)
		return 0;
	lease_free(l);
	return -1;
}

/* Two would renew, and take away, the same addresses. It is held as long as this process lives. */
static int lock_dir(struct attend *d, struct err *err)
{
	if (file_make_dirs(LEASE_DIR, 0700, err) < 0)
		return -1;
	d->lock = open(LEASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return err_sys(err, "open " LEASE_DIR);
	if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return err_set(err, ERR_INTERNAL, "another daemon looks after " LEASE_DIR);
}

static int read_files(struct attend *d, struct err *err)
{
	const char **paths;
	size_t n;

	file_remove_drafts(LEASE_DIR, json_arena());
	if (lease_file_list(&paths, &n, err) < 0)
		return -1;
	d->unread = false;
	for (size_t i = 0; i < n; i++)
		resume(d, paths[i]);
	return 0;
}

int resume_files(struct attend *d, struct err *err)
{
	return lock_dir(d, err) < 0 ? -1 : read_files(d, err);
}

void resume_unread(struct attend *d)
{
	struct err err = { 0 };

	if (d->unread && read_files(d, &err) < 0)
		d->unread = true;
}
