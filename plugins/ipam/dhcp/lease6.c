/* SPDX-License-Identifier: Apache-2.0 */
#include "lease6.h"

#include <sys/random.h>

static int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

int64_t dhcp6_lease_first_end(const struct dhcp6_lease *l)
{
	int64_t end = DHCP6_NEVER;

	for (size_t i = 0; i < l->n; i++)
		end = least(end, l->valid[i]);
	return end;
}

int64_t dhcp6_lease_last_end(const struct dhcp6_lease *l)
{
	int64_t end = l->n ? l->valid[0] : 0;

	for (size_t i = 1; i < l->n; i++)
		end = l->valid[i] > end ? l->valid[i] : end;
	return end;
}

size_t dhcp6_lease_find(const struct dhcp6_lease *l, const struct in6_addr *ip)
{
	size_t i = 0;

	while (i < l->n && !IN6_ARE_ADDR_EQUAL(&l->addresses[i], ip))
		i++;
	return i;
}

void dhcp6_lease_remove(struct dhcp6_lease *l, size_t i)
{
	l->n--;
	l->addresses[i] = l->addresses[l->n];
	l->preferred[i] = l->preferred[l->n];
	l->valid[i] = l->valid[l->n];
}

bool dhcp6_lease_expire(struct dhcp6_lease *l, int64_t now)
{
	uint8_t had = l->n;

	for (size_t i = 0; i < l->n;) {
		if (now >= l->valid[i])
			dhcp6_lease_remove(l, i);
		else
			i++;
	}
	return l->n < had;
}

/* 0: the server leaves it to us. */
static int64_t after(int64_t sent, uint32_t seconds)
{
	if (!seconds)
		return 0;
	return seconds == DHCP6_FOR_EVER ? DHCP6_NEVER : sent + (int64_t)seconds * 1000;
}

size_t dhcp6_lease_merge(struct dhcp6_lease *l, const struct dhcp6_ia *ia, int64_t sent,
			 int64_t now)
{
	struct dhcp6_bytes rest = ia->options;
	struct dhcp6_ia_address a;
	size_t named = 0;

	for (; dhcp6_next_address(&rest, &a); named++) {
		size_t i = dhcp6_lease_find(l, &a.ip);
		int64_t valid = after(sent, a.valid);

		if (valid <= now && i < l->n)
			dhcp6_lease_remove(l, i);
		if (valid <= now || i == DHCP6_ADDRESSES)
			continue;
		l->addresses[i] = a.ip;
		l->preferred[i] = a.preferred ? after(sent, a.preferred) : sent;
		l->valid[i] = valid;
		if (i == l->n)
			l->n++;
	}
	return named;
}

/* So many thousandths of the way to what ends then. */
static int64_t part(int64_t sent, int64_t end, int per_mille)
{
	return end == DHCP6_NEVER ? DHCP6_NEVER : sent + (end - sent) * per_mille / 1000;
}

void dhcp6_lease_set_times(struct dhcp6_lease *l, const struct dhcp6_ia *ia, int64_t sent)
{
	int64_t shortest = DHCP6_NEVER, end = dhcp6_lease_last_end(l);
	uint32_t random = 0;

	for (size_t i = 0; i < l->n; i++)
		shortest = least(shortest, l->preferred[i] > sent ? l->preferred[i] : l->valid[i]);
	l->t1 = after(sent, ia->t1);
	l->t2 = after(sent, ia->t2);
	if (!l->t2 || (l->t2 >= end && end != DHCP6_NEVER))
		l->t2 = part(sent, shortest, 800);
	if (!l->t1 || l->t1 > l->t2)
		l->t1 = part(sent, shortest, 500);
	if (l->t1 > l->t2)
		l->t1 = part(sent, l->t2, 625);
	if (l->t1 == DHCP6_NEVER)
		return;

	/* Not all of a node at once. */
	(void)!getrandom(&random, sizeof(random), 0);
	l->t1 -= random % ((l->t1 - sent) / 16 + 1);
}
