/* SPDX-License-Identifier: Apache-2.0 */
#include "lease.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/ip.h"
#include "sys/file.h"
#include "times.h"

void lease_log(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (file_takes_line(STDERR_FILENO))
		fprintf(stderr, "dhcp: %s\n", text);
}

void lease_say(const struct lease *l, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lease_log("%s %s %s: %s", l->network, l->container_id, l->ifname, text);
}

int64_t lease_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- one ------------------------------------------------------------------------------------- */

const struct dhcp_times lease_times = {
	.first = 4000,      /* RFC 2131, 4.1 */
	.most = 64000,      /* the same */
	.deadline = 208000, /* the reference's -resendtimeout */
};

static const char *put_text(char **at, const char *text)
{
	const char *to = *at;

	*at = stpcpy(*at, text ? text : "") + 1;
	return to;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 1;
}

static struct dhcp_times times_of(const struct ask *a, const struct dhcp_times *otherwise)
{
	struct dhcp_times t = *otherwise;

	if (a->resend_max)
		t.most = a->resend_max * 1000;
	if (a->resend_timeout)
		t.deadline = a->resend_timeout * 1000;
	t.probe = a->probe;
	return t;
}

/* RFC 8415, 11 and 12: both are the attachment's, for ever the same. */
static void set_duid(struct lease_ipv6 *s, const struct ask *a)
{
	const char *key =
		arena_printf(json_arena(), "%s/%s/%s", a->container_id, a->network, a->ifname);

	dhcp6_duid(key, strlen(key), s->duid);
}

static int add_ipv6(struct lease *l, const struct ask *a, struct err *err)
{
	const uint8_t *wanted;
	size_t len;

	if (ask_unhex(a->request6 ? a->request6 : "", &wanted, &len, err) < 0)
		return -1;
	if (len % 2 || len / 2 > LEASE6_WANTED_MAX)
		return err_set(err, ERR_DECODE, "request6: no list of options");
	l->ipv6 = malloc(sizeof(*l->ipv6) + len);
	if (!l->ipv6)
		return err_sys(err, "a lease");
	*l->ipv6 = (struct lease_ipv6){
		.source = LEASE6_SOURCE,
		.lease = l,
		.wire = { .fd = -1 },
		.client = { .next = INT64_MAX },
		.look = INT64_MAX,
		.again = INT64_MAX,
		.rapid_commit = a->rapid_commit,
		.n_wanted = (uint8_t)(len / 2),
	};
	for (size_t i = 0; i < len / 2; i++)
		l->ipv6->wanted[i] = (uint16_t)(wanted[2 * i] << 8 | wanted[2 * i + 1]);
	set_duid(l->ipv6, a);
	return 0;
}

struct lease *lease_new(const struct ask *a, const struct dhcp_times *times, struct err *err)
{
	const uint8_t *options;
	struct lease *l;
	size_t len;
	char *at;

	if (ask_unhex(a->options ? a->options : "", &options, &len, err) < 0)
		return NULL;
	l = malloc(sizeof(*l) + len + text_size(a->network) + text_size(a->container_id) +
		   text_size(a->ifname) + text_size(a->netns));
	if (!l) {
		(void)err_sys(err, "a lease");
		return NULL;
	}
	at = (char *)(l + 1);
	*l = (struct lease){
		.source = LEASE_SOURCE,
		.options = (const uint8_t *)at,
		.options_len = len,
		.times = times_of(a, times),
		.priority = a->priority,
		.probe = a->probe,
		.resend_max = a->resend_max,
		.resend_timeout = a->resend_timeout,
		.broadcast = a->broadcast,
		.ipv4 = !a->no_ipv4,
		.client = { .next = INT64_MAX },
		.wire = { .fd = -1, .arp = -1 },
		.deadline = INT64_MAX,
		.again = INT64_MAX,
		.wake = INT64_MAX,
		.place = LEASE_NOT_TIMED,
	};
	if (len)
		memcpy(at, options, len);
	at += len;
	l->network = put_text(&at, a->network);
	l->container_id = put_text(&at, a->container_id);
	l->ifname = put_text(&at, a->ifname);
	l->netns = put_text(&at, a->netns);
	if (a->ipv6 && add_ipv6(l, a, err) < 0) {
		lease_free(l);
		return NULL;
	}
	return l;
}

void lease_free(struct lease *l)
{
	free(l->ack);
	free(l->given);
	free(l->pending);
	if (l->ipv6)
		free(l->ipv6->given);
	free(l->ipv6);
	free(l);
}

struct dhcp6_config lease_config6(const struct lease *l)
{
	const struct lease_ipv6 *s = l->ipv6;
	uint32_t iaid;

	memcpy(&iaid, s->duid + sizeof(s->duid) - sizeof(iaid), sizeof(iaid));
	return (struct dhcp6_config){
		.duid = { s->duid, sizeof(s->duid) },
		.iaid = ntohl(iaid),
		.rapid_commit = s->rapid_commit,
		.deadline = l->waiter ? l->times.deadline : 0,
		.wanted = s->wanted,
		.n_wanted = s->n_wanted,
	};
}

