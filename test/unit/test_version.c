/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/cni/version: the gate. */
#include "cni/version.h"

#include "skel/call.h"
#include "tap.h"

static const struct {
	const char *version;
	enum cni_family family;
} families[] = {
	{ "", CNI_FAMILY_02 },        { "0.1.0", CNI_FAMILY_02 },    { "0.2.0", CNI_FAMILY_02 },
	{ "0.3.0", CNI_FAMILY_03 },   { "0.3.1", CNI_FAMILY_03 },    { "0.4.0", CNI_FAMILY_03 },
	{ "1.0.0", CNI_FAMILY_10 },   { "1.1.0", CNI_FAMILY_10 },    { "1.0", CNI_FAMILY_NONE },
	{ "1.2.0", CNI_FAMILY_NONE }, { " 1.0.0", CNI_FAMILY_NONE }, { "1.0.0 ", CNI_FAMILY_NONE },
	{ "0.3.2", CNI_FAMILY_NONE }, { "x", CNI_FAMILY_NONE },
};

/* since NULL: ADD or DEL. text NULL: allowed. */
static const struct {
	const char *version, *since;
	int code;
	const char *text;
} gates[] = {
	{ "", NULL, 0, NULL },
	{ "0.1.0", NULL, 0, NULL },
	{ "1.1.0", NULL, 0, NULL },
	{ "1.1", NULL, 1, "incompatible CNI versions" },
	{ "9.9.9", NULL, 1, "incompatible CNI versions" },
	{ "x.y", NULL, 1, "incompatible CNI versions" },
	{ "0.4.0", "0.4.0", 0, NULL },
	{ "1.0.0", "0.4.0", 0, NULL },
	{ "1.1.0", "0.4.0", 0, NULL },
	{ "0.3.1", "0.4.0", 1, "config version does not allow VERB" },
	{ "0.3", "0.4.0", 1, "config version does not allow VERB" },
	{ "", "0.4.0", 1, "config version does not allow VERB" },
	{ "0.4", "0.4.0", 1, "incompatible CNI versions" },
	{ "1", "0.4.0", 1, "incompatible CNI versions" },
	{ "0.10.0", "0.4.0", 1, "incompatible CNI versions" },
	{ "1.1.1", "0.4.0", 1, "plugin version does not allow VERB" },
	{ "2", "0.4.0", 1, "plugin version does not allow VERB" },
	{ "1.1.0", "1.1.0", 0, NULL },
	{ "1.0.0", "1.1.0", 1, "config version does not allow VERB" },
	{ "x.y", "1.1.0", 6, "is not a version" },
	{ "1.1.0.0", "1.1.0", 6, "is not a version" },
	{ "1..0", "1.1.0", 6, "is not a version" },
	{ "1.1.", "1.1.0", 6, "is not a version" },
	{ ".1", "1.1.0", 6, "is not a version" },
	{ "-1.0.0", "1.1.0", 6, "is not a version" },
	{ "+1.0.0", "1.1.0", 6, "is not a version" },
	{ " 1.1.0", "1.1.0", 6, "is not a version" },
	{ "1.1.0-rc1", "1.1.0", 6, "is not a version" },
	{ "v1.1.0", "1.1.0", 6, "is not a version" },
};

static const char details[] = "config is \"9.9.9\", plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" "
			      "\"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]";

/* Of the interface that an ADD of this version tells of; versions to come are not before 1.1.0. */
static void test_mtu(void)
{
	static const struct {
		const char *version;
		uint32_t mtu;
	} versions[] = { { "", 0 },          { "0.4.0", 0 },    { "1.0.0", 0 },
			 { "1.1.0", 1400 },  { "1.1.1", 1400 }, { "1.2.0", 1400 },
			 { "1.10.0", 1400 }, { "2.0.0", 1400 } };
	const struct link link = { .name = "eth0", .mtu = 1400 };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct arena arena = { 0 };
		const struct cni_request req = { .net.version = versions[i].version };
		struct cni_call c = { .req = &req, .arena = &arena };

		(void)cni_add_interface(&c, &link, NULL);
		ok(c.result.interfaces[0].mtu == versions[i].mtu, "row 23: mtu in \"%s\"",
		   versions[i].version);
		arena_free(&arena);
	}
}

int main(void)
{
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		ok(cni_family(families[i].version) == families[i].family, "family of \"%s\"",
		   families[i].version);
	for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
		int rc = cni_version_allows(gates[i].version, "VERB", gates[i].since, &err);

		if (!gates[i].text)
			ok(!rc, "\"%s\" is allowed", gates[i].version);
		else
			ok(rc < 0 && err.code == gates[i].code && strstr(err.msg, gates[i].text),
			   "\"%s\": %d %s", gates[i].version, gates[i].code, gates[i].text);
	}
	ok(cni_version_allows("9.9.9", "ADD", NULL, &err) < 0, "9.9.9");
	is_str(err.details, details, "details name both sides");
	ok(cni_version_at_least("0.10.0", "0.9.0"), "numbers, not texts, are compared");
	ok(cni_version_at_least("", "0.1.0") && !cni_version_at_least("", "0.2.0"),
	   "empty is 0.1.0");
	ok(cni_version_at_least("1", "1.0.0") && !cni_version_at_least("1.0", "1.0.1"),
	   "missing parts are 0");
	ok(!cni_version_at_least("x", "0.1.0"), "no version is no version");
	test_mtu();
	return done_testing();
}
