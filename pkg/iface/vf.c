/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/vf.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "iface/inside.h"
#include "iface/move.h"
#include "sys/file.h"

#define DEVICE_INFO_MAX 65536

struct device_info {
	const char *type;
};

static const struct json_field device_info_fields[] = { F_STR("type", struct device_info, type),
							F_END };

int iface_device_info_check(struct cni_call *c, const char *path)
{
	struct device_info info = { "" };
	const struct json *v;
	const char *text;
	size_t len;

	if (!*path)
		return 0;
	if (file_read(path, DEVICE_INFO_MAX, c->arena, &text, &len, c->err) < 0 ||
	    json_parse(text, len, &v, c->err) < 0 ||
	    json_decode(v, device_info_fields, "", &info, c->err) < 0)
		return err_wrap(c->err, "runtimeConfig.CNIDeviceInfoFile: %s", path);
	if (!strcmp(info.type, "vdpa"))
		return err_set(c->err, ERR_FIELD, "%s: vDPA devices are not supported", path);
	return 0;
}

int vf_find(struct cni_call *c, const char *device, struct vf *vf)
{
	if (sriov_find(VF_SYSFS, device, &vf->device, c->arena, c->err) < 0)
		return -1;
	if (c->req->command == CNI_ADD && !vf->device.userspace && !vf->device.netdev)
		return err_set(c->err, ERR_IN_USE,
			       "deviceID: the interface of %s is not on the host", device);
	return nl_link_get(c->host, vf->device.representor, &vf->representor);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static void undo_representor(struct cni_call *c, void *arg)
{
	const struct vf *vf = arg;
	const struct link *l = &vf->representor;

	nl_link_mtu(c->host, l->index, vf->old_mtu);
	nl_link_flags(c->host, l->index, l->flags & IFF_UP, IFF_UP);
	if (nl_commit_allow(c->host, ENODEV) < 0)
		fprintf(stderr, "rollback: %s: %s\n", l->name, c->err->msg);
}

static int set_representor(struct cni_call *c, struct vf *vf)
{
	struct link *l = &vf->representor;

	vf->old_mtu = l->mtu;
	undo_push(c, undo_representor, vf);
	if (vf->mtu) {
		nl_link_mtu(c->host, l->index, vf->mtu);
		l->mtu = vf->mtu;
	}
	nl_link_up(c->host, l->index);
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "%s", l->name) : 0;
}

/* A physical function that does not keep its VFs' addresses leaves them to the VFs. */
static int set_admin_mac(struct cni_call *c, const struct vf *vf)
{
	struct link pf;

	if (!vf->mac)
		return 0;
	if (nl_link_get(c->host, vf->device.uplink, &pf) < 0)
		return -1;
	nl_vf_mac(c->host, pf.index, vf->device.index, vf->mac);
	return nl_commit_allow(c->host, EOPNOTSUPP) < 0 ? err_wrap(c->err, "%s", pf.name) : 0;
}

/* By either of its names, wherever the move has got to. */
static int move_home(struct cni_call *c, const char *name)
{
	struct link link;

	if (nl_link_get_allow(c->sandbox, c->req->ifname, &link) < 0)
		return -1;
	return link.index ? move_out(c, c->sandbox, link.index, name) : 0;
}

static void undo_move(struct cni_call *c, void *arg)
{
	const struct vf *vf = arg;

	if (move_home(c, vf->device.netdev) < 0)
		fprintf(stderr, "rollback: %s: %s\n", vf->device.netdev, c->err->msg);
}

static int move(struct cni_call *c, struct vf *vf)
{
	struct link link;

	if (inside_name_is_free(c) < 0 || nl_link_get(c->host, vf->device.netdev, &link) < 0)
		return -1;
	undo_push(c, undo_move, vf);
	return move_in(c, &link);
}

static int name_only(struct cni_call *c, const struct vf *vf, struct link *inside)
{
	*inside = (struct link){ .mtu = vf->mtu };
	if (vf->mac)
		memcpy(inside->mac, vf->mac, MAC_LEN);
	return str_copy_ifname(inside->name, c->req->ifname, c->err);
}

int vf_move_in(struct cni_call *c, struct vf *vf, struct link *inside)
{
	if (set_representor(c, vf) < 0 || set_admin_mac(c, vf) < 0)
		return -1;
	if (vf->device.userspace)
		return name_only(c, vf, inside);
	if (move(c, vf) < 0 || nl_link_get(c->sandbox, c->req->ifname, inside) < 0)
		return -1;
	if (vf->mtu) {
		nl_link_mtu(c->sandbox, inside->index, vf->mtu);
		inside->mtu = vf->mtu;
	}
	if (vf->mac) {
		nl_link_mac(c->sandbox, inside->index, vf->mac);
		memcpy(inside->mac, vf->mac, MAC_LEN);
	}
	return nl_commit(c->sandbox) < 0 ? err_wrap(c->err, "%s", c->req->ifname) : 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

static int rename_back(struct cni_call *c, const char *have, const char *name)
{
	struct link link;

	if (!*name || !strcmp(have, name))
		return 0;
	if (nl_link_get_allow(c->host, have, &link) < 0)
		return -1;
	if (!link.index)
		return 0;
	nl_link_rename(c->host, link.index, name);
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "%s", have) : 0;
}

int vf_move_out(struct cni_call *c, const char *device, const char *name)
{
	struct sriov d;

	if (str_ifname_fault(name))
		name = "";
	if (c->sandbox)
		return move_home(c, *name ? name : c->req->ifname);
	if (sriov_find_netdev(VF_SYSFS, device, &d, c->arena, c->err) < 0)
		return -1;
	if (d.netdev)
		return rename_back(c, d.netdev, name);
	if (d.exists && !d.userspace)
		return err_set(c->err, ERR_RETRY, "the interface of %s is not back on the host yet",
			       device);
	return 0;
}
