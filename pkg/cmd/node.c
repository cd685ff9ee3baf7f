/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/describe.h"
#include "nl/link_wait.h"
#include "nl/nl.h"
#include "sys/file.h"

#define MULTUS_CACHE_DIR "/var/lib/cni/multus"
#define DYING_MS         2000

/* ---- what is kept ---------------------------------------------------------------------------- */

struct key {
	const char *network, *container_id, *ifname;
};

static int compare_keys(const struct key *a, const struct key *b)
{
	int rc = strcmp(a->network, b->network);

	rc = rc ? rc : strcmp(a->container_id, b->container_id);
	return rc ? rc : strcmp(a->ifname, b->ifname);
}

static struct key key_of(const struct node_attachment *a)
{
	return (struct key){ a->network, a->container_id, a->ifname };
}

static int compare(const void *x, const void *y)
{
	const struct key a = key_of(x), b = key_of(y);

	return compare_keys(&a, &b);
}

/* One for each thing that is kept; those of one attachment become one in merge(). */
static struct node_attachment *add(struct node *node, struct key k, const char *netns)
{
	struct node_attachment *a = arena_append(node->arena, node->list, node->n);

	*a = (struct node_attachment){
		.network = k.network,
		.container_id = k.container_id,
		.ifname = k.ifname,
		.netns = netns,
	};
	return a;
}

static void add_fault(struct node *node, const char *path, const char *why)
{
	*arena_append(node->arena, node->faults, node->n_faults) =
		(struct registry_fault){ arena_strdup(node->arena, path),
					 arena_strdup(node->arena, why) };
}

/* An object may be a result, as the first releases of libcni kept it; what is none, nobody's. */
static void add_cache_fault(struct node *node, const char *path)
{
	const struct json *v;
	struct err why = { 0 };
	const char *text;
	size_t len;

	if (file_read(path, LIBCNI_CACHE_MAX, node->arena, &text, &len, &why) == 0 &&
	    json_parse_max(text, len, LIBCNI_CACHE_MAX, &v, &why) == 0 && json_is_object(v))
		return;
	add_fault(node, path, *why.msg ? why.msg : "no object");
}

