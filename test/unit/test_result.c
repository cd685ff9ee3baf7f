/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/cni/result: every version read, printed, and turned into every other. */
#include "cni/result.h"

#include "tap.h"

static struct arena arena;

#define V02(v)                                                                                \
	"{\"cniVersion\":\"" v "\",\"ip4\":{\"ip\":\"10.1.0.2/24\",\"gateway\":\"10.1.0.1\"," \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}]},"                          \
	"\"ip6\":{\"ip\":\"fd00::2/64\",\"routes\":[{\"dst\":\"::/0\"}]},\"dns\":{\"domain\":\"d\"}}"
#define LISTS(v, a, b, dns)                                                     \
	"{\"cniVersion\":\"" v "\",\"ips\":[{" a "\"address\":\"10.1.0.2/24\"," \
	"\"gateway\":\"10.1.0.1\"},{" b "\"address\":\"fd00::2/64\"}],"         \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},{\"dst\":\"::/0\"}]," dns "}"
#define DNS    "\"dns\":{\"domain\":\"d\"}"
#define V03(v) LISTS(v, "\"version\":\"4\",", "\"version\":\"6\",", DNS)
#define V10(v) LISTS(v, "", "", DNS)

/* One content in all versions: any may be turned into any. */
static const struct {
	const char *version, *text;
} same[] = {
	{ "0.1.0", V02("0.1.0") }, { "0.2.0", V02("0.2.0") }, { "0.3.0", V03("0.3.0") },
	{ "0.3.1", V03("0.3.1") }, { "0.4.0", V03("0.4.0") }, { "1.0.0", V10("1.0.0") },
	{ "1.1.0", V10("1.1.0") },
};

static int parse(const char *text, const char *version, bool same_family, struct cni_result *r,
		 struct err *err)
{
	const struct json *v;

	if (json_parse(text, strlen(text), &v, err) < 0)
		return -1;
	return cni_result_parse(v, version, same_family, "prevResult", r, err);
}

static void convert(const char *from, const char *version, const char *want, const char *name)
{
	struct cni_result r;
	const char *text = "(not parsed)";
	struct err err = { 0 };
	struct json *o;

	if (!parse(from, version, false, &r, &err))
		text = cni_result_json(&r, version, &o, &err) < 0 ? err.msg : json_print(o);
	is_str(text, want, name);
}

static void check_conversions(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		for (size_t k = 0; k < ARRAY_SIZE(same); k++)
			convert(same[i].text, same[k].version, same[k].text,
				arena_printf(&arena, "%s to %s", same[i].version, same[k].version));
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		char *bare = arena_printf(&arena, "{%s",
					  same[i].text + strlen("{\"cniVersion\":\"0.1.0\","));

		convert(bare, same[i].version, same[i].text, "without cniVersion");
	}
	convert(V02("0.1.0"), "", V02("0.1.0"), "\"\" is 0.1.0");
}

static const char full[] =
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"br0\",\"mac\":\"02:00:00:00:00:01\"},"
	"{\"name\":\"eth0\",\"mtu\":1400,\"sandbox\":\"/run/netns/x\",\"socketPath\":\"/s\","
	"\"pciID\":\"0000:00:01.0\"}],\"ips\":[{\"interface\":0,\"address\":\"10.1.0.2/24\"},"
	"{\"interface\":1,\"address\":\"10.2.0.2/24\",\"gateway\":\"10.2.0.1\"}],"
	"\"routes\":[{\"dst\":\"192.0.2.0/24\",\"gw\":\"10.1.0.1\",\"mtu\":1300,\"advmss\":1200,"
	"\"priority\":4294967295,\"table\":0,\"scope\":0}],"
	"\"dns\":{\"nameservers\":[\"192.0.2.1\"],\"domain\":\"d\",\"search\":[\"a\",\"b\"],"
	"\"options\":[\"o\"]}}";

static const char full_04[] =
	"{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"br0\",\"mac\":\"02:00:00:00:00:01\"},"
	"{\"name\":\"eth0\",\"sandbox\":\"/run/netns/x\"}],"
	"\"ips\":[{\"version\":\"4\",\"interface\":0,\"address\":\"10.1.0.2/24\"},"
	"{\"version\":\"4\",\"interface\":1,\"address\":\"10.2.0.2/24\",\"gateway\":\"10.2.0.1\"}],"
	"\"routes\":[{\"dst\":\"192.0.2.0/24\",\"gw\":\"10.1.0.1\",\"mtu\":1300,\"advmss\":1200,"
	"\"priority\":4294967295,\"table\":0,\"scope\":0}],"
	"\"dns\":{\"nameservers\":[\"192.0.2.1\"],\"domain\":\"d\",\"search\":[\"a\",\"b\"],"
	"\"options\":[\"o\"]}}";

/* Only the first address of a family, no interfaces, no route attributes. */
static const char full_02[] =
	"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.0.2/24\",\"routes\":[{\"dst\":\"192.0.2.0/24\","
	"\"gw\":\"10.1.0.1\"}]},\"dns\":{\"nameservers\":[\"192.0.2.1\"],\"domain\":\"d\","
	"\"search\":[\"a\",\"b\"],\"options\":[\"o\"]}}";

