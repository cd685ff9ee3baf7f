/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/libcni/libcni and exec: who is called with what, and what is made of the answers. The programs
 * are not run: what is called instead notes the call and answers by the plugin's type.
 */
#include "libcni/libcni.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "texts.h"

static struct arena arena;
static struct err err;
static char dir[] = "/tmp/test_libcni-XXXXXX";
static struct libcni libcni;
static const char *calls; /* "ADD a {stdin}\n" for each */
static const struct libcni_exec *last;
static const char *answer; /* of type b, if it is not the usual */

/* ---- instead of the programs ----------------------------------------------------------------- */

static const char *const verbs[] = { "ADD", "DEL", "CHECK", "GC", "STATUS" };

/* "a" gives an interface, "b" an address more, "bad" an error object. */
static int note(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *e)
{
	(void)ctx;
	static const char a[] = "{\"interfaces\":[{\"name\":\"eth0\"}],\"unknown\":1}";
	static const char b[] =
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}";

	calls = arena_printf(&arena, "%s%s %s %s\n", calls, verbs[x->command], x->type, x->in);
	last = arena_new(&arena, struct libcni_exec);
	*(struct libcni_exec *)(uintptr_t)last = *x;
	*out = (struct libcni_answer){ .out = *x->type == 'a' ? a : answer ? answer : b };
	out->out_len = strlen(out->out);
	return strcmp(x->type, "bad") ? 0 : err_set(e, 77, "it is bad");
}

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

static void put(const char *name, const char *content)
{
	FILE *f = fopen(at(name), "w");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		abort();
}

static struct libcni_list list(const char *s)
{
	struct libcni_list l;

	if (libcni_list_parse(s, strlen(s), &l, &err) < 0)
		abort();
	calls = "";
	err_clear(&err);
	return l;
}

static const struct libcni_attachment eth0 = { .container_id = "c1",
					       .netns = "/x",
					       .ifname = "eth0" };

static int add(const char *conf, const struct libcni_attachment *a, struct json_text *result)
{
	struct libcni_list l = list(conf);

	return libcni_add(&libcni, &l, a, result, &err);
}

static const char *cached(void)
{
	struct stat st;

	return stat(at("results/n-c1-eth0"), &st) == 0 ? "kept" : "none";
}

/* ---- what is called -------------------------------------------------------------------------- */

#define LIST(version, plugins) \
	"{\"name\":\"n\",\"cniVersion\":\"" version "\",\"plugins\":[" plugins "]}"
#define TWO "{\"type\":\"a\"},{\"type\":\"b\"}"
#define A   "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\"}]}"
#define B \
	"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.2/24\"}],\"dns\":{}}"
#define B1 "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}"

static void check_add(void)
{
	struct json_text result;

	ok(add(LIST("1.0.0", TWO), &eth0, &result) == 0, "added: %s", err.msg);
	is_str(calls,
	       "ADD a {\"type\":\"a\",\"cniVersion\":\"1.0.0\",\"name\":\"n\"}\n"
	       "ADD b {\"type\":\"b\",\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":" A
	       "}\n",
	       "each gets the one's result before it");
	is_str(cut(result), B, "the last one's is the result, in its own version");
	is_str(cached(), "kept", "which is kept");
	is_str(last->path, at("b"), "the executable");
	ok(!strcmp(last->container_id, "c1") && !strcmp(last->netns, "/x") &&
		   !strcmp(last->ifname, "eth0") && !*last->args &&
		   last->in_len == strlen(last->in),
	   "what goes into its environment");
}

