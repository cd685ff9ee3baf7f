/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reservation.h - one file per address held: named by the address, it has its holder. The format
 * is the reference host-local's, and other programs write here too: every name and byte is doubted.
 *
 * Does not lock and knows no index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "net/ip.h"

#define RESERVATION_MAX 4096 /* bytes of a holder's text that we write, or understand */

/* ifname "" is a reservation from before interface names were kept. */
struct holder {
	const char *id, *ifname;
};

enum reservation_state {
	RESERVATION_NONE, /* no such file */
	RESERVATION_HELD, /* by .holder */
	RESERVATION_TORN, /* a regular file that is empty or binary: a writer or the power failed */
	/* something else lies at the name: unavailable, and not ours to remove */
	RESERVATION_TAKEN,
};

struct reservation {
	struct ip ip;
	enum reservation_state state;
	struct holder holder; /* HELD */
	char name[IP_STRLEN];
	char text[RESERVATION_MAX + 1];
};

/* Look at the reservation of an address. Follows no link, waits for no writer. */
enum reservation_state reservation_read(int dir, const struct ip *ip, struct reservation *r);
bool reservation_is_of(const struct reservation *r, const struct holder *holder);

/*
 * A reservation on its way in: its text is written to a nameless file that gets its name when it is
 * complete, so a crash leaves all of it or nothing. Nothing is synced to the disk: after a power
 * cut the containers are gone as well, and what the cut tore is found TORN.
 */
struct draft {
	int dir, fd; /* fd -1: the filesystem has no nameless files */
	size_t len;
	char text[RESERVATION_MAX + 1];
};

/* d->fd is to be closed. */
int reservation_draft_open(struct draft *d, int dir, const struct holder *holder,
			   struct err *err) NODISCARD;

/* Put it at an address. 1: done, 0: the address is taken. A torn reservation does not take it. */
int reservation_draft_place(struct draft *d, const struct ip *ip, struct err *err) NODISCARD;

/* 0 also if there is none. */
int reservation_remove(int dir, const struct ip *ip, struct err *err) NODISCARD;

/*
 * Every reservation of the directory in no order, one at a time in memory; stops when fn returns
 * -1.
 */
int reservation_scan(int dir, int (*fn)(const struct reservation *r, void *arg), void *arg,
		     struct err *err) NODISCARD;
