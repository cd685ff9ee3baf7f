/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/gates.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/scope.h"
#include "cmd/listen/events.h"
#include "cmd/listen/sockets.h"

int listen_gates_init(struct listen_gates *g, const struct listen_options *opt, struct err *err)
{
	*g = (struct listen_gates){ .opt = opt, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	return g->epoll < 0 ? err_sys(err, "create epoll") : 0;
}

static struct listen_group *new_group(const char *name, size_t n)
{
	size_t len = strlen(name) + 1, gates = n * sizeof(struct listen_gate);
	struct listen_group *group = calloc(1, sizeof(*group) + gates + len);

	if (!group)
		return NULL;
	group->name = memcpy((char *)group->gates + gates, name, len);
	group->n = n;
	for (size_t i = 0; i < n; i++)
		group->gates[i] = (struct listen_gate){ group, -1 };
	return group;
}

static void free_group(struct listen_gates *g, struct listen_group *group)
{
	struct listen_group **at = &g->first;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	free(group);
}

int listen_gates_open(struct listen_gates *g, const struct listen_netns *netns, struct err *err)
{
	struct listen_group *group = new_group(netns->name, g->opt->n_at);
	int *fds = calloc(g->opt->n_at, sizeof(*fds)), rc = 0;

	if (!group || !fds)
		rc = err_set(err, ERR_INTERNAL, "out of memory");
	else
		rc = listen_sockets_open(g->opt, netns->path, fds, err);
	if (rc < 0) {
		free(group);
		free(fds);
		return -1;
	}
	for (size_t i = 0; i < group->n; i++)
		group->gates[i].fd = fds[i];
	free(fds);
	group->next = g->first;
	g->first = group;
	g->n_groups++;
	g->n_sockets += group->n;
	for (size_t i = 0; !rc && i < group->n; i++)
		rc = listen_events_add(g->epoll, group->gates[i].fd, EPOLLIN, &group->gates[i],
				       err);
	if (rc < 0)
		listen_gates_close(g, group);
	return rc;
}

struct listen_group *listen_gates_find(const struct listen_gates *g, const char *name)
{
	struct listen_group *group = g->first;

	while (group && (group->is_closed || strcmp(group->name, name) != 0))
		group = group->next;
	return group;
}

static void drop_gate(struct listen_gates *g, struct listen_gate *gate)
{
	if (gate->fd >= 0)
		g->n_sockets--;
	drop_fd(&gate->fd);
}

void listen_gates_close(struct listen_gates *g, struct listen_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		drop_gate(g, &group->gates[i]);
	group->is_closed = true;
	g->n_groups--;
	if (!group->n_conns)
		free_group(g, group);
}

/*
 * A packet filter that lets no SYN through. shutdown(2) would reset the queue, and so would a
 * close(2). A connection that inherits the filter never sees one.
 */
static void stop(const struct listen_gate *gate)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct tcphdr, th_flags)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
	};
	const struct sock_fprog program = { ARRAY_SIZE(code), code };

	(void)setsockopt(gate->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void close_if_shut(struct listen_gates *g, struct listen_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->gates[i].fd >= 0)
			return;
	listen_gates_close(g, group);
}

/* Of a socket that listens, tcpi_unacked is the length of its queue. */
static size_t count_waiting(const struct listen_gate *gate)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (gate->fd < 0 || getsockopt(gate->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	return info.tcpi_unacked;
}

static void drop_empty(struct listen_gates *g, struct listen_gate *gate)
{
	if (!count_waiting(gate))
		drop_gate(g, gate);
}

void listen_gates_shut_empty(struct listen_gates *g, struct listen_gate *gate)
{
	drop_empty(g, gate);
	close_if_shut(g, gate->group);
}

static void drain(struct listen_gates *g, struct listen_group *group)
{
	for (size_t i = 0; i < group->n; i++) {
		stop(&group->gates[i]);
		drop_empty(g, &group->gates[i]);
	}
	close_if_shut(g, group);
}

void listen_gates_drain(struct listen_gates *g)
{
	struct listen_group *group = g->first, *next;

	for (; group; group = next) {
		next = group->next;
		if (!group->is_closed)
			drain(g, group);
	}
}

size_t listen_gates_count_waiting(const struct listen_gates *g)
{
	size_t n = 0;

	for (const struct listen_group *group = g->first; group; group = group->next)
		for (size_t i = 0; i < group->n; i++)
			n += count_waiting(&group->gates[i]);
	return n;
}

void listen_gates_leave(struct listen_gates *g, struct listen_group *group)
{
	group->n_conns--;
	if (group->is_closed && !group->n_conns)
		free_group(g, group);
}

void listen_gates_free(struct listen_gates *g)
{
	while (g->first) {
		struct listen_group *group = g->first;

		g->first = group->next;
		for (size_t i = 0; i < group->n; i++)
			drop_fd(&group->gates[i].fd);
		free(group);
	}
	drop_fd(&g->epoll);
}
