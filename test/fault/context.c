/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.c - preloaded, the file in which a process of SELinux's has its context is another one:
 * $CONTEXT_FILE.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int open_other(const char *path, int flags, unsigned int mode)
{
	static int (*next)(const char *path, int flags, ...);
	const char *file = getenv("CONTEXT_FILE");

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "open");
	if (file && !strcmp(path, "/proc/thread-self/attr/current"))
		path = file;
	return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	unsigned int mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, unsigned int);
	va_end(ap);
	return open_other(path, flags, mode);
}
