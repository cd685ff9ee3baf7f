/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <string.h>

#include "ipam/reserve.h"

bool journal_has(const struct store *s, const struct ip *ip, struct reservation *r)
{
	if (!s || s->dir < 0)
		return false;
	reservation_read(s->dir, ip, r);
	return r->state == RESERVATION_HELD || r->state == RESERVATION_TAKEN;
}

bool journal_is_earlier_boot(const struct store *s, const struct state_single *single)
{
	return *s->index.boot && strlen(single->boot) == INDEX_BOOT_LEN &&
	       index_is_earlier_boot(&s->index, single->boot);
}

/* One that is there already has been put in by a call that was killed behind that. */
static int keep_single(struct store *s, const struct state_single *single)
{
	struct range range = { .subnet = single->ip, .start = single->ip, .end = single->ip };
	const struct range_set set = { &range, 1 };
	const struct holder holder = { single->id, single->ifname };
	struct store_want want = { .set = &set, .asked = single->ip };

	if (store_reserve(s, &holder, &want, 1) == 0)
		return 0;
	if (s->err->code != ERR_IN_USE)
		return -1;
	err_clear(s->err);
	return 0;
}

int journal_keep_singles(struct store *s, const struct state *state)
{
	for (size_t i = 0; s && i < state->n_singles; i++) {
		const struct state_single *single = &state->singles[i];

		if (*single->id && !journal_is_earlier_boot(s, single) &&
		    keep_single(s, single) < 0)
			return -1;
	}
	return 0;
}
