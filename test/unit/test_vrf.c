/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/meta/vrf/device: a link that takes the VRF's name in the meantime, in a network of our own. */
#include "plugins/meta/vrf/device.h"

#include <sched.h>
#include <stdlib.h>

#include "nl/nl.h"
#include "tap.h"

static struct arena arena;
static struct err err;
static struct nl nl;

static void check_taken_meanwhile(void)
{
	static const struct cni_request req = { .ifname = "a0" };
	struct cni_call c = CNI_CALL_INIT(.req = &req, .arena = &arena, .err = &err);
	struct route_list routes = { .arena = &arena };
	struct cni_steps steps = { 0 };
	struct device d = { 0 };

	c.sandbox = &nl;
	ok(!device_list(&c, "red", &d), "list: %s", err.msg);
	ok(system("ip link add red type veth peer name a1") == 0, "another's link of that name");
	ok(device_ensure(&c, 0, &routes, &d) < 0 && err.sys == EEXIST, "refused: %s", err.msg);
	device_undo(&c, &steps, &d);
	ok(!cni_steps_end(&c, &steps), "undo: %s", err.msg);
	ok(system("ip link show red >/dev/null") == 0, "the link is there still");
}

int main(void)
{
	if (!ok(unshare(CLONE_NEWNET) == 0, "root, in a network of our own") ||
	    !ok(!nl_open(&nl, &err), "a socket"))
		return done_testing();
	check_taken_meanwhile();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
