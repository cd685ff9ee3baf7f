/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdint.h>
#include <string.h>

#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool str_is_cni_name(const char *s)
{
	return strspn(s, ALNUM) && !s[strspn(s, ALNUM "_.-")];
}

/* Unicode's White_Space property above ASCII, as UTF-8; Go's unicode.IsSpace uses the same set. */
static const char *const wide_spaces[] = {
	"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

static bool has_space(const char *s)
{
	if (strpbrk(s, " \t\n\v\f\r"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(wide_spaces); i++)
		if (strstr(s, wide_spaces[i]))
			return true;
	return false;
}

const char *str_ifname_fault(const char *s)
{
	if (!*s)
		return "interface name is empty";
	if (strlen(s) >= IFNAMSIZ)
		return "interface name is too long";
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return "interface name is . or ..";
	if (strpbrk(s, "/:") || has_space(s))
		return "interface name contains / or : or whitespace characters";
	if (strchr(s, '%'))
		return "interface name contains %, from which the kernel would make another one";
	return NULL;
}

int str_copy_ifname(char dst[IFNAMSIZ], const char *src, struct err *err)
{
	const char *fault = str_ifname_fault(src);

	if (fault)
		return err_config(err, "%s: \"%s\"", fault, src);
	memcpy(dst, src, strlen(src) + 1);
	return 0;
}

int str_compare(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}
