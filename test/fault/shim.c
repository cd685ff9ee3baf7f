/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim.c - LD_PRELOAD: makes the n-th interesting call of a plugin fail.
 *
 *	FAULT_AT     which call fails, counted from 1 over the process and its children; 0 = none
 *	FAULT_SET    kinds that count, comma-separated (see kinds[]); unset = all but daemon and memory
 *	FAULT_ERRNO  with which errno, instead of one that suits the call
 *	FAULT_STATE  file that holds the count and, once the call was reached, its name; of one of 264 bytes
 *	             the last word is another FAULT_AT while the process runs (struct state)
 *	FAULT_SIGNAL instead of failing, the call is made when this signal has been sent to the process
 *	FAULT_PID    and has had its effect
 *	FAULT_HASTE  time passes so many times faster: for those who wait for what will not come
 *
 * Memory is not among the kinds of a plugin: running out of it ends the process with an error object, by
 * design; of a daemon it is what is not an arena's. Nor is coming home from another namespace, which cannot fail with an open descriptor.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

enum kind {
	PEER,
	SEND,
	RECV,
	OPEN,
	READ,
	WRITE,
	NAME,
	LOCK,
	STAT,
	SOCKET,
	NETNS,
	PROCESS,
	RANDOM,
	DAEMON, /* calls that daemons make, and plugins hardly */
	MEMORY,
	KINDS
};

static const char *const kinds[KINDS] = {
	[PEER] = "peer",     [SEND] = "send",     [RECV] = "recv",     [OPEN] = "open",
	[READ] = "read",     [WRITE] = "write",   [NAME] = "name",     [LOCK] = "lock",
	[STAT] = "stat",     [SOCKET] = "socket", [NETNS] = "netns",   [PROCESS] = "process",
	[RANDOM] = "random", [DAEMON] = "daemon", [MEMORY] = "memory",
};

static struct state {
	char what[252]; /* the call that failed, and on what */
	unsigned int count, at;
} * state;

static unsigned int fault_at;
static int fault_errno, fault_signal, haste = 1;
static pid_t fault_pid;
static struct timespec epoch;
static bool counted[KINDS];
static struct stat home;

/* The next definition behind this library. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int number(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static bool in_set(const char *set, const char *word)
{
	size_t n = strlen(word);

	while (set) {
		if (!strncmp(set, word, n) && (set[n] == ',' || !set[n]))
			return true;
		set = strchr(set, ',');
		set += set ? 1 : 0;
	}
	return false;
}

__attribute__((constructor)) static void start(void)
{
	static const char *const plugins[] = {
#define PLUGIN(symbol, name, folder) name,
#include "../../plugins/list.h"
	};
	const char *at = getenv("FAULT_AT"), *set = getenv("FAULT_SET"),
		   *path = getenv("FAULT_STATE");
	bool ours = false;
	void *map;
	int fd;

	for (size_t i = 0; i < sizeof(plugins) / sizeof(*plugins); i++)
		ours |= !strcmp(program_invocation_short_name, plugins[i]);
	if (!ours || !at || !path)
		return;
	for (int i = 0; i < KINDS; i++)
		counted[i] = !set || !*set ? i < DAEMON : in_set(set, kinds[i]);
	stat("/proc/self/ns/net", &home);
	fd = open(path, O_RDWR | O_CLOEXEC);
	map = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
	fault_at = (unsigned int)atoi(at);
	fault_errno = number("FAULT_ERRNO", 0);
	fault_signal = number("FAULT_SIGNAL", 0);
	fault_pid = number("FAULT_PID", 0);
	haste = number("FAULT_HASTE", 1);
	NEXT(clock_gettime)(CLOCK_MONOTONIC, &epoch);
	state = map;
}

/* Of /proc/PID/stat: R, S, ... T; Z too when there is no such process. */
static char state_of(pid_t pid)
{
	char path[32], text[256] = "";
	const char *bracket;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = NEXT(open)(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 'Z';
	if (NEXT(read)(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	bracket = strrchr(text, ')');
	return bracket ? bracket[2] : 'Z';
}

static void strike(void)
{
	if (kill(fault_pid, fault_signal) < 0)
		abort();
	while (!strchr("TZX", state_of(fault_pid)))
		sched_yield();
}

static bool fault(enum kind kind, const char *call, const char *on, int number)
{
	if (!state || !counted[kind])
		return false;
	if (__atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST) !=
	    (state->at ? state->at : fault_at))
		return false;
	snprintf(state->what, sizeof(state->what), "%s(%s)", call, on ? on : "");
	if (fault_signal) {
		strike();
		return false;
	}
	errno = fault_errno ? fault_errno : number;
	return true;
}

/* ---- sockets --------------------------------------------------------------------------------- */

API ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
		   socklen_t len)
{
	return fault(SEND, "sendto", NULL, ENOBUFS) ? -1 : NEXT(sendto)(fd, buf, n, flags, to, len);
}

API ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	return fault(PEER, "send", NULL, ENOBUFS) ? -1 : NEXT(send)(fd, buf, n, flags);
}

API ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return fault(PEER, "recv", NULL, ECONNRESET) ? -1 : NEXT(recv)(fd, buf, n, flags);
}

API int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fault(PEER, "connect", NULL, ECONNREFUSED) ? -1 : NEXT(connect)(fd, addr, len);
}

API ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return fault(RECV, "recvmsg", NULL, ENOBUFS) ? -1 : NEXT(recvmsg)(fd, msg, flags);
}

API ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
	return fault(RECV, "recvfrom", NULL, ENOBUFS)
		       ? -1
		       : NEXT(recvfrom)(fd, buf, n, flags, from, len);
}

API int socket(int domain, int type, int protocol)
{
	return fault(SOCKET, "socket", NULL, EMFILE) ? -1 : NEXT(socket)(domain, type, protocol);
}

API int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct timeval less;

	if (level == SOL_SOCKET && name == SO_SNDTIMEO && haste > 1) {
		memcpy(&less, value, sizeof(less));
		less.tv_usec = (less.tv_sec * 1000000 + less.tv_usec) / haste;
		less.tv_sec = less.tv_usec / 1000000;
		less.tv_usec %= 1000000;
		value = &less;
	}
	return fault(SOCKET, "setsockopt", NULL, ENOPROTOOPT)
		       ? -1
		       : NEXT(setsockopt)(fd, level, name, value, len);
}

API int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fault(SOCKET, "bind", NULL, ENOBUFS) ? -1 : NEXT(bind)(fd, addr, len);
}

API int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (timeout > 0)
		timeout = (timeout + haste - 1) / haste;
	return fault(PROCESS, "poll", NULL, ENOMEM) ? -1 : NEXT(poll)(fds, n, timeout);
}

API int clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = NEXT(clock_gettime)(clock, now);
	long long ns;

	if (rc || haste == 1 || clock != CLOCK_MONOTONIC)
		return rc;
	ns = (now->tv_sec - epoch.tv_sec) * 1000000000LL + now->tv_nsec - epoch.tv_nsec;
	ns = ns * haste + epoch.tv_sec * 1000000000LL + epoch.tv_nsec;
	now->tv_sec = ns / 1000000000;
	now->tv_nsec = ns % 1000000000;
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

static int open_errno(int flags)
{
	return flags & O_CREAT ? ENOSPC : EMFILE;
}

API int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fault(OPEN, "open", path, open_errno(flags)) ? -1 : NEXT(open)(path, flags, mode);
}

API int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fault(OPEN, "openat", path, open_errno(flags))
		       ? -1
		       : NEXT(openat)(dir, path, flags, mode);
}

/* What _FORTIFY_SOURCE makes of open without a mode. */
API int __open_2(const char *path, int flags);
API int __openat_2(int dir, const char *path, int flags);

API int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

API int __openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags);
}

API DIR *fdopendir(int fd)
{
	return fault(OPEN, "fdopendir", NULL, ENOMEM) ? NULL : NEXT(fdopendir)(fd);
}

API ssize_t read(int fd, void *buf, size_t n)
{
	return fault(READ, "read", NULL, EIO) ? -1 : NEXT(read)(fd, buf, n);
}

API ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	return fault(READ, "pread", NULL, EIO) ? -1 : NEXT(pread)(fd, buf, n, at);
}

API ssize_t readlinkat(int dir, const char *path, char *buf, size_t n)
{
	return fault(READ, "readlinkat", path, EIO) ? -1 : NEXT(readlinkat)(dir, path, buf, n);
}

API struct dirent *readdir(DIR *dir)
{
	return fault(READ, "readdir", NULL, EIO) ? NULL : NEXT(readdir)(dir);
}

/* A full disk often takes half of it first. */
API ssize_t write(int fd, const void *buf, size_t n)
{
	return fault(WRITE, "write", NULL, ENOSPC) ? -1 : NEXT(write)(fd, buf, n);
}

API ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	if (!fault(WRITE, "pwrite", NULL, ENOSPC))
		return NEXT(pwrite)(fd, buf, n, at);
	return n > 1 ? NEXT(pwrite)(fd, buf, n / 2, at) : -1;
}

API int ftruncate(int fd, off_t len)
{
	return fault(WRITE, "ftruncate", NULL, EIO) ? -1 : NEXT(ftruncate)(fd, len);
}

API int futimens(int fd, const struct timespec times[2])
{
	return fault(WRITE, "futimens", NULL, EROFS) ? -1 : NEXT(futimens)(fd, times);
}

API int mkdir(const char *path, mode_t mode)
{
	return fault(NAME, "mkdir", path, ENOSPC) ? -1 : NEXT(mkdir)(path, mode);
}

API int mkdirat(int dir, const char *path, mode_t mode)
{
	return fault(NAME, "mkdirat", path, ENOSPC) ? -1 : NEXT(mkdirat)(dir, path, mode);
}

API int linkat(int from, const char *path, int to, const char *name, int flags)
{
	return fault(NAME, "linkat", name, ENOSPC) ? -1 : NEXT(linkat)(from, path, to, name, flags);
}