static const struct {
	const char *name, *from, *version, *to;
} shapes[] = {
	{ "all there is", full, "1.1.0", full },
	{ "as 0.4.0", full, "0.4.0", full_04 },
	{ "as 0.2.0", full, "0.2.0", full_02 },
	{ "nothing in 1.1.0", "{}", "1.1.0", "{\"cniVersion\":\"1.1.0\"}" },
	{ "nothing in 0.3.1", "{}", "0.3.1", "{\"cniVersion\":\"0.3.1\",\"dns\":{}}" },
	{ "nothing in 0.2.0", "{}", "0.2.0", "cannot convert: no valid IP addresses" },
	{ "no address for 0.1.0", "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"a\"}]}",
	  "0.1.0", "cannot convert: no valid IP addresses" },
	{ "unknown keys go", "{\"x\":1,\"ips\":[{\"address\":\"10.0.0.1/8\",\"y\":2}]}", "1.1.0",
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.1/8\"}]}" },
	{ "null lists", "{\"ips\":null,\"routes\":null,\"interfaces\":null,\"dns\":null}", "1.0.0",
	  "{\"cniVersion\":\"1.0.0\"}" },
	{ "empty dns lists", "{\"dns\":{\"nameservers\":[],\"domain\":\"\"}}", "1.0.0",
	  "{\"cniVersion\":\"1.0.0\"}" },
	{ "a route of the family that has no address",
	  "{\"ips\":[{\"address\":\"10.0.0.1/8\"}],\"routes\":[{\"dst\":\"::/0\"}]}", "1.0.0",
	  "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.1/8\"}],"
	  "\"routes\":[{\"dst\":\"::/0\"}]}" },
	{ "ip6 alone in 0.2.0", "{\"ip6\":{\"ip\":\"fd00::1/64\"}}", "0.2.0",
	  "{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"fd00::1/64\"},\"dns\":{}}" },
	{ "an index without interfaces", "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":2}]}",
	  "1.0.0",
	  "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"interface\":2,\"address\":\"10.0.0.1/8\"}]}" },
	{ "a mapped address", "{\"ips\":[{\"address\":\"::ffff:10.0.0.1/104\"}]}", "0.3.0",
	  "{\"cniVersion\":\"0.3.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],"
	  "\"dns\":{}}" },
};

static const struct {
	const char *text, *version, *error;
} faults[] = {
	{ "[]", "1.1.0", "prevResult: expected an object" },
	{ "{\"cniVersion\":5}", "1.1.0", "prevResult.cniVersion: expected a string" },
	{ "{\"cniVersion\":\"9.9.9\"}", "1.1.0",
	  "prevResult: unsupported CNI result version \"9.9.9\"" },
	{ "{\"cniVersion\":\"0.4.0\"}", "1.1.0", "prevResult: cniVersion \"0.4.0\"" },
	{ "{\"cniVersion\":\"1.0.0\"}", "0.4.0", "prevResult: cniVersion \"1.0.0\"" },
	{ "{\"cniVersion\":\"0.2.0\"}", "0.3.0", "prevResult: cniVersion \"0.2.0\"" },
	{ "{\"cniVersion\":\"0.3.0\"}", "", "prevResult: cniVersion \"0.3.0\"" },
	{ "{\"ips\":[{\"address\":\"10.0.0.1\"}]}", "1.1.0", "prevResult.ips[0].address:" },
	{ "{\"ips\":[{}]}", "1.1.0", "prevResult.ips[0].address: missing" },
	{ "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":-1}]}", "1.1.0",
	  "prevResult.ips[0].interface: -1" },
	{ "{\"interfaces\":[{\"mac\":\"x\"}]}", "1.1.0", "prevResult.interfaces[0].name: missing" },
	{ "{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"scope\":256}]}", "1.1.0",
	  "prevResult.routes[0].scope: 256" },
	{ "{\"routes\":[{\"gw\":\"10.0.0.1\"}]}", "0.4.0", "prevResult.routes[0].dst: missing" },
	{ "{\"dns\":{\"search\":\"a\"}}", "0.4.0", "prevResult.dns.search: expected an array" },
	{ "{\"ip4\":{}}", "0.2.0", "prevResult.ip4.ip: missing" },
	{ "{\"ip4\":{\"ip\":\"10.0.0.1\"}}", "0.1.0", "prevResult.ip4.ip:" },
	{ "{\"ip6\":{\"ip\":\"fd00::1/64\",\"routes\":[{\"dst\":\"x\"}]}}", "",
	  "prevResult.ip6.routes[0].dst:" },
};

static void check_indices(void)
{
	static const char text[] =
		"{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"10.0.0.1/8\","
		"\"interface\":1},{\"address\":\"10.0.0.2/8\",\"interface\":0}]}";
	struct cni_result r;
	struct err err;

	ok(parse(text, "1.1.0", false, &r, &err) < 0, "an answer has an interface for each index");
	is_str(err.msg, "prevResult.ips[0].interface: there is no interface 1", "and is told");
	ok(!parse(text, "1.1.0", true, &r, &err) && !r.ips[0].has_interface &&
		   r.ips[1].has_interface,
	   "a previous result may be without");
}

int main(void)
{
	struct cni_result r;
	struct err err;

	json_init(&arena);
	check_conversions();
	check_indices();
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		convert(shapes[i].from, shapes[i].version, shapes[i].to, shapes[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		int rc = parse(faults[i].text, faults[i].version, true, &r, &err);

		ok(rc < 0 && strstr(err.msg, faults[i].error) == err.msg, "%s in %s: %s",
		   faults[i].text, faults[i].version, faults[i].error);
	}
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		ok(!parse(same[i].text, same[i].version, true, &r, &err), "%s in its own family",
		   same[i].version);
	ok(!parse(V02("0.2.0"), "", true, &r, &err) &&
		   !parse(V03("0.3.0"), "0.4.0", true, &r, &err) &&
		   !parse(V10("1.1.0"), "1.0.0", true, &r, &err),
	   "versions of one family go together");
	ok(!parse(full, "1.1.0", true, &r, &err) && r.routes[0].has_table &&
		   r.routes[0].has_scope && r.routes[0].priority == UINT32_MAX,
	   "a table and a scope of 0 are said");
	arena_free(&arena);
	return done_testing();
}