bool lease_holds(const struct lease *l)
{
	return (!l->ipv4 || l->client.holds) && (!l->ipv6 || l->ipv6->client.holds);
}

int64_t lease_next(const struct lease *l)
{
	const struct lease_ipv6 *s = l->ipv6;
	int64_t next = times_least(times_least(l->client.next, l->again), l->deadline);

	if (s)
		next = times_least(times_least(next, s->client.next),
				   times_least(s->look, s->again));
	return next;
}

static const char *request6(const struct lease_ipv6 *s)
{
	uint8_t *bytes = arena_alloc(json_arena(), 2 * (size_t)s->n_wanted + 1);

	for (size_t i = 0; i < s->n_wanted; i++) {
		bytes[2 * i] = (uint8_t)(s->wanted[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)s->wanted[i];
	}
	return ask_hex(bytes, 2 * (size_t)s->n_wanted);
}

struct ask lease_ask(const struct lease *l)
{
	return (struct ask){
		.network = l->network,
		.container_id = l->container_id,
		.ifname = l->ifname,
		.netns = l->netns,
		.options = ask_hex(l->options, l->options_len),
		.priority = l->priority,
		.probe = l->probe,
		.resend_max = l->resend_max,
		.resend_timeout = l->resend_timeout,
		.broadcast = l->broadcast,
		.no_ipv4 = !l->ipv4,
		.ipv6 = l->ipv6,
		.rapid_commit = l->ipv6 && l->ipv6->rapid_commit,
		.request6 = l->ipv6 ? request6(l->ipv6) : NULL,
	};
}

const char *lease_address(const struct lease *l)
{
	struct ip ip = { .family = AF_INET, .v4 = l->client.address };

	if (!l->client.holds && !(l->ipv6 && l->ipv6->client.lease.n))
		return NULL;
	if (!l->client.holds)
		ip = (struct ip){ .family = AF_INET6, .v6 = l->ipv6->client.lease.addresses[0] };
	return ip_str(&ip, arena_alloc(json_arena(), IP_STRLEN));
}

/* ---- by name --------------------------------------------------------------------------------- */

static int compare(const void *x, const void *y)
{
	const struct lease *a = x, *b = y;
	int c = strcmp(a->container_id, b->container_id);

	if (!c)
		c = strcmp(a->ifname, b->ifname);
	return c ? c : strcmp(a->network, b->network);
}

struct lease *lease_find(struct leases *all, const char *network, const char *container_id,
			 const char *ifname)
{
	const struct lease key = { .network = network,
				   .container_id = container_id,
				   .ifname = ifname };
	void *found = tfind(&key, &all->by_name, compare);

	return found ? *(struct lease **)found : NULL;
}

int lease_add(struct leases *all, struct lease *l, struct err *err)
{
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 64;
		struct lease **heap = realloc(all->heap, size * sizeof(struct lease *));

		if (!heap)
			return err_sys(err, "a lease");
		all->heap = heap;
		all->size = size;
	}
	if (!tsearch(l, &all->by_name, compare))
		return err_sys(err, "a lease");
	all->heap[all->n] = l;
	l->place = all->n++;
	lease_set_time(all, l);
	return 0;
}

/* ---- by time: a heap ------------------------------------------------------------------------- */

static void put_at(struct leases *all, struct lease *l, size_t place)
{
	all->heap[place] = l;
	l->place = place;
}

static void rise(struct leases *all, struct lease *l)
{
	size_t at = l->place;

	for (; at && all->heap[(at - 1) / 2]->wake > l->wake; at = (at - 1) / 2)
		put_at(all, all->heap[(at - 1) / 2], at);
	put_at(all, l, at);
}

static void sink(struct leases *all, struct lease *l)
{
	size_t at = l->place;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < all->n && all->heap[child + 1]->wake < all->heap[child]->wake)
			child++;
		if (child >= all->n || all->heap[child]->wake >= l->wake)
			break;
		put_at(all, all->heap[child], at);
		at = child;
	}
	put_at(all, l, at);
}

void lease_set_time(struct leases *all, struct lease *l)
{
	rise(all, l);
	sink(all, l);
}

struct lease *lease_first(const struct leases *all)
{
	return all->n ? all->heap[0] : NULL;
}

void lease_remove(struct leases *all, struct lease *l)
{
	struct lease *last = all->heap[--all->n];
	size_t place = l->place;

	(void)tdelete(l, &all->by_name, compare);
	l->place = LEASE_NOT_TIMED;
	if (last == l)
		return;
	put_at(all, last, place);
	lease_set_time(all, last);
}

static void leave(void *l)
{
	(void)l;
}

void lease_free_all(struct leases *all)
{
	tdestroy(all->by_name, leave);
	for (size_t i = 0; i < all->n; i++)
		lease_free(all->heap[i]);
	free(all->heap);
	*all = (struct leases){ 0 };
}