/* What is written stays as it is and where it is; what is the runtime's comes behind it. */
static void check_stdin(void)
{
	struct libcni_arg args[] = { { "K", "V" }, { "L", "W" } };
	struct libcni_attachment a = eth0;
	struct json_text result;

	a.args = args;
	a.n_args = 2;
	a.capability_args = text("{\"mac\":\"x\", \"ips\":[ 1.0 ],\"ports\":7}");
	ok(add(LIST("1.0.0",
		    "{ \"z\":12345678901234567890, \"name\":\"own\",\"cniVersion\":\"0\", "
		    "\"prevResult\":{ }, \"runtimeConfig\":{\"own\":1}, \"type\":\"a\",\n"
		    "\"capabilities\":{\"ips\":true,\"mac\":true,\"ports\":false}, \"a\":\"<\" }"),
	       &a, &result) == 0,
	   "added: %s", err.msg);
	is_str(calls,
	       "ADD a {\"z\":12345678901234567890,\"prevResult\":{ },\"type\":\"a\","
	       "\"capabilities\":{\"ips\":true,\"mac\":true,\"ports\":false},\"a\":\"<\","
	       "\"cniVersion\":\"1.0.0\",\"name\":\"n\","
	       "\"runtimeConfig\":{\"mac\":\"x\",\"ips\":[ 1.0 ]}}\n",
	       "its stdin");
	is_str(last->args, "K=V;L=W", "CNI_ARGS");
	ok(add(LIST("1.0.0", "{\"type\":\"a\",\"runtimeConfig\":{\"own\":1}}"), &a, &result) == 0 &&
		   strstr(calls, "\"runtimeConfig\":{\"own\":1}"),
	   "who declares nothing keeps what is written");
}

/* 128 KiB is what a variable of the environment may hold. */
static void check_many_args(void)
{
	struct libcni_attachment a = eth0;
	struct json_text result;
	struct rusage before, after;

	a.n_args = 32768;
	a.args = arena_array(&arena, struct libcni_arg, a.n_args);
	for (size_t i = 0; i < a.n_args; i++)
		a.args[i] = (struct libcni_arg){ "k", "v" };
	getrusage(RUSAGE_SELF, &before);
	ok(add(LIST("1.0.0", "{\"type\":\"a\"}"), &a, &result) == 0, "many arguments: %s", err.msg);
	getrusage(RUSAGE_SELF, &after);
	ok(strlen(last->args) == 4 * a.n_args - 1, "all of them");
	ok(after.ru_maxrss - before.ru_maxrss < 100000, "in %ld KiB",
	   after.ru_maxrss - before.ru_maxrss);
}

static const struct {
	const char *container_id, *ifname, *network, *msg;
} names[] = {
	{ "", "eth0", "n", "missing containerID" },
	{ "../c", "eth0", "n", "invalid characters in containerID" },
	{ "c", "", "n", "interface name is empty" },
	{ "c", "..", "n", "interface name is . or .." },
	{ "c", "0123456789abcdef", "n", "interface name is too long" },
	{ "c", "eth0", "", "missing network name:" },
	{ "c", "eth0", "a/b", "invalid characters found in network name" },
};

static void check_names(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct libcni_attachment a = { .container_id = names[i].container_id,
						     .netns = "/x",
						     .ifname = names[i].ifname };
		struct json_text result;

		ok(add(arena_printf(&arena, "{\"name\":\"%s\",\"plugins\":[{\"type\":\"a\"}]}",
				    names[i].network),
		       &a, &result) < 0 &&
			   !*calls,
		   "nobody is called");
		is_str(err.msg,
		       arena_printf(&arena, "plugin type=\"a\" failed (add): %s", names[i].msg),
		       "and why");
	}
}

static void check_failure(void)
{
	struct libcni_list l = list(LIST("1.0.0", TWO));
	struct json_text result;

	libcni_cache_remove(dir, "n", &eth0);
	ok(add(LIST("1.0.0",
		    "{\"type\":\"a\"},{\"type\":\"bad\",\"name\":\"own\"},{\"type\":\"b\"}"),
	       &eth0, &result) < 0 &&
		   err.code == 77,
	   "one fails: its code");
	is_str(err.msg, "plugin type=\"bad\" name=\"own\" failed (add): it is bad", "and words");
	ok(!strstr(calls, "ADD b ") && !strstr(calls, "DEL"), "nobody else is called");
	is_str(cached(), "none", "nothing is kept");
	ok(add(LIST("1.0.0", "{\"type\":\"a\"},{\"type\":\"nosuch\"}"), &eth0, &result) < 0,
	   "none");
	is_str(err.msg,
	       arena_printf(&arena,
			    "plugin type=\"nosuch\" failed (add): failed to find plugin \"nosuch\" "
			    "in path [%s]",
			    dir),
	       "there is no such plugin");
	libcni.cache_dir = "/dev/null";
	ok(libcni_add(&libcni, &l, &eth0, &result, &err) < 0, "nowhere to keep it");
	ok(strstr(err.msg, "failed to set network \"n\" cached result: ") == err.msg, "said: %s",
	   err.msg);
	libcni.cache_dir = dir;
}

