/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/options.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/time.h"

#define NETNS_DIR "/run/netns/" /* ip-netns(8) */

struct parse {
	struct listen_options *opt;
	const char *connect;
	struct arena *arena;
	struct err *err;
};

/* ---- namespaces ------------------------------------------------------------------------------ */

/* "NAME" is one of ip-netns(8)'s. */
static const char *path_of(struct arena *arena, const char *word)
{
	return strchr(word, '/') ? word : arena_printf(arena, NETNS_DIR "%s", word);
}

/* The last component, without slashes behind it. */
static const char *name_of(struct arena *arena, const char *path)
{
	size_t end = strlen(path), begin;

	while (end && path[end - 1] == '/')
		end--;
	for (begin = end; begin && path[begin - 1] != '/';)
		begin--;
	return arena_strndup(arena, path + begin, end - begin);
}

/* "NAME", "PATH", "NAME=PATH". */
static int set_netns(struct parse *p, const char *word)
{
	const char *equals = strchr(word, '='), *slash = strchr(word, '/');
	bool is_named = equals && (!slash || equals < slash);
	const char *path = path_of(p->arena, is_named ? equals + 1 : word);
	const char *name = is_named ? arena_strndup(p->arena, word, (size_t)(equals - word))
				    : name_of(p->arena, path);

	if (!*name || (is_named && !equals[1]))
		return err_config(p->err, "--netns %s: expected NAME, PATH or NAME=PATH", word);
	*arena_append(p->arena, p->opt->netns, p->opt->n_netns) =
		(struct listen_netns){ name, path };
	return 0;
}

/* ---- options --------------------------------------------------------------------------------- */

static int set_all_of(struct parse *p, const char *word)
{
	p->opt->all_of = word;
	return 0;
}

static int set_watch(struct parse *p, const char *word)
{
	p->opt->watch = word;
	return 0;
}

static int set_backlog(struct parse *p, const char *word)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (*end || n < 1 || n > 65535)
		return err_config(p->err, "--backlog %s: expected 1 to 65535", word);
	p->opt->backlog = (int)n;
	return 0;
}

static int set_connect(struct parse *p, const char *word)
{
	const char *at = strchr(word, '@');

	p->connect = word;
	if (at && strncmp(word, "unix:", 5) != 0) {
		if (at == word)
			return err_config(p->err, "--connect %s: no namespace before the @", word);
		p->opt->to_netns =
			path_of(p->arena, arena_strndup(p->arena, word, (size_t)(at - word)));
		word = at + 1;
	}
	if (listen_address_parse_peer(&p->opt->to, word, p->err) < 0)
		return err_wrap(p->err, "--connect");
	return 0;
}

static int set_proxy(struct parse *p, const char *word)
{
	(void)word;
	p->opt->proxy = true;
	return 0;
}

static int set_time(struct parse *p, const char *name, const char *word, int64_t *ms)
{
	*ms = time_parse(word);
	if (*ms < 0)
		return err_config(p->err, "%s %s: expected " TIME_EXPECTED, name, word);
	return 0;
}

static int set_idle(struct parse *p, const char *word)
{
	return set_time(p, "--idle", word, &p->opt->idle_ms);
}

static int set_drain(struct parse *p, const char *word)
{
	return set_time(p, "--drain", word, &p->opt->drain_ms);
}

static const struct option {
	const char *name;
	bool is_flag;       /* it has no value */
	bool is_of_connect; /* it means something with --connect only */
	int (*set)(struct parse *p, const char *word);
} options[] = {
	{ "--netns", false, false, set_netns },     { "--all-of", false, false, set_all_of },
	{ "--watch", false, true, set_watch },      { "--backlog", false, false, set_backlog },
	{ "--connect", false, false, set_connect }, { "--proxy-protocol", true, true, set_proxy },
	{ "--idle", false, true, set_idle },        { "--drain", false, true, set_drain },
};

static const struct option *find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, word))
			return &options[i];
	return NULL;
}

/* ---- all words ------------------------------------------------------------------------------- */

/* An address; or a path behind --netns, as a shell makes of a pattern. */
static int set_word(struct parse *p, const char *word)
{
	struct listen_address a;

	if (*word == '-')
		return err_config(p->err, "%s: no such option", word);
	if (p->opt->n_netns && (*word == '/' || *word == '.'))
		return set_netns(p, word);
	if (listen_address_parse(&a, word, p->err) < 0)
		return -1;
	*arena_append(p->arena, p->opt->at, p->opt->n_at) = a;
	return 0;
}

static int set_words(struct parse *p, int argc, char **argv, const char **of_connect)
{
	for (int i = 0; i < argc; i++) {
		const struct option *o = find(argv[i]);

		if (!strcmp(argv[i], "--")) {
			p->opt->command = argv + i + 1;
			return 0;
		}
		if (o && !o->is_flag && i + 1 == argc)
			return err_config(p->err, "%s: no value", argv[i]);
		if (o && o->is_of_connect)
			*of_connect = o->name;
		if (o && !o->is_flag)
			i++;
		if ((o ? o->set(p, argv[i]) : set_word(p, argv[i])) < 0)
			return -1;
	}
	return 0;
}

static bool has_udp(const struct listen_options *opt)
{
	for (size_t i = 0; i < opt->n_at; i++)
		if (opt->at[i].type == SOCK_DGRAM)
			return true;
	return false;
}

/* What excludes or needs what. */
static int judge(const struct parse *p, const char *of_connect)
{
	const struct listen_options *opt = p->opt;
	int ways = (opt->n_netns > 0) + (opt->all_of != NULL) + (opt->watch != NULL);

	if (!opt->n_at)
		return err_config(p->err, "no address to listen at");
	if (ways > 1)
		return err_config(p->err, "one of --netns, --all-of and --watch, please");
	if (!opt->command == !p->connect)
		return err_config(p->err, "either --connect or -- and a command, please");
	if (opt->command && !*opt->command)
		return err_config(p->err, "no command behind --");
	if (opt->command && of_connect)
		return err_config(p->err, "%s: only with --connect", of_connect);
	if (p->connect && has_udp(opt))
		return err_config(p->err, "--connect %s: TCP alone is forwarded, no UDP",
				  p->connect);
	return 0;
}

int listen_options_parse(struct listen_options *opt, int argc, char **argv, struct arena *arena,
			 struct err *err)
{
	struct parse p = { .opt = opt, .arena = arena, .err = err };
	const char *of_connect = NULL;

	*opt = (struct listen_options){ .backlog = 4096 }; /* as net.core.somaxconn is, mostly */
	if (set_words(&p, argc, argv, &of_connect) < 0)
		return -1;
	return judge(&p, of_connect);
}
