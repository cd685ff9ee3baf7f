/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/conf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const struct json_field type_fields[] = { F_STR("type", struct cni_conf, ipam.type), F_END };

static const struct json_field attachment_fields[] = {
	F_STR("containerID", struct cni_attachment, container_id, .required = true),
	F_STR("ifname", struct cni_attachment, ifname, .required = true), F_END
};

/* Code 6 for a wrong type even of a key this plugin does not use: the document is broken. */
struct ignored {
	const struct json *capabilities, *runtime_config;
};

static const struct json_field ignored_fields[] = {
	F_MAP("capabilities", struct ignored, capabilities),
	F_MAP("runtimeConfig", struct ignored, runtime_config), F_END
};

static const struct json_field name_fields[] = { F_STR("name", struct cni_conf, name), F_END };

static const struct json_field cni_version_fields[] = {
	F_STR("cniVersion", struct cni_conf, version), F_END
};

static const struct json_field conf_fields[] = {
	F_STR("type", struct cni_conf, type),
	F_STR("log", struct cni_conf, log),
	F_HERE("ipam", type_fields),
	F_OBJ("dns", struct cni_conf, dns, cni_dns_fields),
	F_MAP("prevResult", struct cni_conf, prev_result),
	F_LIST("cni.dev/valid-attachments", struct cni_conf, attachments, attachment_fields,
	       HAS(struct cni_conf, attachments), .null_is_empty = true),
	F_LIST("cni.dev/attachments", struct cni_conf, attachments, attachment_fields,
	       HAS(struct cni_conf, attachments), .null_is_empty = true),
	F_END
};

const struct json_field *const cni_conf_tables[] = { name_fields, cni_version_fields, conf_fields,
						     ignored_fields, NULL };

static int check_name(const char *name, struct err *err)
{
	if (!*name)
		return err_config(err, "missing network name");
	if (!str_is_cni_name(name)) {
		err_fill(err, ERR_CONFIG, 0, "invalid characters found in network name");
		snprintf(err->details, sizeof(err->details), "%s", name);
		return -1;
	}
	if (strlen(name) > NAME_MAX)
		return err_config(err, "name: longer than a file name can be");
	return 0;
}

static int compare_attachments(const void *x, const void *y)
{
	const struct cni_attachment *a = x, *b = y;
	int rc = strcmp(a->container_id, b->container_id);

	return rc ? rc : strcmp(a->ifname, b->ifname);
}

int cni_conf_decode(struct cni_conf *conf, const struct json *raw, bool lenient, struct err *err)
{
	int (*decode)(const struct json *, const struct json_field *, const char *, void *,
		      struct err *) = lenient ? json_decode_lenient : json_decode;
	struct ignored ignored;
	struct err unheard;

	*conf = (struct cni_conf){
		.version = "", .name = "", .type = "", .ipam.type = "", .raw = raw
	};
	if (json_is_object(raw))
		(void)!json_decode_lenient(raw, cni_version_fields, "", conf, &unheard);
	if (!json_is_null(raw) && json_decode(raw, name_fields, "", conf, err) < 0)
		return -1;
	if (check_name(conf->name, err) < 0)
		return -1;
	if (json_decode(raw, cni_version_fields, "", conf, err) < 0 ||
	    decode(raw, conf_fields, "", conf, err) < 0 ||
	    decode(raw, ignored_fields, "", &ignored, err) < 0)
		return -1;
	if (conf->n_attachments)
		qsort(conf->attachments, conf->n_attachments, sizeof(*conf->attachments),
		      compare_attachments);
	return 0;
}

bool cni_gc_is_valid(const struct cni_conf *conf, const char *container_id, const char *ifname)
{
	struct cni_attachment key = { container_id, ifname };

	return conf->n_attachments && bsearch(&key, conf->attachments, conf->n_attachments,
					      sizeof(*conf->attachments), compare_attachments);
}