/* ---- results --------------------------------------------------------------------------------- */

#define RAW    "failed to unmarshal raw result: "
#define GO_MAP " into Go value of type map[string]interface {}"

static const struct {
	const char *answer, *result; /* or the error */
} results[] = {
	{ "", RAW "unexpected end of JSON input" },
	{ "{\"cniVersion\":\"1.0.0\"", RAW "unexpected end of JSON input" },
	{ "x", RAW "invalid JSON: unexpected character at byte 0" },
	{ "[]", RAW "json: cannot unmarshal array" GO_MAP },
	{ "\"1.0.0\"", RAW "json: cannot unmarshal string" GO_MAP },
	{ "null", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"cniVersion\":\"\"}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"cniVersion\":null}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"cniVersion\":1}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"cniVersion\":[\"0.4.0\"]}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"CNIVersion\":\"0.4.0\"}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "{\"cniVersion\":\"1.1.0\"}", "{\"cniVersion\":\"1.1.0\"}" },
	{ "{\"cniVersion\":\"2.0.0\"}", "unsupported CNI result version \"2.0.0\"" },
	{ "{\"cniVersion\":\"1.0\"}", "unsupported CNI result version \"1.0\"" },
	{ "{\"cniVersion\":\"0.3.1\",\"unknown\":1}", "{\"cniVersion\":\"0.3.1\",\"dns\":{}}" },
};

static void check_results(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		static const char prefix[] = "plugin type=\"b\" failed (add): ";
		struct json_text result;

		answer = results[i].answer;
		if (add(LIST("1.0.0", "{\"type\":\"b\"}"), &eth0, &result) == 0)
			is_str(cut(result), results[i].result, answer);
		else
			is_str(err.msg + sizeof(prefix) - 1, results[i].result, answer);
	}
	answer = NULL;
}

/* ---- the other verbs ------------------------------------------------------------------------- */

#define CONF(version, type) "{\"type\":\"" type "\",\"cniVersion\":\"" version "\",\"name\":\"n\""
#define PREV                ",\"prevResult\":" B1 "}\n"

static char warning[2048];

static void warn(void *ctx, const char *words)
{
	(void)ctx;
	snprintf(warning, sizeof(warning), "%s", words);
}

static void check_del(void)
{
	struct libcni_list l;
	struct json_text result;

	ok(add(LIST("1.0.0", TWO), &eth0, &result) == 0, "added");
	l = list(LIST("1.0.0", "{\"type\":\"bad\"}," TWO));
	ok(libcni_del(&libcni, &l, &eth0, &err) < 0, "the first fails");
	is_str(err.msg, "plugin type=\"bad\" failed (delete): it is bad", "said");
	is_str(calls,
	       "DEL b " CONF("1.0.0", "b") PREV "DEL a " CONF("1.0.0", "a") PREV
	       "DEL bad " CONF("1.0.0", "bad") PREV,
	       "the last first, each with the final result in the list's version");
	is_str(cached(), "kept", "for the next DEL");
	l = list(LIST("0.3.1", TWO));
	ok(libcni_del(&libcni, &l, &eth0, &err) == 0 && !strstr(calls, "prevResult"),
	   "before 0.4.0 there is no prevResult: %s", err.msg);
	is_str(cached(), "none", "no more");
}

static void check_corrupt(void)
{
	struct libcni_list l = list(LIST("1.0.0", TWO));

	put("results/n-c1-eth0", "rubbish");
	libcni.warn = warn;
	ok(libcni_del(&libcni, &l, &eth0, &err) == 0 && !strstr(calls, "prevResult"),
	   "what cannot be understood is of no use: %s", err.msg);
	is_str(warning,
	       "dropped the cached result of network n, container c1, interface eth0: invalid "
	       "JSON: unexpected character at byte 0",
	       "and that is told");
	is_str(cached(), "none", "nor is it left");
	put("results/n-c1-eth0", "rubbish");
	l = list(LIST("1.0.0", "{\"type\":\"bad\"}"));
	ok(libcni_del(&libcni, &l, &eth0, &err) < 0, "a DEL that fails");
	is_str(cached(), "none", "drops it, too");
	libcni.warn = NULL;
}

