/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verify.h"

#include <stdio.h>
#include <string.h>

#include "cmd/describe.h"
#include "cmd/own.h"
#include "cmd/time.h"
#include "cmd/verify_node.h"
#include "cmd/verify_part.h"

/* ---- one attachment -------------------------------------------------------------------------- */

void verify_say(struct verify *v, enum verify_weight weight, const struct node_attachment *a,
		const char *what, const char *advice)
{
	printf("%s%s%s; %s\n", a ? describe_name(a) : "", a ? ": " : "", describe_plain(what),
	       describe_plain(advice));
	v->weight = v->weight > weight ? v->weight : weight;
	v->n++;
}

static void verify_attachment(struct verify *v, const struct node_attachment *a)
{
	if (a->life == NODE_DEAD)
		verify_say(v, VERIFY_LEFT, a, a->why, "cnic gc");
	else
		verify_part(v, a);
}

/* Memory of one at a time. */
static void verify_attachments(struct verify *v)
{
	for (size_t i = 0; i < v->node.n; i++) {
		struct arena *all = json_arena(), one = { 0 };

		json_init(&one);
		verify_attachment(v, &v->node.list[i]);
		json_init(all);
		arena_free(&one);
	}
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int parse(struct verify *v, int argc, char **argv)
{
	if (argc == 1)
		return 0;
	if (argc != 3 || strcmp(argv[1], "--timeout") != 0)
		return -1;
	v->req.timeout_ms = time_parse(argv[2]);
	return v->req.timeout_ms < 0 ? -1 : 0;
}

int verify_run(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct verify v = { .req.timeout_ms = OWN_TIMEOUT };
	const char **caches;
	int rc;

	json_init(&arena);
	v.call = (struct cni_call)CNI_CALL_INIT(.req = &v.req, .arena = &arena, .err = &err);
	caches = node_take_caches(&argc, argv);
	rc = parse(&v, argc, argv);
	if (!rc && node_load(&v.node, caches, &arena, &err) < 0) {
		fprintf(stderr, "cnic: %s\n", err.msg);
		rc = VERIFY_BLIND;
	} else if (!rc) {
		verify_attachments(&v);
		verify_node(&v);
		rc = (int)v.weight;
	}
	cni_close(&v.call);
	arena_free(&arena);
	return rc;
}
