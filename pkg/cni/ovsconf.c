/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/ovsconf.h"

#include <string.h>
#include <strings.h>

#include "cni/memo.h"
#include "nl/vlan.h"

#define MEMO_DIR "/var/lib/cni/ovs-cni/cache" /* ovs-cni's own directory and format */

static int add_trunk(struct cni_call *c, const struct cni_ovs_trunk *t, size_t i,
		     struct vlan_set *set)
{
	if (t->has_min != t->has_max)
		return err_set(c->err, ERR_CONFIG, "trunk[%zu].%s: missing", i,
			       t->has_min ? "maxID" : "minID");
	if (!t->has_min && !t->has_id)
		return err_set(c->err, ERR_CONFIG, "trunk[%zu]: neither id nor minID and maxID", i);
	if (t->min > t->max)
		return err_set(c->err, ERR_CONFIG, "trunk[%zu].minID: %u is above maxID %u", i,
			       t->min, t->max);
	if (t->has_id)
		vlan_set_add(set, t->id);
	for (uint16_t vid = t->min; t->has_min && vid <= t->max; vid++)
		vlan_set_add(set, vid);
	return 0;
}

static const char *vlan_mode(bool tag, bool trunk)
{
	if (tag && trunk)
		return "native-tagged";
	return tag ? "access" : "trunk";
}

int cni_ovs_vlans(struct cni_call *c, const uint16_t *tag, const struct cni_ovs_trunk *trunk,
		  size_t n_trunk, struct ovs_port *p)
{
	uint16_t *vids = arena_array(c->arena, uint16_t, OVS_VLANS);
	struct vlan_set set = { 0 };

	for (size_t i = 0; i < n_trunk; i++)
		if (add_trunk(c, &trunk[i], i, &set) < 0)
			return -1;
	p->n_trunks = 0;
	for (uint16_t vid = 0; vid < OVS_VLANS; vid++)
		if (vlan_set_has(&set, vid))
			vids[p->n_trunks++] = vid;
	p->trunks = vids;
	p->has_tag = tag != NULL;
	p->tag = tag ? *tag : 0;
	p->vlan_mode = vlan_mode(p->has_tag, n_trunk > 0);
	return 0;
}

/* ---- memo ------------------------------------------------------------------------------------ */

/* What ovs-cni reads there of the configuration, as we have understood it, or what it may contain. */
static bool is_left_out(const char *key)
{
	static const char *const keys[] = { "prevResult", "runtimeConfig", "args",
					    "bridge",     "socket_file",   "deviceID" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcasecmp(key, keys[i]))
			return true;
	return false;
}

int cni_ovs_remember(struct cni_call *c, const struct cni_ovs *o, const struct cni_ovs_memo *m)
{
	struct json *memo = json_object(), *conf = json_add_object(memo, "Netconf");

	json_for_each(v, c->conf.raw)
		if (!is_left_out(json_key(v)))
			json_add_copy(conf, json_key(v), v);
	json_add_str(conf, "bridge", o->port.bridge);
	if (strcmp(o->socket, CNI_OVS_SOCKET) != 0)
		json_add_str(conf, "socket_file", o->socket);
	json_add_str(conf, "deviceID", m->device_id);
	json_add_str(memo, "OrigIfName", m->ifname);
	json_add_bool(memo, "UserspaceMode", m->userspace);
	json_add_str(memo, "VdpaType", "");
	return cni_memo_write(c, MEMO_DIR, "", memo);
}

static const struct json_field netconf_fields[] = {
	F_STR("socket_file", struct cni_ovs_memo, socket),
	F_STR("deviceID", struct cni_ovs_memo, device_id), F_END
};

static const struct json_field memo_fields[] = {
	F_HERE("Netconf", netconf_fields), F_STR("OrigIfName", struct cni_ovs_memo, ifname),
	F_BOOL("UserspaceMode", struct cni_ovs_memo, userspace), F_END
};

bool cni_ovs_recall(struct cni_call *c, struct cni_ovs_memo *m)
{
	const struct json *v = cni_memo_read(c, MEMO_DIR, "");
	struct err ignored;

	*m = (struct cni_ovs_memo){ .device_id = "", .ifname = "", .socket = "" };
	return v && json_decode_lenient(v, memo_fields, "", m, &ignored) == 0;
}

int cni_ovs_forget(struct cni_call *c)
{
	return cni_memo_remove(c, MEMO_DIR, "");
}

static bool is_of_network(struct cni_call *c, const struct json *memo)
{
	const char *name = json_string(json_get(json_get(memo, "Netconf"), "name"));

	return name && !strcmp(name, c->conf.name);
}

int cni_ovs_collect_memos(struct cni_call *c)
{
	return cni_memo_collect(c, MEMO_DIR, "", is_of_network);
}
