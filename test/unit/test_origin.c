/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/main/host-device/origin: which device it is, and what its file may hold. */
#include "plugins/main/host-device/origin.h"

#include "tap.h"

static struct arena arena;

static int decode(const char *text, struct origin *o, struct err *err)
{
	const struct json *v;

	err_clear(err);
	if (json_parse(text, strlen(text), &v, err) < 0)
		return -1;
	return origin_decode(v, o, err);
}

static void test_file(void)
{
	static const char *const bad[] = { "{}",
					   "[]",
					   "{\"name\":5}",
					   "{\"name\":\"../x\"}",
					   "{\"name\":\"name-that-is-too-long\"}",
					   "{\"name\":\"eth0\",\"index\":-1}",
					   "{\"name\":\"eth0\",\"altnames\":[5]}",
					   "{\"name\":\"eth0\",\"interfaceNetwork\":{\"ips\":5}}" };
	struct err err = { 0 };
	struct origin o;

	ok(decode("{\"name\":\"eth0\",\"flags\":4294967295,\"altnames\":[\"a\",\"b\"],"
		  "\"interfaceNetwork\":{\"ips\":[{\"address\":\"10.1.0.2/24\"}]}}",
		  &o, &err) == 0,
	   "a file: %s", err.msg);
	is_str(o.name, "eth0", "its name");
	is_str(o.kind, "", "what is absent is empty");
	ok(o.flags == ORIGIN_FLAGS && o.n_altnames == 2 && o.addresses.n_ips == 1, "the rest");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(decode(bad[i], &o, &err) < 0 && *err.msg, "refused: %s: %s", bad[i], err.msg);
}

/* ---- identity -------------------------------------------------------------------------------- */

#define PHYSICAL .kind = "", .bus = "pci", .parent = "0000:03:00.1", .perm_mac = "02:00:00:00:00:01"
#define VIRTUAL  .kind = "veth", .bus = "", .parent = "", .perm_mac = ""

static struct link_device device(const char *kind, const char *parent, uint8_t perm, int index)
{
	struct link_device d = { .perm_mac = { perm ? 2 : 0, 0, 0, 0, 0, perm },
				 .link = { .index = index, .mac = { 2, 0, 0, 0, 0, 9 } } };

	snprintf(d.link.kind, sizeof(d.link.kind), "%s", kind);
	snprintf(d.parent, sizeof(d.parent), "%s", parent);
	snprintf(d.bus, sizeof(d.bus), "%s", *parent ? "pci" : "");
	return d;
}

static void test_hardware(void)
{
	const struct origin o = {
		.name = "eth1", .index = 7, .mac = "02:00:00:00:00:09", PHYSICAL
	};
	struct link_device d = device("", "0000:03:00.1", 1, 99);

	ok(origin_is_hardware(&o), "of the hardware");
	ok(origin_is(&o, &d, true) && origin_is(&o, &d, false), "whatever index and alias");
	d = device("", "0000:03:00.1", 2, 7);
	ok(!origin_is(&o, &d, true) && !origin_is(&o, &d, false), "another port of the device");
	d = device("", "0000:03:00.2", 1, 7);
	ok(!origin_is(&o, &d, true), "another device");
	d = device("ipvlan", "", 1, 7);
	ok(!origin_is(&o, &d, false), "one made with its address");
}

static void test_virtual(void)
{
	struct origin o = { .name = "eth1", .index = 7, .mac = "02:00:00:00:00:09", VIRTUAL };
	struct link_device d = device("veth", "", 0, 7);

	ok(!origin_is_hardware(&o), "virtual");
	ok(origin_is(&o, &d, false), "in the container by index and MAC address");
	ok(!origin_is(&o, &d, true), "not on the host");
	d.link.mac[5] = 8;
	ok(!origin_is(&o, &d, false), "another's MAC address");
	snprintf(d.alias, sizeof(d.alias), "eth1");
	ok(origin_is(&o, &d, false) && origin_is(&o, &d, true), "by its alias");
	d = device("dummy", "", 0, 7);
	snprintf(d.alias, sizeof(d.alias), "eth1");
	ok(!origin_is(&o, &d, false), "another kind");
	o.index_inside = 8;
	d = device("veth", "", 0, 7);
	ok(!origin_is(&o, &d, false), "the index in the container counts there");
	d.link.index = 8;
	ok(origin_is(&o, &d, false), "if it has changed");
}

int main(void)
{
	json_init(&arena);
	test_file();
	test_hardware();
	test_virtual();
	arena_free(&arena);
	return done_testing();
}
