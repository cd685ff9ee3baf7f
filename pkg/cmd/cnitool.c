/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cnitool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha512.h"
#include "cmd/changes.h"
#include "cmd/describe.h"
#include "cmd/time.h"
#include "cni/version.h"
#include "libcni/libcni.h"
#include "libcni/words.h"

#define ID_BYTES 10 /* of a path's SHA-512, behind "cnitool-" */

struct tool {
	const char *verb, *network, *netns; /* as given */
	const char *ifname;                 /* of the option; NULL: of the environment */
	bool help, trace, json;
	struct libcni_list list;
	struct libcni_attachment attachment;
	struct json_text result;
	struct libcni libcni;
	struct json_buf steps; /* of --json */
	struct err *errs;      /* of gc */
	size_t n_errs;
};

/* ---- what the environment says --------------------------------------------------------------- */

static const char *env_or(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

/* A path in which ".", ".." and double slashes are taken out, by its words alone. */
static const char *clean_path(const char *path)
{
	char *rest = arena_strdup(json_arena(), path), *part;
	char *out = arena_alloc(json_arena(), strlen(path) + 2), *end = out; /* "" is "/" */

	while ((part = strsep(&rest, "/"))) {
		if (!*part || !strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			while (end > out && *--end != '/')
				continue;
			*end = '\0';
			continue;
		}
		*end++ = '/';
		memcpy(end, part, strlen(part) + 1);
		end += strlen(part);
	}
	return *out ? out : "/";
}

static int absolute(const char *path, const char **out, struct err *err)
{
	char cwd[PATH_MAX];

	if (*path != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(err, "getwd");
	*out = clean_path(*path == '/' ? path : arena_printf(json_arena(), "%s/%s", cwd, path));
	return 0;
}

/* One name a path: del finds what add has made. */
static const char *container_id(const char *netns)
{
	char *id = arena_alloc(json_arena(), sizeof("cnitool-") + (size_t)2 * ID_BYTES), *at = id;
	uint8_t digest[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	sha512_add(&s, netns, strlen(netns));
	sha512_end(&s, digest);
	at += snprintf(at, sizeof("cnitool-"), "cnitool-");
	for (size_t i = 0; i < ID_BYTES; i++)
		at += snprintf(at, 3, "%02x", digest[i]);
	return id;
}

static int parse_capability_args(struct tool *t, struct err *err)
{
	const char *text = env_or("CAP_ARGS", "");
	struct json_text *args = &t->attachment.capability_args;

	if (!*text)
		return 0;
	if (json_text(text, strlen(text), args, err) < 0)
		return -1;
	if (json_text_kind(*args) == '{')
		return 0;
	if (json_text_kind(*args) != 'n')
		return libcni_check_object(*args, err);
	*args = (struct json_text){ 0 };
	return 0;
}

/* Each piece is a key, one "=", a value; none of them empty. */
static int parse_args(struct tool *t, struct err *err)
{
	struct libcni_attachment *a = &t->attachment;
	char *rest = arena_strdup(json_arena(), env_or("CNI_ARGS", "")), *piece;

	while (*rest && (piece = strsep(&rest, ";"))) {
		char *eq = strchr(piece, '=');

		if (!eq || eq == piece || !eq[1] || strchr(eq + 1, '='))
			return err_set(err, ERR_ENV, "invalid CNI_ARGS pair %.200s",
				       libcni_words_quoted(piece));
		*eq = '\0';
		*arena_append(json_arena(), a->args, a->n_args) =
			(struct libcni_arg){ piece, eq + 1 };
		if (!rest)
			break;
		if (!*rest)
			return err_set(err, ERR_ENV, "invalid CNI_ARGS pair \"\"");
	}
	return 0;
}

/* In cnitool's order: what is wrong with the configuration is said first. */
static int prepare(struct tool *t, struct err *err)
{
	const char *dir = env_or("NETCONFPATH", "/etc/cni/net.d");
	struct libcni_attachment *a = &t->attachment;

	if (libcni_list_find(dir, t->network, &t->list, err) < 0 ||
	    parse_capability_args(t, err) < 0 || parse_args(t, err) < 0)
		return -1;
	a->ifname = t->ifname ? t->ifname : env_or("CNI_IFNAME", "eth0");
	if (absolute(t->netns, &a->netns, err) < 0)
		return -1;
	a->container_id = container_id(a->netns);
	t->libcni.path = env_or("CNI_PATH", "");
	return 0;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void trace(const struct libcni_step *s, const char *const *changes, size_t n)
{
	fprintf(stderr, "cnitool: %s %s: %lld.%03d ms, exit %d",
		cni_command_names[s->call->command], describe_plain(s->call->type),
		(long long)(s->answer->time_us / 1000), (int)(s->answer->time_us % 1000),
		s->answer->exit_code);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s%s", i ? ", " : ": ", describe_plain(changes[i]));
	fputc('\n', stderr);
}

static void note(struct json_buf *b, const struct libcni_step *s, const char *const *changes,
		 size_t n)
{
	json_buf_add(b, b->len ? ",{" : "{");
	json_buf_pair_str(b, "plugin", s->call->type);
	json_buf_pair_str(b, "command", cni_command_names[s->call->command]);
	json_buf_add_key(b, "milliseconds");
	json_buf_add(b,
		     arena_printf(json_arena(), "%lld.%03d", (long long)(s->answer->time_us / 1000),
				  (int)(s->answer->time_us % 1000)));
	json_buf_pair_int(b, "exitCode", s->answer->exit_code);
	json_buf_add_key(b, "changes");
	json_buf_add(b, "[");
	for (size_t i = 0; i < n; i++) {
		json_buf_add(b, i ? "," : "");
		json_buf_add_str(b, changes[i]);
	}
	json_buf_add(b, "]}");
}

static void on_step(void *ctx, const struct libcni_step *s)
{
	struct tool *t = ctx;
	const char **changes = NULL;
	size_t n = 0;

	if (s->call->command == CNI_ADD && !s->err)
		changes_between(s->prev, s->result, &changes, &n);
	if (t->trace)
		trace(s, changes, n);
	if (t->json)
		note(&t->steps, s, changes, n);
}

static void on_warning(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "cnitool: %s\n", text);
}

static void add_error(struct json_buf *b, const struct err *err)
{
	json_buf_add_key(b, "error");
	json_buf_add(b, "{");
	json_buf_pair_int(b, "code", err->code);
	json_buf_pair_str(b, "msg", err->msg);
	if (*err->details)
		json_buf_pair_str(b, "details", err->details);
	json_buf_add(b, "}");
}

static void add_pair(struct json_buf *b, const char *key, const char *value)
{
	if (value)
		json_buf_pair_str(b, key, value);
}

/* One object on one line, whatever has happened. */
static void print_json(const struct tool *t, const struct err *err)
{
	struct json_buf b = { 0 };

	json_buf_add(&b, "{");
	add_pair(&b, "command", t->verb);
	add_pair(&b, "network", t->network);
	add_pair(&b, "containerId", t->attachment.container_id);
	add_pair(&b, "ifName", t->attachment.ifname);
	add_pair(&b, "netns", t->attachment.netns);
	if (!err)
		json_buf_pair_text(&b, "result", t->result);
	json_buf_add_key(&b, "steps");
	json_buf_add(&b, "[");
	json_buf_add(&b, t->steps.len ? t->steps.text : "");
	json_buf_add(&b, "]");
	if (err)
		add_error(&b, err);
	json_buf_add(&b, "}");
	puts(b.text);
}

/* As Go's libcni prints it: a map of the versions since 1.0.0, a struct before. */
static void print_result(const struct tool *t)
{
	const char *version = json_text_string(json_text_member(t->result, "cniVersion"));
	struct json_buf b = { 0 };

	json_buf_add_go(
		&b, t->result,
		(struct json_style){ .sorted = cni_family(version) == CNI_FAMILY_10, .tab = 4 });
	fputs(b.text, stdout);
}

static void complain(const struct err *err)
{
	fprintf(stderr, "%s%s%s\n", err->msg, *err->details ? "; " : "", err->details);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int add(struct tool *t, struct err *err)
{
	return libcni_add(&t->libcni, &t->list, &t->attachment, &t->result, err);
}

static int check(struct tool *t, struct err *err)
{
	return libcni_check(&t->libcni, &t->list, &t->attachment, err);
}

static int del(struct tool *t, struct err *err)
{
	return libcni_del(&t->libcni, &t->list, &t->attachment, err);
}

static int gc(struct tool *t, struct err *err)
{
	return libcni_gc(&t->libcni, &t->list, NULL, &t->errs, &t->n_errs, err);
}

static int status(struct tool *t, struct err *err)
{
	return libcni_status(&t->libcni, &t->list, err);
}

static const struct verb {
	const char *name;
	int (*run)(struct tool *t, struct err *err);
	const char *about;
} verbs[] = {
	{ "add", add, "Adds a network namespace to a network, and prints the result." },
	{ "check", check, "Checks that it is as add has left it." },
	{ "del", del, "Removes it from the network." },
	{ "gc", gc,
	  "Removes all that add has attached to the network, and what plugins find stale." },
	{ "status", status, "Asks the plugins whether they could add." },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int run(struct tool *t, const struct verb *v)
{
	struct err err = { 0 };
	bool failed = prepare(t, &err) < 0 || v->run(t, &err) < 0;

	if (t->json)
		print_json(t, failed ? &err : NULL);
	else if (t->result.at && !failed)
		print_result(t);
	for (size_t i = 0; i < t->n_errs; i++)
		complain(&t->errs[i]);
	if (failed && !t->n_errs)
		complain(&err);
	if (!failed && (fflush(stdout) != 0 || ferror(stdout))) {
		perror("cnitool: stdout");
		failed = true;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the command line ------------------------------------------------------------------------ */

static void usage(FILE *to)
{
	fputs("cnitool: adds, checks, removes a network namespace to, in, from a network\n\n"
	      "  cnitool [OPTION...] VERB NETWORK NETNS\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %-8s%s\n", verbs[i].name, verbs[i].about);
	fputs("\n  -i, --ifname NAME    the interface in the namespace (CNI_IFNAME, eth0)\n"
	      "  --timeout TIME       kills a plugin that takes longer: 500ms, 2s, 1m\n"
	      "  --trace              a line on stderr for each plugin: time, exit code, changes\n"
	      "  --json               one JSON object on stdout: result, steps, error\n"
	      "  -h, --help           this\n\n"
	      "Environment: NETCONFPATH (/etc/cni/net.d), CNI_PATH, CAP_ARGS (a JSON object),\n"
	      "CNI_ARGS (K=V;K=V), CNI_IFNAME. See cnitool(8).\n",
	      to);
}

static int bad(const char *what, const char *arg)
{
	fprintf(stderr, "cnitool: %s: %s\n", what, arg);
	return -1;
}

/*
 * The value of an option that has one: behind "=", behind a short one, or the next argument. NULL: it
 * is another option.
 */
static const char *value_of(const char *name, char short_name, const char *arg, const char *next,
			    bool *takes_next)
{
	size_t n = strlen(name);

	if (short_name && arg[1] == short_name && arg[2])
		return arg + 2 + (arg[2] == '=');
	if (!strncmp(arg, name, n) && arg[n] == '=')
		return arg + n + 1;
	if (strcmp(arg, name) != 0 && !(short_name && arg[1] == short_name))
		return NULL;
	*takes_next = true;
	return next ? next : "";
}

/* `next` is the argument behind it, or NULL. */
static int parse_option(struct tool *t, const char *arg, const char *next, bool *takes_next)
{
	const char *value;

	if (!strcmp(arg, "-h") || !strcmp(arg, "--help"))
		t->help = true;
	else if (!strcmp(arg, "--trace"))
		t->trace = true;
	else if (!strcmp(arg, "--json"))
		t->json = true;
	else if ((value = value_of("--ifname", 'i', arg, next, takes_next)))
		t->ifname = *value ? value : NULL;
	else if (!(value = value_of("--timeout", '\0', arg, next, takes_next)))
		return bad("unknown option", arg);
	else if ((next || !*takes_next) && (t->libcni.timeout_ms = time_parse(value)) < 0)
		return bad("--timeout: not a time", value);
	return next || !*takes_next ? 0 : bad("an option without its value", arg);
}

/*
 * Options stand anywhere before a "--"; what comes behind the third argument is not looked at.
 */
static int parse(struct tool *t, int argc, char **argv)
{
	const char **words[] = { &t->verb, &t->network, &t->netns };
	bool options = true;
	size_t n = 0;

	for (int i = 1; i < argc; i++) {
		if (options && !strcmp(argv[i], "--")) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			bool takes_next = false;

			if (parse_option(t, argv[i], argv[i + 1], &takes_next) < 0)
				return -1;
			i += takes_next;
		} else if (n < ARRAY_SIZE(words)) {
			*words[n++] = argv[i];
		}
	}
	return 0;
}

static int run_words(struct tool *t)
{
	const struct verb *v;

	if (t->help) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	v = t->verb ? find_verb(t->verb) : NULL;
	if (t->verb && !v) {
		(void)bad("unknown command", t->verb);
		return EXIT_FAILURE;
	}
	if (!t->netns) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	return run(t, v);
}

static void print_oom(void)
{
	static const char msg[] = "cnitool: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	_exit(EXIT_FAILURE);
}

int cnitool(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct tool t = {
		.libcni = { .path = "",
			    .cache_dir = LIBCNI_CACHE_DIR,
			    .exec = libcni_exec,
			    .ctx = &t,
			    .warn = on_warning },
	};
	int rc = EXIT_FAILURE;

	arena_oom = print_oom;
	json_init(&arena);
	if (parse(&t, argc, argv) == 0) {
		if (t.trace || t.json)
			t.libcni.step = on_step;
		rc = run_words(&t);
	}
	arena_free(&arena);
	return rc;
}
