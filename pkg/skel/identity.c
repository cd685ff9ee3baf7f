/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/identity.h"

#include <string.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "sys/file.h"
#include "sys/netns.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const char *boot_id(struct arena *arena)
{
	auto_close int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(arena, 64);
	ssize_t n = fd < 0 ? -1 : file_read_fd(fd, text, 63);

	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static uint64_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

void identity_own(struct identity *id, struct arena *arena)
{
	*id = (struct identity){
		.boot = boot_id(arena),
		.host_inode = inode_of("/proc/self/ns/net"),
		.pid_inode = inode_of("/proc/self/ns/pid"),
	};
}

/* The parts of a call are of one process. */
static const struct identity *own_of(struct cni_call *c)
{
	while (c->outer)
		c = c->outer;
	if (!c->identity) {
		c->identity = arena_new(c->arena, struct identity);
		identity_own(c->identity, c->arena);
	}
	return c->identity;
}

static void add_number(struct json *to, const char *key, uint64_t n)
{
	if (n)
		json_add_int(to, key, (int64_t)n);
}

void identity_add(struct cni_call *c, struct json *to)
{
	const struct identity *own = own_of(c);
	struct stat st;

	json_add_str(to, "boot", own->boot);
	if (c->netns_fd >= 0 && fstat(c->netns_fd, &st) == 0)
		add_number(to, "netnsInode", st.st_ino);
	if (c->sandbox)
		add_number(to, "netnsCookie", netns_cookie(mnl_socket_get_fd(c->sandbox->sock)));
	add_number(to, "hostInode", own->host_inode);
	add_number(to, "pidInode", own->pid_inode);
}

bool identity_is_same(const struct identity *a, const struct identity *b)
{
	return !strcmp(a->boot, b->boot) && a->netns_inode == b->netns_inode &&
	       a->netns_cookie == b->netns_cookie;
}
