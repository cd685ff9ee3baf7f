/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/attfile.h"

#include <string.h>

#include "sys/file.h"

int attfile_store(const char *path, const struct json *v, struct arena *arena, struct err *err)
{
	const char *text = json_print(v);
	const struct json *again;

	if (json_parse_max(text, strlen(text), ATTFILE_MAX, &again, err) < 0)
		return err_wrap(err, "what is written of the attachment could not be read again");
	return file_replace(path, text, strlen(text), 0600, arena, err);
}

int attfile_load(const char *path, struct arena *arena, const struct json **v, struct err *err)
{
	const char *text;
	size_t len;

	if (file_read(path, ATTFILE_MAX, arena, &text, &len, err) < 0 ||
	    json_parse_max(text, len, ATTFILE_MAX, v, err) < 0)
		return -1;
	return json_is_object(*v) ? 0 : err_set(err, ERR_DECODE, "expected an object");
}