API int symlinkat(const char *target, int dir, const char *path)
{
	return fault(NAME, "symlinkat", path, ENOSPC) ? -1 : NEXT(symlinkat)(target, dir, path);
}

API int unlinkat(int dir, const char *path, int flags)
{
	return fault(NAME, "unlinkat", path, EIO) ? -1 : NEXT(unlinkat)(dir, path, flags);
}

API int renameat(int from, const char *path, int to, const char *name)
{
	return fault(NAME, "renameat", path, EIO) ? -1 : NEXT(renameat)(from, path, to, name);
}

API int flock(int fd, int how)
{
	return fault(LOCK, "flock", NULL, ENOLCK) ? -1 : NEXT(flock)(fd, how);
}

API int fcntl(int fd, int command, ...)
{
	bool locks = command == F_OFD_SETLK || command == F_OFD_SETLKW;
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return locks && fault(LOCK, "fcntl", NULL, ENOLCK) ? -1 : NEXT(fcntl)(fd, command, arg);
}

API int stat(const char *path, struct stat *st)
{
	return fault(STAT, "stat", path, EIO) ? -1 : NEXT(stat)(path, st);
}

API int fstat(int fd, struct stat *st)
{
	return fault(STAT, "fstat", NULL, EIO) ? -1 : NEXT(fstat)(fd, st);
}

API int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	return fault(STAT, "fstatat", path, EIO) ? -1 : NEXT(fstatat)(dir, path, st, flags);
}

/* Of a tap device; others are made to look, not to change, of which a daemon's fail. */
API int ioctl(int fd, unsigned long request, ...)
{
	bool of_tun = _IOC_TYPE(request) == 'T' && _IOC_NR(request) >= 200;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (of_tun ? fault(WRITE, "ioctl", NULL, EBUSY)
		   : request != NS_GET_NSTYPE && fault(DAEMON, "ioctl", NULL, ENOMEM))
		return -1;
	return NEXT(ioctl)(fd, request, arg);
}

/* ---- namespaces, processes, random ----------------------------------------------------------- */

static bool is_home(int fd)
{
	struct stat st;

	return !NEXT(fstat)(fd, &st) && st.st_dev == home.st_dev && st.st_ino == home.st_ino;
}

API int setns(int fd, int type)
{
	return !is_home(fd) && fault(NETNS, "setns", NULL, EPERM) ? -1 : NEXT(setns)(fd, type);
}

API pid_t fork(void)
{
	return fault(PROCESS, "fork", NULL, EAGAIN) ? -1 : NEXT(fork)();
}

/* Of a program: four arguments are all that is given. */
API int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	return fault(PROCESS, "clone", NULL, EAGAIN) ? -1 : NEXT(clone)(fn, stack, flags, arg);
}

API int pipe2(int fds[2], int flags)
{
	return fault(PROCESS, "pipe2", NULL, EMFILE) ? -1 : NEXT(pipe2)(fds, flags);
}

/* The child is waited for all the same, or it would run on beside the rollback. */
API pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t got = NEXT(waitpid)(pid, status, options);

	return fault(PROCESS, "waitpid", NULL, ECHILD) ? -1 : got;
}

API ssize_t getrandom(void *buf, size_t n, unsigned int flags)
{
	return fault(RANDOM, "getrandom", NULL, ENOSYS) ? -1 : NEXT(getrandom)(buf, n, flags);
}

/* ---- what a daemon does besides -------------------------------------------------------------- */

API int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return fault(DAEMON, "accept4", NULL, EMFILE) ? -1 : NEXT(accept4)(fd, addr, len, flags);
}

API int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	bool adds = op == EPOLL_CTL_ADD;

	return adds && fault(DAEMON, "epoll_ctl", NULL, ENOSPC)
		       ? -1
		       : NEXT(epoll_ctl)(epoll, op, fd, event);
}

API int epoll_wait(int epoll, struct epoll_event *events, int n, int timeout)
{
	return fault(DAEMON, "epoll_wait", NULL, EINTR)
		       ? -1
		       : NEXT(epoll_wait)(epoll, events, n, timeout);
}

API ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return fault(DAEMON, "sendmsg", NULL, ENOBUFS) ? -1 : NEXT(sendmsg)(fd, msg, flags);
}

API DIR *opendir(const char *path)
{
	return fault(OPEN, "opendir", path, EMFILE) ? NULL : NEXT(opendir)(path);
}

API int rename(const char *path, const char *to)
{
	return fault(NAME, "rename", to, EIO) ? -1 : NEXT(rename)(path, to);
}

API int unlink(const char *path)
{
	return fault(NAME, "unlink", path, EIO) ? -1 : NEXT(unlink)(path);
}

/* Called often, and by the loader before this library has started. */
API void *malloc(size_t n)
{
	static void *(*next)(size_t);

	if (!next)
		next = NEXT(malloc);
	return fault(MEMORY, "malloc", NULL, ENOMEM) ? NULL : next(n);
}

API void *realloc(void *at, size_t n)
{
	static void *(*next)(void *, size_t);

	if (!next)
		next = NEXT(realloc);
	return fault(MEMORY, "realloc", NULL, ENOMEM) ? NULL : next(at, n);
}
