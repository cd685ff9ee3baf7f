/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/gc.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *x, const void *y)
{
	const struct cni_attachment *a = x, *b = y;
	int rc = strcmp(a->container_id, b->container_id);

	return rc ? rc : strcmp(a->ifname, b->ifname);
}

void cni_gc_sort(struct cni_conf *conf)
{
	if (conf->n_attachments)
		qsort(conf->attachments, conf->n_attachments, sizeof(*conf->attachments), compare);
}

bool cni_gc_is_valid(const struct cni_conf *conf, const char *container_id, const char *ifname)
{
	struct cni_attachment key = { container_id, ifname };

	return conf->n_attachments && bsearch(&key, conf->attachments, conf->n_attachments,
					      sizeof(*conf->attachments), compare);
}
