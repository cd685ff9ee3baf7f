/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/nl/qdisc, in a network of our own: what is set is read again, by us and by tc(8); and limits as
 * numbers of a tbf (plugins/meta/bandwidth/limit).
 */
#include "nl/qdisc.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "nl/nl.h"
#include "plugins/meta/bandwidth/limit.h"
#include "tap.h"

static struct arena arena;
static struct err err;
static struct nl nl;

/* ---- numbers ------------------------------------------------------------------------------- */

static const struct {
	uint64_t rate, burst; /* bits */
	uint32_t latency;
	struct tbf tbf;
} numbers[] = {
	/* as the reference's calls have them */
	{ 100000000, 2000000, 25, { 12500000, 562500, 312500, 0 } },
	{ 50000000, 1000000, 25, { 6250000, 281250, 312500, 0 } },
	{ 10000000, 2147483647, 25, { 1250000, 268466705, 3355443187, 0 } },
	{ 100000000, 2000000, 1, { 12500000, 262500, 312500, 0 } },
	/* a rate of more than 32 bits */
	{ 100000000000, 2147483647, 25, { 12500000000, 580935455, 335531, 0 } },
	/* bursts that ticks cannot say, and a limit that bytes cannot */
	{ 1000000, 4294967295, 25, { 125000, 536874036, 0, 536870911 } },
	{ 10000, 34359738359, 25, { 1250, UINT32_MAX, 0, UINT32_MAX - 1 } },
	{ 100000000000, 8000, 25, { 12500000000, 312501000, 0, 1000 } },
	{ 999999999999999, 80000000, 60000, { 124999999999999, UINT32_MAX, 0, 10000000 } },
	{ 8, 8, 25, { 1, 1, 15625000, 0 } },
};

static void check_numbers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct limit l = { .rate = numbers[i].rate, .burst = numbers[i].burst };
		const struct tbf *want = &numbers[i].tbf;
		struct tbf t = limit_tbf(&l, numbers[i].latency);

		ok(t.rate == want->rate && t.limit == want->limit && t.buffer == want->buffer &&
			   t.burst == want->burst,
		   "numbers %zu: %ju %u %u %u", i, (uintmax_t)t.rate, t.limit, t.buffer, t.burst);
	}
}

static const struct {
	uint64_t rate, burst;
	const char *error;
	uint64_t becomes;
} bounds[] = {
	{ 0, 0, NULL, 0 },
	{ 8, 0, NULL, 69632 * 8 },
	{ 7, 0, "inRate: less than a byte a second", 0 },
	{ 8, 7, "inBurst: less than a byte", 0 },
	{ 0, 8, "inBurst: set without inRate", 0 },
	{ 27852800, 0, NULL, 69632 * 8 },
	{ 28000000, 0, NULL, 70000 * 8 },
	{ 1000000000, 0, NULL, 2500000 * 8 },
	{ 999999999999999, 0, NULL, (UINT64_C(4294967294)) * 8 },
	{ 8, 34359738359, NULL, 34359738359 },
	{ 8, 34359738360, "inBurst: more than 4294967294 bytes", 0 },
};

static void check_bounds(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		struct limit l = { .rate = bounds[i].rate, .burst = bounds[i].burst };
		struct cni_call c = { .err = &err };
		int rc;

		err_clear(&err);
		rc = limit_validate(&c, &l, "in");
		if (bounds[i].error)
			ok(rc < 0 && err.code == ERR_CONFIG && !strcmp(err.msg, bounds[i].error),
			   "%s: %s", bounds[i].error, err.msg);
		else
			ok(!rc && l.burst == bounds[i].becomes, "burst %ju", (uintmax_t)l.burst);
	}
}

/* ---- the kernel ---------------------------------------------------------------------------- */

static bool says(const char *command, const char *text)
{
	char out[4096] = "";
	FILE *p = popen(command, "r");

	if (!p)
		return false;
	(void)!fread(out, 1, sizeof(out) - 1, p);
	pclose(p);
	return strstr(out, text);
}

static void check_absent(int index)
{
	struct qdisc_set set;
	int to = 7;

	ok(!nl_qdisc_get(&nl, index, &set) && !set.root.handle && !*set.ingress.kind &&
		   !*set.leaf.kind,
	   "nothing but what is there by default");
	ok(!nl_redirect_get(&nl, index, &to) && !to, "no redirection");
	nl_tbf_del(&nl, index);
	ok(nl_commit(&nl) < 0 && err.sys, "no tbf to delete");
	err_clear(&err);
	ok(nl_qdisc_get(&nl, 4711, &set) < 0 && err.sys == ENODEV, "no device");
	err_clear(&err);
}