static void check_check(void)
{
	struct libcni_list l = list(LIST("0.3.1", TWO));
	struct json_text result;

	ok(libcni_check(&libcni, &l, &eth0, &err) < 0 && !*calls, "0.3.1 has none");
	is_str(err.msg, "configuration version \"0.3.1\" does not support the CHECK command",
	       "said");
	ok(add(LIST("1.0.0", TWO), &eth0, &result) == 0, "added");
	l = list(LIST("1.0.0", TWO));
	ok(libcni_check(&libcni, &l, &eth0, &err) == 0, "checked");
	is_str(calls, "CHECK a " CONF("1.0.0", "a") PREV "CHECK b " CONF("1.0.0", "b") PREV,
	       "in order");
	l = list("{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"disableCheck\":true,"
		 "\"plugins\":[" TWO "]}");
	ok(libcni_check(&libcni, &l, &eth0, &err) == 0 && !*calls, "not asked for");
	l = list(LIST("1.0.0", "{\"type\":\"bad\"}," TWO));
	ok(libcni_check(&libcni, &l, &eth0, &err) < 0 && !strstr(calls, "CHECK a"), "one fails");
	is_str(err.msg, "it is bad", "bare");
	put("results/n-c1-eth0", "rubbish");
	ok(libcni_check(&libcni, &l, &eth0, &err) < 0 &&
		   strstr(err.msg, "failed to get network \"n\" cached result: "),
	   "what cannot be understood is an error: %s", err.msg);
	is_str(cached(), "kept", "which changes nothing");
	libcni_cache_remove(dir, "n", &eth0);
	l = list(LIST("x", TWO));
	ok(libcni_check(&libcni, &l, &eth0, &err) < 0 && libcni_del(&libcni, &l, &eth0, &err) < 0 &&
		   !*calls,
	   "what is no version: %s", err.msg);
}

#define VALID                                                                           \
	",\"cni.dev/valid-attachments\":[{\"containerID\":\"c2\",\"ifname\":\"eth0\"}]" \
	",\"cni.dev/attachments\":[{\"containerID\":\"c2\",\"ifname\":\"eth0\"}]}\n"

static void check_gc(void)
{
	static const struct libcni_attachment c2 = { .container_id = "c2",
						     .netns = "",
						     .ifname = "eth0" };
	static const struct libcni_valid valid = { &c2, 1 };
	struct json_text result;
	struct libcni_list l;
	struct err *errs;
	size_t n;

	ok(add(LIST("1.0.0", TWO), &eth0, &result) == 0 &&
		   add(LIST("1.0.0", TWO), &c2, &result) == 0,
	   "two attachments");
	l = list(LIST("1.1.0", "{\"type\":\"bad\"}," TWO));
	ok(libcni_gc(&libcni, &l, &valid, &errs, &n, &err) < 0 && n == 2, "one plugin fails");
	is_str(errs[0].msg,
	       "failed to delete stale attachment c1 eth0: plugin type=\"bad\" failed (delete): "
	       "it is bad",
	       "at DEL");
	is_str(errs[1].msg, "failed to GC plugin bad: it is bad", "and at GC");
	is_str(strstr(calls, "GC bad"),
	       "GC bad " CONF("1.1.0", "bad") VALID "GC a " CONF("1.1.0", "a") VALID
	       "GC b " CONF("1.1.0", "b") VALID,
	       "all are asked, and told what is valid");
	l = list("{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"disableGC\":true,"
		 "\"plugins\":[" TWO "]}");
	ok(libcni_gc(&libcni, &l, NULL, &errs, &n, &err) == 0 && !*calls, "not asked for");
	l = list("{\"name\":\"m\",\"cniVersion\":\"1.0.0\",\"plugins\":[" TWO "]}");
	ok(libcni_gc(&libcni, &l, NULL, &errs, &n, &err) == 0 && !*calls,
	   "another network's, and before 1.1.0 no plugin is asked");
	l = list(LIST("1.1.0", TWO));
	ok(libcni_gc(&libcni, &l, NULL, &errs, &n, &err) == 0 && !n && !strstr(calls, "cni.dev"),
	   "nothing is valid: the plugins are not told");
	is_str(cached(), "none", "all are gone");
}

