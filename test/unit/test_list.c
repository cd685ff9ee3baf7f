/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/libcni/list: what a list has to be, and what libcni says where it is not; which file is read
 * of a directory.
 */
#include "libcni/list.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "texts.h"

#define IN_LIST "error parsing configuration list: "
#define IN_CONF "error parsing configuration: "

static struct arena arena;
static struct err err;

static int parse(const char *text, struct libcni_list *l)
{
	err_clear(&err);
	return libcni_list_parse(text, strlen(text), l, &err);
}

/* ---- what is none ---------------------------------------------------------------------------- */

#define PLUGINS "\"plugins\":[{\"type\":\"a\"}]"
#define NAMED   "{\"name\":\"n\","

static const struct {
	const char *text, *msg;
} faults[] = {
	{ "", IN_LIST "unexpected end of JSON input" },
	{ NAMED, IN_LIST "unexpected end of JSON input" },
	{ "{} {}", IN_LIST "invalid JSON: text behind the value at byte 3" },
	{ "[]",
	  IN_LIST "json: cannot unmarshal array into Go value of type map[string]interface {}" },
	{ "\"a\"",
	  IN_LIST "json: cannot unmarshal string into Go value of type map[string]interface {}" },
	{ "true",
	  IN_LIST "json: cannot unmarshal bool into Go value of type map[string]interface {}" },
	{ "-1",
	  IN_LIST "json: cannot unmarshal number into Go value of type map[string]interface {}" },
	{ "null", IN_LIST "no name" },
	{ "{" PLUGINS "}", IN_LIST "no name" },
	{ "{\"Name\":\"n\"," PLUGINS "}", IN_LIST "no name" },
	{ "{\"name\":null," PLUGINS "}", IN_LIST "invalid name type <nil>" },
	{ "{\"name\":5," PLUGINS "}", IN_LIST "invalid name type float64" },
	{ "{\"name\":[\"n\"]," PLUGINS "}", IN_LIST "invalid name type []interface {}" },
	{ "{\"name\":\"n\",\"name\":{}," PLUGINS "}",
	  IN_LIST "invalid name type map[string]interface {}" },
	{ NAMED "\"cniVersion\":1," PLUGINS "}", IN_LIST "invalid cniVersion type float64" },
	{ NAMED "\"cniVersion\":null," PLUGINS "}", IN_LIST "invalid cniVersion type <nil>" },
	{ NAMED "\"cniVersions\":\"1.0.0\"," PLUGINS "}",
	  IN_LIST "invalid type for cniVersions: []interface {}" },
	{ NAMED "\"cniVersions\":null," PLUGINS "}",
	  IN_LIST "invalid type for cniVersions: []interface {}" },
	{ NAMED "\"cniVersions\":[\"1.0.0\",1]," PLUGINS "}",
	  IN_LIST "invalid type for cniVersions index 1: float64" },
	{ NAMED "\"cniVersions\":[\"1.0.0\",\"x\"]," PLUGINS "}",
	  IN_LIST "invalid cniVersions entry x at index 1" },
	{ NAMED "\"cniVersion\":\"x\",\"cniVersions\":[]," PLUGINS "}",
	  IN_LIST "invalid cniVersion x" },
	{ NAMED "\"disableCheck\":1," PLUGINS "}",
	  IN_LIST "invalid type float64 for disableCheck" },
	{ NAMED "\"disableGC\":\"YES\"," PLUGINS "}",
	  IN_LIST "invalid value \"yes\" for disableGC" },
	{ NAMED "\"loadOnlyInlinedPlugins\":null," PLUGINS "}",
	  IN_LIST "invalid type <nil> for loadOnlyInlinedPlugins" },
	{ NAMED "\"loadOnlyInlinedPlugins\":true}",
	  IN_LIST "`loadOnlyInlinedPlugins` is true, and no 'plugins' key" },
	{ NAMED "\"plugins\":{}}", IN_LIST "invalid 'plugins' type map[string]interface {}" },
	{ NAMED "\"plugins\":null}", IN_LIST "invalid 'plugins' type <nil>" },
	{ NAMED "\"plugins\":[]}", IN_LIST "no plugins in list" },
	{ NAMED "\"plugins\":[{\"type\":\"a\"},{}]}",
	  "failed to parse plugin config 1: " IN_CONF "missing 'type'" },
	{ NAMED "\"plugins\":[null]}",
	  "failed to parse plugin config 0: " IN_CONF "missing 'type'" },
	{ NAMED "\"plugins\":[{\"type\":\"\"}]}",
	  "failed to parse plugin config 0: " IN_CONF "missing 'type'" },
	{ NAMED "\"plugins\":[{\"type\":7}]}",
	  "failed to parse plugin config 0: " IN_CONF "type: expected a string" },
	{ NAMED "\"plugins\":[\"a\"]}",
	  "failed to parse plugin config 0: " IN_CONF "document: expected an object" },
	{ NAMED "\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"ips\":\"true\"}}]}",
	  "failed to parse plugin config 0: " IN_CONF "capabilities.ips: must be a boolean" },
	{ NAMED "\"plugins\":[{\"type\":\"a\",\"capabilities\":[\"ips\"]}]}",
	  "failed to parse plugin config 0: " IN_CONF "capabilities: expected an object" },
	{ NAMED "\"plugins\":[{\"type\":\"a\",\"prevResult\":[]}]}",
	  "failed to parse plugin config 0: " IN_CONF "prevResult: expected an object" },
};

