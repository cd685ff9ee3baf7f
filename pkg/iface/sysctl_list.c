/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/sysctl_list.h"

#include <stdio.h>
#include <string.h>

#include "iface/allowlist.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

#define PATH_MAX_LEN  200  /* bytes below /proc/sys */
#define VALUE_MAX_LEN 4096 /* bytes of a value: the kernel takes a page */

/* ---- names ----------------------------------------------------------------------------------- */

static const char placeholder[] = "IFNAME";

/* STATUS is about no interface. */
static const char *ifname_of(const struct cni_call *c)
{
	return *c->req->ifname ? c->req->ifname : placeholder;
}

/* `text` with its first `from` become `to`. */
static char *replace_first(struct cni_call *c, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		return arena_strdup(c->arena, text);
	return arena_printf(c->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* eth0.100 within dots would be two components. */
static char *protect_ifname(struct cni_call *c, const char *key)
{
	const char *dotted = arena_printf(c->arena, ".%s.", ifname_of(c));

	return replace_first(c, key, dotted, ".IFNAME.");
}

static const char *path_of(struct cni_call *c, const char *key)
{
	const char *first = strpbrk(key, "./");
	char *path;

	if (!first || *first == '/')
		return replace_first(c, key, placeholder, ifname_of(c));
	path = protect_ifname(c, key);
	for (char *at = path; (at = strpbrk(at, "./")); at++)
		*at = *at == '.' ? '/' : '.';
	return replace_first(c, path, placeholder, ifname_of(c));
}

/* Below net, each component a name: none leads out. */
static bool is_below_net(const char *path)
{
	if (strncmp(path, "net/", 4) != 0 || strlen(path) > PATH_MAX_LEN)
		return false;
	for (const char *at = path;; at++) {
		size_t n = strcspn(at, "/");

		if (!n || (n <= 2 && strspn(at, ".") >= n))
			return false;
		at += n;
		if (!*at)
			return true;
	}
}

/* ---- the list -------------------------------------------------------------------------------- */

static struct sysctl_item *find(const struct sysctl_list *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].path, path))
			return &l->items[i];
	return NULL;
}

static int add(struct cni_call *c, struct sysctl_list *l, const struct json *v, const char *where,
	       size_t n_before)
{
	struct sysctl_item item = { .key = json_key(v), .value = json_string(v) }, *old;

	item.path = path_of(c, item.key);
	if (!is_below_net(item.path))
		return err_config(c->err, "%s: \"%.200s\" is no sysctl below net", where, item.key);
	if (!item.value)
		return err_set(c->err, ERR_DECODE, "%s.%.200s: expected a string", where, item.key);
	if (strlen(item.value) >= VALUE_MAX_LEN)
		return err_config(c->err, "%s.%.200s: longer than %d bytes", where, item.key,
				  VALUE_MAX_LEN - 1);
	old = find(l, item.path);
	if (old && old >= l->items + n_before)
		return err_config(c->err, "%s: %.200s is there twice", where, item.key);
	*(old ? old : arena_append(c->arena, l->items, l->n)) = item;
	return 0;
}

static int add_all(struct cni_call *c, struct sysctl_list *l, const struct json *v,
		   const char *where)
{
	size_t n_before = l->n;

	if (!v)
		return 0;
	json_for_each(item, v)
		if (!json_is_null(item) && add(c, l, item, where, n_before) < 0)
			return -1;
	return 0;
}

