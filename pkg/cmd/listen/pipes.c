/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/pipes.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Of the user's last pages a kernel before 5.14 makes pipes of one. */
static bool is_large_enough(int fd)
{
	int size = fcntl(fd, F_SETPIPE_SZ, (int)LISTEN_PIPE_SIZE);

	if (size < 0)
		size = fcntl(fd, F_GETPIPE_SZ);
	return size >= LISTEN_PIPE_LEAST;
}

bool listen_pipes_take(struct listen_pipes *p, int ends[2])
{
	if (p->n_kept) {
		memcpy(ends, p->kept[--p->n_kept], sizeof(p->kept[0]));
		return true;
	}
	if (p->n_open >= p->n_max || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	p->n_open++;
	if (is_large_enough(ends[1]))
		return true;
	listen_pipes_give(p, ends, false);
	return false;
}

void listen_pipes_give(struct listen_pipes *p, int ends[2], bool is_empty)
{
	if (is_empty && p->n_kept < LISTEN_PIPES_KEPT) {
		memcpy(p->kept[p->n_kept++], ends, sizeof(p->kept[0]));
	} else {
		close(ends[0]);
		close(ends[1]);
		p->n_open--;
	}
	ends[0] = ends[1] = -1;
}

void listen_pipes_close(struct listen_pipes *p)
{
	while (p->n_kept) {
		int ends[2];

		memcpy(ends, p->kept[--p->n_kept], sizeof(ends));
		listen_pipes_give(p, ends, false);
	}
}
