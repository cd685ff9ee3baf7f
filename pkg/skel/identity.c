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

void identity_get(struct cni_call *c, struct identity *id)
{
	struct stat st;

	identity_own(id, c->arena);
	if (c->netns_fd >= 0 && fstat(c->netns_fd, &st) == 0)
		id->netns_inode = st.st_ino;
	if (c->sandbox)
		id->netns_cookie = netns_cookie(mnl_socket_get_fd(c->sandbox->sock));
}
