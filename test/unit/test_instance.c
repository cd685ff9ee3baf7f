/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/skel/instance: the reference's marks. The wanted texts are the reference's, or by another
 * sha512sum.
 */
#include "skel/instance.h"

#include "tap.h"

static struct arena arena;

#define X70 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *network, *ifname, *id, *comment;
} comments[] = {
	{ "mynet", "eth0", "ctr1",
	  "d23676b4f2d9fe04-7883a6f9ce71eedb, net: mynet, if: eth0, id: ctr1" },
	{ "mynet", "e\"th1", "ctr1",
	  "d23676b4f2d9fe04-437b7f64783bc678, net: mynet, if: eth1, id: ctr1" },
	{ X70 "xxxxxxx", "eeeeeeeeeeeeeee", "ctr1",
	  "a1834985b96047e3-9e365fe9a5979f7c, net: " X70 "xxxxxxx, if: eeeee" },
	{ X70 X70, "eth0", "ctr1",
	  "ded871896dbbe66b-7883a6f9ce71eedb, net: " X70 "xxxxxxxxxxxxxxxxxx" },
};

static bool same_network(const struct instance *o, const struct instance *other)
{
	return !strncmp(o->comment, other->comment, sizeof("d23676b4f2d9fe04-") - 1);
}

static void check_comments(void)
{
	struct instance o, other;

	for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
		instance_init(&o, comments[i].network, comments[i].ifname, comments[i].id);
		is_str(o.comment, comments[i].comment, "comment");
	}
	instance_init(&o, "mynet", "eth0", "ctr1");
	instance_init(&other, "mynet", "eth1", "ctr1");
	ok(instance_match_this(o.comment, &o), "one's own");
	ok(instance_match_this("d23676b4f2d9fe04-7883a6f9ce71eedb", &o), "whatever follows");
	ok(!instance_match_this(other.comment, &o), "not one of another interface");
	ok(!instance_match_this("d23676b4f2d9fe04-7883a6f9ce71eed", &o) &&
		   !instance_match_this("", &o),
	   "nor a shorter one");
	ok(same_network(&o, &other), "which is of the same network");
	instance_init(&other, "mynet2", "eth0", "ctr1");
	ok(!instance_match_this(other.comment, &o) && !same_network(&o, &other),
	   "another network is another");
}

/* As many valid attachments as a full node has. */
#define MANY 5000

static void check_owners(void)
{
	static struct cni_attachment list[MANY];
	struct cni_request req = { .net = { .name = "mynet",
					    .attachments = list,
					    .n_attachments = MANY,
					    .has_attachments = true } };
	struct cni_call c = { .req = &req, .arena = &arena };
	struct instance_set s;
	struct instance o;
	size_t found = 0;

	for (size_t i = 0; i < MANY; i++)
		list[i] = (struct cni_attachment){ arena_printf(&arena, "c%zu", i), "eth0" };
	instance_set_init(&s, &c);
	for (size_t i = 0; i < MANY; i++) {
		instance_init(&o, "mynet", "eth0", list[i].container_id);
		found += !instance_match_stale(o.comment, &s);
	}
	ok(found == MANY, "no valid one may go");
	instance_init(&o, "mynet", "eth1", "c7");
	ok(instance_match_stale(o.comment, &s), "another interface of a valid container may");
	o.comment[INSTANCE_ID_LEN] = '\0';
	ok(instance_match_stale(o.comment, &s), "without the rest as well");
	o.comment[INSTANCE_ID_LEN - 1] = '\0';
	ok(!instance_match_stale(o.comment, &s), "not what no attachment has");
	o.comment[INSTANCE_ID_LEN - 1] = 'X';
	ok(!instance_match_stale(o.comment, &s), "nor with other digits");
	instance_init(&o, "mynet2", "eth1", "c7");
	ok(!instance_match_stale(o.comment, &s), "nor of another network");
	ok(!instance_match_stale("", &s), "nor without a comment");
	req.net.n_attachments = 0;
	instance_set_init(&s, &c);
	instance_init(&o, "mynet", "eth0", "c7");
	ok(instance_match_stale(o.comment, &s), "none is valid: all may go");
	req.net.has_attachments = false;
	instance_set_init(&s, &c);
	ok(!instance_match_stale(o.comment, &s), "nobody said which are: none may");
}

static void check_names(void)
{
	char name[INSTANCE_CHAIN_LEN + 1];

	instance_hash_name(name, INSTANCE_CHAIN_LEN, "CNI-", "mynet", "ctr1");
	is_str(name, "CNI-5145007e2a8415ce07579739", "a chain to masquerade");
	instance_hash_name(name, INSTANCE_CHAIN_LEN, "CNI-DN-", "mynet", "ctr1");
	is_str(name, "CNI-DN-5145007e2a8415ce07579", "a chain of ports");
	instance_hash_name(name, 15, "bwp", "mynet", "ctr1");
	is_str(name, "bwp5145007e2a84", "a device");
}

int main(void)
{
	check_comments();
	check_owners();
	check_names();
	arena_free(&arena);
	return done_testing();
}