static int add_cache(struct node *node, const char *dir, struct err *err)
{
	struct libcni_cache_list list;

	if (libcni_cache_list(dir, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		const struct libcni_cached *c = &list.entries[i];
		const struct libcni_attachment *a = &c->attachment;
		struct node_attachment *to =
			add(node, (struct key){ c->network, a->container_id, a->ifname }, a->netns);

		to->cached = c;
		to->time = c->time;
	}
	for (size_t i = 0; i < list.n_others; i++)
		add_cache_fault(node, list.others[i]);
	return 0;
}

static int add_caches(struct node *node, const char *const *caches, struct err *err)
{
	if (add_cache(node, LIBCNI_CACHE_DIR, err) < 0 ||
	    add_cache(node, MULTUS_CACHE_DIR, err) < 0)
		return -1;
	for (; *caches; caches++)
		if (add_cache(node, *caches, err) < 0)
			return -1;
	return 0;
}

static int add_registry(struct node *node, struct err *err)
{
	struct registry_list list;

	if (registry_list(&list, node->arena, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct registry_entry *e = &list.entries[i];
		struct node_attachment *to =
			add(node, (struct key){ e->network, e->container_id, e->ifname }, e->netns);

		*arena_append(node->arena, to->entries, to->n_entries) = e;
		to->time = e->time;
	}
	for (size_t i = 0; i < list.n_faults; i++)
		add_fault(node, list.faults[i].path, list.faults[i].why);
	return 0;
}

static int add_records(struct node *node, struct err *err)
{
	const char **names;
	size_t n;

	if (record_names(&names, &n, node->arena, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct node_attachment *to;
		struct err why = { 0 };
		struct record *r;

		if (record_peek(names[i], node->arena, &r, &why) < 0)
			add_fault(node, arena_printf(node->arena, RECORD_DIR "/%s", names[i]),
				  why.msg);
		if (!r)
			continue;
		to = add(node, (struct key){ r->network, r->container_id, r->ifname }, r->netns);
		*arena_append(node->arena, to->records, to->n_records) = r;
	}
	return 0;
}

/* The same attachment in another cache, or under another name. */
static void merge_cached(struct node *node, struct node_attachment *to,
			 const struct libcni_cached *from)
{
	const struct libcni_cached *old = to->cached;

	if (!from || (old && !strcmp(old->path, from->path)))
		return;
	if (!old || from->time > old->time) {
		to->cached = from;
		from = old;
	}
	if (from)
		*arena_append(node->arena, to->older, to->n_older) = from;
}

static void merge_one(struct node *node, struct node_attachment *to,
		      const struct node_attachment *from)
{
	merge_cached(node, to, from->cached);
	to->netns = *to->netns ? to->netns : from->netns;
	to->time = to->time ? to->time : from->time;
	for (size_t i = 0; i < from->n_entries; i++)
		*arena_append(node->arena, to->entries, to->n_entries) = from->entries[i];
	for (size_t i = 0; i < from->n_records; i++)
		*arena_append(node->arena, to->records, to->n_records) = from->records[i];
}

static void merge(struct node *node)
{
	size_t kept = 0;

	if (node->n)
		qsort(node->list, node->n, sizeof(*node->list), compare);
	for (size_t i = 0; i < node->n; i++) {
		if (kept && !compare(&node->list[kept - 1], &node->list[i]))
			merge_one(node, &node->list[kept - 1], &node->list[i]);
		else
			node->list[kept++] = node->list[i];
	}
	node->n = kept;
}

/* ---- dead or alive --------------------------------------------------------------------------- */

static const struct link *link_named(const struct node *node, const char *name)
{
	for (size_t i = 0; *name && i < node->links.n_link; i++)
		if (!strcmp(node->links.link[i].name, name))
			return &node->links.link[i];
	return NULL;
}

#define LINK_IS_THERE "its link on the host is there"
#define NETNS_IS_GONE "its namespace is gone"

static enum node_life say(const char **why, enum node_life life, const char *words)
{
	*why = words;
	return life;
}

/*
 * Dead only by what proves it. A path that cannot be opened proves nothing: it may be another mount
 * namespace's. Nor does a namespace that no process holds: a socket may, and then the link in the
 * host's namespace is there.
 */
static enum node_life judge(struct node *node, const struct identity *id, const char *netns,
			    const char *host_link, const char **why)
{
	struct err scratch = { 0 };

	if (!*id->boot || !*node->here.boot)
		return say(why, NODE_UNKNOWN, "the boot of its ADD is not known");
	if (strcmp(id->boot, node->here.boot) != 0)
		return say(why, NODE_DEAD, "added in another boot");
	if (!id->netns_inode || id->host_inode != node->here.host_inode)
		return say(why, NODE_UNKNOWN, "its ADD was in another network namespace than this");
	if (netns_scan_is_at(netns, id->netns_inode, id->netns_cookie, &scratch))
		return say(why, NODE_ALIVE, "its namespace is at its path");
	if (netns_scan_has(&node->scan, id->netns_inode, id->netns_cookie, &scratch))
		return say(why, NODE_ALIVE, "its namespace is held");
	if (link_named(node, host_link))
		return say(why, NODE_ALIVE, LINK_IS_THERE);
	if (id->pid_inode != node->here.pid_inode)
		return say(why, NODE_UNKNOWN, "its ADD was in another PID namespace than this");
	if (!node->scan.complete)
		return say(why, NODE_UNKNOWN, "not all processes can be looked at");
	return say(why, NODE_DEAD, NETNS_IS_GONE);
}

static const struct identity *identity_of(const struct node_attachment *a, size_t i)
{
	return i < a->n_entries ? &a->entries[i]->id : &a->records[i - a->n_entries]->id;
}

/* A plugin that enters no namespace does not know its cookie; another one of the list does. */
static struct identity whole_identity(const struct node_attachment *a, size_t i)
{
	struct identity id = *identity_of(a, i);

	for (size_t k = 0; !id.netns_cookie && k < a->n_entries + a->n_records; k++) {
		const struct identity *other = identity_of(a, k);

		if (other->netns_inode == id.netns_inode && !strcmp(other->boot, id.boot))
			id.netns_cookie = other->netns_cookie;
	}
	return id;
}

/* What has several entries is alive if one of them says so, dead if all do. */
static void judge_one(struct node *node, struct node_attachment *a)
{
	enum node_life worst = NODE_DEAD;
	const char *reason = NULL, *why;

	a->holder = NULL;
	for (size_t i = 0; i < a->n_entries + a->n_records; i++) {
		const struct registry_entry *e = i < a->n_entries ? a->entries[i] : NULL;
		const struct identity id = whole_identity(a, i);
		enum node_life life =
			judge(node, &id, e ? e->netns : a->records[i - a->n_entries]->netns,
			      e ? e->host_link : "", &why);

		if (!a->holder)
			a->holder = netns_scan_find(&node->scan, id.netns_inode);
		if (life <= worst) {
			worst = life;
			reason = why;
			a->netns_inode = id.netns_inode;
		}
	}
	a->life = reason ? worst : NODE_UNKNOWN;
	a->why = reason ? reason : "it was not added by a plugin of ours";
}

const char **node_take_caches(int *argc, char **argv)
{
	const char **caches = NULL;
	size_t n = 0;
	int rest = 0;

	for (int i = 0; i < *argc; i++)
		if (!strcmp(argv[i], "--cache") && i + 1 < *argc)
			*arena_append(json_arena(), caches, n) = argv[++i];
		else
			argv[rest++] = argv[i];
	*arena_append(json_arena(), caches, n) = NULL;
	*argc = rest;
	return caches;
}

static int judge_all(struct node *node, struct nl *host, struct err *err)
{
	node->links.n_link = 0;
	if (netns_scan(&node->scan, node->arena, err) < 0 || nl_link_list(host, &node->links) < 0)
		return -1;
	for (size_t i = 0; i < node->n; i++)
		judge_one(node, &node->list[i]);
	return 0;
}

static bool has_gone(const struct node *node)
{
	for (size_t i = 0; i < node->n; i++)
		if (!strcmp(node->list[i].why, NETNS_IS_GONE))
			return true;
	return false;
}

/*
 * With a second scan: a process that was not there yet may have the namespace from one that has
 * ended. What was held at the first one has had one scan only, and stays alive.
 */
static int judge_again(struct node *node, struct nl *host, struct err *err)
{
	const size_t n = node->n;
	const char **before = arena_array(node->arena, const char *, n + 1);

	for (size_t i = 0; i < n; i++)
		before[i] = node->list[i].life == NODE_ALIVE ? node->list[i].why : NULL;
	if (judge_all(node, host, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct node_attachment *a = &node->list[i];

		if (before[i] && strcmp(before[i], LINK_IS_THERE) != 0 && a->life == NODE_DEAD)
			a->life = say(&a->why, NODE_ALIVE, before[i]);
	}
	return 0;
}

/* The links of namespaces that have just gone: the kernel takes them away soon. 1: if any. */
static int wait_links_gone(const struct node *node, struct nl *host)
{
	int64_t deadline = clock_ms() + DYING_MS;
	int any = 0;

	for (size_t i = 0; i < node->n; i++) {
		const struct node_attachment *a = &node->list[i];

		for (size_t k = 0; !strcmp(a->why, LINK_IS_THERE) && k < a->n_entries; k++) {
			const struct link *l = link_named(node, a->entries[k]->host_link);
			int64_t left = deadline - clock_ms();

			any = 1;
			if (l && left > 0 && nl_link_wait_gone(host, l->index, (int)left) < 0)
				return -1;
		}
	}
	return any;
}

int node_load(struct node *node, const char *const *caches, struct arena *arena, struct err *err)
{
	auto_nl struct nl host = { 0 };
	int rc;

	*node = (struct node){ .arena = arena, .links.arena = arena };
	identity_own(&node->here, arena);
	if (add_caches(node, caches, err) < 0 || add_registry(node, err) < 0 ||
	    add_records(node, err) < 0)
		return -1;
	merge(node);
	if (nl_open(&host, err) < 0 || judge_all(node, &host, err) < 0)
		return -1;
	rc = wait_links_gone(node, &host);
	if (!rc)
		rc = has_gone(node);
	return rc > 0 ? judge_again(node, &host, err) : rc;
}

const char *node_cni_path(const struct node_attachment *a)
{
	return a->n_entries ? a->entries[0]->path : "/opt/cni/bin";
}

void node_complain(const struct node *node)
{
	for (size_t i = 0; i < node->n_faults; i++)
		fprintf(stderr, "cnic: %s: %s; passed over\n", describe_plain(node->faults[i].path),
			describe_plain(node->faults[i].why));
}

static int compare_prefix(const struct key *k, const struct node_attachment *a)
{
	int rc = strcmp(k->network, a->network);

	rc = rc ? rc : strcmp(k->container_id, a->container_id);
	return rc || !*k->ifname ? rc : strcmp(k->ifname, a->ifname);
}

const struct node_attachment *node_find(const struct node *node, const char *network,
					const char *container_id, const char *ifname)
{
	const struct key k = { network, container_id, ifname };
	size_t low = 0, high = node->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int rc = compare_prefix(&k, &node->list[middle]);

		if (!rc)
			return &node->list[middle];
		if (rc < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool node_has(const struct node *node, const char *network, const char *container_id,
	      const char *ifname)
{
	return node_find(node, network, container_id, ifname);
}

int node_inventory(const struct cni_inventory *to, struct err *err)
{
	int rc = 0;

	for (const struct cni_plugin *const *p = cni_plugins; *p; p++) {
		struct cni_request req = { .command = CNI_GC };
		struct err own = { 0 };
		struct cni_call c = CNI_CALL_INIT(.req = &req, .plugin = *p, .arena = json_arena(),
						  .err = &own);

		if ((*p)->inventory && (*p)->inventory(&c, to) < 0 && !rc) {
			*err = own;
			rc = -1;
		}
		cni_close(&c);
	}
	return rc;
}
