// SPDX-License-Identifier: Apache-2.0
/* What calls have cost, and how it is said. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bench.h"

void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

void make_samples(struct side *sides, unsigned n_sides, unsigned count)
{
	for (unsigned s = 0; s < n_sides; s++) {
		for (unsigned v = 0; v < VERBS; v++) {
			sides[s].of[v].ms = allocate(count, sizeof(double));
			sides[s].of[v].after_ms = allocate(count, sizeof(double));
			sides[s].of[v].cpu_ms = allocate(count, sizeof(double));
		}
	}
}

void record(struct samples *to, const struct call *call, double after_ms)
{
	if (!call->ok)
		to->failed++;
	if (call->rss_kb > to->rss_kb)
		to->rss_kb = call->rss_kb;
	to->ms[to->n] = call->ms;
	to->after_ms[to->n] = after_ms;
	to->cpu_ms[to->n] = call->cpu_ms;
	to->n++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *values, unsigned n, unsigned percent)
{
	qsort(values, n, sizeof(*values), compare);
	return n ? values[(n * percent + 99) / 100 - 1] : 0;
}

/* The last `n` calls were one. */
void end_round(struct samples *s, unsigned n)
{
	s->round_p99[s->n_rounds++] = quantile(s->ms + s->n - n, n, 99);
}

static void report_side(struct side *side, const struct job *job)
{
	for (unsigned v = 0; v < VERBS; v++) {
		struct samples *s = &side->of[v];

		printf("%s %s %s n=%u failed=%u median=%.3f p99=%.3f after=%.3f cpu=%.3f rss=%ld "
		       "held=%u",
		       job->name, verb_names[v], side->name, s->n, s->failed,
		       quantile(s->ms, s->n, 50), quantile(s->ms, s->n, 99),
		       quantile(s->after_ms, s->n, 50), quantile(s->cpu_ms, s->n, 50), s->rss_kb,
		       side->held);
		if (s->n_rounds) {
			printf(" round_p99=%.3f rounds", quantile(s->round_p99, s->n_rounds, 50));
			for (unsigned r = 0; r < s->n_rounds; r++)
				printf("%c%.0f", r ? ',' : '=', s->round_p99[r]);
		}
		putchar('\n');
	}
}

void report(struct side *sides, unsigned n_sides, const struct job *job)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	for (unsigned s = 0; s < n_sides; s++)
		report_side(&sides[s], job);
	printf("# the driver's own RSS, below which none can be measured: %ld kB\n", own.ru_maxrss);
}
