/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cni_versions[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1",
				     "0.4.0", "1.0.0", "1.1.0", NULL };

/* One to three dot-separated decimal numbers, the missing ones 0, as libcni's version parser. */
static bool parse(const char *version, unsigned int part[3])
{
	const char *s = *version ? version : "0.1.0";

	part[1] = part[2] = 0;
	for (int i = 0; i < 3; i++) {
		long long n;
		char *end;

		if (*s < '0' || *s > '9')
			return false;
		errno = 0;
		n = strtoll(s, &end, 10);
		if (errno == ERANGE)
			return false;
		part[i] = n > INT_MAX ? INT_MAX : (unsigned int)n;
		if (!*end)
			return true;
		if (*end != '.')
			return false;
		s = end + 1;
	}
	return false;
}

bool cni_version_is_number(const char *version)
{
	unsigned int part[3];

	return parse(version, part);
}

bool cni_version_at_least(const char *version, const char *least)
{
	unsigned int x[3], y[3];

	if (!parse(version, x) || !parse(least, y))
		return false;
	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] > y[i];
	return true;
}

enum cni_family cni_family(const char *version)
{
	const char *const *known = cni_versions;

	while (*version && *known && strcmp(*known, version) != 0)
		known++;
	if (!*known)
		return CNI_FAMILY_NONE;
	if (cni_version_at_least(version, "1.0.0"))
		return CNI_FAMILY_10;
	return cni_version_at_least(version, "0.3.0") ? CNI_FAMILY_03 : CNI_FAMILY_02;
}

int cni_version_allows_addresses(const char *version, const size_t n[2], struct err *err)
{
	if ((n[0] <= 1 && n[1] <= 1) || cni_version_at_least(version, "0.3.0"))
		return 0;
	return err_set(err, ERR_VERSION,
		       "CNI version %s does not support more than 1 address per family", version);
}

static int incompatible(const char *version, struct err *err)
{
	size_t at;

	err_fill(err, ERR_VERSION, 0, "incompatible CNI versions");
	at = (size_t)snprintf(err->details, sizeof(err->details),
			      "config is \"%.80s\", plugin supports [", version);
	for (size_t i = 0; cni_versions[i]; i++)
		at += (size_t)snprintf(err->details + at, sizeof(err->details) - at, "%s\"%s\"",
				       i ? " " : "", cni_versions[i]);
	snprintf(err->details + at, sizeof(err->details) - at, "]");
	return -1;
}

int cni_version_allows(const char *version, const char *verb, const char *since, struct err *err)
{
	unsigned int part[3];

	if (since && !parse(version, part))
		return err_set(err, ERR_DECODE, "cniVersion: \"%.80s\" is not a version", version);
	if (since && !cni_version_at_least(version, since))
		return err_set(err, ERR_VERSION, "config version does not allow %s", verb);
	if (since && !cni_version_at_least(CNI_VERSION_LATEST, version))
		return err_set(err, ERR_VERSION, "plugin version does not allow %s", verb);
	return cni_family(version) == CNI_FAMILY_NONE ? incompatible(version, err) : 0;
}
