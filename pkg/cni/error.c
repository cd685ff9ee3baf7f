/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/error.h"

#include <stdio.h>

#include "cni/version.h"
#include "json/decode.h"

const char *cni_error_print(const struct err *e, const char *version)
{
	struct json *o = json_object();

	if (!version || !*version || cni_family(version) == CNI_FAMILY_NONE)
		version = CNI_VERSION_LATEST;
	json_add_str(o, "cniVersion", version);
	json_add_int(o, "code", (uint32_t)e->code);
	json_add_str(o, "msg", e->msg);
	if (e->details[0])
		json_add_str(o, "details", e->details);
	return json_print(o);
}

struct error_object {
	uint32_t code;
	const char *msg, *details;
};

static const struct json_field error_fields[] = { F_UINT("code", struct error_object, code),
						  F_STR("msg", struct error_object, msg),
						  F_STR("details", struct error_object, details),
						  F_END };

int cni_error_parse(const char *text, size_t len, struct err *out)
{
	struct error_object e = { .msg = "", .details = "" };
	const struct json *v;
	struct err ignored;

	if (json_parse(text, len, &v, &ignored) < 0 ||
	    (!json_is_null(v) && json_decode(v, error_fields, "", &e, &ignored) < 0))
		return -1;
	err_fill(out, (int)e.code, 0, "%s", e.msg);
	snprintf(out->details, sizeof(out->details), "%s", e.details);
	return 0;
}
