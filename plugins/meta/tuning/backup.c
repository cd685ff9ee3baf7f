/* SPDX-License-Identifier: Apache-2.0 */
#include "backup.h"

#include <string.h>

#include "skel/attfile.h"

struct content {
	struct attrs before;
};

static const struct json_field fields[] = { ATTRS_FIELDS(struct content, before), F_END };

#define PLACE(dir) ((const struct attfile_place){ (dir), "_", ".json" })

void backup_decode(const struct json *v, struct attrs *before)
{
	struct content content = { 0 };
	struct err ignored;

	if (v)
		(void)!json_decode_lenient(v, fields, "", &content, &ignored);
	*before = content.before;
	before->has_mac = before->mac_text && mac_parse(before->mac, before->mac_text);
}

int backup_read(struct cni_call *c, const char *dir, struct attrs *before, bool *exists)
{
	const struct json *v;

	if (attfile_read(c, &PLACE(dir), &v) < 0)
		return -1;
	backup_decode(v, before);
	*exists = v;
	return 0;
}

int backup_write(struct cni_call *c, const char *dir, const struct attrs *before, bool *existed)
{
	struct json *v = json_object();
	char mac[MAC_STRLEN];
	struct attrs a;

	if (backup_read(c, dir, &a, existed) < 0)
		return -1;
	attrs_merge(&a, before);
	if (a.has_mac)
		json_add_str(v, "mac", mac_str(a.mac, mac));
	if (a.has_promisc)
		json_add_bool(v, "promisc", a.promisc);
	if (a.has_mtu)
		json_add_int(v, "mtu", a.mtu);
	if (a.has_allmulti)
		json_add_bool(v, "allmulti", a.allmulti);
	if (a.has_txqlen)
		json_add_int(v, "txQLen", a.txqlen);
	json_add_str(v, "network", c->req->net.name); /* the reference passes over it */
	return attfile_write(c, &PLACE(dir), v);
}

int backup_remove(struct cni_call *c, const char *dir)
{
	return attfile_remove(c, &PLACE(dir));
}

static bool is_mine(struct cni_call *c, const struct attfile_place *p, const struct json *v)
{
	const char *network = json_string(json_get(v, "network"));

	(void)p;
	return network && !strcmp(network, c->req->net.name);
}

int backup_gc(struct cni_call *c, const char *dir)
{
	return attfile_gc(c, &PLACE(dir), is_mine);
}
