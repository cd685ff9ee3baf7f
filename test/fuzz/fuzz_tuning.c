/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tuning - a byte for the file: tuning's allowlist, with keys as they may stand in
 * a configuration, or its backup.
 */
#include "fuzz.h"

#include "iface/allowlist.h"
#include "plugins/meta/tuning/backup.h"

static void allowlist(struct arena *arena, const char *text)
{
	static const char *const keys[] = { "net.ipv4.conf.IFNAME.rp_filter", "net/core/somaxconn",
					    "" };
	auto_allowlist struct allowlist list = { 0 };
	struct err err = { 0 };
	int rc = allowlist_parse(&list, text, arena, &err);

	fuzz_expect(rc, &err);
	for (size_t i = 0; !rc && i < sizeof(keys) / sizeof(*keys); i++)
		(void)allowlist_allows(&list, keys[i]);
}

static void backup(struct arena *arena, const char *text, size_t size)
{
	const struct json *v;
	struct err err = { 0 };
	struct attrs before;

	json_init(arena);
	if (json_parse(text, size, &v, &err) < 0)
		return;
	backup_decode(v, &before);
	if (before.mtu > 65536 || (before.has_mac && !before.mac_text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };

	if (!size)
		return 0;
	if (data[0] & 1)
		allowlist(&arena, fuzz_text(&arena, data + 1, size - 1));
	else
		backup(&arena, fuzz_text(&arena, data + 1, size - 1), size - 1);
	arena_free(&arena);
	return 0;
}
