/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_conf - a configuration on stdin: parse, decode with every plugin's table, validate. */
#define main cnic_main
#include "../../pkg/cni/main.c"
#undef main
#include "../../pkg/cni/call.c"

#include "fuzz.h"

static void one_plugin(const struct cni_plugin *plugin, enum cni_command command,
		       struct arena *arena, const char *text, size_t len)
{
	struct err err = { 0 };
	struct cni_call c = {
		.command = command,
		.container_id = "c1",
		.netns = "/run/netns/x",
		.ifname = "eth0",
		.args = "",
		.path = "/nowhere",
		.stdin_text = text,
		.stdin_len = len,
		.plugin = plugin,
		.conf = { .version = "", .name = "", .type = "", .ipam.type = "" },
		.netns_fd = -1,
		.lock_fd = -1,
		.arena = arena,
		.err = &err,
	};
	int rc = decode_conf(&c);

	if (!rc)
		rc = find_command(&c, cni_command_names[command]);
	if (!rc)
		rc = decode_own(&c);
	if (!rc)
		rc = decode_prev(&c);
	if (!rc)
		rc = validate(&c);
	fuzz_expect(rc, &err);
	if (!rc)
		(void)cni_gc_is_valid(&c.conf, "c1", "eth0");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	const char *text;

	if (!size)
		return 0;
	json_init(&arena);
	text = fuzz_text(&arena, data + 1, size - 1);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		one_plugin(*p, (enum cni_command)(data[0] % CNI_VERSION), &arena, text, size - 1);
	arena_free(&arena);
	return 0;
}
