/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reservation.h - one file per address held: named by the address, holding its owner. The format is
 * the reference host-local's, and other programs write here too: every name and byte is doubted.
 *
 * Does not lock and knows no index.
 */
#ifndef CNIC_IPAM_RESERVATION_H
#define CNIC_IPAM_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "net/ip.h"

#define RECORD_MAX 4096 /* bytes of an owner's text that we write, or understand */

/* ifname "" is a record from before interface names were kept. */
struct holder {
	const char *id, *ifname;
};

enum record_state {
	RECORD_NONE,  /* no such file */
	RECORD_HELD,  /* by .owner */
	RECORD_TORN,  /* a regular file that is empty or binary: a writer or the power failed */
	RECORD_TAKEN, /* something else lies at the name: unavailable, and not ours to remove */
};

struct record {
	struct ip ip;
	enum record_state state;
	struct holder holder; /* HELD */
	char name[IP_STRLEN];
	char text[RECORD_MAX + 1];
};

/* Look at the record of an address. Follows no link and waits for nobody. */
enum record_state reservation_read(int dir, const struct ip *ip, struct record *r);
bool reservation_is_of(const struct record *r, const struct holder *holder);

/*
 * A record on its way in: its text is written to a nameless file that gets its name when it is
 * complete, so a crash leaves all of it or nothing. Nothing is synced to the disk: after a power
 * cut the containers are gone as well, and what the cut tore is found TORN.
 */
struct draft {
	int dir, fd; /* fd -1: the filesystem has no nameless files */
	size_t len;
	char text[RECORD_MAX + 1];
};

int reservation_draft_open(struct draft *d, int dir, const struct holder *holder,
			   struct err *err) NODISCARD;
void reservation_draft_close(struct draft *d);

/* Put it at an address. 1: done, 0: the address is taken. A torn record does not take it. */
int reservation_draft_place(struct draft *d, const struct ip *ip, struct err *err) NODISCARD;

/* 0 also if there is none. */
int reservation_remove(int dir, const struct ip *ip, struct err *err) NODISCARD;

/* Every record of the directory in no order, one at a time in memory; stops when fn returns -1. */
int reservation_scan(int dir, int (*fn)(const struct record *r, void *arg), void *arg,
		     struct err *err) NODISCARD;

#endif
