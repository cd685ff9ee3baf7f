/* SPDX-License-Identifier: Apache-2.0 */
/* tuning - sysctls of the container's namespace, and attributes of its interface. */
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "iface/mac.h"
#include "iface/sysctl_list.h"
#include "nl/link.h"

#define IPV6_MIN_MTU 1280u

struct tuning_conf {
	struct attrs keys, args;
	const char *runtime_mac, *data_dir;
	struct attrs wanted;
	struct sysctl_list sysctls;
};

static const struct json_field cni_args_fields[] = {
	ATTRS_FIELDS(struct tuning_conf, args),
	F_MAP("sysctl", struct tuning_conf, sysctls.args),
	F_END,
};

static const struct json_field tuning_fields[] = {
	ATTRS_FIELDS(struct tuning_conf, keys),
	F_MAP("sysctl", struct tuning_conf, sysctls.keys),
	F_STR("dataDir", struct tuning_conf, data_dir),
	F_HERE("runtimeConfig", F_TABLE(F_STR("mac", struct tuning_conf, runtime_mac))),
	F_HERE("args", F_TABLE(F_HERE("cni", cni_args_fields))),
	F_END,
};

static const struct tuning_conf tuning_defaults = { .data_dir = "/run/cni/tuning" };

static const char *const tuning_args[] = { "MAC", NULL };

/* ---- what is asked for ----------------------------------------------------------------------- */

static int choose_mac(struct cni_call *c, struct tuning_conf *conf)
{
	const struct mac_source sources[] = {
		{ "args.cni.mac", conf->args.mac_text },
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "CNI_ARGS MAC", cni_arg(c, "MAC") },
		{ "mac", conf->keys.mac_text },
	};
	const uint8_t *mac;

	if (mac_choose(c, sources, ARRAY_SIZE(sources), &mac) < 0)
		return -1;
	conf->wanted.has_mac = mac;
	if (mac)
		memcpy(conf->wanted.mac, mac, MAC_LEN);
	return 0;
}

