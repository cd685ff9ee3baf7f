/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/time.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

int time_parse(const char *s)
{
	static const struct {
		const char *unit;
		unsigned long ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "", 1000 } };
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || !n || n > INT_MAX)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit))
			return n <= INT_MAX / units[i].ms ? (int)(n * units[i].ms) : -1;
	return -1;
}
