/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_fill(struct err *e, int code, int sys, const char *fmt, ...)
{
	size_t n = sizeof(e->msg);
	va_list ap;
	int len;

	*e = (struct err){ .code = code, .sys = sys };
	va_start(ap, fmt);
	len = vsnprintf(e->msg, n, fmt, ap);
	va_end(ap);
	if (sys && len >= 0 && (size_t)len < n)
		snprintf(e->msg + len, n - (size_t)len, ": %s", strerror(sys));
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	size_t n = sizeof(e->msg);
	va_list ap;
	int len;

	memcpy(inner, e->msg, n);
	va_start(ap, fmt);
	len = vsnprintf(e->msg, n, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < n)
		snprintf(e->msg + len, n - (size_t)len, ": %s", inner);
}

void err_clear(struct err *e)
{
	*e = (struct err){ 0 };
}
