/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/keep.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

#define NAMED_DIR "/run/netns/" /* ip-netns(8)'s, which it makes when it first needs it */

int run_keep(const char *path, int netns_fd, struct err *err)
{
	auto_close int fd = -1;
	char from[64];

	if (!strncmp(path, NAMED_DIR, sizeof(NAMED_DIR) - 1))
		(void)mkdir(NAMED_DIR, 0755);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return err_sys(err, "--netns: make %s", path);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", netns_fd);
	if (mount(from, path, NULL, MS_BIND, NULL) == 0)
		return 0;
	(void)err_sys(err, "--netns: mount the namespace at %s", path);
	(void)unlink(path);
	return -1;
}

void run_keep_undo(const char *path)
{
	(void)umount2(path, MNT_DETACH);
	(void)unlink(path);
}