static int ask_allowlist(struct cni_call *c, const struct sysctl_list *l)
{
	auto_allowlist struct allowlist list = { 0 };

	if (allowlist_read(&list, ALLOWLIST_PATH, c->arena, c->err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (!allowlist_allows(&list, l->items[i].key))
			return err_config(c->err, "sysctl %s is not allowed by %s", l->items[i].key,
					  ALLOWLIST_PATH);
	return 0;
}

int sysctl_list_validate(struct cni_call *c, struct sysctl_list *l)
{
	if (add_all(c, l, l->keys, "sysctl") < 0 || add_all(c, l, l->args, "args.cni.sysctl") < 0)
		return -1;
	return l->n && c->req->command != CNI_CHECK ? ask_allowlist(c, l) : 0;
}

/* ---- in the container ------------------------------------------------------------------------ */

struct job {
	struct cni_call *c;
	struct sysctl_list *l;
	size_t n_done;
};

static int apply_inside(void *arg)
{
	struct job *j = arg;
	struct cni_call *c = j->c;

	for (size_t i = 0; i < j->l->n; i++) {
		struct sysctl_item *s = &j->l->items[i];
		char before[VALUE_MAX_LEN];

		if (sysctl_read(s->path, before, sizeof(before), c->err) == 0)
			s->before = arena_strdup(c->arena, before);
		err_clear(c->err); /* some can only be written */
		if (sysctl_write(s->path, s->value, c->err) < 0)
			return err_wrap(c->err, "sysctl %s", s->key);
		j->n_done++;
	}
	return 0;
}

static int undo_inside(void *arg)
{
	struct job *j = arg;
	struct cni_call *c = j->c;

	for (; j->n_done; j->n_done--) {
		const struct sysctl_item *s = &j->l->items[j->n_done - 1];

		if (s->before && sysctl_write(s->path, s->before, c->err) < 0)
			fprintf(stderr, "rollback: %s\n", c->err->msg);
	}
	return 0;
}

static void undo(struct cni_call *c, void *arg)
{
	if (netns_run(c->netns_fd, undo_inside, arg, c->err) < 0)
		fprintf(stderr, "rollback: sysctls of %s: %s\n", c->req->netns, c->err->msg);
}

static int refuse_no_ipv6(struct cni_call *c, const struct sysctl_list *l)
{
	const char *const devices[] = { "all", c->req->ifname };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const struct sysctl_item *s = find(
			l, arena_printf(c->arena, "net/ipv6/conf/%s/disable_ipv6", devices[i]));

		if (s && strcmp(s->value, "0") != 0)
			return err_config(c->err, "sysctl %s: %s has an IPv6 address", s->key,
					  c->req->ifname);
	}
	return 0;
}

int sysctl_list_apply(struct cni_call *c, struct sysctl_list *l, const struct cni_result *r)
{
	struct job *j;

	if (!l->n)
		return 0;
	if (cni_result_has_family(r, AF_INET6) && refuse_no_ipv6(c, l) < 0)
		return -1;
	j = arena_new(c->arena, struct job);
	*j = (struct job){ .c = c, .l = l };
	undo_push(c, undo, j);
	return netns_run(c->netns_fd, apply_inside, j, c->err);
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

/* The kernel separates the numbers of a list by a tab, whatever was written. */
static bool is_same(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";
	size_t n;

	do {
		a += strspn(a, blanks);
		b += strspn(b, blanks);
		n = strcspn(a, blanks);
		if (n != strcspn(b, blanks) || strncmp(a, b, n) != 0)
			return false;
		a += n;
		b += n;
	} while (n);
	return true;
}

static int check_inside(void *arg)
{
	const struct job *j = arg;
	struct cni_call *c = j->c;

	for (size_t i = 0; i < j->l->n; i++) {
		const struct sysctl_item *s = &j->l->items[i];
		char found[VALUE_MAX_LEN];

		if (sysctl_read(s->path, found, sizeof(found), c->err) < 0)
			return err_wrap(c->err, "sysctl %s", s->key);
		if (!is_same(found, s->value))
			return err_set(c->err, ERR_CHECK,
				       "sysctl %s: wanted \"%.80s\", found \"%.80s\"", s->key,
				       s->value, found);
	}
	return 0;
}

int sysctl_list_check(struct cni_call *c, struct sysctl_list *l)
{
	struct job j = { .c = c, .l = l };

	return l->n ? netns_run(c->netns_fd, check_inside, &j, c->err) : 0;
}