static void check_status(void)
{
	struct libcni_list l = list(LIST("1.0.0", TWO));

	ok(libcni_status(&libcni, &l, &err) == 0 && !*calls, "1.0.0 has none");
	l = list(LIST("1.1.0", TWO));
	ok(libcni_status(&libcni, &l, &err) == 0, "asked");
	is_str(calls, "STATUS a " CONF("1.1.0", "a") "}\nSTATUS b " CONF("1.1.0", "b") "}\n",
	       "in order");
	ok(!*last->container_id && !*last->netns && !*last->ifname && !*last->args,
	   "of no attachment");
	l = list(LIST("1.1.0", "{\"type\":\"bad\"}," TWO));
	ok(libcni_status(&libcni, &l, &err) < 0 && err.code == 77 && !strstr(calls, "STATUS a"),
	   "the first that fails is the answer");
}

/* ---- a program ------------------------------------------------------------------------------- */

static const char *run(const char *script, struct libcni_answer *a)
{
	const struct libcni_exec x = { .type = "p",
				       .path = at("p"),
				       .command = CNI_ADD,
				       .container_id = "c1",
				       .netns = "/x",
				       .ifname = "eth0",
				       .args = "",
				       .cni_path = dir,
				       .in = "{}",
				       .in_len = 2,
				       .timeout_ms = 500 };

	put("p", arena_printf(&arena, "#!/bin/sh\n%s\n", script));
	chmod(at("p"), 0700);
	err_clear(&err);
	if (libcni_exec(NULL, &x, a, &err) == 0)
		return NULL;
	return arena_printf(&arena, "%s;%s", err.msg, err.details);
}

static void kill_child(void)
{
	FILE *f = fopen(at("pid"), "r");
	int pid = 0;

	ok(f && fscanf(f, "%d", &pid) == 1 && pid > 1 && kill(pid, SIGKILL) == 0,
	   "its child was there");
	if (f)
		fclose(f);
	unlink(at("pid"));
}

static void check_exec(void)
{
	static const char words[] = "netplugin failed with no error message: ";
	const char *late =
		arena_printf(&arena, "netplugin failed: %s has not ended after 500 ms;", at("p"));
	struct libcni_answer a;

	is_str(run("env | grep ^CNI_ | sort; cat", &a), NULL, "it runs");
	is_str(a.out,
	       arena_printf(&arena,
			    "CNI_ARGS=\nCNI_COMMAND=ADD\nCNI_CONTAINERID=c1\nCNI_IFNAME=eth0\n"
			    "CNI_NETNS=/x\nCNI_PATH=%s\n{}",
			    dir),
	       "its environment, without what ours has of these, and its stdin");
	is_str(run("echo '{\"code\":7,\"msg\":\"m\",\"details\":\"d\"}'; exit 3", &a), "m;d",
	       "an error");
	ok(err.code == 7 && a.exit_code == 3, "its code and exit code");
	is_str(run("exit 4", &a), arena_printf(&arena, "%sexit status 4;", words), "no words");
	is_str(run("kill -9 $$", &a), arena_printf(&arena, "%ssignal: killed;", words), "killed");
	ok(a.exit_code == 137, "exit code of a signal");
	is_str(run("echo >&2; exit 4", &a), "netplugin failed: \"\\n\";", "an empty line");
	is_str(run("exec 2>&-; exec sleep 60", &a), late, "it takes too long");
	is_str(run("sleep 60 & echo $! >\"$CNI_PATH/pid\"; echo '{}'", &a), late,
	       "so does one whose output does not end, however it has ended itself");
	kill_child();
}

static void clean(void)
{
	static const char *const files[] = { "a", "b", "bad", "p" };

	libcni_cache_remove(dir, "n", &eth0);
	rmdir(at("results"));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(at(files[i]));
	ok(rmdir(dir) == 0, "nothing else is left");
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	setenv("CNI_ARGS", "ours", 1);
	json_init(&arena);
	if (!mkdtemp(dir))
		abort();
	libcni = (struct libcni){ .path = dir, .cache_dir = dir, .exec = note };
	put("a", "");
	put("b", "");
	put("bad", "");
	check_add();
	check_stdin();
	check_many_args();
	check_names();
	check_failure();
	check_results();
	check_del();
	check_corrupt();
	check_check();
	check_gc();
	check_status();
	check_exec();
	clean();
	arena_free(&arena);
	return done_testing();
}