/* Those of args.cni win. An mtu of 0 is none, and promisc false leaves the interface as it is. */
static int tuning_validate(struct cni_call *c)
{
	struct tuning_conf *conf = c->conf;
	struct attrs *w = &conf->wanted;

	*w = conf->args;
	attrs_merge(w, &conf->keys);
	w->has_mtu = w->mtu;
	w->has_promisc = w->promisc;
	if (*conf->data_dir != '/')
		return err_config(c->err, "dataDir: \"%.80s\" is no absolute path", conf->data_dir);
	if (sysctl_list_validate(c, &conf->sysctls) < 0 ||
	    (c->req->command != CNI_STATUS && choose_mac(c, conf) < 0))
		return -1;
	if (c->req->command == CNI_ADD && !c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, tuning goes behind an interface's plugin in a chain");
	return 0;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* What an undo goes back to. */
struct change {
	int index;
	struct attrs before;
};

static void undo_backup(struct cni_call *c, void *arg)
{
	const struct tuning_conf *conf = arg;

	if (backup_remove(c, conf->data_dir) < 0)
		fprintf(stderr, "rollback: tuning: %s\n", c->err->msg);
}

static void undo_attributes(struct cni_call *c, void *arg)
{
	const struct change *change = arg;

	if (attrs_set(c, change->index, &change->before) < 0)
		fprintf(stderr, "rollback: tuning, %s: %s\n", c->req->ifname, c->err->msg);
}

static int set_attributes(struct cni_call *c, const struct link *l)
{
	struct tuning_conf *conf = c->conf;
	struct change *change = arena_new(c->arena, struct change);
	bool existed;

	if (!attrs_any(&conf->wanted))
		return 0;
	change->index = l->index;
	attrs_get(&change->before, &conf->wanted, l);
	if (backup_write(c, conf->data_dir, &change->before, &existed) < 0)
		return -1;
	if (!existed)
		undo_push(c, undo_backup, conf);
	undo_push(c, undo_attributes, change);
	return attrs_set(c, l->index, &conf->wanted);
}

/* The container's interface has what is set. */
static void report(struct cni_call *c)
{
	const struct attrs *w = &((const struct tuning_conf *)c->conf)->wanted;
	struct cni_result *r = &c->result;
	struct cni_interface *list =
		arena_array(c->arena, struct cni_interface, r->n_interfaces + 1);
	char mac[MAC_STRLEN];

	for (size_t i = 0; i < r->n_interfaces; i++) {
		list[i] = r->interfaces[i];
		if (!list[i].sandbox || !*list[i].sandbox ||
		    strcmp(list[i].name, c->req->ifname) != 0)
			continue;
		if (w->has_mac)
			list[i].mac = arena_strdup(c->arena, mac_str(w->mac, mac));
		if (w->has_mtu)
			cni_set_mtu(c, &list[i], w->mtu);
	}
	r->interfaces = list;
}

/* Below its least MTU the kernel takes IPv6 off the interface, addresses and all. */
static int refuse_no_ipv6(struct cni_call *c)
{
	const struct attrs *w = &((const struct tuning_conf *)c->conf)->wanted;

	if (!w->has_mtu || w->mtu >= IPV6_MIN_MTU || !cni_result_has_family(&c->result, AF_INET6))
		return 0;
	return err_config(c->err, "mtu: %u is less than IPv6's %u, and %s has an IPv6 address",
			  w->mtu, IPV6_MIN_MTU, c->req->ifname);
}

static int tuning_add(struct cni_call *c)
{
	struct tuning_conf *conf = c->conf;
	struct link l;

	c->result = *c->req->prev;
	if (nl_link_get(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	if (refuse_no_ipv6(c) < 0 || sysctl_list_apply(c, &conf->sysctls, &c->result) < 0)
		return -1;
	if (set_attributes(c, &l) < 0)
		return -1;
	report(c);
	return 0;
}

/* ---- DEL, CHECK, GC -------------------------------------------------------------------------- */

/* What is refused must not keep a container from being removed. */
static int restore_some(struct cni_call *c, int index, const struct attrs *before)
{
	if (attrs_set(c, index, before) == 0)
		return 0;
	if (!nl_link_is_refusal(c->sandbox))
		return -1;
	fprintf(stderr, "tuning: %s stays as it is: %s\n", c->req->ifname, c->err->msg);
	err_clear(c->err);
	return 0;
}

/* The MAC address by itself: if that fails, the others are restored all the same. */
static int restore(struct cni_call *c, const struct attrs *before)
{
	struct attrs mac = { .has_mac = before->has_mac }, others = *before;
	struct cni_steps steps = { 0 };
	struct link l;

	if (nl_link_get_allow(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	if (!l.index)
		return 0;
	memcpy(mac.mac, before->mac, MAC_LEN);
	others.has_mac = false;
	cni_step(c, &steps, restore_some(c, l.index, &mac));
	cni_step(c, &steps, restore_some(c, l.index, &others));
	return cni_steps_end(c, &steps);
}

/* Sysctls are the namespace's, and go with it. */
static int tuning_del(struct cni_call *c)
{
	const struct tuning_conf *conf = c->conf;
	struct attrs before;
	bool exists = false;

	if (c->sandbox && backup_read(c, conf->data_dir, &before, &exists) < 0)
		return -1;
	if (exists && restore(c, &before) < 0)
		return -1;
	return backup_remove(c, conf->data_dir);
}

static int tuning_check(struct cni_call *c)
{
	struct tuning_conf *conf = c->conf;
	struct link l;

	if (nl_link_get(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	if (sysctl_list_check(c, &conf->sysctls) < 0)
		return -1;
	return attrs_check(c, &conf->wanted, &l);
}

static int tuning_gc(struct cni_call *c)
{
	const struct tuning_conf *conf = c->conf;

	return backup_gc(c, conf->data_dir);
}

/* STATUS: the list of what is allowed is read by validate. */
const struct cni_plugin tuning_plugin = {
	.name = "tuning",
	.host_state = true,
	.fields = tuning_fields,
	.defaults = &tuning_defaults,
	.conf_size = sizeof(struct tuning_conf),
	.args = tuning_args,
	.validate = tuning_validate,
	.add = tuning_add,
	.del = tuning_del,
	.check = tuning_check,
	.gc = tuning_gc,
};