static void check_faults(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct libcni_list l;

		ok(parse(faults[i].text, &l) < 0 && err.code, "%s is none", faults[i].text);
		is_str(err.msg, faults[i].msg, "and why");
	}
}

/* ---- what is one ----------------------------------------------------------------------------- */

static struct libcni_list list(const char *text)
{
	struct libcni_list l;

	ok(parse(text, &l) == 0, "a list: %s", err.msg);
	return l;
}

static void check_list(void)
{
	static const char text[] =
		"\n{ \"plugins\" : [ { \"type\":\"a\", \"z\": 1.0, \"b\":12345678901234567890 },\n"
		"{\"Type\":\"b\",\"NAME\":\"own\",\"prevResult\":null,\"capabilities\":null} ],"
		"\"name\" : \"\\u006e\", \"disableCheck\":\"TRUE\", \"x\":[] }\n";
	struct libcni_list l = list(text);

	is_str(l.name, "n", "name");
	is_str(l.version, "", "no version");
	ok(l.disable_check && !l.disable_gc && !l.only_inlined, "switches");
	ok(l.bytes == text && l.n_bytes == strlen(text), "its bytes are as they were");
	ok(l.text.at == text + 1 && l.text.len == strlen(text) - 2, "its text is without space");
	ok(l.n_plugins == 2, "two plugins");
	is_str(l.plugins[0].type, "a", "the first");
	is_str(l.plugins[0].name, "", "has no name of its own");
	is_str(cut(l.plugins[0].text), "{ \"type\":\"a\", \"z\": 1.0, \"b\":12345678901234567890 }",
	       "is as it is written");
	is_str(l.plugins[1].type, "b", "the case of a plugin's keys is no matter");
	is_str(l.plugins[1].name, "own", "the second has a name");
	l = list(NAMED "\"x\":1}");
	ok(!l.n_plugins, "a list without plugins: its directory has them");
}

static void check_switches(void)
{
	static const char *const yes[] = { "true", "\"true\"", "\"True\"", "\"TRUE\"" };
	static const char *const no[] = { "false", "\"false\"", "\"FALSE\"" };
	static const char format[] = NAMED
		"\"disableCheck\":%s,\"disableGC\":%s,\"loadOnlyInlinedPlugins\":%s," PLUGINS "}";

	for (size_t i = 0; i < ARRAY_SIZE(yes) * ARRAY_SIZE(no); i++) {
		const char *t = yes[i % ARRAY_SIZE(yes)], *f = no[i / ARRAY_SIZE(yes)];
		struct libcni_list l = list(arena_printf(&arena, format, t, f, t));

		ok(l.disable_check && !l.disable_gc && l.only_inlined, "%s, %s", t, f);
		l = list(arena_printf(&arena, format, f, t, f));
		ok(!l.disable_check && l.disable_gc && !l.only_inlined, "%s, %s", f, t);
	}
}

static const struct {
	const char *keys, *version;
} versions[] = {
	{ "", "" },
	{ "\"cniVersion\":\"0.3.1\",", "0.3.1" },
	{ "\"cniVersion\":\"9.9.9\",", "9.9.9" },
	{ "\"cniVersion\":\"rubbish\",", "rubbish" },
	{ "\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"0.3.1\"],", "1.0.0" },
	{ "\"cniVersions\":[\"1.1.0\",\"1.2.0\",\"2.0.0\"],", "1.1.0" },
	{ "\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"0.4.0\"],", "1.0.0" },
	{ "\"cniVersion\":\"0.3.0\",\"cniVersions\":[\"0.4.0\"],", "0.4.0" },
	{ "\"cniVersion\":\"2.0.0\",\"cniVersions\":[\"0.4.0\"],", "0.4.0" },
	{ "\"cniVersion\":\"2.0.0\",\"cniVersions\":[\"3.0.0\"],", "2.0.0" },
	{ "\"cniVersion\":\"2.0.0\",\"cniVersions\":[],", "2.0.0" },
	{ "\"cniVersions\":[],", "" },
	{ "\"cniVersions\":[\"0.10.0\",\"0.9.0\"],", "0.10.0" },
	{ "\"CNIVersion\":\"1.0.0\",", "" },
	{ "\"cniVersion\":\"0.1.0\",\"cniVersion\":\"1.0.0\",", "1.0.0" },
};

