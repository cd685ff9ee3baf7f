/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/skel/run: calls after each other in one process, each with an IPAM call inside, leave no
 * descriptor open and no memory behind. In a network and a file system of our own.
 */
#include "skel/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/netns.h"
#include "tap.h"

#define MANY  500 /* ADDs, and as many DELs */
#define BIN   "/run/bin"
#define NETNS "/run/netns-of-c1"

#define CONF(type, more)                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"" type "\"," more "\"ipam\":" \
	"{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\"}}"

static const char bridge_conf[] = CONF("bridge", "\"bridge\":\"br0\",\"isGateway\":true,");
static const char masq_conf[] =
	CONF("bridge", "\"bridge\":\"br0\",\"isGateway\":true,\"ipMasq\":true,");
static const char ptp_conf[] = CONF("ptp", "");

static int in_fd, out_fd, said_fd;

/* Bytes of the heap in use; another C library does not tell. */
static size_t heap_used(void)
{
#ifdef __GLIBC__
	return mallinfo2().uordblks + mallinfo2().hblkhd;
#else
	return 0;
#endif
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static void put(int fd, const char *text)
{
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		abort();
	lseek(fd, 0, SEEK_SET);
}

/* stdin and stdout are files of ours while the call lasts; what it has printed is in out_fd. */
static int call(const char *command, const char *plugin, const char *conf)
{
	int rc;

	setenv("CNI_COMMAND", command, 1);
	put(in_fd, conf);
	put(out_fd, "");
	fflush(stdout);
	dup2(out_fd, STDOUT_FILENO);
	rc = run_plugin(cni_plugin_named(plugin), plugin);
	dup2(said_fd, STDOUT_FILENO);
	return rc;
}

static const char *output(void)
{
	static char text[4096];
	ssize_t n = pread(out_fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void take_stdio(void)
{
	said_fd = dup(STDOUT_FILENO);
	in_fd = memfd_create("in", 0);
	out_fd = memfd_create("out", 0);
	dup2(in_fd, STDIN_FILENO);
}

static bool make_netns(void)
{
	int fd = open(NETNS, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	pid_t pid = fork();
	int status = -1;

	close(fd);
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) < 0 ||
		      mount("/proc/self/ns/net", NETNS, NULL, MS_BIND, NULL) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The IPAM plugin that is found is this executable, so that it runs in this process. */
static bool prepare(void)
{
	char exe[4096] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0 ||
	    unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
	    (mkdir("/var/lib/cni", 0755) < 0 && errno != EEXIST) ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, NULL) < 0 || mkdir(BIN, 0755) < 0 ||
	    symlink(exe, BIN "/host-local") < 0)
		return false;
	setenv("CNI_CONTAINERID", "c1", 1);
	setenv("CNI_NETNS", NETNS, 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_PATH", BIN, 1);
	return make_netns();
}

static void check_two(const char *plugin, const char *conf)
{
	int rc = call("ADD", plugin, conf);

	ok(rc == 0 && strstr(output(), "10.1.0."), "%s: ADD: %s", plugin, output());
	ok(call("ADD", plugin, conf) == 1 && strstr(output(), "\"code\":101"),
	   "%s: the same again is refused in the same process: %s", plugin, output());
	ok(call("DEL", plugin, conf) == 0 && !*output(), "%s: DEL: %s", plugin, output());
	ok(call("DEL", plugin, conf) == 0, "%s: DEL again", plugin);
	ok(call("ADD", plugin, "{\"name\":\"net\"") == 1 && strstr(output(), "\"code\":6"),
	   "%s: no JSON: %s", plugin, output());
}

static void check_many(const char *plugin, const char *conf)
{
	size_t used, first;
	int bad = 0, fds;

	(void)!call("ADD", plugin, conf); /* what stays for good: the process's own namespace */
	(void)!call("DEL", plugin, conf);
	fds = count_fds();
	first = heap_used();
	for (int i = 0; i < MANY; i++)
		bad += call("ADD", plugin, conf) != 0 || call("DEL", plugin, conf) != 0;
	used = heap_used();
	ok(!bad, "%s: %d ADDs and DELs, %d failed: %s", plugin, MANY, bad, bad ? output() : "");
	ok(count_fds() == fds, "%s: %d descriptors, %d before", plugin, count_fds(), fds);
	ok(used <= first + 4096, "%s: %zu bytes, %zu before", plugin, used, first);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	if (!prepare()) {
		printf("1..0 # SKIP needs root: %s\n", strerror(errno));
		return 0;
	}
	take_stdio();
	check_two("bridge", bridge_conf);
	check_two("ptp", ptp_conf);
	check_many("bridge", bridge_conf);
	check_many("bridge", masq_conf);
	check_many("ptp", ptp_conf);
	return done_testing();
}
