/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#define BITS            8 /* of a byte */
#define BURST_MAX_BYTES (UINT32_MAX - 1)

/*
 * Without a burst: what the rate sends in 20 ms, but the largest packet that comes in one piece (64
 * KiB, and the headers of its segments) has to get through.
 */
#define DEFAULT_BURST_MS        20
#define DEFAULT_BURST_MIN_BYTES (UINT64_C(68) * 1024)

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t default_burst(uint64_t rate)
{
	uint64_t bytes = rate / BITS / 1000 * DEFAULT_BURST_MS;

	if (bytes < DEFAULT_BURST_MIN_BYTES)
		bytes = DEFAULT_BURST_MIN_BYTES;
	if (bytes > BURST_MAX_BYTES)
		bytes = BURST_MAX_BYTES;
	return bytes * BITS;
}

int limit_validate(struct cni_call *c, struct limit *l, const char *path)
{
	if (l->burst && !l->rate)
		return err_config(c->err, "%sBurst: set without %sRate", path, path);
	if (l->rate && l->rate < BITS)
		return err_config(c->err, "%sRate: less than a byte a second", path);
	if (l->burst && l->burst < BITS)
		return err_config(c->err, "%sBurst: less than a byte", path);
	if (l->burst / BITS > BURST_MAX_BYTES)
		return err_config(c->err, "%sBurst: more than %u bytes", path, BURST_MAX_BYTES);
	if (l->rate && !l->burst)
		l->burst = default_burst(l->rate);
	return 0;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t bytes_in(uint64_t rate, uint32_t ms)
{
	return rate / 1000 * ms + rate % 1000 * ms / 1000;
}

/* As the reference rounds: to microseconds, then to ticks. */
static uint64_t ticks_of(uint64_t bytes, uint64_t rate)
{
	return bytes * 1000000 / rate * 1000 / QDISC_TICK_NS;
}

struct tbf limit_tbf(const struct limit *l, uint32_t latency_ms)
{
	struct tbf t = { .rate = l->rate / BITS };
	uint64_t burst = l->burst / BITS, ticks = ticks_of(burst, t.rate),
		 limit = bytes_in(t.rate, latency_ms) + burst;

	t.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
	if (ticks && ticks <= UINT32_MAX)
		t.buffer = (uint32_t)ticks;
	else
		t.burst = (uint32_t)burst;
	return t;
}

/* A burst that was set in bytes is told in ticks, of which only 32 bits; `limit` has it, too. */
static bool buffer_equal(const struct tbf *wanted, const struct tbf *found)
{
	return wanted->burst || wanted->buffer == found->buffer;
}

bool limit_tbf_equal(const struct tbf *wanted, const struct tbf *found)
{
	return wanted->rate == found->rate && wanted->limit == found->limit &&
	       buffer_equal(wanted, found);
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static uint64_t burst_of(const struct tbf *t)
{
	return t->burst ? t->burst
			: (uint64_t)((double)t->buffer * QDISC_TICK_NS * (double)t->rate / 1e9);
}

/* Milliseconds; tc(8) says it so as well. */
static double latency_of(const struct tbf *t)
{
	return t->rate ? ((double)t->limit - (double)burst_of(t)) * 1000 / (double)t->rate : 0;
}

int limit_differs(struct cni_call *c, const char *direction, const char *device,
		  const struct tbf *wanted, const struct tbf *found)
{
	if (wanted->rate != found->rate)
		return err_set(c->err, ERR_CHECK, "%sRate of %s: wanted %ju bit/s, found %ju",
			       direction, device, (uintmax_t)wanted->rate * BITS,
			       (uintmax_t)found->rate * BITS);
	if (!buffer_equal(wanted, found))
		return err_set(c->err, ERR_CHECK, "%sBurst of %s: wanted %ju bit, found %ju",
			       direction, device, (uintmax_t)burst_of(wanted) * BITS,
			       (uintmax_t)burst_of(found) * BITS);
	return err_set(c->err, ERR_CHECK, "latency of %s: wanted %.1f ms, found %.1f (%s)", device,
		       latency_of(wanted), latency_of(found), direction);
}
