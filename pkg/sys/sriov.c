/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sriov.h"

#include <stdlib.h>
#include <string.h>

#include "sys/sysfs.h"

struct finder {
	const char *sys, *device;
	struct arena *arena;
};

static const char *device_path(const struct finder *f, const char *below)
{
	return arena_printf(f->arena, "%s%s", sysfs_path(f->sys, "pci", f->device, f->arena),
			    below);
}

static const char *attribute(const struct finder *f, const char *ifname, const char *key)
{
	return sysfs_attr(arena_printf(f->arena, "%s/class/net/%s/%s", f->sys, ifname, key),
			  f->arena);
}

/* ---- the VF ---------------------------------------------------------------------------------- */

int sriov_find_netdev(const char *sys, const char *device, struct sriov *out, struct arena *arena,
		      struct err *err)
{
	const struct finder f = { sys, device, arena };
	struct sysfs_device d;

	*out = (struct sriov){ 0 };
	if (!sysfs_is_pci_address(device))
		return err_config(err, "deviceID: \"%.40s\" is not a PCI address", device);
	sysfs_find(device_path(&f, ""), &d, arena);
	out->exists = d.exists;
	out->userspace = d.userspace;
	out->netdev = d.netdev;
	return 0;
}

/* ---- uplink and representor ------------------------------------------------------------------ */

/* phys_port_name (Documentation/networking/switchdev): p0, pf0vf3, c1pf0vf3, in old drivers 3. */
static bool number(const char **s, const char *prefix, unsigned int *n)
{
	size_t len = strlen(prefix);
	char *end;

	if (strncmp(*s, prefix, len) != 0 || (*s)[len] < '0' || (*s)[len] > '9')
		return false;
	*n = (unsigned int)strtoul(*s + len, &end, 10);
	*s = end;
	return true;
}

static bool is_uplink_port(const char *port, unsigned int *pf)
{
	return number(&port, "p", pf) && (!*port || *port == 's');
}

static bool is_uplink(const char *name, const void *arg)
{
	const struct finder *f = arg;
	const char *port;
	unsigned int pf;

	if (!*attribute(f, name, "phys_switch_id"))
		return false;
	port = attribute(f, name, "phys_port_name");
	return !*port || is_uplink_port(port, &pf);
}

struct wanted {
	const struct finder *finder;
	const char *switch_id;
	unsigned int index, pf;
	bool has_pf;
};

static bool is_representor(const char *name, const void *arg)
{
	const struct wanted *w = arg;
	const struct finder *f = w->finder;
	unsigned int controller, pf, vf;
	const char *port;

	if (strcmp(attribute(f, name, "phys_switch_id"), w->switch_id) != 0)
		return false;
	port = attribute(f, name, "phys_port_name");
	if (number(&port, "", &vf))
		return !*port && vf == w->index;
	(void)number(&port, "c", &controller);
	if (!number(&port, "pf", &pf) || !number(&port, "vf", &vf) || *port)
		return false;
	return vf == w->index && (!w->has_pf || pf == w->pf);
}

/* The PF's links virtfn0, virtfn1, ... lead to its VFs. */
static bool is_virtfn(const char *name, const void *arg)
{
	const struct finder *f = arg;
	const char *target, *digits = name;
	unsigned int n;

	if (!number(&digits, "virtfn", &n) || *digits)
		return false;
	target = sysfs_link_name(arena_printf(f->arena, "%s/%s", device_path(f, "/physfn"), name),
				 f->arena);
	return target && !strcmp(target, f->device);
}

static int find_representor(const struct finder *f, struct sriov *out, struct err *err)
{
	struct wanted want = { .finder = f, .index = out->index };
	const char *port = attribute(f, out->uplink, "phys_port_name");

	want.switch_id = attribute(f, out->uplink, "phys_switch_id");
	want.has_pf = is_uplink_port(port, &want.pf);
	out->representor = sysfs_first(arena_printf(f->arena, "%s/class/net", f->sys),
				       is_representor, &want, f->arena);
	if (!out->representor)
		return err_config(err, "deviceID: VF %u of %s has no representor", out->index,
				  out->uplink);
	return 0;
}

int sriov_find(const char *sys, const char *device, struct sriov *out, struct arena *arena,
	       struct err *err)
{
	const struct finder f = { sys, device, arena };
	const char *link, *digits;

	if (sriov_find_netdev(sys, device, out, arena, err) < 0)
		return -1;
	if (!out->exists)
		return err_config(err, "deviceID: there is no PCI device %s", device);
	link = sysfs_first(device_path(&f, "/physfn"), is_virtfn, &f, arena);
	digits = link;
	if (!link || !number(&digits, "virtfn", &out->index))
		return err_config(err, "deviceID: %s is no SR-IOV virtual function", device);
	out->uplink = sysfs_first(device_path(&f, "/physfn/net"), is_uplink, &f, arena);
	if (!out->uplink)
		return err_config(err, "deviceID: the adapter of %s is not in switchdev mode",
				  device);
	return find_representor(&f, out, err);
}

void sriov_uplinks(const char *sys, const char *uplink, struct arena *arena, const char ***names,
		   size_t *n)
{
	const struct finder f = { .sys = sys, .arena = arena };
	const char *bond =
		sysfs_link_name(arena_printf(arena, "%s/class/net/%s/master", sys, uplink), arena);
	char *members = bond ? arena_strdup(arena, attribute(&f, bond, "bonding/slaves")) : NULL,
	     *name;

	*names = NULL;
	*n = 0;
	if (!members || !*members) {
		*arena_append(arena, *names, *n) = uplink;
		return;
	}
	*arena_append(arena, *names, *n) = bond;
	while ((name = strsep(&members, " ")))
		if (*name)
			*arena_append(arena, *names, *n) = name;
}
