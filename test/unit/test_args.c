/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/cni/args: CNI_ARGS as libcni's parser takes it. */
#include "cni/args.h"

#include "tap.h"

static const char *const known[] = { "IP", "MAC", NULL };

static const struct {
	const char *text, *error; /* part of the message; NULL: fine */
} checks[] = {
	{ "", NULL },
	{ "IP=1", NULL },
	{ "IP=1;MAC=2", NULL },
	{ "IP=", NULL },
	{ "IP=a b,c", NULL },
	{ "IP=1;IP=2", NULL },
	{ "IgnoreUnknown=1;FOO=1", NULL },
	{ "FOO=1;IgnoreUnknown=true", NULL },
	{ "FOO=1;IgnoreUnknown=True", NULL },
	{ "IgnoreUnknown=0;IgnoreUnknown=1;FOO=1", NULL },
	{ "=1;IgnoreUnknown=1", NULL },
	{ "FOO=1", "unknown args [\"FOO=1\"]" },
	{ "A=1;IP=2;B=3", "unknown args [\"A=1\" \"B=3\"]" },
	{ "ip=1", "unknown args [\"ip=1\"]" },
	{ "=1", "unknown args [\"=1\"]" },
	{ "IgnoreUnknown=0;FOO=1", "unknown args" },
	{ "IgnoreUnknown=False;FOO=1", "unknown args" },
	{ "IgnoreUnknown=1;IgnoreUnknown=0;FOO=1", "unknown args" },
	{ "ignoreunknown=1", "unknown args" },
	{ "IgnoreUnknown=", "not a boolean" },
	{ "IgnoreUnknown=yes", "not a boolean" },
	{ "IgnoreUnknown=2", "not a boolean" },
	{ "K", "invalid pair \"K\"" },
	{ "K=V=W", "invalid pair \"K=V=W\"" },
	{ "IP=1;", "invalid pair \"\"" },
	{ ";IP=1", "invalid pair \"\"" },
	{ "IP=1;;MAC=2", "invalid pair \"\"" },
	{ ";", "invalid pair \"\"" },
	{ "IgnoreUnknown=1;K", "invalid pair \"K\"" },
};

static const struct {
	const char *text, *key, *value;
} gets[] = {
	{ "", "IP", NULL },
	{ "IP=1", "IP", "1" },
	{ "IP=1", "ip", NULL },
	{ "IP=1;IP=2", "IP", "2" },
	{ "IP=;MAC=x", "IP", NULL },
	{ "MAC=x;IP=y", "MAC", "x" },
	{ "IPX=1", "IP", NULL },
	{ "XIP=1;IP=2", "IP", "2" },
	{ "IP=10.0.0.1/8", "IP", "10.0.0.1/8" },
	/* of a text that is not checked */
	{ "X;IP=1", "IP", "1" },
	{ "IP=1;X;;", "IP", "1" },
	{ ";;=;IP=1", "IP", "1" },
	{ "IP=1;IP", "IP", "1" },
	{ "IP=a=b", "IP", "a=b" },
	{ "X=a=b;IP=1", "IP", "1" },
	{ "X", "X", NULL },
};

int main(void)
{
	struct arena arena = { 0 };
	char many[4096];
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int rc = cni_args_check(checks[i].text, known, &arena, &err);

		if (!checks[i].error)
			ok(!rc, "\"%s\" is fine", checks[i].text);
		else
			ok(rc < 0 && err.code == ERR_ENV && strstr(err.msg, checks[i].error),
			   "\"%s\": %s", checks[i].text, checks[i].error);
	}
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++)
		is_str(cni_args_get(gets[i].text, gets[i].key, &arena), gets[i].value,
		       gets[i].text);
	for (size_t i = 0; i + 8 < sizeof(many); i += 4)
		memcpy(many + i, "K=V;", 5);
	strncat(many, "L=W", 4);
	ok(cni_args_check(many, known, &arena, &err) < 0 && err.code == ERR_ENV,
	   "a thousand unknown keys are an error that fits");
	arena_free(&arena);
	return done_testing();
}
