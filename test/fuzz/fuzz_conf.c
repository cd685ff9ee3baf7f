/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_conf - a configuration on stdin: parse, decode with every plugin's table, validate. */
#include "../../pkg/skel/call.c"
#include "../../pkg/skel/run.c"

#include "fuzz.h"

static void one_plugin(const struct cni_plugin *plugin, enum cni_command command,
		       struct arena *arena, const char *text, size_t len)
{
	struct err err = { 0 };
	struct run r = {
		.env.command = cni_command_names[command],
		.req = { .container_id = "c1",
			 .netns = "/run/netns/x",
			 .ifname = "eth0",
			 .args = "",
			 .path = "/nowhere",
			 .stdin_text = text,
			 .stdin_len = len },
	};
	int rc;

	r.call = (struct cni_call)CNI_CALL_INIT(.req = &r.req, .plugin = plugin, .arena = arena,
						.err = &err);
	rc = decode_conf(&r);
	if (!rc)
		rc = check_command(&r);
	if (!rc)
		rc = cni_request_decode_prev(&r.req, &err);
	if (!rc)
		rc = prepare(&r.call);
	fuzz_expect(rc, &err);
	if (!rc)
		(void)cni_gc_is_valid(&r.req.net, "c1", "eth0");
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