static void check_versions(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct libcni_list l = list(
			arena_printf(&arena, "{%s\"name\":\"n\"," PLUGINS "}", versions[i].keys));

		is_str(l.version, versions[i].version, "version");
	}
}

static void check_capabilities(void)
{
	struct libcni_list l = list(
		NAMED "\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"ips\":true,\"mac\":false,"
		      "\"dns\":null,\"x\":false,\"x\":true,\"y\":true,\"y\":false}},"
		      "{\"type\":\"b\"}]}");
	const struct libcni_plugin *p = l.plugins;

	ok(libcni_plugin_is_capable(p, "ips") && libcni_plugin_is_capable(p, "x"),
	   "true, or true last");
	ok(!libcni_plugin_is_capable(p, "mac") && !libcni_plugin_is_capable(p, "dns") &&
		   !libcni_plugin_is_capable(p, "y") && !libcni_plugin_is_capable(p, "IPs") &&
		   !libcni_plugin_is_capable(p, "none"),
	   "false, null, false last, another key");
	ok(!libcni_plugin_is_capable(p + 1, "ips"), "one that declares none");
}

/* ---- files ----------------------------------------------------------------------------------- */

static char dir[] = "/tmp/test_list-XXXXXX";

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static int find(const char *name, struct libcni_list *l)
{
	err_clear(&err);
	return libcni_list_find(dir, name, l, &err);
}

static const char *why(const char *name)
{
	struct libcni_list l;

	return find(name, &l) < 0 ? err.msg : NULL;
}

static const char *type_of(const char *name)
{
	struct libcni_list l;

	return find(name, &l) < 0 ? err.msg : l.plugins[0].type;
}

static void check_none(void)
{
	struct libcni_list l;

	is_str(why("n"), arena_printf(&arena, "no net configurations found in %s", dir), "none");
	put("a.conflist.bak", "{");
	put("b.CONFLIST", "{");
	put("conflist", "{");
	put("c.txt", "{");
	mkdir(at("d.conflist"), 0700);
	is_str(why("n"), arena_printf(&arena, "no net configurations found in %s", dir),
	       "other endings, and a directory");
	ok(libcni_list_find(at("nosuch"), "n", &l, &err) < 0 &&
		   strstr(err.msg, "no net configurations found in"),
	   "no directory has none");
	ok(libcni_list_find(at("c.txt"), "n", &l, &err) < 0 && strstr(err.msg, ": not a directory"),
	   "what is no directory is an error: %s", err.msg);
	rmdir(at("d.conflist"));
	unlink(at("a.conflist.bak"));
	unlink(at("b.CONFLIST"));
	unlink(at("conflist"));
	unlink(at("c.txt"));
}

static void check_order(void)
{
	put("20.conflist", NAMED "\"plugins\":[{\"type\":\"second\"}]}");
	put("10.conflist", NAMED "\"plugins\":[{\"type\":\"first\"}]}");
	put("00.conf", "{\"name\":\"n\",\"type\":\"single\"}");
	put("30.conflist", "{");
	put("05.json", "{\"name\":\"m\",\"type\":\"json\"}");
	put("06.conf", "{\"name\":\"m\",\"type\":\"conf\"}");
	is_str(type_of("n"), "first",
	       "of lists the first; a broken one behind it is not looked at");
	is_str(why("m"), IN_LIST "unexpected end of JSON input", "one before it is an error");
	unlink(at("30.conflist"));
	is_str(type_of("m"), "json", "of the single ones, too, whatever their ending");
	is_str(why("x"), arena_printf(&arena, "no net configuration with name \"x\" in %s", dir),
	       "none of that name");
	put("01.conf", NAMED PLUGINS "}");
	is_str(why("m"), IN_CONF "missing 'type'", "a list has another ending");
	is_str(type_of("n"), "first", "which does not matter where a list is found");
	unlink(at("01.conf"));
	if (symlink(dir, at("07.conf")) < 0)
		abort();
	is_str(type_of("m"), "json", "behind it: not looked at");
	is_str(why("x"),
	       arena_printf(&arena, "error reading %s/07.conf: %s/07.conf: not a regular file", dir,
			    dir),
	       "a link to a directory is read");
	unlink(at("07.conf"));
}