static void check_tbf(int index, uint64_t rate, uint32_t burst)
{
	struct tbf t = { .rate = rate, .limit = 300000, .buffer = 312500, .burst = burst };
	struct qdisc_set set;

	nl_tbf_add(&nl, index, &t);
	ok(!nl_commit(&nl), "tbf added: %s", err.msg);
	ok(!nl_qdisc_get(&nl, index, &set) && !strcmp(set.root.kind, "tbf") &&
		   set.root.handle == QDISC_ROOT_HANDLE && set.root.tbf.rate == rate &&
		   set.root.tbf.limit == 300000,
	   "and read");
	ok(burst || set.root.tbf.buffer == 312500, "the burst to the tick");
	ok(!*set.leaf.kind, "its own queue is none beneath it");
	nl_tbf_add(&nl, index, &t);
	ok(nl_commit(&nl) < 0 && err.sys == EEXIST, "there is one already");
	err_clear(&err);
	nl_tbf_del(&nl, index);
	ok(!nl_commit(&nl), "deleted");
}

static void check_leaf(int index)
{
	struct tbf t = { .rate = 1000000, .limit = 300000, .buffer = 312500 };
	struct qdisc_set set;

	nl_tbf_add(&nl, index, &t);
	ok(!nl_commit(&nl) && system("tc qdisc add dev v0 parent 1:1 handle 2: pfifo") == 0 &&
		   !nl_qdisc_get(&nl, index, &set) && !strcmp(set.leaf.kind, "pfifo") &&
		   set.leaf.handle == QDISC_LEAF_HANDLE,
	   "what is beneath it");
	ok(system("tc qdisc del dev v0 root && tc qdisc add dev v0 root handle 1: pfifo") == 0 &&
		   !nl_qdisc_get(&nl, index, &set) && !strcmp(set.root.kind, "pfifo") &&
		   set.root.handle == QDISC_ROOT_HANDLE && !*set.leaf.kind,
	   "another kind of that handle");
	ok(system("tc qdisc del dev v0 root") == 0, "as before");
}

static void check_redirect(int index)
{
	struct link ifb = { 0 };
	struct qdisc_set set;
	int to;

	nl_ifb_add(&nl, "ifb7", 1400, true);
	ok(!nl_query(&nl, nl_link_parse, &ifb) && !nl_link_get(&nl, "ifb7", &ifb) &&
		   !strcmp(ifb.kind, "ifb") && ifb.mtu == 1400 && !ifb.txqlen && ifb.flags & IFF_UP,
	   "an ifb");
	nl_ingress_add(&nl, index);
	ok(!nl_commit(&nl) && !nl_redirect_get(&nl, index, &to) && !to, "ingress");
	nl_redirect_add(&nl, index, ifb.index);
	ok(!nl_commit(&nl), "redirected: %s", err.msg);
	ok(!nl_redirect_get(&nl, index, &to) && to == ifb.index, "and read");
	ok(!nl_qdisc_get(&nl, index, &set) && !strcmp(set.ingress.kind, "ingress") &&
		   !set.root.handle,
	   "the ingress qdisc");
	ok(says("tc filter show dev v0 ingress", "(Egress Redirect to device ifb7) stolen"),
	   "as tc says it");
	nl_ingress_del(&nl, index);
	ok(!nl_commit(&nl) && !nl_redirect_get(&nl, index, &to) && !to, "deleted with its filter");
	ok(system("tc qdisc add dev v0 ingress && tc filter add dev v0 ingress u32 match u32 0 0 "
		  "action mirred egress mirror dev ifb7") == 0 &&
		   !nl_redirect_get(&nl, index, &to) && !to,
	   "a copy is no redirection");
	ok(system("tc qdisc del dev v0 ingress") == 0, "as before");
}

static void check_probe(void)
{
	struct link l;
	bool known = false;

	ok(!nl_qdisc_probe(&nl, "tbf", &known) && known, "tbf");
	ok(!nl_qdisc_probe(&nl, "nosuch", &known) && !known, "no such qdisc");
	ok(!nl_ifb_probe(&nl, &known) && known, "ifb");
	ok(!says("tc qdisc show dev lo", "tbf"), "nothing is made");
	ok(!nl_link_get_allow(&nl, "cnic-probe", &l) && !l.index, "no link either");
}

int main(void)
{
	struct link l;

	check_numbers();
	check_bounds();
	if (unshare(CLONE_NEWNET) < 0 || nl_open(&nl, &err) < 0)
		return 1;
	ok(system("ip link add v0 up type veth peer name v1") == 0 && !nl_link_get(&nl, "v0", &l),
	   "a device");
	check_absent(l.index);
	check_tbf(l.index, 1000000, 0);
	check_tbf(l.index, UINT64_C(1) << 33, 0);
	check_tbf(l.index, 125000, 536870911);
	check_leaf(l.index);
	check_redirect(l.index);
	check_probe();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