/* Compact and sorted, as the cache keeps it; numbers stay. */
static void check_single(void)
{
	struct libcni_list l;

	put("06.conf", "{ \"type\":\"conf\", \"name\":\"m\", \"z\":{ \"b\":1.0, \"a\":\"<\" },\n"
		       "\"cniVersion\":\"0.4.0\", \"disableCheck\":true }\n");
	unlink(at("05.json"));
	ok(find("m", &l) == 0, "found: %s", err.msg);
	is_str(l.bytes,
	       "{\"cniVersion\":\"0.4.0\",\"name\":\"m\",\"plugins\":[{\"cniVersion\":\"0.4.0\","
	       "\"disableCheck\":true,\"name\":\"m\",\"type\":\"conf\","
	       "\"z\":{\"a\":\"\\u003c\",\"b\":1.0}}]}",
	       "the list that is made of a single plugin");
	ok(l.n_bytes == strlen(l.bytes), "its length");
	is_str(l.version, "0.4.0", "its version");
	is_str(l.plugins[0].name, "m", "the plugin has the name as its own");
	ok(!l.disable_check, "a list's switch is none in a plugin");
}

static void check_directory(void)
{
	struct libcni_list l;

	put("10.conflist", NAMED "\"cniVersion\":\"1.0.0\"," PLUGINS "}");
	mkdir(at("n"), 0700);
	put("n/2.conf", "{\"type\":\"c\"}");
	put("n/1.conf", " {\"type\":\"b\", \"x\":1} ");
	put("n/0.json", "{");
	put("n/0.conflist", "{");
	ok(find("n", &l) == 0 && l.n_plugins == 3 && !strcmp(l.plugins[0].type, "a") &&
		   !strcmp(l.plugins[1].type, "b") && !strcmp(l.plugins[2].type, "c"),
	   "plugins of its directory come behind: %s", err.msg);
	is_str(cut(l.plugins[1].text), "{\"type\":\"b\", \"x\":1}", "as they are written");
	is_str(l.bytes, NAMED "\"cniVersion\":\"1.0.0\"," PLUGINS "}", "not in the list's bytes");
	put("10.conflist", "{\"name\":\"n\"}");
	ok(find("n", &l) == 0 && l.n_plugins == 2, "it may have all of them");
	put("10.conflist", NAMED "\"loadOnlyInlinedPlugins\":true," PLUGINS "}");
	ok(find("n", &l) == 0 && l.n_plugins == 1, "or none is asked for");
	put("10.conflist", NAMED PLUGINS "}");
	put("n/3.conf", "[]");
	is_str(why("n"), IN_CONF "document: expected an object", "a bad one is an error");
	put("n/3.conf", "{}");
	is_str(why("n"), IN_CONF "missing 'type'", "one without a type, too");
	for (const char *const *f = (const char *const[]){ "0.json", "0.conflist", "1.conf",
							   "2.conf", "3.conf", NULL };
	     *f; f++)
		unlink(at(arena_printf(&arena, "n/%s", *f)));
	put("10.conflist", "{\"name\":\"n\"}");
	is_str(why("n"), "no plugin configs found", "an empty directory");
	rmdir(at("n"));
	is_str(why("n"), "no plugin configs found", "or none");
}

/* A name goes into a path: one that is none of the specification has no directory. */
static void check_hostile(void)
{
	struct libcni_list l;
	char *big = memset(arena_alloc(&arena, LIBCNI_FILE_MAX + 2), ' ', LIBCNI_FILE_MAX + 1);

	mkdir(at("sub"), 0700);
	put("sub/1.conflist", "{\"name\":\"..\"," PLUGINS "}");
	put("sub/2.conflist", "{\"name\":\"../sub\"," PLUGINS "}");
	put("1.conf", "{");
	put("sub/1.conf", "{");
	ok(libcni_list_find(at("sub"), "..", &l, &err) == 0 && l.n_plugins == 1, "..");
	ok(libcni_list_find(at("sub"), "../sub", &l, &err) == 0 && l.n_plugins == 1, "../sub");
	unlink(at("1.conf"));
	unlink(at("sub/1.conf"));
	unlink(at("sub/1.conflist"));
	unlink(at("sub/2.conflist"));
	rmdir(at("sub"));
	put("10.conflist", big);
	ok(find("n", &l) < 0 && strstr(err.msg, "larger than 1000000 bytes"), "too large: %s",
	   err.msg);
	unlink(at("10.conflist"));
	if (mkfifo(at("10.conflist"), 0600) < 0)
		abort();
	ok(find("n", &l) < 0 && strstr(err.msg, "not a regular file"), "a FIFO: %s", err.msg);
}

static void clean(void)
{
	static const char *const files[] = { "00.conf", "06.conf", "10.conflist", "20.conflist" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(at(files[i]));
	ok(rmdir(dir) == 0, "nothing else is left");
}

int main(void)
{
	json_init(&arena);
	if (!mkdtemp(dir))
		abort();
	check_faults();
	check_list();
	check_switches();
	check_versions();
	check_capabilities();
	check_none();
	check_order();
	check_single();
	check_directory();
	check_hostile();
	clean();
	arena_free(&arena);
	return done_testing();
}
